"""A second endpoint is asked when the first token of a stream is late: whoever is first is passed on, and the other one is cancelled."""

import threading
import time

import pytest

from client import RawClient, chat_body, post
from programs import wait_until
from raw_engine import answer, chunked

EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
HEDGING = {"policy": "round-robin", "hedging": {"enabled": True, "delay_min": "50ms", "budget_share": 1}}


class Switched:
    """A raw engine that streams an answer at once, until it is told to wait: then after `pause` seconds, unless the other side has gone before."""

    def __init__(self, raw_engine, name):
        self.name, self.pause, self.abandoned, self.waiting = name, 0, [], 0
        self.engine = raw_engine(self.behave)

    def behave(self, connection, request):
        if self.pause:
            self.waiting += 1
            gone = connection.wait_for_end(self.pause)
            self.waiting -= 1
            if gone is not None:
                self.abandoned.append(gone)
                return False
            connection.socket.settimeout(None)
        connection.send(chunked(EVENT % self.name, b"data: [DONE]\n\n"))


@pytest.fixture
def pair(gateway, raw_engine):
    """Two engines behind a gateway that has learned what is late."""
    def start(pool=HEDGING):
        one, two = Switched(raw_engine, b"one"), Switched(raw_engine, b"two")
        started = gateway(one.engine.url, two.engine.url, pool=pool)
        for _ in range(24):
            assert ask(started)[0] == 200
        started.one, started.two = one, two
        return started

    return start


def ask(started, body=None):
    with RawClient(started.port) as client:
        return client.send(post("/v1/chat/completions", body or chat_body(stream=True))).read()


def ask_until_it_goes_to(started, engine):
    """The answer to the first request that reached this engine; round robin, so the next or the one after."""
    for _ in range(2):
        before = len(engine.engine.requests)
        answer = ask(started)
        if len(engine.engine.requests) > before:
            return answer
    raise AssertionError("no request reached it")


def test_a_stream_whose_first_token_is_late_is_answered_by_a_second_endpoint_and_the_first_is_cancelled(pair):
    started = pair()
    started.one.pause = 5
    begin = time.monotonic()
    status, headers, body = ask_until_it_goes_to(started, started.one)
    took = time.monotonic() - begin
    assert (status, headers["x-evener-endpoint"]) == (200, "e1") and b"two" in body and b"one" not in body
    assert took < 2
    wait_until(lambda: len(started.one.abandoned) == 1)
    line = started.access_line(headers["x-request-id"])
    assert (line["hedged"], line["endpoint"], line["attempts"], line["ended"]) == ("won", "e1", 2, "done")
    assert started.metric("evener_hedges_total", result="won") == 1
    assert started.metric("evener_hedge_tokens_total") > 0
    assert started.metric("evener_endpoint_attempts_total", endpoint="e0", ending="cancelled") == 1
    assert all(e["in_flight"] == 0 and e["failures_total"] == 0 for e in started.endpoints().values())


def test_a_first_endpoint_that_answers_after_all_is_passed_on_and_the_second_is_cancelled(pair):
    started = pair()
    started.one.pause, started.two.pause = 0.5, 5
    with RawClient(started.port, timeout=10) as client:
        client.send(post("/v1/chat/completions", chat_body(stream=True)))
        wait_until(lambda: started.one.waiting and started.two.waiting)
        status, headers, body = client.read()
    assert status == 200 and b"one" in body and headers["x-evener-endpoint"] == "e0"
    wait_until(lambda: len(started.two.abandoned) == 1)
    assert started.one.abandoned == []
    # Whichever of the two was asked first, the other one was the hedge.
    line = started.access_line(headers["x-request-id"])
    assert line["hedged"] in ("won", "lost") and line["endpoint"] == "e0"
    assert all(e["in_flight"] == 0 and e["failures_total"] == 0 for e in started.endpoints().values())


def test_a_client_that_leaves_while_both_run_cancels_both(pair):
    started = pair()
    started.one.pause = started.two.pause = 10
    client = RawClient(started.port)
    client.send(post("/v1/chat/completions", chat_body(stream=True)))
    wait_until(lambda: started.one.waiting and started.two.waiting)
    client.socket.close()
    wait_until(lambda: len(started.one.abandoned) == 1 and len(started.two.abandoned) == 1)
    wait_until(lambda: all(e["in_flight"] == 0 for e in started.endpoints().values()))
    assert all(e["failures_total"] == 0 for e in started.endpoints().values())


def test_a_first_endpoint_that_dies_leaves_the_request_to_the_second(pair):
    started = pair()
    started.two.pause = 0.6

    def dies(connection, request):
        connection.wait_for_end(0.3)
        return False

    started.one.engine.behave = dies
    status, headers, body = ask_until_it_goes_to(started, started.one)
    assert status == 200 and b"two" in body and headers["x-evener-endpoint"] == "e1"
    assert started.metric("evener_endpoint_attempts_total", endpoint="e0", ending="reset") == 1


def test_an_error_of_the_second_does_not_take_the_place_of_the_answer_of_the_first(pair):
    started = pair()
    started.one.pause = 0.5
    started.two.engine.behave = lambda connection, request: connection.send(answer(b"{}", "500 Internal Server Error"))
    status, headers, body = ask_until_it_goes_to(started, started.one)
    assert status == 200 and b"one" in body
    line = started.access_line(headers["x-request-id"])
    assert (line["hedged"], line["endpoint"], line["attempts"], line["ended"]) == ("lost", "e0", 2, "done")
    assert started.metric("evener_endpoint_attempts_total", endpoint="e1", ending="server_error") >= 1
    assert all(e["in_flight"] == 0 for e in started.endpoints().values())


def test_when_the_budget_is_spent_the_client_waits(pair):
    started = pair({**HEDGING, "hedging": {**HEDGING["hedging"], "budget_share": 0}})
    started.one.pause = started.two.pause = 0.3
    begin = time.monotonic()
    assert ask(started)[0] == 200
    assert time.monotonic() - begin >= 0.3
    assert started.metric("evener_hedges_total", result="not_allowed") == 1
    assert started.one.abandoned == started.two.abandoned == []


def test_what_is_not_streamed_is_not_hedged(pair):
    started = pair()
    started.one.pause = started.two.pause = 0.3
    assert ask(started, chat_body())[0] == 200
    assert not started.metric("evener_hedges_total", result="won") and not started.metric("evener_hedges_total", result="lost")


def test_hedging_is_off_unless_asked_for(pair):
    started = pair({"policy": "round-robin"})
    started.one.pause = started.two.pause = 0.3
    _, headers, _ = ask(started)
    assert started.access_line(headers["x-request-id"])["hedged"] is None


def test_many_hedged_streams_at_once_leave_nothing_behind(pair):
    started = pair()
    started.one.pause = 0.1
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.extend(ask(started)[0] for _ in range(5))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 80
    wait_until(lambda: all(e["in_flight"] == 0 for e in started.endpoints().values()))
    assert started.metric("evener_hedges_total", result="won") > 0
