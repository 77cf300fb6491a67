"""What endpoints say of their load: found by itself, shown with its age, and never in the way of requests."""

import json
import re
import threading
import time

from client import chat_body
from programs import free_port, wait_until
from raw_engine import CHAT, answer

FAST = {"interval": "100ms", "timeout": "150ms"}

VLLM = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
vllm:num_requests_waiting{engine="0",model_name="m"} 0.0
vllm:gpu_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3"} 1.0
"""
LLAMA = b"llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\nllamacpp:tokens_predicted_total 100\n"
SLOTS = b'[{"id":0,"is_processing":true},{"id":1,"is_processing":true},{"id":2,"is_processing":false}]'
LOADS = json.dumps({"dp_rank_count": 1, "loads": [{"dp_rank": 0, "num_running_reqs": 5, "num_waiting_reqs": 2, "num_waiting_uncached_tokens": 700,
                                                   "num_used_tokens": 10, "max_total_num_tokens": 1000, "token_usage": 0.01,
                                                   "gen_throughput": 12.5, "utilization": -1, "max_running_requests": 64}]}).encode()


def pages(**by_path):
    """Reports by path; everything else is not there."""
    def report(connection, request):
        path = request.line.split(" ")[1].split("?")[0]
        body = by_path.get(path.strip("/").replace("/", "_"))
        connection.send(answer(body) if body is not None else answer(b"{}", "404 Not Found"))
    return report


def load(gateway, name):
    return gateway.endpoints()[name]["load"]


def chat(gateway, **fields):
    return gateway.call("POST", "/v1/chat/completions", chat_body(**fields))


def test_an_emulated_engine_is_found_to_be_vllm_and_its_figures_are_shown(gateway, engine):
    started = gateway(engine().url, pool={"load_reports": FAST})
    assert chat(started, max_tokens=4)[0] == 200
    found = wait_until(lambda: (seen := load(started, "e0")) and seen["generated_tokens_per_s"] is not None and seen)
    assert found["engine"] == "vllm"
    assert found["finding"] == "vLLM (/metrics): running, waiting, KV use, KV capacity, token rate, prefix hits present"
    assert found["running"] == 0 and found["waiting"] == 0 and 0 <= found["kv_used"] <= 1 and found["kv_capacity_tokens"] > 0
    assert found["age_s"] < 2 and found["last_failure"] == ""
    assert found["waiting_tokens"] is None and found["utilization"] is None and found["requests_max"] is None
    assert any(line.get("event") == "load report" and line["finding"] == found["finding"] for line in started.program.log)
    labels = {"pool": "main", "endpoint": "e0"}
    assert started.metric("evener_endpoint_reported_kv_capacity_tokens", **labels) == found["kv_capacity_tokens"]
    assert started.metric("evener_endpoint_report_age_seconds", **labels) < 2
    assert started.metric("evener_endpoint_report_readings_total", **labels) > 1
    assert started.metric("evener_endpoint_reported_utilization_ratio", **labels) is None
    assert started.metric("evener_endpoint_reported_requests_limit", **labels) is None


def test_what_runs_on_an_engine_is_seen(gateway, engine):
    started = gateway(engine("--decode-tokens-per-s", 50).url, pool={"load_reports": FAST})
    wait_until(lambda: load(started, "e0")["running"] == 0)
    thread = threading.Thread(target=chat, args=(started,), kwargs={"max_tokens": 60})
    thread.start()
    wait_until(lambda: load(started, "e0")["running"] == 1)
    thread.join()
    wait_until(lambda: load(started, "e0")["running"] == 0)


def test_each_kind_of_engine_is_recognised_without_being_named(gateway, raw_engine):
    engines = [raw_engine() for _ in range(5)]
    engines[0].report_load = pages(metrics=VLLM)
    engines[1].report_load = pages(metrics=LLAMA, slots=SLOTS)
    engines[2].report_load = pages(v1_loads=LOADS)
    engines[3].report_load = pages(version=b'{"version":"0.11.0"}')
    started = gateway(*(one.url for one in engines), pool={"load_reports": FAST})

    vllm = wait_until(lambda: (seen := load(started, "e0"))["engine"] and seen)
    assert vllm["finding"] == "vLLM (/metrics): running, waiting, KV use present; KV capacity, token rate, prefix hits absent"
    assert (vllm["running"], vllm["waiting"], vllm["kv_used"], vllm["kv_capacity_tokens"]) == (7, 0, 0.25, None)
    llama = wait_until(lambda: (seen := load(started, "e1"))["generated_tokens_per_s"] is not None and seen)
    assert llama["finding"] == "llama.cpp (/metrics, /slots): running, waiting, token rate, request limit present; KV use absent"
    assert (llama["running"], llama["waiting"], llama["requests_max"], llama["kv_used"]) == (2, 1, 3, None)
    sglang = wait_until(lambda: (seen := load(started, "e2"))["engine"] and seen)
    assert sglang["engine"] == "sglang"
    assert (sglang["running"], sglang["waiting"], sglang["waiting_tokens"], sglang["requests_max"]) == (5, 2, 700, 64)
    assert sglang["utilization"] is None and sglang["prefix_hit_share"] is None
    quiet = wait_until(lambda: (seen := load(started, "e3"))["engine"] and seen)
    assert "--disable-log-stats" in quiet["finding"] and quiet["age_s"] is None
    none = wait_until(lambda: (seen := load(started, "e4"))["finding"] == "no load report found" and seen)
    assert none["engine"] is None and none["running"] is None and none["age_s"] is None

    # Where there is none, it is not asked for all the time.
    asked = len(engines[4].load_requests)
    readings = load(started, "e0")["readings_total"]
    wait_until(lambda: load(started, "e0")["readings_total"] > readings + 5)
    assert len(engines[4].load_requests) == asked
    # One kept connection serves the readings.
    assert len(engines[0].connections) <= 3


def hang(connection, request):
    connection.wait_for_end(20)
    return False


def garbage(connection, request):
    connection.send(answer(b"\x00\xff<html>{{{ not a metric\n" * 50))


def huge(connection, request):
    piece = b"vllm:num_requests_running 1\n" * 4000
    try:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % (50 << 20))
        for _ in range((50 << 20) // len(piece)):
            connection.send(piece)
    except OSError:
        pass
    return False


def not_http(connection, request):
    connection.send(b"220 mail.example ESMTP\r\n")
    return False


def gone(connection, request):
    connection.reset()
    return False


def test_reports_that_hang_are_garbage_huge_or_reset_stop_nothing(gateway, engine, raw_engine):
    bad = {"e1": hang, "e2": garbage, "e3": huge, "e4": not_http, "e5": gone}
    engines = [raw_engine() for _ in bad]
    for one, report in zip(engines, bad.values()):
        one.report_load = report
    started = gateway(engine().url, *(one.url for one in engines), pool={"load_reports": FAST})
    wait_until(lambda: load(started, "e0")["running"] is not None)
    resident = started.program.resident_bytes()
    for number in range(40):
        begun = time.monotonic()
        assert chat(started, max_tokens=1)[0] == 200, number
        assert time.monotonic() - begun < 2
    for name in bad:
        seen = wait_until(lambda name=name: (state := load(started, name))["finding"].startswith("no load report") and state, 20)
        assert seen["age_s"] is None and seen["running"] is None, name
    assert "larger than 4194304 bytes" in load(started, "e3")["finding"]
    assert started.program.resident_bytes() - resident < 64 << 20
    assert all(endpoint["health"] == "healthy" for endpoint in started.endpoints().values())
    assert load(started, "e0")["age_s"] < 2


def test_a_report_that_stops_grows_old_and_the_endpoint_is_still_used(gateway, raw_engine):
    backend = raw_engine()
    backend.report_load = pages(metrics=VLLM)
    started = gateway(backend.url, pool={"load_reports": FAST})
    wait_until(lambda: load(started, "e0")["running"] == 7)
    backend.report_load = pages()
    lost = wait_until(lambda: (seen := load(started, "e0"))["finding"].startswith("load report lost") and seen)
    assert "answered 404" in lost["finding"] and lost["failures_total"] >= 3
    assert lost["running"] == 7 and lost["age_s"] > 0.1
    assert chat(started)[0] == 200

    # Another engine took its place.
    backend.report_load = pages(v1_loads=LOADS)
    back = wait_until(lambda: (seen := load(started, "e0"))["running"] == 5 and seen, 15)
    assert back["engine"] == "sglang" and back["age_s"] < 2


def test_an_engine_that_dies_and_returns_is_read_again(gateway, programs):
    port = free_port()
    arguments = ("engine", "--port", port, "--model", "m")
    first = programs(*arguments)
    first.address("engine")
    started = gateway(f"http://127.0.0.1:{port}", pool={"load_reports": FAST})
    wait_until(lambda: load(started, "e0")["running"] == 0)
    first.kill()
    wait_until(lambda: load(started, "e0")["failures_total"] > 0)
    programs(*arguments).address("engine")
    wait_until(lambda: (load(started, "e0")["age_s"] or 9) < 0.5, 15)


def test_other_servers_are_read_by_the_operators_metrics(gateway, raw_engine):
    backend = raw_engine()
    backend.report_load = pages(stats=b'app_busy{queue="gpu"} 3\napp_busy{queue="cpu"} 90\napp_cache_percent 40\napp_tokens_total 5\n')
    figures = {"running": {"metric": "app_busy", "labels": {"queue": "gpu"}}, "kv_used": {"metric": "app_cache_percent", "scale": 0.01},
               "waiting": {"metric": "app_queue"}}
    started = gateway(backend.url, pool={"load_reports": {**FAST, "path": "/stats", "figures": figures}})
    seen = wait_until(lambda: (state := load(started, "e0"))["running"] == 3 and state)
    assert seen["kv_used"] == 0.4 and seen["waiting"] is None and seen["engine"] is None
    assert seen["finding"] == "unknown engine (/stats): running, KV use present"
    assert {request.line for request in backend.load_requests} == {"GET /stats HTTP/1.1"}


def test_metrics_on_another_port_are_asked_there_and_without_the_key(programs, raw_engine, gateway):
    backend, metrics = raw_engine(), raw_engine()
    metrics.report_load = pages(metrics=b'nv_inference_pending_request_count{model="a"} 5\n')
    endpoint = {"name": "e0", "url": backend.url + "/prefix", "engine": "triton", "api_key_env": "KEY_OF_TEST", "metrics_port": int(metrics.url.rpartition(":")[2])}
    started = gateway(pool={"load_reports": FAST, "endpoints": [endpoint], "health_check": {"enabled": False}})
    seen = wait_until(lambda: (state := load(started, "e0"))["waiting"] == 5 and state)
    assert seen["finding"].startswith("Triton (/metrics): waiting present; running, KV use")
    assert not backend.load_requests and all(not request.header("authorization") for request in metrics.load_requests)


def test_reports_can_be_switched_off_and_on_by_a_reload(gateway, raw_engine):
    backend = raw_engine()
    backend.report_load = pages(metrics=VLLM)
    started = gateway(backend.url, pool={"load_reports": {"enabled": False}})
    wait_until(lambda: load(started, "e0")["finding"] == "load reports are off")
    assert chat(started)[0] == 200 and not backend.load_requests
    file = started.program.config_file
    config = json.loads(file.read_text(encoding="utf-8"))
    config["pools"][0]["load_reports"] = FAST
    file.write_text(json.dumps(config), encoding="utf-8")
    assert started.admin("POST", "/reload")[0] == 200
    wait_until(lambda: load(started, "e0")["running"] == 7)


def test_the_status_page_shows_reports_and_escapes_what_endpoints_say(gateway, raw_engine):
    backend, hostile = raw_engine(), raw_engine()
    backend.report_load = pages(metrics=VLLM)
    hostile.report_load = pages(metrics=b'vllm:lora_requests_info{running_lora_adapters="<b>x</b>"} 1\nvllm:num_requests_running 1\n')
    started = gateway(backend.url, hostile.url, pool={"load_reports": FAST})
    wait_until(lambda: load(started, "e0")["running"] == 7 and load(started, "e1")["running"] == 1)
    assert load(started, "e1")["adapters"] == ["<b>x</b>"]
    page = started.admin("GET", "/status.html")[2]
    assert re.search(r"7 running, 0 waiting, KV 25 %, \d+\.\d s ago", page)
    assert 'title="vLLM (/metrics): running, waiting, KV use present' in page and "<b>x</b>" not in page


def test_an_endpoint_can_be_removed_while_its_report_hangs(gateway, raw_engine):
    backend, other = raw_engine(), raw_engine()
    backend.report_load = hang
    started = gateway(backend.url, other.url, pool={"load_reports": {"interval": "100ms", "timeout": "10s"}})
    wait_until(lambda: backend.load_requests)
    assert started.admin("DELETE", "/pools/main/endpoints/e0")[0] == 200
    wait_until(lambda: set(started.endpoints()) == {"e1"})
    assert chat(started)[0] == 200


def test_a_report_in_the_header_of_an_answer_is_read_and_kept_from_the_client(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.send(answer(
        CHAT, headers=["endpoint-load-metrics: TEXT named_metrics.kv_cache_usage_perc=0.4, named_metrics.num_requests_waiting=3"])))
    started = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "engine": "vllm"}], "load_reports": FAST})
    status, headers, _ = chat(started)
    assert status == 200 and "endpoint-load-metrics" not in headers
    assert backend.requests[-1].header("endpoint-load-metrics-format") == ["text"]
    found = load(started, "e0")
    assert (found["waiting"], found["kv_used"], found["running"]) == (3, 0.4, None)


def test_a_client_that_asks_for_the_load_itself_gets_it(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.send(answer(CHAT, headers=["endpoint-load-metrics: TEXT named_metrics.num_requests_waiting=3"])))
    started = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "engine": "vllm"}]})
    _, headers, _ = started.call("POST", "/v1/chat/completions", chat_body(), {"Endpoint-Load-Metrics-Format": "text"})
    assert headers["endpoint-load-metrics"] and backend.requests[-1].header("endpoint-load-metrics-format") == ["text"]
    assert load(started, "e0")["waiting"] == 3


def test_engines_that_do_not_know_the_header_are_not_asked_and_it_can_be_switched_off(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.send(answer(CHAT, headers=["endpoint-load-metrics: TEXT named_metrics.num_requests_waiting=3"])))
    started = gateway(backend.url)
    _, headers, _ = chat(started)
    assert headers["endpoint-load-metrics"] and backend.requests[-1].header("endpoint-load-metrics-format") == []
    assert load(started, "e0")["waiting"] == 3
    off = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "engine": "vllm"}], "load_reports": {"in_answers": False}})
    assert chat(off)[0] == 200
    assert backend.requests[-1].header("endpoint-load-metrics-format") == [] and load(off, "e0")["waiting"] is None
