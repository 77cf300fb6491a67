"""Connections that are kept: towards an endpoint that drops one, and towards a client while another process takes over."""

import json

from client import RawClient, chat_body, post
from conftest import Gateway, configuration
from programs import free_port, wait_until
from raw_engine import CHAT, answer
from test_limits import holding  # noqa: F401, a fixture

CHAT_PATH = "/v1/chat/completions"


def test_a_request_repeated_after_its_kept_connection_died_leaves_a_connection_that_is_kept_again(gateway, raw_engine):
    large = chat_body("x" * 8_000_000)
    dropped = []

    def behave(connection, request):
        length = int(request.header("content-length")[0])
        if length == len(large) and not dropped:
            dropped.append(True)
            connection.reset()  # in the middle of the body: it cannot be sent to its end
            return False
        connection._take(length)
        connection.send(answer(CHAT))
        return True

    backend = raw_engine(behave, read_bodies=False)
    started = gateway(backend.url, workers=1, pool={"health_check": {"enabled": False}, "load_reports": {"enabled": False}, "retry": {"attempts_max": 1}})
    with RawClient(started.port, timeout=20) as client:
        for body in (chat_body(), large, chat_body(), chat_body()):
            assert client.send(post(CHAT_PATH, body)).read()[0] == 200
    assert dropped
    # The first request opened one connection and the repeated one another, which served the last two as well.
    assert started.metric("evener_endpoint_connections_opened_total") == 2
    assert started.metric("evener_endpoint_connections_reused_total") == 3
    assert len({id(connection) for connection in backend.connections}) == 2


def test_a_handover_serves_whoever_waits_and_whoever_is_kept_and_then_ends_the_old_process(programs, holding, tmp_path):  # noqa: F811
    endpoints = [{"name": "e0", "url": holding.url, "capacity": 1}]
    config = configuration(tmp_path, [], {"endpoints": endpoints, "health_check": {"enabled": False}},
                           listen=[f"127.0.0.1:{free_port()}"], handover_socket=str(tmp_path / "handover"))
    config["admin"]["listen"] = f"127.0.0.1:{free_port()}"
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    old = Gateway(programs("serve", "--config", file))
    with RawClient(old.port) as served, RawClient(old.port) as waiting, RawClient(old.port) as kept, RawClient(old.port) as silent:
        for client in (kept, silent):
            assert client.send(b"GET /v1/models HTTP/1.1\r\nHost: g\r\n\r\n").read()[0] == 200
        served.send(post(CHAT_PATH, chat_body("served")))
        wait_until(lambda: holding.requests)
        waiting.send(post(CHAT_PATH, chat_body("waiting")))
        wait_until(lambda: old.admin("GET", "/status")[2]["pools"][0]["queued"] == 1)

        new = Gateway(programs("serve", "--config", file))
        wait_until(lambda: new.admin("GET", "/readyz")[0] == 200)
        wait_until(lambda: any(entry["event"] == "draining" for entry in list(old.program.log)))
        # Nobody told this client that its connection is about to end: it gets one more answer, from the old process, which says so.
        status, headers, _ = kept.send(b"GET /v1/models HTTP/1.1\r\nHost: g\r\n\r\n").read()
        assert (status, headers["connection"]) == (200, "close") and kept.closed()
        assert old.access_line(headers["x-request-id"])["status"] == 200
        assert old.program.process.poll() is None

        holding.proceed.set()
        for client in (served, waiting):
            status, headers, body = client.read()
            assert (status, headers["connection"], body) == (200, "close", CHAT)
            assert old.access_line(headers["x-request-id"])["status"] == 200
        silent.socket.settimeout(10)
        assert silent.closed()  # within DrainIdle
        assert old.program.wait() == 0
    status, headers, _ = new.call("POST", CHAT_PATH, chat_body("new"))
    assert status == 200 and new.access_line(headers["x-request-id"])["status"] == 200
