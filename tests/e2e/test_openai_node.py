"""The official OpenAI SDK for Node, unmodified, through the gateway."""

import json
import pathlib
import queue
import subprocess
import sys

from raw_engine import CHAT, answer

CLIENTS = pathlib.Path(sys.prefix)
PIECE = b'data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"one"}}]}\n\n'
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(PIECE), PIECE)


def test_the_node_sdk_chats_streams_embeds_lists_fails_retries_and_leaves(gateway, engine, raw_engine):
    overloaded = iter([answer(b'{"error":{"message":"busy"}}', "503 Service Unavailable")])
    gone = queue.Queue()

    def breaks(connection, _):
        connection.send(STREAM)
        connection.reset()

    def endless(connection, _):
        connection.send(STREAM)
        gone.put(connection.wait_for_end(10))
        return False

    def silent(connection, _):
        gone.put(connection.wait_for_end(10))
        return False

    raw = {"busy-once": lambda connection, _: connection.send(next(overloaded, answer(CHAT))), "breaks": breaks, "endless": endless, "silent": silent}
    started = gateway(pools=[{"name": name, "models": [name], "endpoints": [{"url": url}], "retry": {"statuses": []}} for name, url in (
        ("m", engine("--decode-tokens-per-s", 100).url), *((name, raw_engine(behave).url) for name, behave in raw.items()))])

    script = pathlib.Path(__file__).with_name("openai_client.mjs")
    ran = subprocess.run([CLIENTS / "bin/node", script, CLIENTS / "npm", f"http://127.0.0.1:{started.port}/v1"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["chat"]["choices"][0]["message"]["content"] and seen["chat"]["usage"]["completion_tokens"] <= 5
    assert seen["stream"]["pieces"] > 1 and seen["stream"]["usage"]["completion_tokens"] == 8
    assert len(seen["embedding"]) == 2 and seen["embedding"][0] > 0
    assert seen["models"] == sorted(["m", *raw])
    assert seen["error"] == {"name": "NotFoundError", "status": 404, "code": "model_not_found"}
    assert seen["retried"] == "hi"
    assert seen["broken"]["pieces"] == 1 and seen["broken"]["error"]["code"] == "endpoint_aborted"
    assert seen["abandoned"] and gone.get(timeout=10), "the engine was not told that the client has left its stream"
    assert seen["aborted"] == "APIUserAbortError" and gone.get(timeout=10), "the engine was not told that the client has left"
