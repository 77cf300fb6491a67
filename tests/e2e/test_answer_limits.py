"""What happens at the limits on answers of endpoints, on uploads after an early answer, and on series of metrics."""

import json
import time

import pytest

from client import RawClient, chat_body, post
from programs import wait_until
from raw_engine import CHAT, answer

CHAT_REQUEST = post("/v1/chat/completions", chat_body())


def head_of(size):
    """An answer whose head has about so many bytes, in at most 100 headers."""
    return answer(CHAT, headers=[f"X-Filler-{i}: {'x' * (size // 90)}" for i in range(90)])


def test_an_answer_with_a_head_above_64_kib_comes_from_another_endpoint(gateway, raw_engine):
    large = raw_engine(lambda connection, request: connection.send(head_of(80_000)))
    started = gateway(large.url, raw_engine().url, pool={"policy": "round-robin"})
    for _ in range(4):
        with RawClient(started.port) as client:
            status, headers, body = client.send(CHAT_REQUEST).read()
            assert (status, body, headers["x-evener-endpoint"]) == (200, CHAT, "e1")
    assert large.requests
    large.behave = lambda connection, request: connection.send(head_of(50_000))
    alone = gateway(large.url)
    with RawClient(alone.port) as client:
        assert client.send(CHAT_REQUEST).read()[0] == 200


@pytest.mark.parametrize("interim, status", [(16, 200), (17, 502)])
def test_sixteen_interim_answers_may_come_before_the_final_one(gateway, raw_engine, interim, status):
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n" * interim
    started = gateway(raw_engine(lambda connection, request: connection.send(early + answer(CHAT))).url)
    with RawClient(started.port) as client:
        assert client.send(CHAT_REQUEST).read()[0] == status


def test_an_answer_above_64_kib_passes_and_its_usage_is_not_read(gateway, raw_engine):
    def body_of(size):
        return json.dumps({"choices": [{"message": {"content": "x" * size}}],
                           "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}).encode()

    backend = raw_engine()
    started = gateway(backend.url)
    for size, tokens in ((60_000, 3), (70_000, None)):
        backend.behave = lambda connection, request, size=size: connection.send(answer(body_of(size)))
        with RawClient(started.port) as client:
            status, headers, body = client.send(CHAT_REQUEST).read()
        assert (status, body) == (200, body_of(size))
        assert started.access_line(headers["x-request-id"])["prompt_tokens"] == tokens


@pytest.fixture
def refused_upload(gateway, raw_engine):
    """A client that has read an early answer and may still send."""
    backend = raw_engine(lambda connection, request: connection.send(answer(b"no", status="413 Content Too Large")), read_bodies=False)
    started = gateway(pools=[{"name": "up", "path_prefix": "/up", "endpoints": [{"url": backend.url}]}])
    with RawClient(started.port) as client:
        client.send(b"POST /up/x HTTP/1.1\r\nHost: g\r\nContent-Length: 500000000\r\n\r\n")
        assert client.read()[0] == 413
        yield client


def test_after_an_early_answer_no_more_than_4_mib_of_the_upload_are_taken(refused_upload):
    piece, sent = b"x" * 65536, 0
    with pytest.raises(OSError):
        while sent < 100 << 20:
            refused_upload.send(piece)
            sent += len(piece)
    assert sent < 24 << 20  # with what the kernels on both sides hold


def test_after_an_early_answer_an_upload_that_drips_is_taken_for_two_seconds(refused_upload):
    began = time.monotonic()

    def refused():
        try:
            refused_upload.send(b"x")
        except OSError:
            return True
        return False

    wait_until(refused, seconds=6, every=0.05)
    assert 1.5 < time.monotonic() - began < 5


def test_metrics_of_endpoints_have_5000_series_and_count_what_is_beyond(gateway):
    endpoints = [{"name": f"e{i}", "url": f"http://127.0.0.1:{i + 1}"} for i in range(5010)]
    started = gateway(pool={"endpoints": endpoints, "health_check": {"enabled": False}, "load_reports": {"enabled": False}}, wait=False)
    wait_until(lambda: started.admin("GET", "/readyz")[0] == 200, seconds=20)
    text = started.admin("GET", "/metrics")[2]
    assert text.count("\nevener_endpoint_usable{") == 5000
    assert started.metric("evener_metric_series_overflow_total", metric="evener_endpoint_usable") > 0
