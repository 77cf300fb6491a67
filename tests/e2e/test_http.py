"""HTTP/1.1 as clients really use it: curl, and bytes written by hand."""

import json
import subprocess
import threading

import pytest

from client import RawClient, chat_body, post
from raw_engine import CHAT, answer, chunked


def curl(*arguments, body=None):
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", "20", *arguments], input=body, capture_output=True, check=True)


def chat_url(started):
    return f"http://127.0.0.1:{started.port}/v1/chat/completions"


@pytest.fixture
def recorded(gateway, raw_engine):
    """A gateway in front of a recording backend: for the model "m", and for any request below /raw/ without looking at bodies."""
    backend = raw_engine()
    endpoint = {"name": "raw", "url": backend.url}
    started = gateway(backend.url)
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    config["pools"].append({"name": "raw", "path_prefix": "/raw/", "endpoints": [endpoint], "health_check": {"enabled": False}})
    started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
    assert started.admin("POST", "/reload")[0] == 200
    return started, backend


def test_curl_waits_for_100_continue_and_sends_a_big_body(recorded):
    started, backend = recorded
    body = chat_body("x" * 5_000_000)
    ran = curl("--verbose", "-H", "Expect: 100-continue", "--expect100-timeout", "10", "--data-binary", "@-", chat_url(started), body=body)
    assert b"HTTP/1.1 100 Continue" in ran.stderr
    assert ran.stdout == CHAT
    assert backend.requests[-1].body == body


def test_a_body_that_will_be_refused_is_not_asked_for(gateway, raw_engine):
    started = gateway(raw_engine().url, limits={"body_bytes": 1024})
    with RawClient(started.port) as client:
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_head()[0] == 413


def test_curl_uploads_in_chunks(recorded):
    started, backend = recorded
    body = chat_body("y" * 100_000)
    ran = curl("-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/json", "--data-binary", "@-", chat_url(started), body=body)
    assert ran.stdout == CHAT
    assert backend.requests[-1].body == body


def test_curl_prints_a_stream_as_it_comes(recorded):
    started, backend = recorded
    proceed = threading.Event()

    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n")
        assert proceed.wait(10)
        connection.send(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    backend.behave = behave
    with subprocess.Popen(["curl", "--silent", "--no-buffer", "--max-time", "20", "--data-binary", chat_body(stream=True), chat_url(started)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as ran:
        assert ran.stdout.readline() == b"data: one\n"
        proceed.set()
        assert ran.stdout.read() == b"\ndata: [DONE]\n\n" and ran.wait() == 0


def test_curl_sees_that_a_stream_was_cut_off(recorded):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n") and False or connection.reset()
    ran = subprocess.run(["curl", "--silent", "--max-time", "20", "--data-binary", chat_body(stream=True), chat_url(started)], capture_output=True, check=False)
    assert ran.returncode in (18, 56), "partial file, or failure in receiving"
    assert ran.stdout.startswith(b"data: one\n\n") and b'"code":"endpoint_aborted"' in ran.stdout


def test_curl_uses_its_connection_again(recorded):
    started, _ = recorded
    url = f"http://127.0.0.1:{started.port}/v1/models"
    assert b"Re-using existing connection" in curl("--verbose", url, url).stderr


def test_head_has_the_head_of_get_and_no_body(recorded):
    started, _ = recorded
    with RawClient(started.port) as client:
        client.send(b"HEAD /v1/models HTTP/1.1\r\nHost: g\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: g\r\n\r\n")
        status, head_headers, _ = client.read("HEAD")
        _, get_headers, body = client.read()
        assert status == 200 and head_headers["content-length"] == get_headers["content-length"] == str(len(body))


def test_head_through_to_an_engine_keeps_the_length_and_the_connection(recorded):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" if request.line.startswith("HEAD") else answer(b"seven b"))
    with RawClient(started.port) as client:
        client.send(b"HEAD /raw/x HTTP/1.1\r\nHost: g\r\n\r\n")
        assert client.read("HEAD")[1]["content-length"] == "7"
        client.send(b"GET /raw/x HTTP/1.1\r\nHost: g\r\n\r\n")
        assert client.read()[2] == b"seven b"


def test_pipelined_requests_are_answered_in_order(recorded):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(answer(request.body))
    bodies = [chat_body(str(number)) for number in range(5)]
    with RawClient(started.port) as client:
        client.send(b"".join(post("/v1/chat/completions", body) for body in bodies))
        assert [client.read()[2] for _ in bodies] == bodies


def test_a_request_sent_byte_by_byte_is_understood(recorded):
    started, backend = recorded
    with RawClient(started.port) as client:
        for byte in post("/v1/chat/completions", chat_body()):
            client.send(bytes([byte]))
        assert client.read()[2] == CHAT
    assert backend.requests[-1].body == chat_body()


def test_trailers_pass_in_both_directions(recorded):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(chunked(b"one", b"two", trailers=b"X-Checksum: 12\r\n"))
    with RawClient(started.port) as client:
        client.send(b"POST /raw/x HTTP/1.1\r\nHost: g\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n")
        _, headers = client.read_head()
        assert headers["transfer-encoding"] == "chunked"
        assert client._take(len(b"3\r\none\r\n3\r\ntwo\r\n0\r\n")).endswith(b"0\r\n")
        assert client._line().lower() == b"x-checksum: 12"
    assert backend.requests[-1].body == b"abc"
    assert any(b"x-sum: 9" in connection.received.lower() for connection in backend.connections)


def test_an_answer_to_http_1_0_ends_with_the_connection(recorded):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(chunked(b"one", b"two"))
    with RawClient(started.port) as client:
        client.send(b"GET /raw/x HTTP/1.0\r\nHost: g\r\n\r\n")
        status, headers = client.read_head()
        assert status == 200 and "transfer-encoding" not in headers
        assert client.read_to_end() == b"onetwo"


def test_http_1_0_may_keep_its_connection(recorded):
    started, _ = recorded
    with RawClient(started.port) as client:
        for _ in range(2):
            client.send(post("/v1/chat/completions", chat_body(), "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            status, headers, body = client.read()
            assert (status, headers["connection"], body) == (200, "keep-alive", CHAT)


def test_pipelined_requests_of_all_kinds_do_not_mix(recorded):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(chunked(request.body or b"none", content_type="text/plain"))
    chat, raw = chat_body(), b"r" * 100_000
    with RawClient(started.port) as client:
        client.send(b"HEAD /v1/models HTTP/1.1\r\nHost: g\r\n\r\n" + post("/v1/chat/completions", chat) + post("/raw/x", raw)
                    + b"POST /raw/y HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n"
                    + b"GET /no/such HTTP/1.1\r\nHost: g\r\n\r\n" + b"GET /raw/z HTTP/1.1\r\nHost: g\r\n\r\n")
        assert client.read("HEAD")[0] == 200
        assert client.read()[2] == chat
        assert client.read()[2] == raw
        assert client.read()[2] == b"four"
        assert client.read()[0] == 404
        assert client.read()[2] == b"none"


def test_bodies_of_ten_megabytes_pass_in_both_directions_at_once(recorded):
    started, backend = recorded

    def echo(connection, request):
        remaining = int(request.header("content-length")[0])
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % remaining)
        while remaining > 0:  # each piece goes back before the next one is read
            piece = connection.pending or connection.socket.recv(65536)
            connection.pending = b""
            connection.send(piece)
            remaining -= len(piece)

    backend.behave, backend.read_bodies = echo, False
    body = bytes(range(256)) * 40_000
    with RawClient(started.port, timeout=20) as client:
        sender = threading.Thread(target=client.send, args=(post("/raw/x", body),))
        sender.start()
        assert client.read()[2] == body
        sender.join()


def test_an_early_answer_arrives_while_the_body_still_flows(recorded):
    started, backend = recorded

    def refuse_at_once(connection, request):
        connection.send(answer(b"no", "403 Forbidden", ["Connection: close"]))
        connection.wait_for_end()
        return False

    backend.behave, backend.read_bodies = refuse_at_once, False
    with RawClient(started.port) as client:
        client.send(b"POST /raw/x HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\n" + b"z" * 1000)
        assert client.read()[0] == 403
    with RawClient(started.port) as client:  # the whole body is here, but the engine takes none of it
        client.send(post("/v1/chat/completions", chat_body("z" * 10_000_000)))
        assert client.read()[0] == 403


@pytest.mark.parametrize("said, status, length", [
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
    (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 77\r\n\r\n", 304, "77"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "0"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, None),
], ids=["204", "304", "length 0", "no chunk"])
def test_an_answer_without_a_body_leaves_the_connection_usable(recorded, said, status, length):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(said if b"/empty" in request.head else answer(b"next"))
    with RawClient(started.port) as client:
        client.send(b"GET /raw/empty HTTP/1.1\r\nHost: g\r\n\r\n")
        got = client.read()
        assert (got[0], got[1].get("content-length"), got[2]) == (status, length, b"")
        client.send(b"GET /raw/next HTTP/1.1\r\nHost: g\r\n\r\n")
        assert client.read()[2] == b"next"


def test_requests_one_after_another_share_one_connection_to_the_engine(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(backend.url, pool={"health_check": {"enabled": False}})
    with RawClient(started.port) as client:
        for _ in range(20):
            assert client.send(post("/v1/chat/completions", chat_body())).read()[0] == 200
    assert len(backend.connections) == 1 and len(backend.requests) == 20


def test_a_renamed_model_in_a_chunked_body_gets_its_right_length(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(pools=[{"name": "main", "models": ["m"], "endpoints": [{"url": backend.url, "models": {"m": "a-much-longer-name/of-the-model"}}]}])
    body = chat_body("y" * 100_000)
    ran = curl("-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/json", "--data-binary", "@-", chat_url(started), body=body)
    assert ran.stdout == CHAT
    assert backend.requests[-1].body == body.replace(b'"model": "m"', b'"model": "a-much-longer-name/of-the-model"')
    assert backend.requests[-1].header("content-length") == [str(len(backend.requests[-1].body))]


def test_a_gateway_behind_a_gateway_changes_nothing(gateway, raw_engine):
    events = b"".join(b"data: %d\n\n" % number for number in range(100)) + b"data: [DONE]\n\n"
    backend = raw_engine(lambda connection, request: connection.send(chunked(*[events[at:at + 7] for at in range(0, len(events), 7)])))
    inner = gateway(backend.url)
    outer = gateway(f"http://127.0.0.1:{inner.port}")
    with RawClient(outer.port) as client:
        _, headers, body = client.send(post("/v1/chat/completions", chat_body(stream=True), "x-request-id: chosen-by-the-client")).read()
    assert body == events and headers["x-evener-endpoint"] == "e0"
    assert headers["x-request-id"] == "chosen-by-the-client" and backend.requests[-1].header("x-request-id") == ["chosen-by-the-client"]
    assert inner.access_line("chosen-by-the-client")["trace_id"] == outer.access_line("chosen-by-the-client")["trace_id"]


def test_an_id_that_could_harm_a_log_is_replaced(recorded):
    started, backend = recorded
    with RawClient(started.port) as client:
        _, headers, _ = client.send(post("/v1/chat/completions", chat_body(), 'x-request-id: a"b\\c')).read()
    assert headers["x-request-id"].isalnum() and backend.requests[-1].header("x-request-id") == [headers["x-request-id"]]


def test_hop_by_hop_and_forwarding_headers_of_the_client_are_not_trusted(recorded):
    started, backend = recorded
    with RawClient(started.port) as client:
        client.send(post("/v1/chat/completions", chat_body(), "Connection: keep-alive, X-Private", "X-Private: 1", "Keep-Alive: timeout=9",
                         "Proxy-Connection: close", "X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Client-IP: 6.6.6.6",
                         "True-Client-IP: 6.6.6.6", "CF-Connecting-IP: 6.6.6.6", "X-Forwarded-Server: 6.6.6.6", "X-Forwarded-Prefix: /6.6.6.6", "Upgrade: h2c",
                         "X-Kept: yes"))
        assert client.read()[0] == 200
    sent = backend.requests[-1]
    names = {name for name, _ in sent.headers}
    assert not names & {"x-private", "keep-alive", "proxy-connection", "upgrade", "forwarded"}
    assert sent.header("x-kept") == ["yes"]
    assert sent.header("x-forwarded-for") in ([], ["127.0.0.1"])
    assert "6.6.6.6" not in sent.head.decode()


def test_a_request_id_is_made_and_a_trace_is_carried_on(recorded):
    started, backend = recorded
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    _, headers, _ = started.call("POST", "/v1/chat/completions", chat_body(), {"traceparent": trace})
    sent = backend.requests[-1]
    assert headers["x-request-id"] and sent.header("x-request-id") == [headers["x-request-id"]]
    assert sent.header("traceparent")[0].split("-")[1] == trace.split("-")[1]
