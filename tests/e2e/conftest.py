"""Fixtures: engines, gateways and raw engines that end with the test."""

import json
import os
import statistics

import openai
import pytest

from client import call
from programs import Program, wait_until
from raw_engine import RawEngine

TOKEN = "end-to-end-token"


FIGURES = pytest.StashKey[list]()


@pytest.fixture
def figure(request):
    """Notes a measured figure; all of them are printed after the last test."""
    def note(name, seconds):
        worst, median = max(seconds), statistics.median(seconds)
        request.config.stash.setdefault(FIGURES, []).append(f"{name}: median {median * 1000:.2f} ms, worst {worst * 1000:.2f} ms of {len(seconds)}")
        return median, worst

    note.text = lambda text: request.config.stash.setdefault(FIGURES, []).append(text)
    return note


def pytest_terminal_summary(terminalreporter, config):
    if figures := config.stash.get(FIGURES, []):
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.line(line)


class Gateway:
    """A running `evener serve` and the ways to talk to it."""

    def __init__(self, program):
        self.program = program

    @property
    def port(self):
        return self.program.port("gateway")

    def client(self, **options):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key="unused", timeout=20, **{"max_retries": 0, **options})

    def call(self, method, path, body=None, headers=None):
        return call(self.port, method, path, body, headers)

    def admin(self, method, path, body=None, token=TOKEN):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return call(self.program.port("admin"), method, path, body, headers)

    def endpoints(self, pool="main"):
        """The endpoints of a pool by name, as the admin API shows them."""
        status, _, value = self.admin("GET", "/status")
        assert status == 200, value
        return {e["name"]: e for p in value["pools"] if p["name"] == pool for e in p["endpoints"]}

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels."""
        return metric_sum(self.admin("GET", "/metrics")[2], name, **labels)

    def access_line(self, request_id):
        return wait_until(lambda: next((line for line in list(self.program.access) if line.get("request_id") == request_id), None))


def metric_sum(text, name, **labels):
    total, seen = 0.0, False
    for line in text.splitlines():
        sample, _, value = line.rpartition(" ")
        base, _, rest = sample.partition("{")
        if base == name and all(f'{label}="{wanted}"' in rest for label, wanted in labels.items()):
            total, seen = total + float(value), True
    return total if seen else None


@pytest.fixture
def programs():
    """Starts any `evener` and stops all of them at the end, the newest first."""
    started = []

    def start(*arguments, **options):
        program = Program(*arguments, **options)
        started.append(program)
        return program

    yield start
    crashes = []
    for program in reversed(started):
        try:
            program.stop()
        except AssertionError as crash:
            crashes.append(str(crash))
    assert not crashes, "\n".join(crashes)


@pytest.fixture
def raw_engine():
    engines = []

    def start(*arguments, **options):
        engines.append(RawEngine(*arguments, **options))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(programs):
    """Starts an emulated engine, fast by default, and returns it with its URL."""
    def start(*arguments):
        program = programs("engine", "--port", 0, "--model", "m", *arguments)
        program.url = "http://" + program.address("engine")
        return program

    return start


def configuration(tmp_path, urls, pool=None, **top):
    """A configuration as JSON, which is YAML too: one pool of these URLs for the model "m"."""
    token_file = tmp_path / "token"
    if not token_file.exists():
        token_file.write_text(TOKEN + "\n", encoding="ascii")
        token_file.chmod(0o600)
    endpoints = [{"name": f"e{index}", "url": url} for index, url in enumerate(urls)]
    return {
        "listen": ["127.0.0.1:0"],
        "workers": 2,
        "admin": {"listen": "127.0.0.1:0", "token_file": str(token_file)},
        "pools": [{"name": "main", "models": ["m"], "endpoints": endpoints, "health_check": {"interval": "200ms", "timeout": "150ms"}, **(pool or {})}],
        **top,
    }


@pytest.fixture
def gateway(programs, tmp_path):
    """Starts a gateway in front of these URLs and returns once every endpoint may be chosen."""
    def start(*urls, pool=None, wait=True, **top):
        file = tmp_path / f"gateway{len(os.listdir(tmp_path))}.yaml"
        file.write_text(json.dumps(configuration(tmp_path, urls, pool, **top)), encoding="utf-8")
        program = programs("serve", "--config", file)
        program.config_file = file
        started = Gateway(program)
        if wait:
            wait_until(lambda: started.admin("GET", "/readyz")[0] == 200)
            wait_until(lambda: all(e["health"] == "healthy" for e in started.endpoints().values()))
        return started

    return start
