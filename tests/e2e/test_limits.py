"""Every limit has a name in the configuration, and something definite happens at it."""

import threading
import time

import openai
import pytest

from client import RawClient, chat_body, post
from programs import wait_until
from raw_engine import CHAT, answer

PATH = "/v1/chat/completions"
CHAT_REQUEST = post(PATH, chat_body())
STREAM = post(PATH, chat_body(stream=True))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"xxxxxxxxxxxxxxxxxxxx"}}]}\n\n'
EVENTS = EVENT * 200
HUGE_EVENT = b"data: " + b"y" * (1 << 20) + b"\n\n"
PIECE = b"%x\r\n%s\r\n" % (len(EVENTS), EVENTS)


@pytest.fixture
def holding(raw_engine):
    """A backend that answers when `proceed` is set."""
    proceed = threading.Event()

    def behave(connection, _):
        proceed.wait(20)
        connection.send(answer(CHAT))

    backend = raw_engine(behave)
    backend.proceed = proceed
    yield backend
    proceed.set()


def one_at_a_time(backend, **queue):
    return {"endpoints": [{"name": "e0", "url": backend.url, "capacity": 1}], "queue": queue}


# ---- the queue

def test_a_full_queue_is_a_rate_limit_to_the_sdk(gateway, holding):
    started = gateway(pool=one_at_a_time(holding, requests_max=1))
    with RawClient(started.port) as first, RawClient(started.port) as second:
        first.send(CHAT_REQUEST)
        wait_until(lambda: holding.requests)
        second.send(CHAT_REQUEST)
        wait_until(lambda: started.admin("GET", "/status")[2]["pools"][0]["queued"] == 1)
        with pytest.raises(openai.RateLimitError) as raised:
            started.client().chat.completions.create(model="m", messages=[])
        assert raised.value.code == "queue_full" and int(raised.value.response.headers["retry-after"]) >= 1
        holding.proceed.set()
        assert first.read()[2] == CHAT and second.read()[2] == CHAT
    assert started.metric("evener_refusals_total", reason="queue_full") == 1


def test_waiting_for_capacity_has_an_end(gateway, holding):
    started = gateway(pool=one_at_a_time(holding, wait_max="200ms"))
    with RawClient(started.port) as first:
        first.send(CHAT_REQUEST)
        wait_until(lambda: holding.requests)
        begin = time.monotonic()
        status, headers, value = started.call("POST", PATH, chat_body())
        assert (status, value["error"]["code"]) == (503, "queue_timeout") and int(headers["retry-after"]) >= 1
        assert 0.2 <= time.monotonic() - begin < 2
        assert 200 <= started.access_line(headers["x-request-id"])["queue_ms"] < 2000


def test_those_who_wait_are_served_in_the_order_they_came(gateway, holding):
    started = gateway(pool=one_at_a_time(holding))
    bodies = [chat_body(str(number)) for number in range(8)]
    clients = [RawClient(started.port) for _ in bodies]
    for number, (client, body) in enumerate(zip(clients, bodies)):
        client.send(post(PATH, body))
        wait_until(lambda number=number: (len(holding.requests), started.admin("GET", "/status")[2]["pools"][0]["queued"]) == (1, number))
    holding.proceed.set()
    assert [client.read()[2] for client in clients] == [CHAT] * 8
    assert [request.body for request in holding.requests] == bodies
    for client in clients:
        client.socket.close()


# ---- connections and slow clients

def test_connections_over_the_limit_are_closed_and_room_is_used_again(gateway, raw_engine):
    started = gateway(raw_engine().url, limits={"connections": 3})
    clients = [RawClient(started.port) for _ in range(3)]
    for client in clients:
        assert client.send(CHAT_REQUEST).read()[0] == 200
    with RawClient(started.port) as one_too_many:
        assert one_too_many.closed()
    clients.pop().socket.close()

    def served():
        with RawClient(started.port) as client:
            try:
                return client.send(CHAT_REQUEST).read()[0] == 200
            except (EOFError, OSError):
                return False
    wait_until(served)
    for client in clients:
        client.socket.close()


@pytest.mark.parametrize("limit, sent", [
    ("head", CHAT_REQUEST[:40]),
    ("body_idle", CHAT_REQUEST[:-5]),
    ("body_idle", b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"mod\r\n"),
], ids=["within the head", "within the body", "between chunks"])
def test_a_client_that_stops_sending_is_told_408(gateway, raw_engine, limit, sent):
    backend = raw_engine()
    started = gateway(backend.url, timeouts={limit: "200ms"})
    with RawClient(started.port) as client:
        status, headers, _ = client.send(sent).read()
        assert (status, headers["connection"]) == (408, "close") and client.closed()
    assert not backend.requests


def test_an_idle_connection_is_closed_after_its_time_and_not_before_an_answer(gateway, holding):
    started = gateway(holding.url, timeouts={"keep_alive": "300ms"})
    with RawClient(started.port) as client:
        begin = time.monotonic()
        client.send(CHAT_REQUEST)
        wait_until(lambda: time.monotonic() - begin > 0.5)  # longer than it may idle, but it waits for an answer
        holding.proceed.set()
        assert client.read()[2] == CHAT
        assert client.send(CHAT_REQUEST).read()[2] == CHAT
        answered = time.monotonic()
        assert client.closed() and time.monotonic() - answered >= 0.25


def test_a_client_that_takes_nothing_of_its_answer_is_left_and_the_engine_freed(gateway, raw_engine):
    ended = []

    def behave(connection, _):
        try:
            connection.send(HEAD + PIECE * 4000)
        except OSError:
            ended.append(True)
            raise

    started = gateway(raw_engine(behave).url, timeouts={"send_idle": "300ms"})
    with RawClient(started.port, receive_buffer=4096) as client:
        client.send(STREAM)
        wait_until(lambda: ended)


# ---- memory

def test_a_chunked_body_over_the_limit_is_refused_when_it_passes_it(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(backend.url, limits={"body_bytes": 100_000})
    with RawClient(started.port) as client:
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n" + b"c350\r\n" + b"x" * 50_000 + b"\r\n")
        client.send(b"c351\r\n" + b"x" * 50_001 + b"\r\n")
        status, _, body = client.read()
        assert status == 413 and b"body_too_large" in body
    assert not backend.requests


def test_a_wave_of_bodies_over_the_memory_quota_is_told_to_come_back(gateway, raw_engine):
    started = gateway(raw_engine().url, limits={"memory_bytes": 1 << 20, "body_bytes": 1 << 20})
    body = chat_body("x" * 600_000)
    head = f"POST {PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with RawClient(started.port) as holder, RawClient(started.port) as refused:
        holder.send(head + body[:500_000])  # holds its share and does not finish
        wait_until(lambda: started.admin("GET", "/status")[2]["memory_used_bytes"] >= len(body))
        with RawClient(started.port) as client:
            status, headers, said = client.send(head + body).read()
        assert status == 503 and int(headers["retry-after"]) >= 1 and b"memory_limit" in said
        assert holder.send(body[500_000:]).read()[0] == 200
        assert refused.send(head + body).read()[0] == 200
    wait_until(lambda: started.admin("GET", "/status")[2]["memory_used_bytes"] == 0)


def test_bodies_that_are_announced_and_do_not_come_hold_none_of_the_memory_quota(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(backend.url, limits={"memory_bytes": 4 << 20, "body_bytes": 4 << 20})
    announced = f"POST {PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: {3 << 20}\r\n\r\n".encode()
    holders = [RawClient(started.port) for _ in range(40)]
    try:
        for holder in holders:
            holder.send(announced + b'{"model"')
        wait_until(lambda: started.admin("GET", "/status")[2]["memory_used_bytes"] >= 40 * 16384)
        assert started.admin("GET", "/status")[2]["memory_used_bytes"] <= 2 << 20
        body = chat_body("x" * 1_200_000)
        status, _, said = started.call("POST", PATH, body)
        assert status == 200, said
        assert backend.requests[-1].body == body
    finally:
        for holder in holders:
            holder.socket.close()


def drip(client, piece, seconds=5):
    """Sends the piece again and again, until the answer comes."""
    begin = time.monotonic()
    client.socket.settimeout(0.02)
    while time.monotonic() - begin < seconds:
        try:
            client.send(piece)
            client._more()
        except TimeoutError:
            continue
        client.socket.settimeout(5)
        return time.monotonic() - begin
    raise AssertionError("it may go on for ever")


@pytest.mark.parametrize("framing, piece", [("Content-Length: 100000", b"x"), ("Transfer-Encoding: chunked", b"1\r\nx\r\n")], ids=["length", "chunked"])
def test_a_client_that_drips_its_body_is_told_408(gateway, raw_engine, framing, piece):
    backend = raw_engine()
    started = gateway(backend.url, timeouts={"body_idle": "300ms"}, limits={"body_bytes_per_s_min": 5000})
    with RawClient(started.port) as client:
        client.send(f"POST {PATH} HTTP/1.1\r\nHost: g\r\n{framing}\r\n\r\n".encode())
        assert 0.3 <= drip(client, piece) < 2
        status, headers, body = client.read()
        assert (status, headers["connection"]) == (408, "close") and b"request_timeout" in body
    assert not backend.requests


def test_a_slow_body_that_keeps_to_the_least_rate_is_taken(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(backend.url, timeouts={"body_idle": "300ms"}, limits={"body_bytes_per_s_min": 100})
    body = chat_body("x" * 500)
    with RawClient(started.port) as client:
        client.send(f"POST {PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        begin = time.monotonic()
        sent = 0
        while sent < len(body):  # in 0.9 s or a little more, three times body_idle
            due = min(len(body), int((time.monotonic() - begin) * 600) + 1)
            client.send(body[sent:due])
            sent = max(sent, due)
            time.sleep(0.01)
        assert client.read()[0] == 200
    assert backend.requests[0].body == body


def test_requests_of_all_sizes_arrive_unchanged_one_after_another_and_pipelined(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(backend.url)
    bodies = [chat_body(letter * size) for letter, size in zip("abcdefgh", (10, 16_384, 16_384, 100, 70_000, 70_000, 1_500_000, 300))]
    with RawClient(started.port, timeout=20) as client:
        for body in bodies:
            assert client.send(post(PATH, body)).read()[0] == 200
        sender = threading.Thread(target=client.send, args=(b"".join(post(PATH, body) for body in bodies),), daemon=True)
        sender.start()
        assert [client.read()[0] for _ in bodies] == [200] * len(bodies)
        sender.join(5)
    assert [request.body for request in backend.requests] == bodies * 2


READERS = (30, 90)


def settled(counts, seconds=20):
    """Waits until nothing more is taken."""
    last = [None]

    def same():
        now = sum(counts)
        before, last[0] = last[0], now
        return now == before
    wait_until(same, seconds, every=0.3)


@pytest.mark.parametrize("piece", [PIECE, b"%x\r\n%s\r\n" % (len(HUGE_EVENT), HUGE_EVENT)], ids=["small events", "events of a megabyte"])
def test_a_slow_reader_holds_at_most_64_kib_and_stops_the_engine(gateway, raw_engine, figure, piece):
    sent = []

    def behave(connection, _):
        mine = len(sent)
        sent.append(0)
        connection.send(HEAD)
        for _ in range((64 << 20) // len(piece)):  # 64 MiB, if somebody took them
            for begin in range(0, len(piece), 65536):
                connection.send(piece[begin:begin + 65536])
                sent[mine] += len(piece[begin:begin + 65536])
        connection.send(b"0\r\n\r\n")

    started = gateway(raw_engine(behave).url, workers=1)
    clients, resident = [], []
    try:
        for readers in READERS:
            while len(clients) < readers:
                clients.append(RawClient(started.port, receive_buffer=4096).send(STREAM))
            wait_until(lambda: len(sent) == readers)
            settled(sent)
            resident.append(started.program.resident_bytes())
        # What was sent sits in the kernel's socket buffers. The first readers pay for code and for the free
        # lists of blocks that all use, up to 512 KiB for each size and worker.
        each = (resident[1] - resident[0]) / (READERS[1] - READERS[0])
        figure.text(f"slow reader: {each / 1024:.1f} KiB of our memory each")
        assert max(sent) < 32 << 20
        assert each <= 64 << 10
        assert clients[0].read_head()[0] == 200  # and it flows on when read
        data = piece.partition(b"\r\n")[2][:-2]
        for _ in range((2 << 20) // len(piece) + 1):
            assert clients[0].read_chunk() == data
    finally:
        for client in clients:
            client.socket.close()


def test_an_engine_that_takes_no_body_holds_at_most_64_kib_of_a_streamed_one(gateway, raw_engine, figure):
    release = threading.Event()

    def behave(connection, _):
        release.wait(30)
        return False

    backend = raw_engine(behave, read_bodies=False)
    started = gateway(pools=[{"name": "raw", "path_prefix": "/raw/", "endpoints": [{"name": "e0", "url": backend.url}], "health_check": {"enabled": False}}],
                      limits={"body_bytes": "1GiB"})
    clients, sent, resident = [], [], []

    def upload(client):
        mine = len(sent)
        sent.append(0)
        try:
            while True:
                sent[mine] += client.socket.send(b"z" * 65536)
        except OSError:
            pass
    threads = []
    try:
        for writers in READERS:
            while len(clients) < writers:
                clients.append(RawClient(started.port, timeout=30).send(b"POST /raw/x HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000000\r\n\r\n"))
                threads.append(threading.Thread(target=upload, args=(clients[-1],), daemon=True))
                threads[-1].start()
            wait_until(lambda: len(sent) == writers)
            settled(sent)
            resident.append(started.program.resident_bytes())
        each = (resident[1] - resident[0]) / (READERS[1] - READERS[0])
        figure.text(f"upload to an engine that does not read: {each / 1024:.1f} KiB of our memory each")
        assert each <= 64 << 10
    finally:
        release.set()
        for client in clients:
            client.socket.close()
