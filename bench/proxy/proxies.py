"""Starts the backend and the proxies that are compared, each with its file from configs/, and checks what they pass on."""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess

import machine

HERE = pathlib.Path(__file__).resolve().parent
BACKEND_PORTS = 4
TOKEN = "bench-token-0123456789abcdef0123456789abcdef"  # of evener's admin listener, for the length of the run

# name -> (program, configuration, what it is)
KINDS = {
    "evener": ("evener", "evener.yaml", "routing by model, metrics and access log on"),
    "evener-balanced": ("evener", "evener.yaml", "the same with the default policy: every prompt is read, counted and looked up"),
    "haproxy": ("haproxy", "haproxy.cfg", "tune.bufsize 32k, http-no-delay; no log, no look at the body"),
    "haproxy-defaults": ("haproxy", "haproxy-defaults.cfg", "as it comes; no log, no look at the body"),
    "nginx": ("nginx", "nginx.conf", "buffering, 64k body buffer; no log, no look at the body"),
    "nginx-unbuffered": ("nginx", "nginx-unbuffered.conf", "buffering off; no log, no look at the body"),
    "relay": ("relay", None, "passes bytes on and looks at none: the floor under every proxy of this machine"),
    "direct": (None, None, "the backend itself in the proxy's place: its own cost"),
}

FLOORS = ("relay", "direct")  # what no proxy can be below


class Backend:
    def __init__(self, build, cpu):
        self.port = machine.free_ports(BACKEND_PORTS)
        command = [build / "bench/proxy_bench_backend", "--port", str(self.port), "--ports", str(BACKEND_PORTS)]
        self.process = machine.start(command, cpu, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError("the backend did not start")

    def pids(self):
        return [self.process.pid]

    def stop(self):
        machine.stop(self.process)


class Proxy:
    """One running proxy on the proxies' core of `host`. `under` is a command line that it is started with, such as valgrind's."""

    def __init__(self, name, backend, build, directory, host, under=()):
        self.name = name
        self.answered = 0
        self.port = machine.free_ports(2)
        self.admin_port = self.port + 1
        self.directory = pathlib.Path(directory) / f"{name}-{self.port}"
        self.directory.mkdir(parents=True)
        program, config, _ = KINDS[name]
        if program is None:
            self.inner = Backend(build, host.proxy_cpu)
            self.process, self.port, self.log = self.inner.process, self.inner.port, None
            return
        if program == "relay":
            self.log = self.directory / "output.log"
            command = [build / "bench/proxy_bench_relay", "--port", str(self.port), "--target", f"127.0.0.1:{backend.port}"]
            with open(self.log, "wb") as log:
                self.process = machine.start(command, host.proxy_cpu, log=log)
            machine.wait_until(self._answers, 10, "the relay does not answer")
            return
        # nginx begins to close idle connections when a sixteenth of its table is left, so its table is larger than what may be open.
        values = {"POLICY": "balanced" if name == "evener-balanced" else "least-request", "PORT": self.port, "ADMIN_PORT": self.admin_port, "DIR": self.directory,
                  "CONNECTIONS": host.connections_max, "SOCKETS": 3 * host.connections_max}
        values.update({f"BACKEND{i + 1}": backend.port + i for i in range(BACKEND_PORTS)})
        path = self.directory / config
        path.write_text(re.sub(r"@([A-Z_]+\d?)@", lambda m: str(values.get(m[1], m[0])), (HERE / "configs" / config).read_text()))
        self.log = self.directory / "output.log"
        if program == "evener":
            (self.directory / "token").write_text(TOKEN + "\n")
            (self.directory / "token").chmod(0o600)
            command = [evener_binary(build), "serve", "--config", path]
        elif program == "haproxy":
            command = [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", path]
        else:
            main = ("user root;" if os.geteuid() == 0 else "") + (" master_process off;" if under else "")
            command = [shutil.which("nginx") or "/usr/sbin/nginx", "-p", self.directory, "-c", path] + (["-g", main] if main else [])
        with open(self.log, "wb") as log:
            self.process = machine.start([*under, *command], host.proxy_cpu, log=log)
        try:
            machine.wait_until(self._answers, 60 if under else 10, f"{name} does not answer")
        except RuntimeError as error:
            self.stop()
            raise RuntimeError(f"{error}\n{self.log.read_text(errors='replace')[-2000:]}") from None

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with status {self.process.returncode}")
        try:
            return ask(self.port, "POST", "/v1/chat/completions", b'{"messages":[],"model":"bench-model"}')[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def target(self):
        return f"127.0.0.1:{self.port}"

    def pids(self):
        return machine.family(self.process.pid)

    def stop(self):
        machine.stop(self.process)

    def check_observed(self):
        """Evener promises its figures with log and metrics on; both must know of every request that was answered. Returns complaints."""
        if KINDS[self.name][0] != "evener":
            return []
        complaints = []
        status, text = ask(self.admin_port, "GET", "/metrics", headers={"Authorization": "Bearer " + TOKEN})
        counted = sum(float(line.rsplit(" ", 1)[1]) for line in text.decode().splitlines() if line.startswith("evener_requests_total"))
        if status != 200 or counted < self.answered:
            complaints.append(f"evener answered {self.answered} requests, but its metrics (status {status}) counted {counted:.0f}")
        self.stop()  # writes out the rest of the log
        logged = sum(1 for _ in open(self.directory / "access.log", "rb"))
        if logged < self.answered:
            complaints.append(f"evener answered {self.answered} requests, but logged {logged}")
        return complaints


def evener_binary(build):
    return build / "bin" / "evener"


def versions(build):
    """name -> version line of every program that is here."""
    found = {}
    for name, command in (("evener", [evener_binary(build), "--version"]), ("haproxy", ["haproxy", "-v"]), ("nginx", ["nginx", "-v"])):
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=10, env={**os.environ, "PATH": path})
            found[name] = (result.stdout + result.stderr).strip().splitlines()[0]
        except (OSError, IndexError, subprocess.TimeoutExpired):
            pass
    return found


def ask(port, method, path, body=None, headers=None, times=1):
    """The same request so many times over one connection; status and body of the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        for _ in range(times):
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            answer = response.read()
        return response.status, answer
    finally:
        connection.close()


def check_passes_on(proxy):
    """What the backend saw of a request through the proxy: the body whole, over a kept connection. Returns complaints."""
    body = json.dumps({"messages": [{"role": "user", "content": "x" * 3000}], "model": "bench-model"}).encode()
    expected = 14695981039346656037
    for byte in body:
        expected = (expected ^ byte) * 1099511628211 % 2**64
    # Often enough for every endpoint to have been asked twice.
    status, answer = ask(proxy.port, "POST", "/v1/chat/completions", body, {"x-bench-echo": "1"}, times=3 * BACKEND_PORTS)
    if status != 200:
        return [f"{proxy.name} answered {status}"]
    seen = json.loads(answer)
    complaints = []
    if seen["body_bytes"] != len(body) or seen["body_hash"] != expected:
        complaints.append(f"{proxy.name} changed the body of a request")
    if proxy.name not in FLOORS and seen["requests_on_connection"] < 2:
        complaints.append(f"{proxy.name} does not keep its connections to the backend")
    if proxy.name not in FLOORS and "x-forwarded-for:" not in seen["head"].lower():
        complaints.append(f"{proxy.name} adds no X-Forwarded-For")
    return complaints
