"""Equal seeds give equal bytes, whatever else may differ. ./dev bench determinism holds the release build against the development build, too."""

import os
import subprocess

from programs import EVENER

ENGINES = ["h100-8b=2", "l4-8b=2:slow=1.5", "rtx4090-8b:weight=0.5:network-ms=7"]
# glibc takes other code for exp, log and their kin on processors that lack these.
OLDER_PROCESSOR = "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX,-AVX512F"


def compared(engines, *options, tunables=""):
    command = [EVENER, "lab", "compare", "--workload", "sessions:for=30s,arrivals=weibull", "--engines", ",".join(engines), "--policies",
               "random,power-of-two,peak-ewma,balanced,blend", "--prompt-error", "0.1", "--classes", "realtime=1,batch=2", "--seeds", "2", "--json", *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL,
                         env=os.environ | {"GLIBC_TUNABLES": tunables})
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_comparison_prints_the_same_bytes_again():
    once = compared(ENGINES, "--jobs", "1")
    assert compared(ENGINES, "--jobs", "1") == once
    assert compared(ENGINES, "--jobs", "3") == once
    assert compared(ENGINES[::-1], "--jobs", "1") == once
    assert compared(ENGINES, "--jobs", "1", tunables=OLDER_PROCESSOR) == once
    assert compared(ENGINES, "--jobs", "1", "--seed", "2") != once
