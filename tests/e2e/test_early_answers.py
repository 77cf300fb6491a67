"""Answers that come while the client still sends its body."""

import signal
import threading
import time

from client import RawClient, chat_body, post
from programs import wait_until
from raw_engine import answer

UPLOAD = b"POST /up/x HTTP/%s\r\nHost: g\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 1000


def path_pool(backend):
    return {"pools": [{"name": "up", "path_prefix": "/up", "endpoints": [{"url": backend.url}]}], "limits": {"body_bytes": "64MiB"}}


def test_an_answer_that_breaks_off_under_an_upload_from_an_old_client_ends_that_connection_and_nothing_else(gateway, raw_engine):
    seen = threading.Event()

    def behave(connection, request):
        connection.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 1000\r\n\r\npart of it")
        seen.wait(5)
        connection.reset()
        return False

    started = gateway(**path_pool(raw_engine(behave, read_bodies=False)))
    for _ in range(3):
        seen.clear()
        with RawClient(started.port) as client:
            client.send(UPLOAD % b"1.0")
            assert client.read_head()[0] == 413
            seen.set()
            client.read_to_end()
    assert started.admin("GET", "/healthz", token=None)[0] == 200
    assert started.program.process.poll() is None


def test_a_client_that_still_sends_can_read_an_early_answer_to_its_end(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.send(answer(b"too much", status="413 Content Too Large")), read_bodies=False)
    started = gateway(**path_pool(backend))
    with RawClient(started.port) as client:
        client.send(UPLOAD % b"1.1")
        status, _, body = client.read()
        assert (status, body) == (413, b"too much")
        assert client.closed()
        # What it had on its way is taken for a while: a reset could reach it before it has read the answer.
        for _ in range(10):
            client.send(b"x" * 1000)
            time.sleep(0.01)


def test_a_kept_connection_that_was_not_told_of_a_stop_gets_one_more_answer(gateway, raw_engine):
    proceed = threading.Event()

    def behave(connection, request):
        if b'"stream"' not in request.body:
            connection.send(answer(b"{}"))
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n")
        proceed.wait(10)
        connection.send(b"0\r\n\r\n")

    started = gateway(raw_engine(behave).url)
    with RawClient(started.port) as client:
        client.send(post("/v1/chat/completions", chat_body(stream=True)))
        assert "connection" not in client.read_head()[1]
        assert client.read_chunk() == b"data: one\n\n"
        started.program.signal(signal.SIGTERM)
        wait_until(lambda: any(entry["event"] == "draining" for entry in list(started.program.log)))
        proceed.set()
        assert client.read_chunk() == b""
        client.send(post("/v1/chat/completions", chat_body()))
        status, headers, _ = client.read()
        assert status == 200 and headers["connection"] == "close"
        assert client.closed()
    assert started.program.wait() == 0
