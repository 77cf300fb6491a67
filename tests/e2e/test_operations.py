"""Running it: reload, restart, drain, the admin listener, metrics, and configurations that are wrong."""

import base64
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.parse

import pytest

from client import Load, RawClient, StreamLoad, call, chat_body, post
from conftest import Gateway, configuration
from programs import free_port, run, wait_until
from raw_engine import CHAT, answer

CHAT_PATH = "/v1/chat/completions"


# ---- reload and restart

def test_fifty_reloads_under_load_fail_no_request(gateway, engine):
    started = gateway(engine().url, engine().url)
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    load, streams = Load(started.port), StreamLoad(started.port, clients=4)
    for number in range(50):
        config["pools"][0]["endpoints"][0]["weight"] = 1 + number % 3
        config["pools"][0]["policy"] = ["least-request", "round-robin", "peak-ewma"][number % 3]
        started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
        if number % 2:
            assert started.admin("POST", "/reload")[0] == 200
        else:
            done = started.metric("evener_config_reloads_total", result="ok") or 0
            started.program.signal(signal.SIGHUP)
            wait_until(lambda done=done: (started.metric("evener_config_reloads_total", result="ok") or 0) > done)
    assert load.stop().failures == [] and load.ok > 100
    streams.stop()
    assert (streams.cut, streams.wrong) == (0, []) and streams.whole > 10


def test_a_bad_reload_is_refused_and_the_last_good_one_stays(gateway, engine):
    started = gateway(engine().url)
    started.program.config_file.write_text("pools: 7\n", encoding="utf-8")
    status, _, value = started.admin("POST", "/reload")
    assert status in (400, 409, 422) and "pools" in json.dumps(value)
    assert started.call("POST", CHAT_PATH, chat_body(max_tokens=1))[0] == 200


def test_five_restarts_under_load_fail_no_request(programs, engine, tmp_path):
    urls = [engine().url, engine().url]
    port = free_port()
    config = configuration(tmp_path, urls, listen=[f"127.0.0.1:{port}"], handover_socket=str(tmp_path / "handover"))
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    old = programs("serve", "--config", file)
    old.address("gateway")
    wait_until(lambda: call(port, "POST", CHAT_PATH, chat_body(max_tokens=1))[0] == 200)
    load, streams = Load(port), StreamLoad(port, clients=4)
    for _ in range(5):
        done = load.ok
        wait_until(lambda done=done: load.ok > done + 50, 10)
        new = programs("serve", "--config", file)
        new.address("gateway")
        assert old.wait(15) == 0
        old = new
    done = load.ok
    wait_until(lambda: load.ok > done + 50, 10)
    assert load.stop().failures == []
    streams.stop()
    assert (streams.cut, streams.wrong) == (0, []) and streams.whole > 10


def test_a_stream_survives_a_restart_and_only_the_new_process_answers_the_operator(programs, raw_engine, tmp_path):
    proceed = threading.Event()

    def behave(connection, request):
        if b"stream" not in request.body:
            connection.send(answer(CHAT))
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n")
        proceed.wait(20)
        connection.send(b"5\r\ntwo\n\n\r\n0\r\n\r\n")

    config = configuration(tmp_path, [raw_engine(behave).url], listen=[f"127.0.0.1:{free_port()}"], handover_socket=str(tmp_path / "handover"))
    config["admin"]["listen"] = f"127.0.0.1:{free_port()}"
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    old = Gateway(programs("serve", "--config", file))
    with RawClient(old.port) as client:
        client.send(post(CHAT_PATH, chat_body(stream=True))).read_head()
        assert client.read_chunk() == b"data: one\n\n"
        new = Gateway(programs("serve", "--config", file))
        assert new.port == old.port
        wait_until(lambda: any(entry["event"] == "draining" for entry in list(old.program.log)))
        ids = []
        for _ in range(20):
            assert new.admin("GET", "/status")[2]["draining"] is False
            ids.append(new.call("POST", CHAT_PATH, chat_body())[1]["x-request-id"])
        assert all(new.access_line(id_)["status"] == 200 for id_ in ids)
        proceed.set()
        assert client.read_chunk() == b"two\n\n" and client.read_chunk() == b""
    assert old.program.wait() == 0


def test_a_new_process_that_cannot_take_part_in_handovers_leaves_the_old_one_serving(programs, raw_engine, tmp_path):
    port = free_port()
    config = configuration(tmp_path, [raw_engine().url], listen=[f"127.0.0.1:{port}"], handover_socket=str(tmp_path / "handover"), workers=1)
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    old = Gateway(programs("serve", "--config", file))
    assert old.call("POST", CHAT_PATH, chat_body())[0] == 200
    many = tmp_path / "many.yaml"  # with the admin listener one more than can be handed over later
    many.write_text(json.dumps({**config, "workers": 250}), encoding="utf-8")
    refused = run("serve", "--config", many)
    assert refused.returncode == 1 and "250 listeners" in refused.stderr
    until = time.monotonic() + 0.5  # told to go, it would stop accepting within a tenth of a second
    while time.monotonic() < until:
        assert old.call("POST", CHAT_PATH, chat_body())[0] == 200
    assert not any(entry["event"] == "draining" for entry in list(old.program.log)) and old.program.process.poll() is None


def test_a_stop_asks_kept_connections_to_close_with_their_next_answer(gateway, raw_engine):
    proceed = threading.Event()

    def behave(connection, request):
        proceed.wait(10)
        connection.send(answer(CHAT))

    backend = raw_engine(behave)
    started = gateway(backend.url)
    with RawClient(started.port) as client:
        client.send(post(CHAT_PATH, chat_body()))
        wait_until(lambda: backend.requests)
        started.program.signal(signal.SIGTERM)
        wait_until(lambda: any(entry["event"] == "draining" for entry in list(started.program.log)))
        proceed.set()
        _, headers, body = client.read()
        assert body == CHAT and headers["connection"] == "close" and client.closed()
    assert started.program.wait() == 0


def test_a_second_signal_ends_the_drain_at_once(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.wait_for_end(20) and False)
    started = gateway(backend.url)
    with RawClient(started.port) as client:
        client.send(post(CHAT_PATH, chat_body()))
        wait_until(lambda: backend.requests)
        started.program.signal(signal.SIGTERM)
        wait_until(lambda: any(entry["event"] == "draining" for entry in list(started.program.log)))
        started.program.signal(signal.SIGTERM)
        assert started.program.wait(5) == 0


def test_a_reload_takes_over_models_limits_and_endpoints(gateway, raw_engine):
    a, b = raw_engine(), raw_engine()
    started = gateway(a.url)
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    config["pools"][0]["endpoints"] = [{"name": "e1", "url": b.url}]
    config["pools"].append({"name": "second", "models": ["n"], "endpoints": [{"url": a.url}]})
    config["limits"] = {"body_bytes": 1024}
    with RawClient(started.port) as kept:
        assert kept.send(post(CHAT_PATH, chat_body())).read()[0] == 200
        started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
        assert started.admin("POST", "/reload")[0] == 200
        assert kept.send(post(CHAT_PATH, chat_body())).read()[0] == 200
        assert kept.send(post(CHAT_PATH, chat_body("x" * 2000))).read()[0] == 413
    assert counts(a, b) == [1, 1]
    assert started.call("POST", CHAT_PATH, {"model": "n", "messages": []})[0] == 200
    assert counts(a, b) == [2, 1] and set(started.endpoints()) == {"e1"}


def test_a_reload_that_turns_checks_off_brings_back_what_they_had_taken_down(gateway, raw_engine):
    backend = raw_engine()
    backend.healthy = False
    started = gateway(backend.url, pool={"panic_threshold": 0}, wait=False)
    wait_until(lambda: started.endpoints()["e0"]["health"] == "down")
    assert started.call("POST", CHAT_PATH, chat_body())[0] == 503
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    config["pools"][0]["health_check"] = {"enabled": False}
    started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
    assert started.admin("POST", "/reload")[0] == 200
    assert started.endpoints()["e0"]["health"] == "healthy" and started.endpoints()["e0"]["last_check"] == ""
    assert started.call("POST", CHAT_PATH, chat_body())[0] == 200


def test_a_reload_ends_what_waits_in_a_pool_that_is_gone(gateway, raw_engine):
    proceed = threading.Event()

    def behave(connection, request):
        proceed.wait(20)
        connection.send(answer(CHAT))

    backend, other = raw_engine(behave), raw_engine()
    started = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "capacity": 1}]})
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    with RawClient(started.port) as holder, RawClient(started.port) as waiting:
        holder.send(post(CHAT_PATH, chat_body()))
        wait_until(lambda: backend.requests)
        waiting.send(post(CHAT_PATH, chat_body()))
        wait_until(lambda: started.admin("GET", "/status")[2]["pools"][0]["queued"] == 1)
        config["pools"] = [{"name": "another", "models": ["n"], "endpoints": [{"url": other.url}]}]
        started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
        assert started.admin("POST", "/reload")[0] == 200
        assert waiting.read()[0] == 503
        proceed.set()
        assert holder.read()[2] == CHAT
    assert started.call("POST", CHAT_PATH, chat_body())[0] == 404


def test_a_reload_that_adds_capacity_lets_the_waiting_go(gateway, raw_engine):
    proceed = threading.Event()

    def behave(connection, request):
        if b"patient" not in request.body:
            proceed.wait(20)
        connection.send(answer(CHAT))

    backend = raw_engine(behave)
    started = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "capacity": 1}]})
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    with RawClient(started.port) as holder, RawClient(started.port) as waiting:
        holder.send(post(CHAT_PATH, chat_body()))
        wait_until(lambda: backend.requests)
        waiting.send(post(CHAT_PATH, chat_body("patient")))
        wait_until(lambda: started.admin("GET", "/status")[2]["pools"][0]["queued"] == 1)
        config["pools"][0]["endpoints"][0]["capacity"] = 2
        started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
        assert started.admin("POST", "/reload")[0] == 200
        assert waiting.read()[2] == CHAT
        proceed.set()
        assert holder.read()[2] == CHAT


def test_a_reader_of_the_access_log_that_sleeps_delays_no_request(gateway, raw_engine, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # opened and never read: a pipe takes 64 KiB
    try:
        started = gateway(raw_engine().url, access_log={"path": str(pipe)})
        with RawClient(started.port) as client:
            for _ in range(400):  # twice what the pipe takes
                assert client.send(post(CHAT_PATH, chat_body())).read()[0] == 200
    finally:
        os.close(reader)


def test_the_access_log_goes_on_in_a_new_file_when_it_was_moved_away(gateway, raw_engine, tmp_path):
    log = tmp_path / "access.log"
    started = gateway(raw_engine().url, access_log={"path": str(log)})
    ids = lambda file: [json.loads(line)["request_id"] for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    for number, ask in enumerate((lambda: started.program.signal(signal.SIGUSR1), lambda: started.admin("POST", "/reopen-logs"))):
        _, headers, _ = started.call("POST", CHAT_PATH, chat_body())
        wait_until(lambda: ids(log) == [headers["x-request-id"]])
        moved = log.rename(tmp_path / f"moved{number}")
        ask()
        wait_until(log.exists)
        assert ids(moved) == [headers["x-request-id"]]


def test_a_stream_survives_a_stop_and_new_connections_are_refused(gateway, raw_engine):
    proceed = threading.Event()

    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n")
        proceed.wait(10)
        connection.send(b"5\r\ntwo\n\n\r\n0\r\n\r\n")

    started = gateway(raw_engine(behave).url)
    port = started.port
    with RawClient(port) as client:
        client.send(post(CHAT_PATH, chat_body(stream=True))).read_head()
        assert client.read_chunk() == b"data: one\n\n"
        started.program.signal(signal.SIGTERM)

        def refused():
            try:
                RawClient(port).socket.close()
            except ConnectionRefusedError:
                return True
            return False
        wait_until(refused)
        proceed.set()
        assert client.read_chunk() == b"two\n\n" and client.read_chunk() == b""
    assert started.program.wait() == 0


def test_a_stop_serves_whoever_waits_in_the_accept_queue(gateway, raw_engine):
    started = gateway(raw_engine().url, workers=1)
    port, clients = started.port, []
    started.program.signal(signal.SIGSTOP)  # the kernel goes on accepting for it
    try:
        for _ in range(400):  # many turns' worth
            clients.append(RawClient(port))
            clients[-1].send(post(CHAT_PATH, chat_body()))
        started.program.signal(signal.SIGTERM)
    finally:
        started.program.signal(signal.SIGCONT)
    for client in clients:
        status, headers, body = client.read()
        assert (status, body) == (200, CHAT)
        if headers.get("connection") != "close":  # answered before the signal was
            assert client.socket.recv(1) == b""
        client.socket.close()
    assert started.program.wait() == 0


def test_a_drain_has_a_deadline(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.wait_for_end(20) and False)
    started = gateway(backend.url, timeouts={"drain": "300ms"})
    with RawClient(started.port) as client:
        client.send(post(CHAT_PATH, chat_body()))
        wait_until(lambda: backend.requests)
        started.program.signal(signal.SIGTERM)
        assert started.program.wait(5) in (0, 7)


# ---- the admin listener

def test_the_admin_listener_wants_its_token(gateway, raw_engine):
    started = gateway(raw_engine().url)
    assert started.admin("GET", "/status", token=None)[0] == 401
    assert started.admin("GET", "/status", token="wrong")[0] in (401, 403)
    assert started.admin("POST", "/pools/main/endpoints/e0/drain", token=None)[0] == 401
    assert started.admin("GET", "/status")[0] == 200
    assert started.admin("GET", "/healthz", token=None)[0] == 200


def test_a_token_is_made_where_none_is_configured(programs, raw_engine, tmp_path):
    started = Gateway(programs("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--endpoint", raw_engine().url,
                               env={"XDG_RUNTIME_DIR": str(tmp_path), "RUNTIME_DIRECTORY": ""}))
    entry = wait_until(lambda: next((e for e in list(started.program.log) if e["event"] == "admin token"), None))
    file = pathlib.Path(entry["file"])
    assert file.parent == tmp_path and stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text(encoding="ascii").strip()
    assert started.admin("GET", "/status", token=token)[0] == 200
    assert token not in "".join(started.program.text)


def test_a_person_sees_the_status_page_with_the_token_as_password(gateway, raw_engine):
    started = gateway(raw_engine().url)
    page = lambda password: call(started.program.port("admin"), "GET", "/", headers={
        "Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()})
    status, headers, text = page("end-to-end-token")
    assert status == 200 and headers["content-type"].startswith("text/html") and "e0" in text and "healthy" in text
    assert page("wrong")[0] == 401
    assert "www-authenticate" in started.admin("GET", "/", token=None)[1]
    # A page in the operator's browser could send this header unasked: it opens nothing but the page.
    assert call(started.program.port("admin"), "POST", "/reload", headers={
        "Authorization": "Basic " + base64.b64encode(b"me:end-to-end-token").decode()})[0] == 401


def test_connections_that_ask_nothing_do_not_lock_out_the_operator(gateway, raw_engine):
    started = gateway(raw_engine().url)
    port = started.program.port("admin")
    idle = [RawClient(port) for _ in range(300)]  # more than the listener takes
    try:
        for _ in range(3):
            assert started.admin("GET", "/status")[0] == 200
    finally:
        for client in idle:
            client.socket.close()


def test_the_admin_api_is_not_on_the_public_listener(gateway, raw_engine):
    started = gateway(raw_engine().url)
    for path in ("/status", "/metrics", "/reload", "/explain"):
        assert started.call("GET", path, headers={"Authorization": "Bearer end-to-end-token"})[0] == 404


def counts(*backends):
    return [len(b.requests) for b in backends]


def test_a_drained_endpoint_gets_nothing_new_until_it_is_undrained(gateway, raw_engine):
    a, b = raw_engine(), raw_engine()
    started = gateway(a.url, b.url, pool={"policy": "round-robin"})
    assert started.admin("POST", "/pools/main/endpoints/e0/drain")[0] == 200
    assert started.endpoints()["e0"]["health"] == "draining"
    for _ in range(4):
        assert started.call("POST", CHAT_PATH, chat_body())[0] == 200
    assert counts(a, b) == [0, 4]
    assert started.admin("POST", "/pools/main/endpoints/e0/undrain")[0] == 200
    for _ in range(4):
        assert started.call("POST", CHAT_PATH, chat_body())[0] == 200
    assert counts(a, b) == [2, 6]


def test_a_changed_weight_changes_the_shares(gateway, raw_engine):
    a, b = raw_engine(), raw_engine()
    started = gateway(a.url, b.url, pool={"policy": "weighted-round-robin"})
    assert started.admin("POST", "/pools/main/endpoints/e0/weight?weight=3")[0] == 200
    for _ in range(8):
        started.call("POST", CHAT_PATH, chat_body())
    assert counts(a, b) == [6, 2]


def test_endpoints_are_added_and_removed_under_load(gateway, engine):
    first, second = engine(), engine()
    started = gateway(first.url)
    load = Load(started.port)
    for _ in range(5):
        status, _, value = started.admin("POST", "/pools/main/endpoints", {"name": "added", "url": second.url})
        assert status in (200, 201), value
        wait_until(lambda: started.endpoints()["added"]["health"] == "healthy")
        assert started.admin("DELETE", "/pools/main/endpoints/added")[0] in (200, 202, 204)
        wait_until(lambda: "added" not in started.endpoints())
    assert load.stop().failures == []


def test_an_endpoint_that_joins_a_pool_gets_no_request_before_its_first_good_check(gateway, raw_engine):
    loading = raw_engine()
    loading.healthy = False
    started = gateway(raw_engine().url, pool={"policy": "round-robin"})
    started.admin("POST", "/pools/main/endpoints", {"name": "loading", "url": loading.url})
    wait_until(lambda: loading.checks > 0)
    for _ in range(6):
        assert started.call("POST", CHAT_PATH, chat_body())[1]["x-evener-endpoint"] == "e0"
    loading.healthy = True
    wait_until(lambda: started.endpoints()["loading"]["health"] == "healthy")
    wait_until(lambda: started.call("POST", CHAT_PATH, chat_body())[1]["x-evener-endpoint"] == "loading")
    assert loading.requests


@pytest.mark.parametrize("path, body", [
    ("/pools/none/endpoints/e0/drain", None), ("/pools/main/endpoints/none/drain", None), ("/pools/main/endpoints/e0/weight?weight=-1", None),
    ("/pools/main/endpoints/e0/weight", None), ("/pools/main/endpoints", {"name": "x", "url": "ftp://x"}), ("/pools/main/endpoints", {"name": "e0", "url": "http://127.0.0.1:1"}),
])
def test_a_wrong_admin_request_is_refused_with_a_reason(gateway, raw_engine, path, body):
    status, _, value = gateway(raw_engine().url).admin("POST", path, body)
    assert status in (400, 404, 409, 422) and value["error"]["message"]


def test_a_request_can_be_asked_why_it_went_there(gateway, raw_engine):
    started = gateway(raw_engine().url, raw_engine().url, pool={"policy": "least-request"})
    started.admin("POST", "/pools/main/endpoints/e0/drain")
    _, headers, _ = started.call("POST", CHAT_PATH, chat_body())
    status, _, value = started.admin("GET", "/explain?request_id=" + urllib.parse.quote(headers["x-request-id"]))
    assert status == 200
    decision, = value["decisions"]
    assert (decision["decision"], decision["endpoint"], decision["candidates"]) == ("dispatched", "e1", 1) and decision["why"]
    before = {e["endpoint"]: e for e in decision["endpoints"]}
    assert before["e0"]["filtered_by"] == "draining" and not before["e0"]["candidate"]
    assert before["e1"]["candidate"] and before["e1"]["in_flight"] == 0, "the endpoints are shown as they were before the choice"
    wait_until(lambda: started.admin("GET", "/explain?request_id=" + headers["x-request-id"])[2]["decisions"][0]["ended"])


def test_a_request_that_was_not_sent_yet_can_be_explained_too(gateway, raw_engine):
    started = gateway(raw_engine().url, raw_engine().url, pool={"policy": "least-request"})
    started.admin("POST", "/pools/main/endpoints/e0/drain")
    pool, = started.admin("GET", "/explain?model=m")[2]["pools"]
    assert pool["policy"] == "least-request"
    assert [(e["endpoint"], e["candidate"], e["filtered_by"]) for e in pool["endpoints"]] == [("e0", False, "draining"), ("e1", True, "")]


def test_one_log_line_says_what_became_of_a_request(gateway, raw_engine):
    started = gateway(raw_engine().url)
    _, headers, _ = started.call("POST", CHAT_PATH, chat_body())
    line = started.access_line(headers["x-request-id"])
    assert (line["status"], line["endpoint"], line["model"]) == (200, "e0", "m")
    assert line["prompt_tokens"] == 3 and line["completion_tokens"] == 1
    assert 0 <= line["queue_ms"] <= line["total_ms"] and 0 <= line["first_token_ms"] <= line["total_ms"]


@pytest.mark.skipif(not os.environ.get("EVENER_PROMTOOL"), reason="promtool could not be had on this machine")
def test_promtool_finds_no_fault_in_the_metrics(gateway, raw_engine):
    started = gateway(raw_engine().url)
    started.call("POST", CHAT_PATH, chat_body())
    text = started.admin("GET", "/metrics")[2]
    assert "evener_" in text
    ran = subprocess.run([os.environ["EVENER_PROMTOOL"], "check", "metrics"], input=text, capture_output=True, text=True, timeout=20, check=False)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_readiness_ends_with_the_drain_and_not_with_the_endpoints(gateway, raw_engine):
    # Whoever stands before the gateway should send elsewhere when it stops. When its endpoints are down its own errors tell more than a refused connection.
    proceed = threading.Event()

    def behave(connection, request):
        proceed.wait(10)
        connection.send(answer(CHAT))

    backend = raw_engine(behave)
    started = gateway(backend.url)
    with RawClient(started.port) as client:
        client.send(post(CHAT_PATH, chat_body()))
        wait_until(lambda: backend.requests)
        backend.healthy = False
        wait_until(lambda: started.endpoints()["e0"]["health"] == "down")
        assert started.admin("GET", "/readyz", token=None)[0] == 200
        started.program.signal(signal.SIGTERM)
        wait_until(lambda: started.admin("GET", "/readyz", token=None)[0] == 503)
        assert started.admin("GET", "/healthz", token=None)[0] == 200
        proceed.set()
        assert client.read()[2] == CHAT
    assert started.program.wait() == 0


# ---- routing

def test_pools_are_found_by_exact_name_then_by_the_longest_pattern(gateway, raw_engine):
    backends = {name: raw_engine(lambda connection, request, name=name: connection.send(answer(b'{"served_by":"%s"}' % name.encode())))
                for name in ("exact", "long", "short", "path")}
    pools = [{"name": name, "endpoints": [{"url": backends[name].url}], **where} for name, where in (
        ("exact", {"models": ["qwen-7b"]}), ("long", {"models": ["qwen-*"]}), ("short", {"models": ["q*"]}), ("path", {"path_prefix": "/predict/"}))]
    started = gateway(pools=pools, wait=False)
    wait_until(lambda: started.admin("GET", "/readyz")[0] == 200)
    served = lambda model: started.call("POST", CHAT_PATH, {"model": model, "messages": []})[2]["served_by"]
    assert [served(m) for m in ("qwen-7b", "qwen-72b", "quiet")] == ["exact", "long", "short"]
    assert started.call("POST", "/predict/anything?x=1", b"\x00raw")[2]["served_by"] == "path"
    (sent,) = (one for one in backends["path"].requests if one.line.startswith("POST "))  # others are checks
    assert sent.body == b"\x00raw" and " /predict/anything?x=1 " in sent.line


def test_a_model_is_renamed_for_the_endpoint_and_nothing_else_changes(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(pools=[{"name": "main", "models": ["m"], "endpoints": [{"url": backend.url, "models": {"m": "org/M-7B"}}]}], wait=False)
    wait_until(lambda: started.admin("GET", "/readyz")[0] == 200)
    assert started.call("POST", CHAT_PATH, b'{"stream":false, "model" : "m", "messages":[ ] }')[0] == 200
    (sent,) = (one.body for one in backend.requests if one.line.startswith("POST "))  # others are checks
    assert sent == b'{"stream":false, "model" : "org/M-7B", "messages":[ ] }'


def test_an_endpoint_gets_its_own_key_and_never_the_clients(gateway, programs, raw_engine, tmp_path):
    keyed, plain = raw_engine(), raw_engine()
    config = configuration(tmp_path, [])
    config["pools"] = [{"name": "a", "models": ["a"], "endpoints": [{"url": keyed.url + "/base/", "api_key_env": "EVENER_TEST_KEY"}]},
                       {"name": "b", "models": ["b"], "endpoints": [{"url": plain.url}]}]
    file = tmp_path / "keys.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    started = Gateway(programs("serve", "--config", file, env={"EVENER_TEST_KEY": "the-endpoints-secret"}))
    for model in ("a", "b"):
        assert started.call("POST", CHAT_PATH, {"model": model}, {"Authorization": "Bearer the-clients"})[0] == 200
    (with_key,), (without,) = ([one for one in backend.requests if one.line.startswith("POST ")] for backend in (keyed, plain))  # others are checks
    assert with_key.header("authorization") == ["Bearer the-endpoints-secret"]
    assert with_key.line == "POST /base/v1/chat/completions HTTP/1.1"
    assert without.header("authorization") == ["Bearer the-clients"]
    assert "the-endpoints-secret" not in started.admin("GET", "/status")[2].__repr__() + "".join(started.program.text)


def test_names_are_resolved_and_ipv6_is_served(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(backend.url.replace("127.0.0.1", "localhost"), listen=["127.0.0.1:0", "[::1]:0"])
    six, = [entry["address"] for entry in started.program.log if entry.get("role") == "gateway" and entry["address"].startswith("[::1]:")]
    with socket.create_connection(("::1", int(six.rpartition(":")[2])), timeout=5) as client:
        client.sendall(post(CHAT_PATH, chat_body(), "Connection: close"))
        said = b"".join(iter(lambda: client.recv(65536), b""))
    assert said.startswith(b"HTTP/1.1 200") and said.endswith(CHAT)
    assert backend.requests[-1].header("host") == [backend.url.replace("http://127.0.0.1", "localhost")]


def test_a_gateway_that_leads_to_itself_ends_the_loop(programs, tmp_path):
    port = free_port()
    config = configuration(tmp_path, [f"http://127.0.0.1:{port}"], listen=[f"127.0.0.1:{port}"])
    config["pools"][0]["health_check"] = {"enabled": False}
    file = tmp_path / "loop.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    started = Gateway(programs("serve", "--config", file))
    status, _, value = started.call("POST", CHAT_PATH, chat_body())
    assert (status, value["error"]["code"]) == (508, "loop_detected")


def test_a_session_stays_at_its_endpoint(gateway, raw_engine):
    backends = [raw_engine() for _ in range(4)]
    started = gateway(*[b.url for b in backends], pool={"policy": "maglev"})
    for session in ("a", "b", "c"):
        before = counts(*backends)
        for _ in range(5):
            started.call("POST", CHAT_PATH, chat_body(), {"x-session-id": session})
        assert sorted(after - b for after, b in zip(counts(*backends), before)) == [0, 0, 0, 5]


# ---- configuration and commands

def test_every_mistake_is_named_at_once_with_its_place(tmp_path):
    file = tmp_path / "evener.yaml"
    file.write_text("listen: [\"127.0.0.1:0\"]\n"
                    "worker: 2\n"
                    "pools:\n"
                    "  - name: a\n"
                    "    models: [m]\n"
                    "    policy: fastest\n"
                    "    endpoints:\n"
                    "      - {url: \"http://127.0.0.1:1\", weight: 0}\n"
                    "      - {url: \"http://127.0.0.1:2\", url: \"http://127.0.0.1:3\"}\n", encoding="utf-8")
    for command in (("serve", "--config", file), ("config", "check", file)):
        ran = run(*command)
        said = ran.stdout + ran.stderr
        assert ran.returncode == 3, said
        for wanted in ("evener.yaml:2:1", "workers", "evener.yaml:6:", "fastest", "least-request", "evener.yaml:8:", "weight", "evener.yaml:9:", "twice"):
            assert wanted in said, f"{wanted} is missing in:\n{said}"


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    ran = run("serve", "--config", tmp_path / "none.yaml")
    assert ran.returncode in (1, 3) and "none.yaml" in ran.stderr


def test_the_example_passes_the_check_and_the_schema_is_json(tmp_path):
    example = run("config", "example")
    assert example.returncode == 0
    file = tmp_path / "example.yaml"
    file.write_text(example.stdout, encoding="utf-8")
    checked = run("config", "check", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    schema = json.loads(run("config", "schema").stdout)
    assert schema["type"] == "object" and "pools" in schema["properties"]


def test_serve_runs_without_a_file(programs, engine):
    started = Gateway(programs("serve", "--listen", "127.0.0.1:0", "--admin", "off", "--endpoint", engine().url, "--endpoint", engine().url))
    wait_until(lambda: started.call("POST", CHAT_PATH, chat_body(max_tokens=1))[0] == 200)
    assert [model.id for model in started.client().models.list()] == ["m"], "without names in a pool the engines say what they serve"


@pytest.mark.parametrize("command", ["serve", "engine", "load", "demo", "config", "explain", "lab"])
def test_each_command_explains_itself_with_an_example(command):
    ran = run(command, "--help")
    assert ran.returncode == 0 and f"evener {command}" in ran.stdout


def test_the_version_names_the_compiler_and_the_libraries():
    ran = run("--version")
    assert ran.returncode == 0 and all(word in ran.stdout.lower() for word in ("evener 0.", "clang", "simdjson", "yaml-cpp", "fmt"))


def test_a_wrong_command_is_a_usage_error():
    assert run("fly").returncode == 2
    assert run("serve", "--no-such-option").returncode == 2
    assert run("serve").returncode == 2
    assert run("serve", "--endpoint", "ftp://x").returncode == 2


def test_an_address_in_use_is_named(raw_engine):
    taken = raw_engine().url.removeprefix("http://")
    ran = run("serve", "--listen", taken, "--admin", "off", "--endpoint", "http://127.0.0.1:1")
    assert ran.returncode == 1 and taken in ran.stderr


def test_the_load_generator_reports_what_it_did(gateway, engine):
    started = gateway(engine().url, engine().url)
    ran = run("load", "--url", f"http://127.0.0.1:{started.port}", "--model", "m", "--rate", 50, "--duration", "2s", "--output-tokens", 4, "--json", timeout=30)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["request_count"]["avg"] > 50 and report["error_request_count"]["avg"] == 0


def test_the_demo_balances_and_compares_policies():
    ran = run("demo", "--seconds", 8, "--no-live", timeout=60)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert all(policy in ran.stdout for policy in ("round-robin", "least-request"))
