"""Where requests go and why: prefix caches, unequal engines, zones and data classes, limits of endpoints, composed policies."""

import random
import re

import openai
import pytest

from client import RawClient, chat_body, post
from programs import wait_until

DECISION = "x-evener-decision"


def words(seed, count):
    """English-like text of about `count` words."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choice("etaoinshrdlu") for _ in range(rng.randint(2, 8))) for _ in range(500)]
    return " ".join(rng.choice(vocabulary) for _ in range(count))


def chat(gateway, content="hello", headers=None, **fields):
    return gateway.call("POST", "/v1/chat/completions", chat_body(content, **fields), headers)


def endpoint_of(answer):
    return answer[1]["x-evener-endpoint"]


def cached_of(answer):
    return answer[2]["usage"]["prompt_tokens_details"]["cached_tokens"]


def test_the_same_long_prompt_goes_where_its_prefix_is_cached(gateway, engine):
    started = gateway(*(engine().url for _ in range(4)), pool={"decision_header": True})
    assert started.admin("GET", "/status")[2]["pools"][0]["policy"] == "balanced"
    teaching = [chat(started, words(1000 + n, 300), max_tokens=2) for n in range(12)]  # how many bytes a token has here
    assert all(answer[0] == 200 for answer in teaching)
    for seed in range(5):
        prompt = words(seed, 3000)
        first, second = chat(started, prompt, max_tokens=2), chat(started, prompt + " and then?", max_tokens=2)
        assert endpoint_of(first) == endpoint_of(second)
        assert cached_of(first) == 0
        real = cached_of(second)
        assert real > 0.9 * first[2]["usage"]["prompt_tokens"]
        decision = second[1][DECISION]
        expected = int(re.search(r"cached_tokens_expected=(\d+)", decision)[1])
        assert decision.startswith(f'endpoint="{endpoint_of(second)}";reason=policy')
        assert abs(expected - real) < 0.15 * real, decision
        line = started.access_line(second[1]["x-request-id"])
        assert line["cached_tokens_expected"] == expected and line["cached_tokens"] == real
        assert abs(line["prompt_tokens_estimated"] - line["prompt_tokens"]) < 0.15 * line["prompt_tokens"]
    expected, cached, error = (started.metric("evener_prefix_tokens_total", pool="main", type=kind) for kind in ("expected", "cached", "error"))
    assert cached > 0 and abs(expected - cached) < 0.2 * cached and error < 0.2 * cached
    learned = [e["learned"] for e in started.endpoints().values()]
    assert sum(e["cache_reports"] for e in learned) == 22
    assert all(e["in_flight_prompt_tokens"] == 0 and e["in_flight_output_tokens"] == 0 for e in learned)


def test_tenants_learn_nothing_from_each_others_prefixes(gateway, engine):
    started = gateway(engine().url, engine().url, pool={"decision_header": True})
    prompt = words(7, 2000)
    assert chat(started, prompt, {"x-evener-tenant": "a"}, max_tokens=2)[0] == 200
    other = chat(started, prompt, {"x-evener-tenant": "b"}, max_tokens=2)
    same = chat(started, prompt, {"x-evener-tenant": "a"}, max_tokens=2)
    assert "cached_tokens_expected=0" in other[1][DECISION]
    assert "cached_tokens_expected=0" not in same[1][DECISION]


def test_tenants_whose_long_names_begin_alike_learn_nothing_from_each_other_either(gateway, engine):
    started = gateway(engine().url, engine().url, pool={"decision_header": True})
    prompt, common = words(8, 2000), "department-" * 20
    assert chat(started, prompt, {"x-evener-tenant": common + "a"}, max_tokens=2)[0] == 200
    assert "cached_tokens_expected=0" in chat(started, prompt, {"x-evener-tenant": common + "b"}, max_tokens=2)[1][DECISION]
    assert "cached_tokens_expected=0" not in chat(started, prompt, {"x-evener-tenant": common + "a"}, max_tokens=2)[1][DECISION]


def test_prompts_of_400_kb_are_placed_by_their_prefix_too(gateway, engine):
    started = gateway(*(engine("fast,context=300000,kv_blocks=100000").url for _ in range(3)), pool={"decision_header": True})
    prompt = words(1, 72_000)[:400_000]
    first = chat(started, prompt, max_tokens=2)
    assert first[0] == 200, first[2]
    for _ in range(3):
        again = chat(started, prompt, max_tokens=2)
        assert endpoint_of(again) == endpoint_of(first)
        assert int(re.search(r"cached_tokens_expected=(\d+)", again[1][DECISION])[1]) > 50_000


def test_streams_teach_the_speed_of_each_endpoint_and_predictions_follow(gateway, engine):
    slow = engine("fast,prefill_tokens_per_s=4000,step_ms=8")
    started = gateway(slow.url, engine("fast,prefill_tokens_per_s=40000,step_ms=1").url)
    for number in range(40):
        body = chat_body(words(number, 100 + 40 * (number % 7)), max_tokens=8, stream=True)
        assert started.call("POST", "/v1/chat/completions", body)[0] == 200
    learned = wait_until(lambda: (all_of := {n: e["learned"] for n, e in started.endpoints().items()}) and all_of["e1"]["token_s"] is not None and all_of)
    assert learned["e1"]["prefill_s_per_token"] < 1 / 4000
    requests = {name: e["requests_total"] for name, e in started.endpoints().items()}
    assert requests["e1"] > 2 * requests["e0"], requests  # one at a time: the fast one is free nearly always
    assert started.metric("evener_first_token_prediction_error_ratio_count", pool="main") > 5


ZONES = {"zones": {"edge": {"latency": "1ms"}, "cloud": {"latency": "40ms"}}, "data_classes": {"private": {"zones": ["edge"]}, "open": {"zones": ["edge", "cloud"]}}, "policy": "least-request",
         "panic_threshold": 0}


def zoned(edge, cloud, **edge_fields):
    return [{"name": "edge", "url": edge, "zone": "edge", **edge_fields}, {"name": "cloud", "url": cloud, "zone": "cloud"}]


def test_private_requests_stay_at_the_edge_and_are_refused_when_it_is_down(gateway, engine):
    edge, cloud = engine(), engine()
    started = gateway(pool={**ZONES, "endpoints": zoned(edge.url, cloud.url)})
    private = {"x-evener-data-class": "private"}
    assert {endpoint_of(chat(started, headers=private, max_tokens=1)) for _ in range(10)} == {"edge"}
    assert {endpoint_of(chat(started, max_tokens=1)) for _ in range(10)} == {"edge", "cloud"}
    with RawClient(started.port) as client:  # whoever put an empty or another class in front of it opens nothing
        for above in ("x-evener-data-class:", "x-evener-data-class: open"):
            for _ in range(5):
                client.send(post("/v1/chat/completions", chat_body(max_tokens=1), above, "x-evener-data-class: private"))
                assert endpoint_of(client.read()) == "edge"
    status, _, error = chat(started, headers={"x-evener-data-class": "secret"}, max_tokens=1)
    assert status == 400 and error["error"]["code"] == "unknown_data_class"
    edge.stop()
    wait_until(lambda: started.endpoints()["edge"]["health"] != "healthy")
    for _ in range(5):
        status, headers, error = chat(started, headers=private, max_tokens=1)
        assert status == 503 and error["error"]["code"] == "zone_unavailable" and "x-evener-endpoint" not in headers
    assert endpoint_of(chat(started, max_tokens=1)) == "cloud"
    assert started.metric("evener_refusals_total", pool="main", reason="zone_unavailable") == 5


def test_a_private_request_whose_endpoint_dies_under_it_does_not_go_elsewhere(gateway, engine, raw_engine):
    def die(connection, _):
        connection.socket.close()

    edge, cloud = raw_engine(die), engine()
    pool = {**ZONES, "default_data_class": "private", "endpoints": zoned(edge.url, cloud.url), "health_check": {"enabled": False}}
    started = gateway(pool=pool, wait=False)
    wait_until(lambda: started.admin("GET", "/readyz")[0] == 200)
    for _ in range(3):
        status, _, error = chat(started, max_tokens=1)
        assert status in (502, 503) and error["error"]["code"] in ("endpoint_failed", "zone_unavailable")
    assert started.endpoints()["cloud"]["requests_total"] == 0


def test_a_request_goes_only_where_its_prompt_and_its_pictures_fit(gateway, engine):
    small = {"context_tokens_max": 2000, "modalities": ["text"]}
    started = gateway(pool={"endpoints": zoned(engine().url, engine("fast,context=60000").url, **small), "decision_header": True})
    assert {endpoint_of(chat(started, words(n, 3000), max_tokens=1)) for n in range(6)} == {"cloud"}
    picture = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    assert {endpoint_of(chat(started, picture, max_tokens=1)) for _ in range(6)} == {"cloud"}
    assert {endpoint_of(chat(started, max_tokens=1)) for _ in range(20)} == {"edge", "cloud"}
    for content, reason in ((words(9, 3000), "context"), (picture, "modality")):
        request_id = chat(started, content, max_tokens=1)[1]["x-request-id"]
        decision = started.admin("GET", f"/explain?request_id={request_id}")[2]["decisions"][0]
        assert [e["filtered_by"] for e in decision["endpoints"] if e["endpoint"] == "edge"] == [reason]


def test_what_fits_nowhere_is_refused_as_openai_would(gateway, engine):
    endpoints = [{"name": "only", "url": engine().url, "context_tokens_max": 1000, "modalities": ["text"]}]
    started = gateway(pool={"endpoints": endpoints})
    client = started.client()
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": words(1, 3000)}])
    assert refused.value.code == "context_length_exceeded"
    status, _, error = chat(started, [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/i.png"}}])
    assert status == 400 and error["error"]["code"] == "modality_unsupported"
    assert chat(started, max_tokens=1)[0] == 200


def test_a_policy_composed_in_the_configuration_is_used(gateway, engine):
    composition = {"scorers": [{"type": "price", "weight": 1}, {"type": "prefix-hit", "weight": 0.1}], "picker": "best"}
    endpoints = [{"name": name, "url": engine().url, "price": {"input_per_million_tokens": price, "output_per_million_tokens": price}}
                 for name, price in (("dear", 10), ("cheap", 1), ("middle", 5))]
    started = gateway(pool={"policy": "composed", "composition": composition, "endpoints": endpoints})
    assert started.admin("GET", "/status")[2]["pools"][0]["policy"] == "composed"
    assert {endpoint_of(chat(started, words(n, 50), max_tokens=1)) for n in range(10)} == {"cheap"}


def priced(name, url, price):
    return {"name": name, "url": url, "price": {"input_per_million_tokens": price, "output_per_million_tokens": price}}


def test_cheapest_within_objectives_pays_only_for_what_the_cheap_endpoint_cannot_do(gateway, engine):
    cheap, dear = engine("fast,prefill_tokens_per_s=4000,step_ms=40"), engine("fast,prefill_tokens_per_s=400000,step_ms=1")
    classes = {"realtime": {"first_token_objective": "300ms", "refuse_late": False}, "background": {"token_objective": "20ms"}}
    pool = {"policy": "cheapest-within-slo", "classes": classes, "endpoints": [priced("cheap", cheap.url, 1), priced("dear", dear.url, 10)]}
    started = gateway(pool=pool)

    def chosen(number, size, headers=None):
        answer = chat(started, words(number, size), headers, max_tokens=8, stream=True)
        assert answer[0] == 200
        return endpoint_of(answer)

    for number in range(40):  # both are learned: prompts of several lengths, of classes without objectives and with one that drives away
        chosen(number, 100 + 100 * (number % 6))
        chosen(1000 + number, 100 + 100 * (number % 6), {"x-evener-token-ms": "20"})
    wait_until(lambda: all(e["learned"]["token_s"] is not None for e in started.endpoints().values()))
    assert {chosen(2000 + n, 1500) for n in range(5)} == {"cheap"}
    assert {chosen(3000 + n, 1500, {"x-evener-class": "realtime"}) for n in range(5)} == {"dear"}
    assert {chosen(4000 + n, 50, {"x-evener-class": "realtime"}) for n in range(5)} == {"cheap"}
    assert {chosen(5000 + n, 50, {"x-evener-class": "background"}) for n in range(5)} == {"dear"}
    assert {chosen(6000 + n, 1500, {"x-evener-first-token-ms": "300"}) for n in range(5)} == {"dear"}
    assert {chosen(7000 + n, 50, {"x-evener-token-ms": "200"}) for n in range(5)} == {"cheap"}


@pytest.mark.parametrize("policy", ["balanced", "sticky-until-saturated", "blend", "dynamo-cost", "smg-cache-aware", "least-load", "cheapest-within-slo",
                                    "dynamo-lmetric", "aibrix-prefix-cache", "vtc", "orca-weighted"])
def test_every_policy_serves_and_leaves_nothing_in_flight(gateway, engine, policy):
    started = gateway(engine().url, engine().url, pool={"policy": policy})
    for number in range(6):
        assert chat(started, words(number % 3, 400), max_tokens=2, stream=number % 2 == 0)[0] == 200
    # The client has its answer a moment before the gateway has closed its books.
    wait_until(lambda: all(endpoint["in_flight"] == 0 for endpoint in started.endpoints().values()))
    for endpoint in started.endpoints().values():
        learned = endpoint["learned"]
        assert learned["in_flight_prompt_tokens"] == learned["in_flight_uncached_tokens"] == learned["in_flight_output_tokens"] == 0
