"""Streams whose endpoint breaks off: begun again without a trace while only a role has come, and continued elsewhere where the pool says so."""

import json
import random
import time

import openai
import pytest

from client import RawClient, call, chat_body, post
from cutting_proxy import CuttingProxy
from programs import wait_until
from raw_engine import chunked

PROMPT = "Tell me of the team of horses"
CONTINUED = {"policy": "round-robin", "continuation": {"enabled": True}, "health_check": {"enabled": False},
             "outlier": {"enabled": False}, "retry": {"attempts_max": 10, "budget_min": 1000}}


class Api:
    """Chats or completions, asked in the same way."""

    def __init__(self, name):
        self.name = name
        self.path = "/v1/" + ("chat/completions" if name == "chat" else "completions")

    def request(self, **fields):
        prompt = {"messages": [{"role": "user", "content": PROMPT}]} if self.name == "chat" else {"prompt": PROMPT}
        return {"model": "m", **prompt, **fields}

    def whole(self, engine, **fields):
        """The text of an answer that nothing happens to; every engine gives the same."""
        status, _, value = call(engine.port("engine"), "POST", self.path, self.request(**fields))
        assert status == 200, value
        choice = value["choices"][0]
        return choice["message"]["content"] if self.name == "chat" else choice["text"]

    def begin(self, client, **fields):
        client.send(post(self.path, json.dumps(self.request(stream=True, **fields)).encode()))
        return client.read_head()


@pytest.fixture(params=["chat", "text"])
def api(request):
    return Api(request.param)


@pytest.fixture
def cutting_proxy():
    proxies = []

    def start(url):
        proxies.append(CuttingProxy(url))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


class Stream:
    """What a client makes of the events of one stream."""

    def __init__(self):
        self.text, self.ids, self.roles, self.finished, self.usage, self.errors, self.done = "", set(), 0, [], None, [], 0
        self.rest = b""

    def take(self, data):
        self.rest += data
        while b"\n\n" in self.rest:
            event, _, self.rest = self.rest.partition(b"\n\n")
            assert event.startswith(b"data: "), event
            if event == b"data: [DONE]":
                self.done += 1
                continue
            chunk = json.loads(event[6:])
            if "error" in chunk:
                self.errors.append(chunk["error"]["code"])
                continue
            self.ids.add((chunk["id"], chunk["created"], chunk["model"]))
            self.usage = chunk.get("usage") or self.usage
            for choice in chunk["choices"]:
                delta = choice.get("delta", {"content": choice.get("text")})
                self.roles += "role" in delta
                self.text += delta.get("content") or ""
                self.finished += [choice["finish_reason"]] if choice["finish_reason"] else []
        return self

    def read(self, client):
        """To the end of the answer; EOFError or a reset where it is cut off."""
        while data := client.read_chunk():
            self.take(data)
        return self


def check_whole(stream, api, text, finish):
    assert stream.text == text
    assert stream.rest == b"" and stream.done == 1 and stream.errors == []
    assert stream.finished == [finish] and len(stream.ids) == 1
    assert stream.roles == (1 if api.name == "chat" else 0)


@pytest.mark.parametrize("finish", ["length", "stop"])
def test_an_engine_killed_in_mid_stream_is_continued_by_another_and_the_client_sees_one_answer(gateway, engine, api, finish):
    if finish == "stop" and api.name == "text":
        pytest.skip("an emulated engine cannot tell a prompt from the answer behind it, so it does not know when it would have ended")
    engines = [engine("--decode-tokens-per-s", 100) for _ in range(2)]
    started = gateway(*[e.url for e in engines], pool=CONTINUED)
    fields = {"max_tokens": 60} if finish == "length" else {"evener_output_tokens": 60}
    text = api.whole(engines[0], **fields)
    with RawClient(started.port) as client:
        _, headers = api.begin(client, stream_options={"include_usage": True}, **fields)
        stream = Stream()
        while len(stream.text.split()) < 12:
            stream.take(client.read_chunk())
        first = headers["x-evener-endpoint"]
        engines[int(first[1:])].kill()
        stream.read(client)
        check_whole(stream, api, text, finish)
        assert stream.usage["completion_tokens"] == 60
        assert stream.usage["total_tokens"] == stream.usage["prompt_tokens"] + 60
        line = started.access_line(headers["x-request-id"])
        assert (line["ended"], line["continued"], line["continued_from"], line["attempts"]) == ("done", 1, first, 2)
        assert line["endpoint"] != first and line["completion_tokens"] == 60
        # The connection goes on with the next request.
        assert client.send(post("/v1/chat/completions", chat_body(max_tokens=1))).read()[0] == 200
    assert started.metric("evener_continuations_total", result="done") == 1
    assert started.metric("evener_continuations_total", result="failed") == 0


def test_wherever_connections_are_cut_no_token_comes_twice_or_is_missing(gateway, engine, cutting_proxy, api):
    target = engine()
    cut = [cutting_proxy(target.url) for _ in range(3)]
    started = gateway(*[proxy.url for proxy in cut], target.url, pool=CONTINUED)
    text = api.whole(target, max_tokens=24)
    requests = []
    for seed in range(60):
        rng = random.Random(seed)
        for proxy in cut:
            proxy.cut_after = rng.randrange(6500)
        with RawClient(started.port) as client:
            _, headers = api.begin(client, max_tokens=24)
            stream = Stream().read(client)
        try:
            check_whole(stream, api, text, "length")
        except AssertionError as wrong:
            raise AssertionError(f"seed {seed}, cut after {[proxy.cut_after for proxy in cut]}") from wrong
        requests.append(headers["x-request-id"])
    continued = sum(started.access_line(request).get("continued", 0) for request in requests)
    assert continued > 30, "most cuts are behind the first content"


def test_a_stream_that_falls_silent_is_continued(gateway, engine, api):
    stalling = engine("--fault", "stall_stream=1", "--fault", "stall_after_tokens=7")
    good = engine()
    started = gateway(stalling.url, good.url, pool={**CONTINUED, "timeouts": {"between_tokens": "200ms"}})
    text = api.whole(good, max_tokens=30)
    continued = []
    for _ in range(2):
        with RawClient(started.port) as client:
            _, headers = api.begin(client, max_tokens=30)
            check_whole(Stream().read(client), api, text, "length")
        continued.append(started.access_line(headers["x-request-id"]).get("continued_from"))
    assert set(continued) == {None, "e0"}


def test_without_continuation_a_cut_stream_ends_with_an_error_event(gateway, engine, api):
    engines = [engine("--fault", "reset=1", "--fault", "reset_after_tokens=5"), engine()]
    started = gateway(*[e.url for e in engines], pool={**CONTINUED, "continuation": {"enabled": False}})
    text = api.whole(engines[1], max_tokens=24)
    cut = 0
    for _ in range(2):
        with RawClient(started.port) as client:
            _, headers = api.begin(client, max_tokens=24)
            stream = Stream()
            try:
                check_whole(stream.read(client), api, text, "length")
            except (EOFError, ConnectionError):
                cut += 1
                assert stream.errors == ["endpoint_aborted"] and stream.done == 0
                assert text.startswith(stream.text) and len(stream.text.split()) == 5
                line = started.access_line(headers["x-request-id"])
                assert line["ended"] == "endpoint_aborted" and "continued" not in line
    assert cut == 1


def test_when_nobody_can_continue_the_client_is_told_as_without_it(gateway, engine, api):
    alone = engine("--fault", "reset=1", "--fault", "reset_after_tokens=5")
    started = gateway(alone.url, pool=CONTINUED)
    with RawClient(started.port) as client:
        _, headers = api.begin(client, max_tokens=30)
        stream = Stream()
        with pytest.raises((EOFError, ConnectionError)):
            stream.read(client)
    assert stream.errors == ["endpoint_aborted"] and stream.done == 0
    assert len(stream.text.split()) == 5
    assert started.access_line(headers["x-request-id"])["ended"] == "endpoint_aborted"
    assert started.metric("evener_continuations_total", result="failed") == 1


def chunk(delta, **more):
    return b"data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
                                   "choices": [{"index": 0, "delta": delta, "finish_reason": None, **more}]}).encode() + b"\n\n"


ROLE = chunk({"role": "assistant", "content": ""})


def unfinished(*events):
    return chunked(*events)[:-5]


@pytest.mark.parametrize("delta", [{"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]}, {"reasoning_content": "Hm"}])
def test_an_answer_that_has_more_than_text_is_not_continued(gateway, raw_engine, delta):
    def break_off(connection, request):
        connection.send(unfinished(ROLE, chunk(delta)))
        return False

    engines = [raw_engine(break_off) for _ in range(2)]
    started = gateway(*[e.url for e in engines], pool=CONTINUED)
    with RawClient(started.port) as client:
        said = client.send(post("/v1/chat/completions", chat_body(stream=True))).read_to_end()
    assert b"endpoint_aborted" in said
    assert sum(len(e.requests) for e in engines) == 1


def test_the_request_for_the_rest_is_the_clients_with_the_text_behind_its_prompt(gateway, raw_engine):
    def break_off(connection, request):
        connection.send(unfinished(ROLE, chunk({"content": 'a "b"\n'}), chunk({"content": "é"})))
        return False

    def go_on(connection, request):
        connection.send(chunked(ROLE, chunk({"content": "!"}), chunk({}, finish_reason="stop"), b"data: [DONE]\n\n"))

    first, second = raw_engine(break_off), raw_engine(go_on)
    started = gateway(first.url, second.url, pool={**CONTINUED, "endpoints": [
        {"name": "e0", "url": first.url}, {"name": "e1", "url": second.url, "models": {"m": "other-name"}}]})
    body = b'{"model":"m", "max_tokens" : 10,"stream":true,"odd": [1, 2 ],"messages":[{"role":"user","content":"hi"}]}'
    for _ in range(2):
        with RawClient(started.port) as client:
            said = client.send(post("/v1/chat/completions", body)).read()[2]
        if first.requests:
            break
    asked = json.loads(second.requests[-1].body)
    assert asked == {"model": "other-name", "max_tokens": 8, "stream": True, "odd": [1, 2], "continue_final_message": True, "add_generation_prompt": False,
                     "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": 'a "b"\né'}]}
    assert b'"odd": [1, 2 ],' in second.requests[-1].body
    assert Stream().take(said).text == 'a "b"\né!'


def test_an_engine_that_stalls_behind_the_role_is_replaced_without_a_trace(gateway, engine):
    stuck, good = engine("--fault", "stall_stream=1", "--fault", "stall_after_tokens=0"), engine()
    started = gateway(stuck.url, good.url, pool={"policy": "round-robin", "timeouts": {"first_token": "200ms"}})
    attempts = []
    for _ in range(2):
        begin = time.monotonic()
        with started.client().chat.completions.with_streaming_response.create(
                model="m", messages=[{"role": "user", "content": PROMPT}], max_tokens=5, stream=True) as answer:
            assert answer.headers["x-evener-endpoint"] == "e1"
            stream = Stream().take("".join(line + "\n" for line in answer.iter_lines()).encode())
        check_whole(stream, Api("chat"), stream.text, "length")
        line = started.access_line(answer.headers["x-request-id"])
        attempts.append(line["attempts"])
        if line["attempts"] == 2:
            assert 200 <= line["first_token_ms"] <= (time.monotonic() - begin) * 1000 + 1
    assert sorted(attempts) == [1, 2]


def test_an_engine_that_dies_behind_the_role_is_replaced_without_a_trace(gateway, raw_engine, engine):
    def die(connection, request):
        connection.send(unfinished(b": keep-alive\n\n", ROLE))
        return False

    dying, good = raw_engine(die), engine()
    started = gateway(dying.url, good.url, pool={"policy": "round-robin"})
    for _ in range(2):
        with RawClient(started.port) as client:
            _, headers = Api("chat").begin(client, max_tokens=5)
            assert headers["x-evener-endpoint"] == "e1"
            stream = Stream().read(client)
            check_whole(stream, Api("chat"), stream.text, "length")
    assert len(dying.requests) == 1


def test_what_is_held_back_reaches_the_client_byte_for_byte(gateway, raw_engine):
    events = [b": keep-alive\r\n\r\n", ROLE, b"event: odd\n: comment\n\n", chunk({"content": "a"}), b"data: [DONE]\n\n"]
    sent = []

    def slowly(connection, request):
        whole = chunked(*events, trailers=b"x-trailer: 1\r\n")
        for at in range(0, len(whole), 37):
            connection.send(whole[at:at + 37])
            sent.append(at)
            time.sleep(0.001)

    started = gateway(raw_engine(slowly).url)
    with RawClient(started.port) as client:
        status, _, body = client.send(post("/v1/chat/completions", chat_body(stream=True))).read()
    assert status == 200 and body == b"".join(events)


def test_a_stream_of_comments_alone_is_held_back_to_a_limit(gateway, raw_engine):
    comments = b": " + b"." * 1020 + b"\n\n"

    def chatter(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(31):
            connection.send(b"400\r\n" + comments + b"\r\n")
        wait_until(lambda: asked)
        for _ in range(4):
            connection.send(b"400\r\n" + comments + b"\r\n")
        connection.wait_for_end(5)
        return False

    asked = []
    started = gateway(raw_engine(chatter).url)
    with RawClient(started.port, timeout=0.3) as client:
        client.send(post("/v1/chat/completions", chat_body(stream=True)))
        with pytest.raises(TimeoutError):
            client.read_head()
        asked.append(True)
        client.socket.settimeout(5)
        assert client.read_head()[0] == 200
        assert client.read_chunk() == comments


def test_the_official_client_reads_a_continued_stream(gateway, engine):
    engines = [engine("--decode-tokens-per-s", 200, "--fault", "reset=1", "--fault", "reset_after_tokens=9"), engine()]
    started = gateway(*[e.url for e in engines], pool=CONTINUED)
    client = started.client()
    ask = {"model": "m", "messages": [{"role": "user", "content": PROMPT}], "extra_body": {"evener_output_tokens": 40}}
    texts = []
    # A reset that comes before its first words have been read is no continuation but a failover, which is not meant here.
    while started.metric("evener_continuations_total", result="done") == 0:
        assert len(texts) < 20
        with client.chat.completions.stream(**ask, stream_options={"include_usage": True}) as stream:
            completion = stream.get_final_completion()
        texts.append(completion.choices[0].message.content)
        assert completion.choices[0].message.role == "assistant"
        assert completion.usage.completion_tokens == 40
    assert len(set(texts)) == 1 and len(texts[0].split()) == 40


def test_the_official_client_raises_where_nobody_continues(gateway, engine):
    started = gateway(engine("--fault", "reset=1").url, pool=CONTINUED)
    with pytest.raises(openai.APIError):
        for _ in started.client().chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}], stream=True):
            pass
