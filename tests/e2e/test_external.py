"""External APIs: used when the pool's own endpoints are full, within their rate limits and a limit of money; and LoRA adapters."""

import threading

from client import chat_body
from programs import wait_until
from raw_engine import CHAT, answer

API = {"enabled": True}


class Held:
    """An engine that answers a request when it is told to."""

    def __init__(self):
        self.arrived, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, connection, request):
        self.arrived.release()
        assert self.go.wait(10)
        connection.send(answer(CHAT))


def chat(gateway, headers=None, **fields):
    return gateway.call("POST", "/v1/chat/completions", chat_body(**fields), headers)


def endpoint_of(answered):
    return answered[1]["x-evener-endpoint"]


def filtered(gateway, request_id):
    decision = gateway.admin("GET", f"/explain?request_id={request_id}")[2]["decisions"][0]
    return {one["endpoint"]: one["filtered_by"] for one in decision["endpoints"]}


def api(url, price=1, **external):
    return {"name": "api", "url": url, "price": {"input_per_million_tokens": price, "output_per_million_tokens": price},
            "external": {**API, **external}}


def test_an_external_api_gets_only_what_the_pools_own_endpoint_cannot_take(gateway, raw_engine):
    held = Held()
    own, outside = raw_engine(held), raw_engine()
    zones = {"data_classes": {"private": {"zones": ["here"]}}}
    started = gateway(pool={**zones, "endpoints": [{"name": "own", "url": own.url, "capacity": 1, "zone": "here"}, api(outside.url)]})
    first = threading.Thread(target=chat, args=(started,))
    first.start()
    assert held.arrived.acquire(timeout=5)
    assert not outside.requests
    spilled = chat(started)
    assert endpoint_of(spilled) == "api"
    assert filtered(started, spilled[1]["x-request-id"]) == {"own": "capacity", "api": ""}
    assert started.access_line(spilled[1]["x-request-id"])["pick"] == "spill_over"
    private = []
    waiting = threading.Thread(target=lambda: private.append(chat(started, {"x-evener-data-class": "private"})))
    waiting.start()
    wait_until(lambda: started.admin("GET", "/status")[2]["pools"][0]["queued"] == 1)
    assert len(outside.requests) == 1, "what may not leave waits"
    held.go.set()
    first.join()
    waiting.join()
    assert endpoint_of(private[0]) == "own"
    back = chat(started)
    assert endpoint_of(back) == "own"
    assert filtered(started, back[1]["x-request-id"]) == {"own": "", "api": "spill_over"}
    assert not outside.load_requests, "an API of somebody else's is not asked about its load"


def test_rate_limits_that_the_answers_tell_are_kept(gateway, raw_engine):
    told = [f"x-ratelimit-{part}" for part in ("limit-requests: 100", "remaining-requests: 2", "reset-requests: 2h43m20s")]  # one more in 100 s
    outside = raw_engine(lambda connection, request: connection.send(answer(CHAT, headers=told)))
    started = gateway(pool={"endpoints": [api(outside.url)], "queue": {"wait_max": "100ms"}})
    assert chat(started)[0] == 200
    remaining = started.endpoints()["api"]["external"]["remaining"]
    assert 2 <= remaining["requests"] < 2.5 and remaining["tokens"] is None
    assert started.metric("evener_endpoint_rate_remaining", pool="main", endpoint="api", kind="requests") < 2.5
    outside.behave = lambda connection, request: connection.send(answer(CHAT))
    answers = [chat(started) for _ in range(6)]
    assert [a[0] for a in answers] == [200, 200, 429, 429, 429, 429]
    refused = answers[2]
    assert refused[2]["error"]["code"] == "rate_limited" and 50 <= int(refused[1]["retry-after"]) <= 101
    assert filtered(started, refused[1]["x-request-id"]) == {"api": "rate_limit"}
    assert len(outside.requests) == 3


def test_money_is_counted_limited_and_remembered_over_a_reload(gateway, raw_engine, tmp_path):
    outside = raw_engine()  # says that it took 3 tokens in and 1 out
    pool = {"endpoints": [api(outside.url, price=1000, spend={"limit": 10, "per": "1h"})]}
    started = gateway(pool=pool)
    for _ in range(3):
        assert chat(started, max_tokens=10)[0] == 200
    spend = started.endpoints()["api"]["external"]["spend"]
    assert spend["total"] == spend["in_period"] == 0.012 and spend["reserved"] == 0 and spend["limit"] == 10
    assert started.metric("evener_endpoint_spent_total", pool="main", endpoint="api") == 0.012
    assert chat(started, max_tokens=10_000)[2]["error"]["code"] == "spend_limit", "it might cost more than all that is left"
    assert started.admin("POST", "/reload")[0] == 200
    assert started.endpoints()["api"]["external"]["spend"]["total"] == 0.012
    assert started.admin("GET", "/status")[2]["pools"][0]["spend"]["total"] == 0.012
    assert started.metric("evener_refusals_total", pool="main", reason="spend_limit") == 1


def test_the_models_of_an_api_can_be_asked_for_within_a_limit_of_money(gateway, raw_engine):
    outside = raw_engine()
    started = gateway(pools=[{"name": "main", "models": ["*"], "endpoints": [api(outside.url, spend={"limit": 1})]}])
    assert started.call("GET", "/v1/models")[0] == 200


def test_many_clients_at_once_never_spend_more_than_the_limit(gateway, raw_engine):
    outside = raw_engine()
    cost = 0.004  # of 3 + 1 tokens at 1000 per million
    started = gateway(pool={"endpoints": [api(outside.url, price=1000, spend={"limit": 0.5, "per": "1h"})], "queue": {"requests_max": 0}})
    answers = []
    threads = [threading.Thread(target=lambda: answers.extend(chat(started, max_tokens=20)[0] for _ in range(25))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = answers.count(200)
    assert 0 < served and served * cost <= 0.5
    assert served == len(outside.requests)
    spend = started.endpoints()["api"]["external"]["spend"]
    assert spend["reserved"] == 0 and abs(spend["total"] - served * cost) < 1e-9


LORA = b'vllm:num_requests_running 0\nvllm:lora_requests_info{max_lora="4",running_lora_adapters="sql",waiting_lora_adapters=""} 1700000000.5\n'


def test_a_request_for_an_adapter_goes_where_the_adapter_is(gateway, raw_engine):
    plain, adapted, any_one, reports = (raw_engine() for _ in range(4))
    reports.report_load = lambda connection, request: connection.send(
        answer(LORA) if request.line.startswith("GET /metrics ") else answer(b"{}", "404 Not Found"))
    endpoints = [{"name": "plain", "url": plain.url}, {"name": "adapted", "url": adapted.url, "adapters": ["poems"]},
                 {"name": "any", "url": any_one.url, "adapters": ["*"]}, {"name": "reports", "url": reports.url}]
    composition = {"scorers": [{"type": "adapter"}]}
    pool = {"adapters": {"sql": "m", "poems": "m", "rare": "m"}, "policy": "composed", "composition": composition, "endpoints": endpoints,
            "load_reports": {"interval": "100ms"}}
    started = gateway(pool=pool)
    wait_until(lambda: started.endpoints()["reports"]["load"]["adapters"] == ["sql"])

    def asked(model):
        return [started.call("POST", "/v1/chat/completions", chat_body().replace(b'"m"', b'"%s"' % model.encode())) for _ in range(6)]

    assert {endpoint_of(a) for a in asked("poems")} == {"adapted"}, "it has it; another would have to load it first"
    assert {endpoint_of(a) for a in asked("sql")} == {"reports"}
    rare = asked("rare")
    assert {endpoint_of(a) for a in rare} == {"any"}
    assert filtered(started, rare[0][1]["x-request-id"]) == {"plain": "adapter", "adapted": "adapter", "any": "", "reports": "adapter"}
    explained = started.admin("GET", "/explain?model=rare")[2]["pools"][0]["endpoints"]
    assert {e["endpoint"]: e["filtered_by"] for e in explained} == {"plain": "adapter", "adapted": "adapter", "any": "", "reports": "adapter"}
    assert b'"model": "rare"' in any_one.requests[-1].body, "its name is passed on as it is"
    assert {m["id"] for m in started.call("GET", "/v1/models")[2]["data"]} == {"m", "poems", "rare", "sql"}
    assert len({endpoint_of(a) for a in asked("m") + asked("m")}) > 1
    without = gateway(pool={**pool, "endpoints": endpoints[:2]})
    status, _, error = without.call("POST", "/v1/chat/completions", chat_body().replace(b'"m"', b'"rare"'))
    assert status == 404 and error["error"]["code"] == "adapter_unknown"
