"""The lab as people meet it: what it shows while it works, and what Ctrl-C leaves."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from programs import EVENER, run

LOAD = ("--workload", "bursts", "--sample", "0.1")
COMPARE = ("lab", "compare", *LOAD, "--engines", "h100-8b=2", "--policies", "random,balanced", "--seeds", "2000")
PLAN = ("lab", "plan", *LOAD, "--kinds", "edge=0..40:price=1,l4-8b=0..40:price=3,h100-8b=0..20:price=9", "--load", "4", "--seeds", "200")


class OnTerminal:
    """A program whose standard error is a terminal."""

    def __init__(self, *arguments, **env):
        self.terminal, other_end = pty.openpty()
        self.process = subprocess.Popen([EVENER, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=other_end, text=True,
                                        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **env})
        os.close(other_end)
        self.shown = ""

    def wait_for(self, pattern, seconds=60):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern} within {seconds} s in {self.shown!r}"
            if select.select([self.terminal], [], [], left)[0]:
                self.shown += os.read(self.terminal, 65536).decode()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=120)
        return self.process.returncode, out


@pytest.fixture
def terminal():
    started = []

    def start(*arguments, **env):
        started.append(OnTerminal(*arguments, **env))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        os.close(one.terminal)


def test_a_long_run_says_on_a_terminal_how_far_it_is(terminal):
    compare = terminal(*COMPARE)
    compare.wait_for(r"\d+ of 4000 runs, \S+/s, .* left")
    assert "\x1b[32m" in compare.shown
    assert compare.interrupt()[0] == 130


def test_a_comparison_that_is_interrupted_leaves_the_report_that_was_there(terminal, tmp_path):
    for name in ("report.html", "report.json", "summary.csv"):
        (tmp_path / name).write_text("of an earlier run", encoding="ascii")
    compare = terminal(*COMPARE, "--report", str(tmp_path))
    compare.wait_for(r"\d+ of 4000 runs")
    assert compare.interrupt()[0] == 130
    compare.wait_for("interrupted; no report was written")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.html", "report.json", "summary.csv"]
    assert {file.read_text(encoding="ascii") for file in tmp_path.iterdir()} == {"of an earlier run"}


def test_no_color_takes_the_colours_away(terminal):
    compare = terminal(*COMPARE, NO_COLOR="1")
    compare.wait_for(r"\d+ of 4000 runs")
    assert "\x1b[3" not in compare.shown


def test_a_plan_that_is_interrupted_says_what_it_knows_and_what_not(terminal):
    plan = terminal(*PLAN)
    plan.wait_for(r"\d+ runs, \S+/s")
    status, out = plan.interrupt()
    assert status == 130
    assert "interrupted: the search is not complete" in out
    assert re.search(r"of \d+ cheaper fleets nothing is known", out)


def test_without_a_terminal_only_results_are_written():
    done = run("lab", "compare", *LOAD, "--engines", "fast", "--seeds", "5")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("load 1, 1 endpoint, 5 seeds")


def test_the_stages_of_a_load_are_told_one_by_one():
    done = run("lab", "run", "--workload", "independent:stages=5x20+50x20,cv=0", "--engines", "h100-8b=4", "--json")
    stages = json.loads(done.stdout)["stages"]
    assert [stage["stage"] for stage in stages] == [1, 2]
    assert [stage["request_count"]["avg"] for stage in stages] == [100, 1000]
    assert stages[0]["time_to_first_token"]["avg"] < stages[1]["time_to_first_token"]["avg"]
    assert json.loads(run("lab", "run", *LOAD, "--engines", "fast", "--json").stdout)["stages"] == []


@pytest.mark.parametrize("arguments", [("config", "example"), ("lab", "run", *LOAD, "--engines", "h100-8b=2", "--json")])
def test_what_cannot_be_written_to_a_full_disk_is_a_failure_with_a_reason(arguments):
    with open("/dev/full", "wb") as full:
        ran = subprocess.run([EVENER, *arguments], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ran.returncode == 1 and "No space left on device" in ran.stderr
