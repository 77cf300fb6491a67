"""A client that leaves, at whatever moment, is gone for the engine too: its connection closes within 50 ms, measured at the engine."""

import queue
import socket
import threading
import time

import pytest

from client import RawClient, chat_body, post
from programs import wait_until
from raw_engine import CHAT, answer

PATH = "/v1/chat/completions"
STREAM = post(PATH, chat_body(stream=True))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
CHUNK = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
LIMIT = 0.050
ROUNDS = 20


def assert_within_limit(delays):
    # Nine of ten: the rest is left to a machine that is busy with other things, and shows in the printed figures.
    assert sorted(delays)[ROUNDS * 9 // 10 - 1] <= LIMIT, sorted(delays)


def nothing_yet(connection):
    pass


def first_events(connection):
    connection.send(HEAD + CHUNK)


def more_than_anybody_reads(connection):
    connection.socket.settimeout(0.1)
    try:
        connection.send(HEAD + CHUNK * 500_000)
    except TimeoutError:
        pass


@pytest.mark.parametrize("begin_answer, request_bytes", [
    (nothing_yet, STREAM),
    (first_events, STREAM),
    (more_than_anybody_reads, STREAM),
    (nothing_yet, b"POST /raw/x HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\n" + b"z" * 1000),
], ids=["before the first token", "mid-stream", "with a long answer unread", "while its body is on the way"])
def test_the_upstream_closes_with_the_client(gateway, raw_engine, figure, request, begin_answer, request_bytes):
    ready, gone = queue.Queue(), queue.Queue()

    def behave(connection, _):
        begin_answer(connection)
        ready.put(True)
        gone.put(connection.wait_for_end())
        return False

    backend = raw_engine(behave, read_bodies=False)
    endpoint = {"name": "e0", "url": backend.url}
    started = gateway(pools=[{"name": "main", "models": ["m"], "endpoints": [endpoint]},
                             {"name": "raw", "path_prefix": "/raw/", "endpoints": [endpoint], "health_check": {"enabled": False}}])
    delays = []
    for _ in range(ROUNDS):
        client = RawClient(started.port, receive_buffer=4096 if begin_answer is more_than_anybody_reads else None).send(request_bytes)
        ready.get(timeout=5)
        if begin_answer is first_events:
            client.read_head()
            assert client.read_chunk() == EVENT
        left = time.monotonic()
        client.socket.close()
        closed = gone.get(timeout=6)
        assert closed, "the upstream connection stayed open"
        delays.append(closed - left)
    figure(f"client gone {request.node.callspec.id}, upstream closed", delays)
    assert_within_limit(delays)
    wait_until(lambda: started.endpoints()["e0"]["in_flight"] == 0)
    wait_until(lambda: [line["ended"] for line in started.program.access].count("client_gone") == ROUNDS)


def test_a_client_that_leaves_the_queue_is_forgotten_and_no_engine_hears_of_it(gateway, raw_engine, figure):
    proceed = threading.Event()

    def behave(connection, _):
        proceed.wait(20)
        connection.send(answer(CHAT))

    backend = raw_engine(behave)
    started = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "capacity": 1}]})
    queued = lambda: started.admin("GET", "/status")[2]["pools"][0]["queued"]
    with RawClient(started.port) as holder, RawClient(started.port) as patient:
        holder.send(post(PATH, chat_body("holder")))
        wait_until(lambda: backend.requests)
        delays = []
        for _ in range(ROUNDS):
            client = RawClient(started.port).send(post(PATH, chat_body("impatient")))
            wait_until(lambda: queued() == 1)
            left = time.monotonic()
            client.socket.close()
            wait_until(lambda: queued() == 0, every=0.001)
            delays.append(time.monotonic() - left)
        figure("client gone while queued, place in the queue free (asked over the admin API)", delays)
        assert_within_limit(delays)

        leaves = RawClient(started.port).send(post(PATH, chat_body("impatient")))
        wait_until(lambda: queued() == 1)
        patient.send(post(PATH, chat_body("patient")))
        wait_until(lambda: queued() == 2)
        leaves.socket.close()
        proceed.set()
        assert holder.read()[2] == CHAT and patient.read()[2] == CHAT
    assert [b"impatient" in request.body for request in backend.requests] == [False, False]
    wait_until(lambda: [line["ended"] for line in started.program.access].count("client_gone") == ROUNDS + 1)


def test_an_sdk_that_leaves_its_stream_closes_the_upstream(gateway, raw_engine):
    gone = queue.Queue()

    def behave(connection, _):
        connection.send(HEAD + CHUNK)
        gone.put(connection.wait_for_end())
        return False

    started = gateway(raw_engine(behave).url)
    with started.client().chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}], stream=True) as stream:
        next(iter(stream))
    assert gone.get(timeout=6), "the upstream connection stayed open"


def test_a_client_that_closes_its_sending_side_counts_as_gone(gateway, raw_engine):
    ended = []

    def behave(connection, request):
        ended.append(connection.wait_for_end())
        return False

    backend = raw_engine(behave)
    started = gateway(backend.url)
    with RawClient(started.port) as client:
        client.send(post(PATH, chat_body(), "x-request-id: half-closed"))
        wait_until(lambda: backend.requests)
        client.socket.shutdown(socket.SHUT_WR)
        wait_until(lambda: ended and ended[0])
        assert client.socket.recv(1) == b""
    assert started.access_line("half-closed")["ended"] == "client_gone"
