"""The official OpenAI SDK for Python, unmodified, through the gateway."""

import asyncio
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


def test_a_body_that_two_readers_could_understand_differently_is_refused(gateway, raw_engine):
    backend = raw_engine()
    started = gateway(backend.url)
    for body in (b'{"model":"m","model":"other","messages":[]}', b'{"model":"m","mod\\u0065l":"other"}', b'{"model":"m"', b'["model"]', b'{"model":7}', b"\xff"):
        status, _, value = started.call("POST", "/v1/chat/completions", body)
        assert (status, value["error"]["code"]) == (400, "invalid_body"), body
    assert not backend.requests


def test_other_apis_pass_by_model(gateway, raw_engine):
    backend = raw_engine(lambda connection, request: connection.send(answer(b'{"text":"heard","data":[{"b64_json":"aGk="}],"results":[],"id":"x","model":"m"}')))
    client = gateway(pools=[{"name": "main", "models": ["m"], "endpoints": [{"url": backend.url, "models": {"m": "org/M"}}]}]).client()
    assert client.audio.transcriptions.create(model="m", file=("a.wav", b"RIFF\x00\x01 model", "audio/wav"), language="en").text == "heard"
    form = backend.requests[-1]
    assert form.line.startswith("POST /v1/audio/transcriptions ") and b'name="model"\r\n\r\norg/M\r\n' in form.body
    assert b"RIFF\x00\x01 model" in form.body and b'name="language"\r\n\r\nen\r\n' in form.body
    assert client.images.generate(model="m", prompt="a horse").data[0].b64_json == "aGk="
    assert client.moderations.create(model="m", input="x").id == "x"
    client.responses.create(model="m", input="x")
    assert [json.loads(r.body)["model"] for r in backend.requests[1:]] == ["org/M"] * 3
    with pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(model="nobody-serves-this", file=("a.wav", b"RIFF", "audio/wav"))


def test_what_need_not_name_a_model_goes_to_whoever_takes_every_model_or_to_the_default(gateway, raw_engine):
    behave = lambda connection, request: connection.send(answer(b'{"data":[{"b64_json":"aGk="}],"results":[],"id":"x","model":"m"}'))
    some, every = raw_engine(behave), raw_engine(behave)
    pools = [{"name": "some", "models": ["m"], "endpoints": [{"url": some.url, "models": {"m": "org/M"}}]},
             {"name": "every", "models": ["*"], "endpoints": [{"url": every.url}]}]
    client = gateway(pools=pools).client()
    assert client.moderations.create(input="x").id == "x"
    assert client.images.generate(prompt="a horse").data[0].b64_json == "aGk="
    assert client.images.edit(image=("a.png", b"PNG", "image/png"), prompt="a horse").data[0].b64_json == "aGk="
    assert len(every.requests) == 3 and not some.requests
    client = gateway(pools=pools, default_model="alias", aliases={"alias": "m"}).client()
    assert client.moderations.create(input="x").id == "x"
    assert json.loads(some.requests[0].body) == {"input": "x"}, "it is passed on as it came"
    client = gateway(pools=pools[:1]).client()
    with pytest.raises(openai.BadRequestError) as refused:
        client.moderations.create(input="x")
    assert refused.value.code == "model_required"
    with pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", body={"messages": []}, cast_to=object)


def test_a_stream_that_breaks_raises_in_the_sdk(gateway, raw_engine):
    event = b'data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"one"}}]}\n\n'

    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(event), event))
        connection.reset()

    seen = []
    with pytest.raises(openai.APIError) as raised:
        for chunk in gateway(raw_engine(behave).url).client().chat.completions.create(model="m", messages=HELLO, stream=True):
            seen.append(chunk.choices[0].delta.content)
    assert seen == ["one"] and raised.value.code == "endpoint_aborted"


def test_fifty_streams_at_once_do_not_mix(gateway, engine):
    engines = [engine("--decode-tokens-per-s", 200) for _ in range(2)]
    started = gateway(*[e.url for e in engines])
    url = f"http://127.0.0.1:{started.port}/v1"

    async def one(client, number):
        stream = await client.chat.completions.create(model="m", messages=HELLO, max_tokens=5 + number % 7, stream=True, stream_options={"include_usage": True})
        return [chunk async for chunk in stream][-1].usage.completion_tokens

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=url, api_key="unused", timeout=20, max_retries=0) as client:
            return await asyncio.gather(*(one(client, number) for number in range(50)))

    assert asyncio.run(all_of_them()) == [5 + number % 7 for number in range(50)]


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
