"""The machine under the benchmark: cores, real-time scheduling, process trees, memory, and processes that never outlive the run."""

import atexit
import os
import resource
import signal
import socket
import subprocess
import time

REALTIME_PRIORITY = 10
FILES_WANTED = 65536
CONNECTIONS_WANTED = 25000

_running = []


class Machine:
    """Which core does what. The proxy has a core of its own; the load shares the first core with the backend unless there are three."""

    def __init__(self):
        cpus = sorted(os.sched_getaffinity(0))
        self.client_cpu = cpus[0]
        self.proxy_cpu = cpus[1] if len(cpus) > 1 else cpus[0]
        self.backend_cpu = cpus[2] if len(cpus) > 2 else cpus[0]
        self.notes = []
        if len(cpus) == 1:
            self.notes.append("only one core: proxy, client and backend share it, so no proxy is ever saturated; trust ratios only")
        self.realtime = self._may_be_realtime()
        if not self.realtime:
            self.notes.append("no permission for real-time scheduling: other processes disturb the latencies (CPU per request stays within about 10 %)")
        # A proxied stream takes two descriptors of the proxy; the rest is for listeners, checks, logs and valgrind.
        self.connections_max = min((self._raise_files_limit() - 200) // 2, CONNECTIONS_WANTED)

    def _may_be_realtime(self):
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REALTIME_PRIORITY))
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            return True
        except OSError:
            return False

    def _raise_files_limit(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for limit in (FILES_WANTED, hard):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
                return limit
            except (OSError, ValueError):
                continue
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    def set_realtime(self, pids, on):
        """Round robin, not FIFO: a proxy's second thread (its log writer, say) must get the CPU, and pay for it, in the same window."""
        if not self.realtime:
            return
        policy, priority = (os.SCHED_RR, REALTIME_PRIORITY) if on else (os.SCHED_OTHER, 0)
        for pid in pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                try:
                    os.sched_setscheduler(int(thread), policy, os.sched_param(priority))
                except ProcessLookupError:
                    pass

    def describe(self):
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")
        return f"{model}, {os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f}"


def start(command, cpu, log=None, realtime=False, **options):
    """Starts a process on one core, in a group of its own, so that stop() takes its children too."""

    def prepare():
        os.sched_setaffinity(0, {cpu})
        if realtime:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REALTIME_PRIORITY))

    options.setdefault("stdout", log)
    process = subprocess.Popen(command, preexec_fn=prepare, stderr=log, start_new_session=True, **options)
    _running.append(process)
    return process


def stop(process, patience_s=10):
    """SIGTERM to the process, then SIGKILL to what is left of its group."""
    if process in _running:
        _running.remove(process)
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@atexit.register
def _stop_all():
    for process in list(_running):
        stop(process, patience_s=1)


def family(pid):
    """A process and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    children.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def memory_kib(pids, field):
    """Sum of `Pss` or `Rss` over processes, as the kernel rolls them up."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith(field + ":"))
    return total


_next_port = 21000 + os.getpid() % 8000


def free_ports(count):
    """The first of `count` free consecutive ports, below those that the kernel hands out itself."""
    global _next_port
    while True:
        first, _next_port = _next_port, _next_port + count
        if _next_port > 32000:
            _next_port = 21000
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
