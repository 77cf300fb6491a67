"""Engines that die, refuse or lie, under load."""

import concurrent.futures
import threading
import time

from client import Load, chat_body
from programs import wait_until
from raw_engine import CHAT, answer


def test_killing_one_of_four_engines_fails_no_request_that_had_not_begun(gateway, engine):
    engines = [engine() for _ in range(4)]
    started = gateway(*[e.url for e in engines])
    load = Load(started.port)
    wait_until(lambda: load.ok > 100, 10)
    engines[2].kill()
    killed = time.monotonic()
    wait_until(lambda: started.endpoints()["e2"]["health"] != "healthy", 2.0)
    # Passive detection or one failed check: within one check interval (200 ms here), and some slack for a busy machine.
    assert time.monotonic() - killed < 1.0
    done = load.ok
    wait_until(lambda: load.ok > done + 100, 10)
    assert load.stop().failures == []


def test_an_engine_that_comes_back_is_used_again(gateway, programs, engine):
    first, second = engine(), engine()
    started = gateway(first.url, second.url, pool={"policy": "round-robin"})
    port = second.port("engine")
    second.kill()
    wait_until(lambda: started.endpoints()["e1"]["health"] != "healthy")
    programs("engine", "--port", port, "--model", "m").address("engine")
    wait_until(lambda: started.endpoints()["e1"]["health"] == "healthy", 10)
    before = started.metric("evener_endpoint_attempts_total", endpoint="e1") or 0
    for _ in range(4):
        assert started.call("POST", "/v1/chat/completions", chat_body(max_tokens=1))[0] == 200
    assert (started.metric("evener_endpoint_attempts_total", endpoint="e1") or 0) > before


def test_a_refused_connection_is_retried_elsewhere(gateway, raw_engine):
    gone, good = raw_engine(), raw_engine()
    started = gateway(gone.url, good.url, pool={"policy": "round-robin", "health_check": {"enabled": False}}, wait=True)
    gone.close()
    for _ in range(6):
        assert started.call("POST", "/v1/chat/completions", chat_body())[0] == 200


def test_a_kept_connection_that_the_engine_closed_is_replaced_unseen(gateway, raw_engine):
    # uvicorn closes idle connections after 5 s; here it happens after each answer, without a word in the answer.
    def behave(connection, request):
        connection.send(answer(CHAT))
        return False

    backend = raw_engine(behave)
    started = gateway(backend.url)
    for _ in range(10):
        assert started.call("POST", "/v1/chat/completions", chat_body())[0] == 200
    assert len(backend.requests) == 10


def test_an_engine_that_says_503_is_not_the_clients_problem(gateway, raw_engine):
    full = raw_engine(lambda connection, request: connection.send(answer(b"{}", "503 Service Unavailable", ["Retry-After: 1"])))
    good = raw_engine()
    started = gateway(full.url, good.url, pool={"policy": "round-robin"})
    for _ in range(4):
        assert started.call("POST", "/v1/chat/completions", chat_body())[0] == 200
    assert 1 <= len(full.requests) <= 2, "it asked to be left alone for a second"


def test_retries_stop_at_the_budget(gateway, raw_engine):
    # All clients' first attempts fail in the same moment, and the retries stay in flight while the rest asks for theirs.
    clients = 30
    arrived = threading.Barrier(clients)
    broken = []

    def behave(connection, request):
        first = sum(len(b.requests) for b in broken) <= clients
        arrived.wait(5) if first else time.sleep(0.3)
        connection.send(answer(b"{}", "502 Bad Gateway"))

    broken += [raw_engine(behave) for _ in range(4)]
    started = gateway(*[b.url for b in broken], pool={"outlier": {"enabled": False}})
    with concurrent.futures.ThreadPoolExecutor(clients) as executor:
        statuses = list(executor.map(lambda _: started.call("POST", "/v1/chat/completions", chat_body())[0], range(clients)))
    assert set(statuses) <= {502, 503}
    retries = sum(len(b.requests) for b in broken) - clients
    # 20 % of 30 requests are 6 at once, each with at most two further attempts. Without a budget there would be 60.
    assert 1 <= retries <= 20
