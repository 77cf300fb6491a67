"""Bodies that are passed on as they come, unread: what is wrong with them is the client's doing and not the endpoint's."""

import threading
import time

import pytest

from client import RawClient
from programs import wait_until
from test_limits import drip

CHUNKED = b"POST /raw/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"POST /raw/x HTTP/1.1\r\nHost: g\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture
def raw(gateway, raw_engine):
    """A gateway that passes everything below /raw/ on to one backend, which waits for whole bodies unless told otherwise."""
    def start(backend=None, pool=None, **top):
        backend = backend or raw_engine()
        whole = {"name": "raw", "path_prefix": "/raw/", "endpoints": [{"name": "e0", "url": backend.url}], "health_check": {"enabled": False},
                 **(pool or {})}
        started = gateway(pools=[whole], **top)
        started.backend = backend
        return started

    return start


def check_refused(started, client, status, code):
    told, headers, body = client.read()
    assert (told, headers["connection"]) == (status, "close") and code.encode() in body
    assert client.closed()
    client.socket.close()  # or the gateway waits a little for what may be on its way
    line = started.access_line(headers["x-request-id"])
    assert (line["status"], line["ended"], line["detail"]) == (status, "bad_request", code)


def check_not_blamed(started):
    blamed = {ending: started.metric("evener_endpoint_attempts_total", ending=ending) for ending in ("reset", "connect_failed", "timeout", "bad_response")}
    assert not any(blamed.values()), blamed
    assert started.endpoints("raw")["e0"]["health"] == "healthy" and started.endpoints("raw")["e0"]["in_flight"] == 0
    assert not started.backend.complete_requests()


@pytest.mark.parametrize("before", [b"", b"3\r\nabc\r\n"], ids=["in the first chunk", "later"])
@pytest.mark.parametrize("arrives", ["at once", "after the head"])
def test_a_malformed_chunk_is_a_bad_request_and_not_the_endpoint_s_fault(raw, before, arrives):
    started = raw()
    with RawClient(started.port) as client:
        if arrives == "at once":
            client.send(CHUNKED + before + b"zz\r\n")
        else:
            client.send(CHUNKED + before)
            wait_until(lambda: started.endpoints("raw")["e0"]["in_flight"] == 1)
            client.send(b"zz\r\n")
        check_refused(started, client, 400, "malformed_request")
    assert started.metric("evener_bad_requests_total") == 1
    check_not_blamed(started)


@pytest.mark.parametrize("sent", [LENGTH + b"x" * 100, CHUNKED + b"3\r\nabc\r\n"], ids=["length", "chunked"])
def test_a_body_that_stops_coming_is_told_408(raw, sent):
    started = raw(timeouts={"body_idle": "200ms"})
    with RawClient(started.port) as client:
        client.send(sent)
        check_refused(started, client, 408, "request_timeout")
    check_not_blamed(started)


def test_a_body_that_drips_is_told_408(raw):
    started = raw(timeouts={"body_idle": "300ms"}, limits={"body_bytes_per_s_min": 5000})
    with RawClient(started.port) as client:
        client.send(LENGTH)
        assert 0.3 <= drip(client, b"x") < 2
        check_refused(started, client, 408, "request_timeout")
    check_not_blamed(started)


def test_a_body_that_announces_more_than_the_limit_is_refused_unread(raw):
    started = raw(limits={"body_bytes": 50_000})
    with RawClient(started.port) as client:
        client.send(LENGTH)
        check_refused(started, client, 413, "body_too_large")
    assert started.backend.requests == []


def test_a_body_in_chunks_is_counted_on_its_way_and_ends_at_the_limit(raw):
    started = raw(limits={"body_bytes": 50_000})
    with RawClient(started.port) as client:
        client.send(CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        wait_until(lambda: started.endpoints("raw")["e0"]["in_flight"] == 1)
        client.send((b"3e8\r\n" + b"x" * 1000 + b"\r\n") * 50)
        check_refused(started, client, 413, "body_too_large")
    check_not_blamed(started)


def test_a_body_of_just_the_limit_passes(raw):
    started = raw(limits={"body_bytes": 50_000})
    for sent in (CHUNKED + b"c350\r\n" + b"x" * 50_000 + b"\r\n0\r\n\r\n", LENGTH.replace(b"100000", b"50000") + b"x" * 50_000):
        with RawClient(started.port) as client:
            assert client.send(sent).read()[0] == 200


def test_the_time_that_an_upload_takes_is_not_the_endpoint_s(raw):
    # The limit of the answer is a third of what the upload takes.
    started = raw(pool={"timeouts": {"whole_answer": "300ms"}})
    with RawClient(started.port) as client:
        client.send(LENGTH.replace(b"100000", b"10"))
        for _ in range(10):
            client.send(b"x")
            time.sleep(0.1)
        assert client.read()[0] == 200
    assert started.endpoints("raw")["e0"]["failures_total"] == 0


def test_an_upload_that_takes_all_the_time_there_is_was_too_slow(raw):
    started = raw(pool={"timeouts": {"total": "300ms"}})
    with RawClient(started.port) as client:
        client.send(LENGTH + b"x")
        check_refused(started, client, 408, "request_timeout")
    check_not_blamed(started)


def test_a_slow_endpoint_is_not_the_client_s_lateness(raw, raw_engine):
    go_on = threading.Event()

    def behave(connection, request):
        go_on.wait(10)
        received = len(connection.pending)
        while received < 40_000_000:
            received += len(connection.socket.recv(1 << 20))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    started = raw(raw_engine(behave, read_bodies=False), timeouts={"body_idle": "1s"}, limits={"body_bytes_per_s_min": "1MiB", "body_bytes": "64MiB"})
    with RawClient(started.port, timeout=20) as client:
        client.send(LENGTH.replace(b"100000", b"40000000"))
        sender = threading.Thread(target=client.send, args=(b"x" * 40_000_000,), daemon=True)
        sender.start()
        sender.join(0.6)
        go_on.set()
        assert client.read()[0] == 200
        sender.join(5)


def test_a_body_that_breaks_after_the_answer_began_ends_both_and_says_whose_doing_it_was(raw, raw_engine):
    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n")
        connection.wait_for_end()
        return False

    started = raw(raw_engine(behave, read_bodies=False))
    with RawClient(started.port) as client:
        client.send(CHUNKED + b"3\r\nabc\r\n")
        status, headers = client.read_head()
        assert status == 200 and client.read_chunk() == b"data: a\n\n"
        client.send(b"zz\r\n")
        assert b'"code":"malformed_request"' in client.read_chunk()
        assert client.closed()
    line = started.access_line(headers["x-request-id"])
    assert (line["ended"], line["detail"]) == ("bad_request", "malformed_request")
    assert started.metric("evener_endpoint_attempts_total", ending="cancelled") == 1
