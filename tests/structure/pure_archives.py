"""Shows that archives hold no call to a clock, to chance, a thread, a socket or a file: nm must find no such undefined symbol.

Usage: pure_archives.py ARCHIVE...
"""

import re
import subprocess
import sys

from findings import exit_with

C_FUNCTIONS = {
    "clock": "clock clock_gettime gettimeofday time times localtime localtime_r gmtime mktime nanosleep clock_nanosleep usleep sleep",
    "chance": "getrandom getentropy rand rand_r random srand arc4random drand48",
    "thread": "pthread_create pthread_mutex_lock pthread_cond_wait pthread_rwlock_wrlock fork vfork clone sem_wait sched_yield",
    "socket": "socket connect bind listen accept accept4 send sendto sendmsg recv recvfrom recvmsg epoll_create1 epoll_wait poll select "
              "getaddrinfo eventfd pipe2 io_uring_setup",
    "file": "open open64 openat fopen fopen64 read pread64 write writev pwrite64 mmap mmap64 unlink stat fstat stat64 fstat64 printf "
            "fprintf puts fputs putchar fwrite syslog",
    "environment": "getenv secure_getenv setlocale syscall",
}
CXX_NAMES = {
    "clock": r"std::chrono::(_V2::)?(steady|system|high_resolution)_clock::now",
    "chance": r"std::random_device",
    "thread": r"std::(thread|this_thread|condition_variable|mutex|recursive_mutex|future|promise|__future_base)\b"
              r"|std::__atomic_futex|std::execution",
    "file": r"std::(basic_)?[io]?f(ile)?stream|std::__basic_file|std::filesystem|std::c(out|err|log|in)\b",
}
BY_NAME = {name: kind for kind, names in C_FUNCTIONS.items() for name in names.split()}
PATTERNS = [(re.compile(pattern), kind) for kind, pattern in CXX_NAMES.items()]


def kind_of(symbol):
    """What a demangled undefined symbol reaches for, or None when it is harmless."""
    if symbol.split("@")[0] in BY_NAME:
        return BY_NAME[symbol.split("@")[0]]
    return next((kind for pattern, kind in PATTERNS if pattern.search(symbol)), None)


def check(archive, listing):
    findings, member = [], "?"
    symbols = 0
    for line in listing.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            member = line[:-1]
        match = re.match(r"\s+[Uw] (.+)$", line)
        if match:
            symbols += 1
            kind = kind_of(match.group(1))
            if kind:
                findings.append(f"{archive}({member}): {kind}: {match.group(1)}")
    if symbols == 0:
        findings.append(f"{archive}: nm lists no undefined symbol at all, so nothing was checked")
    return findings


def undefined_symbols(archive):
    return subprocess.run(["nm", "-uC", archive], capture_output=True, check=True, text=True).stdout


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    exit_with([finding for archive in sys.argv[1:] for finding in check(archive, undefined_symbols(archive))])


if __name__ == "__main__":
    main()
