"""Clients and engines that do anything at any moment. Nothing is expected of a single request; afterwards nothing may be left of any of them.
EVENER_DISORDER_SECONDS makes it longer, EVENER_DISORDER_SEED different."""

import json
import os
import random
import signal
import threading
import time

from client import RawClient, chat_body, post
from programs import wait_until
from raw_engine import CHAT, answer, chunked

PATH = "/v1/chat/completions"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
SEED = int(os.environ.get("EVENER_DISORDER_SEED", "1"))
SECONDS = float(os.environ.get("EVENER_DISORDER_SECONDS", "3"))


def engine_behaviour(rng):
    """What an engine does to one request."""
    whole = lambda connection, _: connection.send(answer(CHAT))
    stream = lambda connection, _: connection.send(chunked(*[EVENT] * rng.randrange(1, 50)))

    def slow_stream(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            connection.send(b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
            time.sleep(0.005)
        connection.send(b"0\r\n\r\n")

    def cut_stream(connection, _):
        connection.send(chunked(*[EVENT] * 20)[:-rng.randrange(1, 200)])
        return False

    def reset(connection, _):
        connection.reset()
        return False

    def busy(connection, _):
        connection.send(answer(b"{}", "503 Service Unavailable"))

    def late(connection, _):
        time.sleep(0.02)
        connection.send(answer(CHAT))

    def never(connection, _):
        connection.wait_for_end(0.3)
        return False

    def large(connection, _):
        connection.send(answer(b"x" * 1_000_000, content_type="text/plain"))

    def garbage(connection, _):
        connection.send(rng.randbytes(40))
        return False

    return rng.choices([whole, stream, slow_stream, late, large, cut_stream, reset, busy, never, garbage], [8, 6, 3, 4, 2, 1, 1, 1, 1, 1])[0]


def one_client(rng, port):
    """One connection with a few requests, left at some moment."""
    with RawClient(port, timeout=1, receive_buffer=rng.choice([None, 4096])) as client:
        for _ in range(rng.randrange(1, 4)):
            body = chat_body("p" * rng.choice([10, 10, 10_000, 300_000]), stream=rng.random() < 0.5)
            request = rng.choice([
                post(PATH, body), post(PATH, body) * 2, post("/raw/x", body),
                b"POST /raw/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
                b"GET /v1/models HTTP/1.1\r\nHost: g\r\n\r\n", post("/v1/nothing", body)])
            how = rng.random()
            if how < 0.1:
                client.send(request[:rng.randrange(len(request))])
                return
            client.send(request)
            if how < 0.3:
                return
            if how < 0.4:
                client.socket.recv(rng.randrange(1, 2000))
                return
            client.read()


def test_disorder_leaves_nothing_behind(gateway, raw_engine):
    rngs = iter(random.Random(SEED * 1000 + number) for number in range(1000))
    engine_rng = next(rngs)
    lock = threading.Lock()

    def behave(connection, request):
        with lock:
            chosen = engine_behaviour(random.Random(engine_rng.random()))
        return chosen(connection, request)

    endpoints = [{"name": f"e{number}", "url": raw_engine(behave).url, "capacity": 6} for number in range(4)]
    started = gateway(pools=[
        {"name": "main", "models": ["m"], "endpoints": endpoints, "queue": {"requests_max": 10, "wait_max": "100ms"},
         "timeouts": {"first_token": "150ms", "whole_answer": "150ms", "between_tokens": "200ms"}, "outlier": {"base_ejection": "100ms"}},
        {"name": "raw", "path_prefix": "/raw/", "endpoints": endpoints, "health_check": {"enabled": False}, "timeouts": {"whole_answer": "500ms"}}],
        timeouts={"head": "300ms", "body_idle": "300ms", "send_idle": "500ms", "keep_alive": "1s"}, limits={"memory_bytes": 4 << 20, "body_bytes": 1 << 20})
    done = threading.Event()
    served = [0]

    def run(rng):
        while not done.is_set():
            try:
                one_client(rng, started.port)
                served[0] += 1
            except (OSError, EOFError, ValueError, IndexError):
                pass

    threads = [threading.Thread(target=run, args=(next(rngs),), daemon=True) for _ in range(24)]
    for thread in threads:
        thread.start()
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    end = time.monotonic() + SECONDS
    number = 0
    while time.monotonic() < end:
        number += 1
        config["pools"][0]["endpoints"] = endpoints[:2 + number % 3]
        config["pools"][0]["policy"] = ["least-request", "peak-ewma", "maglev", "power-of-two"][number % 4]
        started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
        started.program.signal(signal.SIGHUP)
        started.admin("GET", "/decisions?limit=50")
        started.admin("GET", "/metrics")
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join(10)
    assert served[0] > 50

    def nothing_left():
        _, _, status = started.admin("GET", "/status")
        return (status["connections"] == 0 and status["memory_used_bytes"] == 0
                and all(pool["in_flight"] == 0 and pool["queued"] == 0 and all(e["in_flight"] == 0 for e in pool["endpoints"]) for pool in status["pools"]))
    wait_until(nothing_left, 10)
    wait_until(lambda: started.metric("evener_requests_active") == 0)
    started.program.signal(signal.SIGTERM)
    assert started.program.wait(5) == 0
