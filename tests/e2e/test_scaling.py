"""Scaling: a gateway that starts and stops its engines itself."""

import hashlib
import hmac
import http.server
import json
import os
import pathlib
import signal
import sys
import threading
import time

import pytest

from client import Load, chat_body
from programs import EVENER, run, wait_until

CHAT_PATH = "/v1/chat/completions"


def engines(*arguments, **settings):
    """An actuator that runs emulated engines as processes."""
    return {"kind": "process", "process": {"command": [EVENER, "engine", *(arguments or ("fast",)), "--port", "{port}", "--model", "m"], "grace": "5s", **settings}}


def scaled(least=1, most=3, per_replica=2, **settings):
    """The part of a pool that has it scaled, fast."""
    actuator = settings.pop("actuator", None) or engines()
    return {"scale": {"least": least, "most": most, "every": "1s", "target": {"per_replica": per_replica, "window": "2s"},
                      "behaviour": {"down": {"stabilisation": "0s"}}, "drain_max": "10s", "actuator": actuator, **settings}}


def scaling(gateway, pool="main"):
    status, _, value = gateway.admin("GET", "/scaling")
    assert status == 200, value
    return next(one for one in value["pools"] if one["pool"] == pool) if value["pools"] else None


def ready(gateway, count, seconds=15):
    wait_until(lambda: (now := scaling(gateway)) and now["wanted"] == count and now["ready"] == count
                           and all(kind["draining"] == 0 for kind in now["kinds"]), seconds, 0.05)


def pids(gateway):
    return [line["pid"] for line in list(gateway.program.log) if line.get("event") == "engine started"]


def alive(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z" not in stat.read_text(encoding="ascii")


def test_a_pool_grows_under_load_and_shrinks_without_a_failed_request(gateway):
    started = gateway(pool=scaled())
    ready(started, 1)
    load = Load(started.port, clients=6, body=chat_body(max_tokens=300))
    ready(started, 3)
    assert len(started.endpoints()) == 3
    quiet = Load(started.port, clients=1, body=chat_body(max_tokens=50))
    assert load.stop().failures == []  # most clients go: engines are drained and stopped while the one works on
    ready(started, 1)
    assert quiet.stop().failures == []
    assert len(started.endpoints()) == 1
    changes = scaling(started)["changes"]
    assert [change["to"] for change in reversed(changes)][0] == 1 and max(change["to"] for change in changes) == 3
    assert any("target asks for" in change["why"] for change in changes)
    wait_until(lambda: sum(alive(pid) for pid in pids(started)) == 1)
    assert started.metric("evener_scaling_replicas", pool="main", state="ready") == 1
    assert started.metric("evener_scaling_changes_total", pool="main", direction="up") >= 3


def test_a_pool_without_replicas_holds_a_request_until_the_first_one_serves(gateway):
    started = gateway(pool=scaled(least=0, idle_before_zero="1s"))
    wait_until(lambda: scaling(started))
    assert scaling(started)["wanted"] == 0 and started.endpoints() == {}
    status, headers, _ = started.call("POST", CHAT_PATH, chat_body(max_tokens=3))
    assert status == 200 and headers["x-evener-endpoint"].startswith("127.0.0.1:")
    line = started.access_line(headers["x-request-id"])
    assert line["queue_ms"] > 1
    ready(started, 0)
    wait_until(lambda: not any(alive(pid) for pid in pids(started)))
    assert any("idle" in change["why"] for change in scaling(started)["changes"])
    status, _, value = started.call("POST", CHAT_PATH, chat_body(max_tokens=3))
    assert status == 200, value


def test_a_request_waits_for_a_first_replica_no_longer_than_its_queue_allows(gateway):
    never = {"kind": "process", "process": {"command": ["/bin/sh", "-c", "exec sleep 1000 # {port}"]}}
    started = gateway(pool={**scaled(least=0, actuator=never), "queue": {"wait_max": "300ms"}})
    wait_until(lambda: scaling(started))
    status, _, value = started.call("POST", CHAT_PATH, chat_body(max_tokens=3))
    assert status == 503 and value["error"]["code"] == "queue_timeout"


def test_an_engine_that_dies_is_replaced(gateway):
    started = gateway(pool=scaled(least=2, actuator=engines(restart_pause="100ms")))
    ready(started, 2)
    load = Load(started.port, clients=2, body=chat_body(max_tokens=5))
    victim = pids(started)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(pids(started)) == 3, 10)
    ready(started, 2)
    assert load.stop().failures == []
    assert any(line.get("event") == "engine not running" and "signal 9" in line["why"] for line in started.program.log)


def test_an_engine_gets_requests_only_when_its_check_passes(gateway, tmp_path):
    held = tmp_path / "held"
    held.touch()
    script = f'while [ -e {held} ]; do sleep 0.05; done; exec {EVENER} engine fast --port {{port}} --model m'
    started = gateway(pool=scaled(actuator={"kind": "process", "process": {"command": ["/bin/sh", "-c", script]}}))
    wait_until(lambda: (now := scaling(started)) and [one["state"] for one in now["replicas"]] == ["checking"])
    assert started.endpoints() == {} and scaling(started)["ready"] == 0
    held.unlink()
    ready(started, 1)
    assert started.call("POST", CHAT_PATH, chat_body(max_tokens=3))[0] == 200


def test_engines_do_not_outlive_their_gateway(gateway):
    for how in ("stop", "kill"):
        started = gateway(pool=scaled(least=2))
        ready(started, 2)
        engines_of_it = pids(started)
        assert len(engines_of_it) == 2 and all(alive(pid) for pid in engines_of_it)
        getattr(started.program, how)()
        wait_until(lambda pids=engines_of_it: not any(alive(pid) for pid in pids), 10)


def test_a_reload_changes_the_limits_and_keeps_the_engines(gateway):
    started = gateway(pool=scaled(least=1))
    ready(started, 1)
    config = json.loads(started.program.config_file.read_text(encoding="utf-8"))
    config["pools"][0]["scale"]["least"] = 2
    started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
    assert started.admin("POST", "/reload")[0] == 200
    ready(started, 2)
    first = pids(started)
    assert len(first) == 2 and all(alive(pid) for pid in first)
    # Without an actuator the pool is not scaled any more, and its engines end.
    config["pools"][0]["scale"] = {}
    started.program.config_file.write_text(json.dumps(config), encoding="utf-8")
    assert started.admin("POST", "/reload")[0] == 200
    assert scaling(started) is None and started.endpoints() == {}
    assert started.call("POST", CHAT_PATH, chat_body(max_tokens=3))[0] == 503


def test_an_operator_holds_a_pool_at_a_number(gateway, tmp_path):
    started = gateway(pool=scaled())
    ready(started, 1)
    where = ["--admin", started.program.address("admin"), "--token-file", tmp_path / "token"]
    done = run("scale", "set", "main", "3", "--for", "1h", *where)
    assert done.returncode == 0, done.stderr
    ready(started, 3)
    shown = run("scale", "status", *where)
    assert shown.returncode == 0 and "held at 3" in shown.stdout and "held by an operator" in shown.stdout, shown.stdout
    assert json.loads(run("scale", "status", "--json", *where).stdout)["pools"][0]["held"]["replicas"] == 3
    assert run("scale", "release", "main", *where).returncode == 0
    ready(started, 1)
    assert run("scale", "set", "main", "9", *where).returncode == 1
    assert run("scale", "set", "nobody", "1", *where).returncode == 1
    assert started.admin("POST", "/pools/main/scale?replicas=x&for=1m")[0] == 400
    assert started.admin("POST", "/pools/main/scale?replicas=1&for=never")[0] == 400
    assert started.admin("GET", "/pools/main/scale")[0] == 405


def test_a_command_is_told_the_number_and_tried_again_when_it_fails(gateway, engine, tmp_path):
    told = tmp_path / "told"
    script = (f"import os, sys; print(sys.argv[1:], os.environ['EVENER_POOL'], os.environ['EVENER_REPLICAS'], file=open('{told}', 'a')); "
              f"lines = open('{told}').read().count('] main'); sys.exit('no quota') if lines == 1 else print('started\\n{engine().url}')")
    exec_actuator = {"kind": "exec", "exec": {"command": [sys.executable, "-c", script, "{replicas}", "{pool}", "{reason}"]}}
    started = gateway(pool=scaled(actuator=exec_actuator))
    wait_until(lambda: (now := scaling(started)) and "no quota" in now["kinds"][0]["trouble"])
    ready(started, 1)
    assert told.read_text(encoding="ascii").splitlines() == 2 * ["['1', 'main', '0 -> 1: target asks for 0 (0 at 2 per replica), the least number allowed'] main 1"]
    assert scaling(started)["kinds"][0]["trouble"] == ""
    assert started.metric("evener_scaling_failures_total", pool="main", actuator="exec") == 1
    assert started.call("POST", CHAT_PATH, chat_body(max_tokens=3))[0] == 200


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook that is busy at first, and then says where its one replica is."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((dict(self.headers), body))
        busy = len(self.server.calls) == 1
        text = json.dumps({"endpoints": [] if busy else [self.server.replica]}).encode()
        self.send_response(503 if busy else 200)
        if busy:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def test_a_webhook_is_called_with_a_signature_and_again_when_it_is_busy(gateway, engine, monkeypatch):
    monkeypatch.setenv("HOOK_KEY", "a key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.calls, server.replica = [], engine().url
        threading.Thread(target=server.serve_forever, daemon=True).start()
        webhook = {"kind": "webhook", "webhook": {"url": f"http://127.0.0.1:{server.server_port}/scale", "secret_env": "HOOK_KEY"}}
        started = gateway(pool=scaled(actuator=webhook))
        ready(started, 1)
        assert started.call("POST", CHAT_PATH, chat_body(max_tokens=3))[0] == 200
        server.shutdown()
    assert len(server.calls) == 2 and server.calls[0][1] == server.calls[1][1]
    headers, body = server.calls[1]
    assert json.loads(body) == {"schema": "evener.scale/1", "pool": "main", "replicas": 1, "stop_first": [],
                                "reason": "0 -> 1: target asks for 0 (0 at 2 per replica), the least number allowed"}
    signed = f"{headers['X-Evener-Timestamp']}.".encode() + body
    assert headers["X-Evener-Signature"] == "sha256=" + hmac.new(b"a key", signed, hashlib.sha256).hexdigest()
    assert abs(int(headers["X-Evener-Timestamp"]) - time.time()) < 60


@pytest.mark.parametrize("scale, complaint", [
    ({"actuator": {"kind": "process"}}, "scale.actuator.process.command: kind: process needs the command that starts an engine"),
    ({"actuator": {"kind": "process", "process": {"command": ["engine"]}}}, "holds {port}"),
    ({"actuator": engines(), "most": 257}, "scale.actuator.kind: process runs at most 256 engines, and most is 257"),
    ({"kinds": [{"name": "a", "most": 8, "actuator": engines(first_port=65_529)}]}, "the last engine would get port 65536; begin at 65528 or below"),
    ({"actuator": {"kind": "magic"}}, "process"),
    ({"actuator": engines(), "least": 9, "most": 2}, "greater than scale.most"),
    ({"actuator": engines(), "controllers": ["schedule"]}, "at least one rule"),
    ({"actuator": engines(), "controllers": ["schedule"], "schedule": [{"from": "25:00"}]}, "a time of the day HH:MM"),
    ({"actuator": engines(), "every": "10ms"}, "scale.every"),
    ({"actuator": {"kind": "exec"}}, "kind: exec needs the command"),
    ({"actuator": {"kind": "webhook", "webhook": {"url": "http://example.org/x"}}}, "https only"),
    ({"kinds": [{"name": "a", "actuator": engines()}, {"name": "a", "actuator": engines()}]}, 'the name "a" is taken'),
    ({"kinds": [{"name": "a"}]}, "needs an actuator of its own"),
    ({"actuator": engines(), "kinds": [{"name": "a", "actuator": engines()}]}, "remove one of the two"),
    ({"actuator": engines(), "targett": {}}, 'did you mean "target"'),
])
def test_a_wrong_scale_section_is_refused_with_its_place(tmp_path, scale, complaint):
    file = tmp_path / "wrong.yaml"
    file.write_text(json.dumps({"pools": [{"name": "main", "models": ["m"], "scale": scale}]}), encoding="utf-8")
    checked = run("config", "check", file)
    assert checked.returncode == 3 and complaint in checked.stdout + checked.stderr, checked.stdout + checked.stderr
