"""The official OpenAI SDK for Python, unmodified, through the gateway."""

import json

import openai
import pytest

from conftest import metric_sum
from client import call
from programs import wait_until
from raw_engine import CHAT, answer

HELLO = [{"role": "user", "content": "hello"}]


def test_a_chat_completion_has_text_and_usage(gateway, engine):
    reply = gateway(engine().url).client().chat.completions.create(model="m", messages=HELLO, max_tokens=5)
    assert reply.choices[0].message.content
    assert reply.usage.prompt_tokens > 0 and 1 <= reply.usage.completion_tokens <= 5
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_a_streamed_chat_arrives_in_pieces_with_usage_at_the_end(gateway, engine):
    stream = gateway(engine().url).client().chat.completions.create(
        model="m", messages=HELLO, max_tokens=8, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert sum(bool(c.choices and c.choices[0].delta.content) for c in chunks) > 1
    assert any(c.choices and c.choices[0].finish_reason for c in chunks)
    assert chunks[-1].usage.completion_tokens == 8


def test_a_completion_of_the_older_api_works(gateway, engine):
    reply = gateway(engine().url).client().completions.create(model="m", prompt="once", max_tokens=3)
    assert reply.choices[0].text


def test_embeddings_come_back_one_per_input(gateway, engine):
    reply = gateway(engine().url).client().embeddings.create(model="m", input=["one", "two"], encoding_format="float")
    assert [item.index for item in reply.data] == [0, 1]
    assert len(reply.data[0].embedding) == len(reply.data[1].embedding) > 0


def test_the_list_of_models_is_that_of_the_pools(gateway, engine):
    client = gateway(engine().url, aliases={"small": "m"}).client()
    ids = [model.id for model in client.models.list()]
    assert "m" in ids and "small" in ids
    assert client.models.retrieve("m").id == "m"


def test_an_alias_reaches_the_pool_of_its_model(gateway, raw_engine):
    backend = raw_engine()
    gateway(backend.url, aliases={"small": "m"}).client().chat.completions.create(model="small", messages=HELLO)
    assert json.loads(backend.requests[-1].body)["model"] == "m"


def test_unknown_fields_reach_the_engine_byte_for_byte(gateway, raw_engine):
    backend = raw_engine()
    body = b'{ "model" : "m", "x_unknown": [1e3, 1.0, {"a":null}], "messages":[{"role":"user","content":"\\u00e9 \xc3\xa9"}]}'
    assert gateway(backend.url).call("POST", "/v1/chat/completions", body)[0] == 200
    assert backend.requests[-1].body == body


@pytest.mark.parametrize("make_request, error, code", [
    (lambda c: c.chat.completions.create(model="nobody-serves-this", messages=HELLO), openai.NotFoundError, "model_not_found"),
    (lambda c: c.models.retrieve("nobody-serves-this"), openai.NotFoundError, "model_not_found"),
    (lambda c: c.post("/chat/completions", body={"messages": HELLO}, cast_to=object), openai.BadRequestError, None),
    (lambda c: c.get("/no/such/path", cast_to=object), openai.NotFoundError, None),
])
def test_a_refused_request_raises_the_fitting_class(gateway, raw_engine, make_request, error, code):
    backend = raw_engine()
    with pytest.raises(error) as raised:
        make_request(gateway(backend.url).client())
    assert raised.value.message and raised.value.type
    if code:
        assert raised.value.code == code
    assert not backend.requests


def test_an_error_of_the_engine_passes_through_unchanged(gateway, raw_engine):
    said = b'{"error":{"message":"context too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}'
    backend = raw_engine(lambda connection, request: connection.send(answer(said, "400 Bad Request")))
    with pytest.raises(openai.BadRequestError) as raised:
        gateway(backend.url).client().chat.completions.create(model="m", messages=HELLO)
    assert (raised.value.code, raised.value.param) == ("context_length_exceeded", "messages")


def test_a_body_over_the_limit_is_refused_with_413(gateway, raw_engine):
    backend = raw_engine()
    client = gateway(backend.url, limits={"body_bytes": 100_000}).client()
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 200_000}])
    assert raised.value.status_code == 413
    assert not backend.requests


def test_with_no_endpoint_up_the_client_is_told_to_come_back(gateway, raw_engine):
    backend = raw_engine()
    backend.close()
    started = gateway(backend.url, pool={"queue": {"wait_max": "200ms"}}, wait=False)
    with pytest.raises((openai.InternalServerError, openai.RateLimitError)) as raised:
        started.client().chat.completions.create(model="m", messages=HELLO)
    assert raised.value.status_code in (502, 503)
    assert raised.value.body["message"]


def test_the_sdk_retries_an_overloaded_engine_until_it_answers(gateway, raw_engine):
    answers = iter([answer(b'{"error":{"message":"busy"}}', "503 Service Unavailable")])
    backend = raw_engine(lambda connection, request: connection.send(next(answers, answer(CHAT))))
    client = gateway(backend.url, pool={"retry": {"statuses": []}}).client(max_retries=2)
    assert client.chat.completions.create(model="m", messages=HELLO).choices[0].message.content == "hi"
    assert len(backend.requests) == 2


def test_without_retries_an_overloaded_engine_raises(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.send(answer(b'{"error":{"message":"busy"}}', "503 Service Unavailable")))
    with pytest.raises(openai.InternalServerError):
        gateway(backend.url).client().chat.completions.create(model="m", messages=HELLO)


def test_a_client_that_leaves_mid_stream_frees_the_engine(gateway, engine):
    slow = engine("--decode-tokens-per-s", 20)
    started = gateway(slow.url)
    running = lambda: metric_sum(call(slow.port("engine"), "GET", "/metrics")[2], "vllm:num_requests_running")
    with started.client().chat.completions.create(model="m", messages=HELLO, max_tokens=400, stream=True) as stream:
        next(iter(stream))
        assert running() == 1
    wait_until(lambda: running() == 0, 1.0)
