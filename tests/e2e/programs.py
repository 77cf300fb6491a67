"""Starts Evener's programs on free ports, reads what they log, and stops them."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time

EVENER = os.environ.get("EVENER_BINARY") or str(pathlib.Path(__file__).parents[2] / "build/dev/bin/evener")


def wait_until(condition, seconds=5.0, every=0.005):
    """The first true value of condition(), looked at again and again for a bounded time; a test never sleeps for a guessed time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"still not true after {seconds} s: {condition}"
        time.sleep(every)


def free_port():
    """For a program that must listen on the same port twice. Below the range from which connections get theirs, so that none takes it meanwhile."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
                return probe.getsockname()[1]
            except OSError:
                continue


class Program:
    """A running `evener`. Its JSON lines are collected while it runs: log lines from stderr, access-log lines from stdout."""

    def __init__(self, *arguments, env=None):
        self.arguments = [EVENER, *map(str, arguments)]
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})})
        self.log, self.access, self.text = [], [], []
        self.killed = False
        self._readers = [self._collect(self.process.stderr, self.log), self._collect(self.process.stdout, self.access)]

    def _collect(self, pipe, into):
        def read():
            for line in pipe:
                text = line.decode("utf-8", "replace").rstrip("\n")
                self.text.append(text)
                try:
                    value = json.loads(text)
                except ValueError:
                    continue
                if isinstance(value, dict):
                    into.append(value)
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def address(self, role):
        """Where it listens in this role: "gateway", "admin" or "engine"."""
        def found():
            for entry in list(self.log):
                if entry.get("event") == "listening" and entry.get("role") == role:
                    return entry["address"]
            assert self.process.poll() is None, f"{self.arguments} ended with {self.process.returncode}:\n" + "\n".join(self.text[-20:])
            return None
        return wait_until(found, 10)

    def port(self, role):
        return int(self.address(role).rpartition(":")[2])

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=10):
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(2)
        return code

    def kill(self):
        self.killed = True
        self.process.kill()
        return self.wait()

    def stop(self):
        """Asks it to end now; a test that is about draining sends SIGTERM by itself and waits. Fails if it crashed, now or earlier."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)  # the second one ends a drain
        try:
            code = self.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.arguments} did not stop") from None
        last = "\n".join([line for line in self.text if '"request_id"' not in line][-20:])
        assert self.killed or code >= 0, f"{self.arguments} ended by {signal.Signals(-code).name}:\n{last}"


def run(*arguments, timeout=20, env=None):
    """Runs `evener` to its end."""
    return subprocess.run([EVENER, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
                          env={**os.environ, **(env or {})})
