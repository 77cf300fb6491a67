"""The official OpenAI SDK for Node, unmodified, through the gateway."""

import json
import pathlib
import subprocess
import sys

from client import call
from conftest import metric_sum
from programs import wait_until

CLIENTS = pathlib.Path(sys.prefix)


def test_the_node_sdk_chats_streams_embeds_lists_fails_and_leaves(gateway, engine):
    emulated = engine("--decode-tokens-per-s", 100)
    started = gateway(emulated.url)
    script = pathlib.Path(__file__).with_name("openai_client.mjs")
    ran = subprocess.run([CLIENTS / "bin/node", script, CLIENTS / "npm", f"http://127.0.0.1:{started.port}/v1", "m"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["chat"]["choices"][0]["message"]["content"] and seen["chat"]["usage"]["completion_tokens"] <= 5
    assert seen["stream"]["pieces"] > 1 and seen["stream"]["usage"]["completion_tokens"] == 8
    assert len(seen["embedding"]) == 2 and seen["embedding"][0] > 0
    assert "m" in seen["models"]
    assert seen["error"] == {"name": "NotFoundError", "status": 404, "code": "model_not_found"}
    wait_until(lambda: metric_sum(call(emulated.port("engine"), "GET", "/metrics")[2], "vllm:num_requests_running") == 0, 1.0)
