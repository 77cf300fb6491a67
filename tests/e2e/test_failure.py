"""Engines that die, refuse or lie, under load."""

import concurrent.futures
import email.utils
import random
import socket
import threading
import time

import pytest

from client import Load, RawClient, StreamLoad, chat_body, post
from programs import wait_until
from raw_engine import CHAT, answer


CHECK_INTERVAL = 0.5


def test_killing_one_of_four_engines_fails_no_request_that_had_not_begun(gateway, engine, figure):
    # Slow enough that some requests are on their way at any time, more than a retry budget of 20 % would cover.
    engines = [engine("--decode-tokens-per-s", 100) for _ in range(4)]
    started = gateway(*[e.url for e in engines], pool={"health_check": {"interval": f"{CHECK_INTERVAL}s", "timeout": "300ms"}})
    load = Load(started.port, clients=32)
    wait_until(lambda: load.ok > 100, 10)
    killed = time.monotonic()
    engines[2].kill()
    wait_until(lambda: started.endpoints()["e2"]["health"] in ("ejected", "down"), 5, every=0.002)
    noticed = time.monotonic() - killed
    figure(f"engine killed under load, out of rotation (checks every {CHECK_INTERVAL} s)", [noticed])
    assert noticed < CHECK_INTERVAL
    done = load.ok
    wait_until(lambda: load.ok > done + 100, 10)
    assert load.stop().failures == []


def test_killing_one_of_four_full_engines_fails_no_request(gateway, engine):
    # The others have no room either: what was lost waits in the queue like everybody else.
    engines = [engine("--decode-tokens-per-s", 100) for _ in range(4)]
    started = gateway(pool={"endpoints": [{"name": f"e{number}", "url": e.url, "capacity": 4} for number, e in enumerate(engines)]})
    load = Load(started.port, clients=32)
    wait_until(lambda: load.ok > 100, 10)
    engines[2].kill()
    done = load.ok
    wait_until(lambda: load.ok > done + 100, 10)
    assert load.stop().failures == []


def test_killing_one_of_four_engines_cuts_only_streams_that_had_begun_and_says_so(gateway, engine):
    engines = [engine("--decode-tokens-per-s", 100) for _ in range(4)]
    started = gateway(*[e.url for e in engines])
    load = StreamLoad(started.port, clients=24)
    wait_until(lambda: load.whole > 50, 15)
    engines[2].kill()
    done = load.whole
    wait_until(lambda: load.whole > done + 50, 15)
    load.stop()
    assert load.wrong == []
    assert 1 <= load.cut <= 12, "about six streams ran on the engine that was killed"


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


def test_a_killed_engine_without_load_is_found_by_its_checks(gateway, engine, figure):
    first, second = engine(), engine()
    started = gateway(first.url, second.url, pool={"health_check": {"interval": f"{CHECK_INTERVAL}s", "timeout": "300ms", "fall": 1}})
    killed = time.monotonic()
    second.kill()
    wait_until(lambda: started.endpoints()["e1"]["health"] == "down", 5, every=0.002)
    noticed = time.monotonic() - killed
    figure(f"engine killed without load, down (checks every {CHECK_INTERVAL} s, fall 1)", [noticed])
    assert noticed < 2 * CHECK_INTERVAL


def test_when_all_engines_are_gone_the_client_is_told_and_when_one_returns_it_is_served(gateway, programs, engine):
    first, second = engine(), engine()
    started = gateway(first.url, second.url)
    port = first.port("engine")
    first.kill(), second.kill()
    ask = lambda: started.call("POST", "/v1/chat/completions", chat_body(max_tokens=1))
    wait_until(lambda: all(e["health"] != "healthy" for e in started.endpoints().values()))
    status, _, value = ask()
    assert status in (502, 503) and value["error"]["code"] in ("endpoint_failed", "all_endpoints_down")
    programs("engine", "--port", port, "--model", "m").address("engine")
    wait_until(lambda: ask()[0] == 200, 10)
    wait_until(lambda: started.endpoints()["e0"]["health"] == "healthy", 10)


def test_a_class_of_requests_has_its_own_patience(gateway, raw_engine):
    silent = raw_engine(lambda connection, request: connection.wait_for_end(5) and False)
    started = gateway(silent.url, pool={"classes": {"realtime": {"names": ["interactive"]}, "max": "realtime"},
                                        "timeouts": {"first_token": "5s", "first_token_by_class": {"realtime": "200ms"}}})
    begin = time.monotonic()
    # By another word for the class: what counts is the class that the request ends up in.
    status, _, value = started.call("POST", "/v1/chat/completions", chat_body(stream=True), {"x-evener-class": "interactive"})
    assert (status, value["error"]["code"]) == (504, "first_token_timeout")
    assert 0.2 <= time.monotonic() - begin < 2


def test_a_class_above_what_clients_may_ask_for_brings_no_patience_of_its_own(gateway, raw_engine):
    silent = raw_engine(lambda connection, request: connection.wait_for_end(5) and False)
    started = gateway(silent.url, pool={"classes": {"max": "standard"}, "timeouts": {"first_token": "300ms", "first_token_by_class": {"realtime": "10s"}}})
    status, _, value = started.call("POST", "/v1/chat/completions", chat_body(stream=True), {"x-evener-class": "realtime"})
    assert (status, value["error"]["code"]) == (504, "first_token_timeout")


def test_the_limit_of_the_first_token_is_for_streams_alone(gateway, raw_engine):
    def slow(connection, request):
        time.sleep(0.4)
        connection.send(answer(CHAT))

    started = gateway(raw_engine(slow).url, pool={"timeouts": {"first_token": "100ms"}})
    assert started.call("POST", "/v1/chat/completions", chat_body())[0] == 200


def test_an_answer_that_is_not_streamed_has_a_limit_where_one_is_set(gateway, raw_engine):
    silent = raw_engine(lambda connection, request: connection.wait_for_end(5) and False)
    started = gateway(silent.url, pool={"timeouts": {"whole_answer": "200ms"}})
    status, _, value = started.call("POST", "/v1/chat/completions", chat_body())
    assert (status, value["error"]["code"]) == (504, "first_token_timeout")


def test_an_engine_that_takes_nothing_of_a_large_request_is_left_at_once(gateway, raw_engine):
    deaf, good = raw_engine(lambda connection, request: time.sleep(5), read_bodies=False), raw_engine()
    started = gateway(deaf.url, good.url, pool={"policy": "round-robin", "timeouts": {"first_token": "60s"}}, timeouts={"body_idle": "300ms"})
    body = chat_body("x" * 8_000_000, stream=True)
    for _ in range(2):
        begin = time.monotonic()
        status, headers, _ = started.call("POST", "/v1/chat/completions", body)
        assert (status, headers["x-evener-endpoint"]) == (200, "e1")
        assert time.monotonic() - begin < 5
    assert started.metric("evener_endpoint_attempts_total", endpoint="e0", ending="timeout") >= 1


def test_an_answer_ends_at_its_total_time_where_one_is_set(gateway, raw_engine):
    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            connection.send(b"9\r\ndata: x\n\n\r\n")
            time.sleep(0.02)

    started = gateway(raw_engine(behave).url, pool={"timeouts": {"total": "300ms"}})
    begin = time.monotonic()
    with RawClient(started.port) as client:
        said = client.send(post("/v1/chat/completions", chat_body(stream=True))).read_to_end()
    assert b"endpoint_aborted" in said and not said.endswith(b"0\r\n\r\n")
    assert 0.25 <= time.monotonic() - begin < 1.5


def test_an_answer_that_never_gets_beyond_its_head_is_asked_for_elsewhere(gateway, raw_engine):
    def head_only(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.wait_for_end(5)
        return False

    stuck, good = raw_engine(head_only), raw_engine()
    started = gateway(stuck.url, good.url, pool={"policy": "round-robin", "timeouts": {"whole_answer": "200ms"}})
    for _ in range(2):
        _, headers, value = started.call("POST", "/v1/chat/completions", chat_body())
        assert value["choices"] and headers["x-evener-endpoint"] == "e1"
    assert len(stuck.requests) == 1


def test_an_engine_whose_accept_queue_is_full_is_left_for_another(gateway, raw_engine):
    good = raw_engine()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:  # what comes after these gets no answer to its SYN
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            started = gateway(f"http://127.0.0.1:{port}", good.url, wait=False,
                              pool={"policy": "round-robin", "health_check": {"enabled": False}, "timeouts": {"connect": "200ms"}})
            statuses = [started.call("POST", "/v1/chat/completions", chat_body())[0] for _ in range(4)]
            assert statuses == [200] * 4 and len(good.requests) == 4
            assert started.metric("evener_endpoint_attempts_total", endpoint="e0", ending="connect_failed") >= 1
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.parametrize("fault", ["overloaded=1", "garbage=1", "half_open=1", "stall_first=1"])
def test_a_fault_before_the_answer_is_hidden_while_another_engine_is_well(gateway, engine, fault):
    bad, good = engine("--fault", fault), engine()
    started = gateway(bad.url, good.url, pool={"policy": "round-robin", "timeouts": {"whole_answer": "300ms"}})
    for _ in range(4):
        status, headers, value = started.call("POST", "/v1/chat/completions", chat_body(max_tokens=2))
        assert (status, headers["x-evener-endpoint"]) == (200, "e1"), value
    assert started.metric("evener_endpoint_attempts_total", endpoint="e0") >= 1


@pytest.mark.parametrize("fault", ["reset=1", "stall_stream=1"])
def test_a_fault_within_the_answer_is_said(gateway, engine, fault):
    started = gateway(engine("--fault", fault).url, pool={"timeouts": {"between_tokens": "300ms"}})
    with RawClient(started.port) as client:
        client.send(post("/v1/chat/completions", chat_body(max_tokens=50, stream=True))).read_head()
        said = client.read_to_end()
    assert b'"content"' in said and b'"code":"endpoint_aborted"' in said and not said.endswith(b"0\r\n\r\n")


def test_a_compressed_stream_that_breaks_gets_no_plain_text_into_it(gateway, raw_engine):
    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"4\r\n\x1f\x8b\x08\x00\r\n")
        return False

    started = gateway(raw_engine(behave).url)
    with RawClient(started.port) as client:
        client.send(post("/v1/chat/completions", chat_body(stream=True))).read_head()
        assert client.read_to_end() == b"4\r\n\x1f\x8b\x08\x00\r\n"


def test_an_engine_that_fails_its_requests_is_ejected_and_comes_back(gateway, raw_engine):
    well = threading.Event()
    bad = raw_engine(lambda connection, request: connection.send(answer(CHAT) if well.is_set() else answer(b"{}", "500 Internal Server Error")))
    good = raw_engine()
    started = gateway(bad.url, good.url, pool={"policy": "round-robin", "outlier": {"consecutive_failures": 3, "base_ejection": "1s"}})
    with RawClient(started.port) as client:  # one connection: over another one a request could overtake the news of the last failure
        ask = lambda: client.send(post("/v1/chat/completions", chat_body())).read()[0]
        seen = [ask() for _ in range(12)]
        assert seen.count(500) == 3 and len(bad.requests) == 3
        assert started.endpoints()["e0"]["health"] == "ejected"
        well.set()
        wait_until(lambda: started.endpoints()["e0"]["health"] == "healthy")
        assert [ask() for _ in range(4)] == [200] * 4 and len(bad.requests) == 5


def test_an_engine_that_says_when_to_come_back_is_left_alone_so_long(gateway, raw_engine):
    full = raw_engine(lambda connection, request: connection.send(answer(b"{}", "429 Too Many Requests", ["Retry-After: 2"])))
    started = gateway(full.url, raw_engine().url, pool={"policy": "round-robin"})
    ask = lambda: started.call("POST", "/v1/chat/completions", chat_body())[0]
    assert [ask() for _ in range(6)] == [200] * 6 and len(full.requests) == 1
    assert started.endpoints()["e0"]["health"] == "backoff"
    wait_until(lambda: started.endpoints()["e0"]["health"] == "healthy")
    assert [ask() for _ in range(2)] == [200] * 2 and len(full.requests) == 2


def test_when_to_come_back_may_be_said_as_a_date(gateway, raw_engine):
    def behave(connection, request):
        connection.send(answer(b"{}", "429 Too Many Requests", ["Retry-After: " + email.utils.formatdate(time.time() + 30, usegmt=True)]))

    full = raw_engine(behave)
    started = gateway(full.url, raw_engine().url, pool={"policy": "round-robin"})
    ask = lambda: started.call("POST", "/v1/chat/completions", chat_body())[0]
    assert [ask() for _ in range(6)] == [200] * 6 and len(full.requests) == 1
    assert started.endpoints()["e0"]["health"] == "backoff"


def test_a_refused_connection_is_retried_elsewhere(gateway, raw_engine):
    gone, good = raw_engine(), raw_engine()
    started = gateway(gone.url, good.url, pool={"policy": "round-robin", "health_check": {"enabled": False}}, wait=True)
    gone.close()
    for _ in range(6):
        assert started.call("POST", "/v1/chat/completions", chat_body())[0] == 200


def test_a_kept_connection_that_the_engine_closed_is_replaced_unseen(gateway, raw_engine):
    # uvicorn closes idle connections after 5 s; here it happens at any moment after an answer, without a word in the answer.
    def behave(connection, request):
        connection.send(answer(CHAT))
        time.sleep(random.random() * 0.002)
        return False

    backend = raw_engine(behave)
    started = gateway(backend.url, pool={"retry": {"attempts_max": 1}})

    def one_client(_):
        with RawClient(started.port) as client:
            return [client.send(post("/v1/chat/completions", chat_body())).read()[0] for _ in range(50)]
    with concurrent.futures.ThreadPoolExecutor(8) as executor:
        assert list(executor.map(one_client, range(8))) == [[200] * 50] * 8
    endpoint = started.endpoints()["e0"]
    assert (endpoint["failures_total"], endpoint["requests_total"], endpoint["health"]) == (0, 400, "healthy")


def test_a_wave_of_failures_asks_for_checks_at_most_ten_times_a_second(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.reset() or False)
    started = gateway(backend.url, pool={"health_check": {"interval": "60s"}, "outlier": {"enabled": False}, "retry": {"attempts_max": 1}})
    before, begin = backend.checks, time.monotonic()
    for _ in range(100):
        assert started.call("POST", "/v1/chat/completions", chat_body())[0] == 502
    wait_until(lambda: backend.checks > before)  # the first failure asks at once
    assert backend.checks - before <= 2 + (time.monotonic() - begin) / 0.1


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
