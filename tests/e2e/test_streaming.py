"""Streams: bytes as the engine wrote them, at once, with back-pressure, and never a clean end that was none."""

import hashlib
import random
import threading
import time

import pytest

from client import RawClient, chat_body, post
from raw_engine import CHAT, answer, chunked

STREAM = post("/v1/chat/completions", chat_body(stream=True))
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%d"}}]}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_events_are_byte_for_byte_what_the_engine_sent(gateway, raw_engine):
    rng = random.Random(7)
    text = b"".join(b"id: %d\r\n: a comment\ndata: {\"t\":\"caf\xc3\xa9 \xf0\x9f\x90\x8e %s\"}\n\n" % (n, b"x" * rng.randrange(300)) for n in range(2000)) + b"data: [DONE]\n\n"
    cuts = sorted(rng.sample(range(1, len(text)), 900))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]
    backend = raw_engine(lambda connection, request: connection.send(chunked(*pieces)))
    started = gateway(backend.url)
    with RawClient(int(backend.url.rpartition(":")[2])) as direct, RawClient(started.port) as through:
        expected = direct.send(STREAM).read()[2]
        seen = through.send(STREAM).read()[2]
    assert hashlib.sha256(seen).digest() == hashlib.sha256(expected).digest() and expected == text


def test_each_event_arrives_before_the_next_is_sent(gateway, raw_engine):
    seen = threading.Semaphore(0)

    def behave(connection, request):
        connection.send(HEAD)
        for number in range(20):
            event = EVENT % number
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
            assert seen.acquire(timeout=2)
        connection.send(b"0\r\n\r\n")

    with RawClient(gateway(raw_engine(behave).url).port) as client:
        client.send(STREAM).read_head()
        for number in range(20):
            assert client.read_chunk() == EVENT % number
            seen.release()
        assert client.read_chunk() == b""


def test_an_event_is_delayed_by_less_than_a_millisecond(gateway, raw_engine, figure):
    seen = threading.Semaphore(0)
    sent_at = []
    events = 300

    def behave(connection, request):
        sent_at.clear()
        connection.send(HEAD)
        for number in range(events):
            event = EVENT % number
            sent_at.append(time.monotonic())
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
            assert seen.acquire(timeout=2)
        connection.send(b"0\r\n\r\n")

    backend = raw_engine(behave)
    started = gateway(backend.url)
    medians = {}
    for way, port in (("direct", int(backend.url.rpartition(":")[2])), ("through the gateway", started.port)):
        delays = []
        with RawClient(port) as client:
            client.send(STREAM).read_head()
            for number in range(events):
                client.read_chunk()
                delays.append(time.monotonic() - sent_at[number])
                seen.release()
            assert client.read_chunk() == b""
        medians[way], _ = figure(f"an event of a stream on its way, {way}", delays)
    assert medians["through the gateway"] - medians["direct"] < 0.001


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_stream_that_breaks_ends_with_an_error_event_and_an_aborted_connection(gateway, raw_engine, how):
    def behave(connection, request):
        connection.send(HEAD + b"%x\r\n%s\r\n" % (len(EVENT % 1), EVENT % 1))
        passed.wait(2)
        if how == "reset":
            connection.reset()
        return False

    passed = threading.Event()
    started = gateway(raw_engine(behave).url)
    with RawClient(started.port) as client:
        _, headers = client.send(STREAM).read_head()
        assert client.read_chunk() == EVENT % 1
        passed.set()
        rest = client.read_to_end()
    assert b'data: {"error":' in rest and not rest.endswith(b"0\r\n\r\n")
    assert started.access_line(headers["x-request-id"])["ended"] == "endpoint_aborted"


@pytest.mark.parametrize("last, between", [
    (b'data: {"choices":[{"delta":{"content":"hel', b"\n\n"), (b'data: {"choices":[]}\n', b"\n\n"), (b'data: {"choices":[]}\n\n', b""),
], ids=["in a line", "behind a line", "behind an event"])
def test_the_error_event_of_a_stream_that_breaks_is_an_event_of_its_own(gateway, raw_engine, last, between):
    def behave(connection, request):
        # Behind a first content: a stream that breaks before it has none would be asked for elsewhere.
        connection.send(HEAD + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (EVENT % 1, last)))
        return False

    started = gateway(raw_engine(behave).url)
    with RawClient(started.port) as client:
        assert client.send(post("/v1/chat/completions", chat_body(stream=True))).read_head()[0] == 200
        assert [client.read_chunk(), client.read_chunk()] == [EVENT % 1, last]
        assert client.read_chunk().startswith(between + b'data: {"error":')
        assert client.closed()


def test_an_engine_that_never_starts_to_answer_is_left_for_another(gateway, raw_engine):
    silent = raw_engine(lambda connection, request: connection.wait_for_end(5) and False)
    good = raw_engine()
    started = gateway(silent.url, good.url, pool={"policy": "round-robin", "timeouts": {"whole_answer": "300ms"}})
    for _ in range(4):
        status, _, value = started.call("POST", "/v1/chat/completions", chat_body())
        assert status == 200, value
    assert silent.requests, "the silent engine was never tried, so nothing was shown"


def test_a_stream_that_stalls_between_tokens_is_ended(gateway, raw_engine):
    def behave(connection, request):
        connection.send(HEAD + b"%x\r\n%s\r\n" % (len(EVENT % 1), EVENT % 1))
        connection.wait_for_end(5)
        return False

    started = gateway(raw_engine(behave).url, pool={"timeouts": {"between_tokens": "300ms"}})
    begin = time.monotonic()
    with RawClient(started.port) as client:
        client.send(STREAM).read_head()
        client.read_chunk()
        assert b'"error"' in client.read_to_end()
    assert time.monotonic() - begin < 3


def test_a_large_prompt_arrives_whole(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.send(answer(CHAT)))
    body = chat_body("p" * (20 << 20))
    status, _, _ = gateway(backend.url).call("POST", "/v1/chat/completions", body)
    assert status == 200
    assert hashlib.sha256(backend.requests[-1].body).digest() == hashlib.sha256(body).digest()
