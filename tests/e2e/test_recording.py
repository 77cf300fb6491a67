"""What a gateway decides can be asked for with `evener explain`, recorded with --record, and replayed to the same decisions."""

import csv
import json
import subprocess

import pytest

from client import chat_body
from conftest import Gateway, configuration
from programs import EVENER, free_port, wait_until
from raw_engine import CHAT, answer, chunked


CHAT_PATH = "/v1/chat/completions"


def run(*arguments, timeout=60, env=None):
    return subprocess.run([EVENER, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False, env=env)


@pytest.fixture
def recorded(programs, tmp_path):
    """Starts a gateway that records, and says to which file."""
    def start(config, *options):
        file = tmp_path / f"recorded{len(list(tmp_path.iterdir()))}.yaml"
        file.write_text(json.dumps(config), encoding="utf-8")
        recording = file.with_suffix(".evr")
        started = Gateway(programs("serve", "--config", file, "--record", recording, *options))
        started.recording = recording
        wait_until(lambda: started.admin("GET", "/readyz")[0] == 200)
        return started

    return start


def load(port, model, *options):
    return subprocess.Popen([EVENER, "load", "--url", f"http://127.0.0.1:{port}", "--model", model, "--json", *map(str, options)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_live_run_of_four_workers_replays_to_the_same_decisions(recorded, programs, engine, tmp_path):
    """Two pools with retries, queues, classes, limits of capacity, an engine that fails, one that is killed, a reload and operators."""
    bad = programs("engine", "--port", 0, "--model", "m", "fast,error=0.05,reset=0.05,overloaded=0.05")
    engines = [engine(), engine(), engine()]
    doomed = engine()
    urls = [one.url for one in engines] + ["http://" + bad.address("engine"), doomed.url]
    config = configuration(tmp_path, urls, pool={
        "policy": "balanced", "queue": {"requests_max": 64, "wait_max": "2s"},
        "endpoints": [{"name": f"e{i}", "url": url, "capacity": 8} for i, url in enumerate(urls)]}, workers=4)
    config["pools"].append({"name": "other", "models": ["other"], "policy": "composed",
                            "composition": {"scorers": [{"type": "prefix-hit", "weight": 2}, {"type": "queue", "weight": 1}], "picker": "weighted"},
                            "endpoints": [{"name": f"o{i}", "url": one.url, "models": {"other": "m"}} for i, one in enumerate(engines)]})
    started = recorded(config)
    common = ("--requests", 1500, "--output-tokens", "1-4", "--prefix-groups", 20, "--prefix-tokens", 1500, "--input-tokens", "100-3000")
    loads = [load(started.port, "m", "--closed", 60, "--seed", 1, *common),
             load(started.port, "m", "--closed", 20, "--seed", 2, "--header", "x-evener-class: batch", *common),
             load(started.port, "other", "--closed", 20, "--seed", 3, *common)]
    wait_until(lambda: started.endpoints()["e4"]["requests_total"] > 50, 20)
    doomed.process.kill()
    doomed.killed = True
    assert started.admin("POST", "/pools/main/endpoints/e0/drain")[0] == 200
    assert started.admin("POST", "/pools/main/endpoints/e1/weight?weight=2")[0] == 200
    assert started.admin("POST", "/reload")[0] == 200
    assert started.admin("POST", "/pools/main/endpoints/e0/undrain")[0] == 200
    for one in loads:
        _, errors = one.communicate(timeout=60)
        assert one.returncode in (0, 7), errors  # 7: some failed, as they should
    recording = started.admin("GET", "/status")[2]["recording"]
    assert recording["ended"] == "" and recording["bytes"] > 10_000
    started.program.stop()

    ran = run("lab", "replay", started.recording, "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    assert report["differing"] == 0 and report["pools"] == 2 and report["end"] == "stopped"
    assert report["requests"] >= 4500 and report["decisions"] >= report["requests"]
    assert "Every decision is the same." in run("lab", "replay", started.recording).stdout


@pytest.mark.parametrize("policy", ["least-request", "random", "balanced"])
def test_what_a_recording_says_of_lengths_does_not_hang_on_the_policy(recorded, engine, tmp_path, policy):
    started = recorded(configuration(tmp_path, [engine().url, engine().url], pool={"policy": policy}))
    errors = load(started.port, "m", "--closed", 4, "--requests", 40, "--input-tokens", "300", "--output-tokens", "7").communicate(timeout=60)[1]
    started.program.stop()
    ran = run("lab", "run", "--trace", started.recording, "--engines", "h100-8b=2", "--csv", tmp_path / "tables")
    assert ran.returncode == 0, errors + ran.stderr
    assert "no recorded answer" not in ran.stderr
    with open(tmp_path / "tables/requests.csv", encoding="utf-8") as table:
        assert [int(row["output_sequence_length"]) for row in csv.DictReader(table)] == [7] * 40


def test_a_start_that_fails_leaves_no_recording_behind(tmp_path):
    file, recording = tmp_path / "evener.yaml", tmp_path / "evener.evr"
    (tmp_path / "token").write_text("short\n")
    file.write_text(json.dumps({**configuration(tmp_path, ["http://127.0.0.1:1"]), "admin": {"listen": "127.0.0.1:0", "token_file": str(tmp_path / "token")}}))
    ran = run("serve", "--config", file, "--record", recording)
    assert ran.returncode != 0 and "token" in ran.stderr
    assert not recording.exists()


def test_a_live_run_with_everything_that_can_happen_to_an_attempt_replays_too(recorded, engine, raw_engine, tmp_path):
    """Hedges, continuations, pre-emption, load reports in answers, and an external endpoint that says what remains of its limits."""
    def rented(connection, request):
        remaining = max(0, 400 - len(rented_engine.requests))
        headers = (f"x-ratelimit-limit-requests: 400\r\nx-ratelimit-remaining-requests: {remaining}\r\nx-ratelimit-reset-requests: 2s",
                   "endpoint-load-metrics: JSON {\"named_metrics\": {\"kv_cache_usage_perc\": 0.5, \"num_requests_waiting\": 1}}")
        if json.loads(request.body).get("stream"):
            events = b'data: {"id":"r","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
            connection.send(chunked(events, b"data: [DONE]\n\n").replace(b"\r\n", ("\r\n" + "\r\n".join(headers) + "\r\n").encode(), 1))
        else:
            connection.send(answer(CHAT, headers=headers))

    rented_engine = raw_engine(rented)
    engines = [engine("fast,stall_first=0.04,stall_s=1,reset=0.06"), engine("fast,stall_first=0.04,stall_s=1"), engine("fast")]
    started = recorded(configuration(tmp_path, [], workers=4, pool={
        "policy": "balanced", "queue": {"requests_max": 64, "wait_max": "5s"}, "classes": {"preempt": True},
        "hedging": {"enabled": True, "delay_min": "20ms", "budget_share": 0.5}, "continuation": {"enabled": True},
        "endpoints": [{"name": f"e{i}", "url": one.url, "capacity": 4} for i, one in enumerate(engines)] +
                     [{"name": "rented", "url": rented_engine.url, "external": {"enabled": True, "requests_per_minute": 6000},
                       "price": {"input_per_million_tokens": 1, "output_per_million_tokens": 2}}]}))
    common = ("--requests", 600, "--output-tokens", "2-8", "--prefix-groups", 10, "--prefix-tokens", 800, "--input-tokens", "100-1500")
    realtime = ("--header", "x-evener-class: realtime", *common)

    def run_all(*loads):
        for one in loads:
            _, errors = one.communicate(timeout=90)
            assert one.returncode in (0, 7), errors

    def happened():
        return {name: sum(started.metric(name, **labels) or 0 for labels in each) for name, each in {
            "evener_hedges_total": [{"result": "won"}, {"result": "lost"}], "evener_continuations_total": [{}], "evener_preemptions_total": [{}]}.items()}

    run_all(load(started.port, "m", "--closed", 12, "--seed", 1, *realtime),
            load(started.port, "m", "--closed", 12, "--seed", 2, "--header", "x-evener-class: background", "--no-stream", *common))
    for seed in range(3, 8):  # where all places are taken nobody is hedged: now few ask at a time
        if not happened()["evener_hedges_total"]:
            run_all(load(started.port, "m", "--closed", 3, "--seed", seed, *realtime))
    assert all(happened().values()), happened()
    assert len(rented_engine.requests) > 0
    started.program.stop()

    ran = run("lab", "replay", started.recording, "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    assert report["differing"] == 0 and report["requests"] >= 1200 and report["end"] == "stopped"


def test_no_word_of_a_prompt_is_recorded(recorded, engine, tmp_path):
    started = recorded(configuration(tmp_path, [engine().url]))
    secret = "an-unmistakable-word"
    assert started.call("POST", CHAT_PATH, chat_body(secret * 300, max_tokens=1, user=secret))[0] == 200
    started.program.stop()
    assert started.recording.stat().st_size > 300
    assert secret.encode() not in started.recording.read_bytes()


def test_a_damaged_or_foreign_file_is_named_and_a_cut_off_one_is_replayed_as_far_as_it_goes(recorded, engine, tmp_path):
    started = recorded(configuration(tmp_path, [engine().url]))
    for _ in range(20):
        assert started.call("POST", CHAT_PATH, chat_body(max_tokens=1))[0] == 200
    started.program.stop()
    good = started.recording.read_bytes()

    cut = tmp_path / "cut.evr"
    cut.write_bytes(good[:-30])
    ran = run("lab", "replay", cut)
    assert ran.returncode == 0 and "cut off" in ran.stdout
    damaged = tmp_path / "damaged.evr"
    damaged.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    ran = run("lab", "replay", damaged)
    assert ran.returncode == 1 and "damaged at byte" in ran.stderr
    foreign = tmp_path / "foreign"
    foreign.write_text("not a recording", encoding="ascii")
    ran = run("lab", "replay", foreign)
    assert ran.returncode == 1 and "no recording" in ran.stderr
    assert run("lab", "replay", tmp_path / "absent").returncode == 1


def test_what_was_recorded_can_be_run_under_other_policies(recorded, engine, tmp_path):
    """Arrivals, lengths, classes and sessions of a live run are a load of the lab."""
    started = recorded(configuration(tmp_path, [engine().url, engine().url], pool={"policy": "balanced"}))
    common = ("--requests", 40, "--prefix-groups", 2, "--prefix-tokens", 1500, "--input-tokens", "1600-3000")
    loads = [load(started.port, "m", "--rate", 40, "--output-tokens", 7, *common),
             load(started.port, "m", "--rate", 40, "--output-tokens", 5, "--header", "x-evener-class: batch", *common)]
    for one in loads:
        _, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
    started.program.stop()

    ran = run("lab", "run", "--trace", started.recording, "--engines", "fast=2", "--policy", "least-request", "--json")
    assert ran.returncode == 0, ran.stderr
    assert "no recorded answer" not in ran.stderr
    simulated = json.loads(ran.stdout)
    assert sum(one["requests"] for one in simulated["endpoints"]) == 80
    assert run("lab", "compare", "--trace", started.recording, "--engines", "fast=2", "--policies", "balanced,round-robin").returncode == 0
    ran = run("lab", "run", "--trace", started.recording, "--pool", "nothing")
    assert ran.returncode == 2 and "there are main" in ran.stderr


def test_a_recording_keeps_to_its_limit_and_never_goes_over_another_file(recorded, engine, tmp_path):
    config = configuration(tmp_path, [engine("fast,context=60000").url, engine("fast,context=60000").url], pool={"policy": "balanced"})
    started = recorded(config, "--record-max-bytes", "1MiB")
    ran = load(started.port, "m", "--closed", 16, "--requests", 1200, "--output-tokens", 1, "--input-tokens", 20_000)
    ran.communicate(timeout=60)
    assert ran.returncode == 0
    wait_until(lambda: started.admin("GET", "/status")[2]["recording"]["ended"] == "size_limit", 10)
    started.program.stop()
    assert started.recording.stat().st_size <= 1 << 20
    ran = run("lab", "replay", started.recording)
    assert ran.returncode == 0 and "size_limit" in ran.stdout

    again = run("serve", "--config", next(tmp_path.glob("recorded*.yaml")), "--record", started.recording)
    assert again.returncode == 1 and "something already" in again.stderr


def test_explain_shows_why_a_request_went_where_it_went(gateway, engine):
    started = gateway(engine().url, engine().url, pool={"policy": "balanced"})
    started.admin("POST", "/pools/main/endpoints/e0/drain")
    headers = started.call("POST", CHAT_PATH, chat_body(max_tokens=3))[1]
    request_id = headers["x-request-id"]
    wait_until(lambda: started.admin("GET", "/explain?request_id=" + request_id)[2]["decisions"][0]["ended"])
    options = ("--config", started.program.config_file, "--admin", f"127.0.0.1:{started.program.port('admin')}")

    ran = run("explain", request_id, *options)
    assert ran.returncode == 0, ran.stderr
    assert all(words in ran.stdout for words in ("dispatched to e1", "only candidate", "draining", "ended: ok", "predicted", "output tokens"))
    value = json.loads(run("explain", request_id, "--json", *options).stdout)
    decision, = value["decisions"]
    assert value["schema"] == "evener.decisions/1" and decision["policy"] == "balanced" and decision["endpoints_total"] == 2
    assert decision["usage"]["output_tokens"] == 3 and decision["prediction"]["prompt_tokens"] > 0

    ran = run("explain", "nobody-asked-this", *options)
    assert ran.returncode == 1 and "no decision about nobody-asked-this" in ran.stderr


def test_explain_says_whether_nobody_answers_or_the_token_is_not_taken(gateway, engine, tmp_path):
    started = gateway(engine().url)
    wrong = tmp_path / "wrong"
    wrong.write_text("some other token of good length\n".replace(" ", "-"), encoding="ascii")
    admin = f"127.0.0.1:{started.program.port('admin')}"
    assert run("explain", "x", "--admin", admin, "--token-file", wrong).returncode == 5
    assert run("explain", "x", "--admin", admin, "--token-file", tmp_path / "absent").returncode == 5
    assert run("explain", "x", "--admin", f"127.0.0.1:{free_port()}", "--token-file", wrong).returncode == 4
    assert run("explain", "x", "--admin", "nonsense").returncode == 2
    assert run("explain").returncode == 2


def test_explain_finds_the_token_that_was_made_at_start(programs, engine, tmp_path):
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    env = {"RUNTIME_DIRECTORY": str(folder)}
    started = Gateway(programs("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--endpoint", engine().url, env=env))
    wait_until(lambda: started.call("POST", CHAT_PATH, chat_body(max_tokens=1))[0] == 200)
    headers = started.call("POST", CHAT_PATH, chat_body(max_tokens=1))[1]
    ran = run("explain", headers["x-request-id"], "--admin", f"127.0.0.1:{started.program.port('admin')}", env=env)
    assert ran.returncode == 0 and "dispatched" in ran.stdout, ran.stderr


def test_a_decision_shows_each_scorer_and_a_reload_of_the_policy(gateway, engine):
    composition = {"scorers": [{"type": "free-capacity", "weight": 1}, {"type": "price", "weight": 2}]}
    started = gateway(engine().url, engine().url, pool={"policy": "composed", "composition": composition})
    request_id = started.call("POST", CHAT_PATH, chat_body(max_tokens=1))[1]["x-request-id"]
    decision, = started.admin("GET", f"/explain?request_id={request_id}")[2]["decisions"]
    assert decision["policy"] == "composed"
    assert all(set(one["scores"]) == {"free-capacity", "price"} and one["cost"] is not None for one in decision["endpoints"])
