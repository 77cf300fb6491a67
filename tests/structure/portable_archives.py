"""Shows that archives leave no rounding to the C library: its exp, log, cos and their kin differ in the last digit between versions and processors,
so what is decided by them would not replay elsewhere. evener/core/portable_math.h has them.

Usage: portable_archives.py ARCHIVE...
"""

import re
import sys

from findings import exit_with
from pure_archives import undefined_symbols

FUNCTIONS = set("acos acosh asin asinh atan atan2 atanh cbrt cos cosh erf erfc exp exp10 exp2 expm1 hypot lgamma lgamma_r log log10 log1p log2 pow sin "
                "sincos sinh tan tanh tgamma".split())


def check(archive, listing):
    findings, member, symbols = [], "?", 0
    for line in listing.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            member = line[:-1]
        match = re.match(r"\s+[Uw] ([^@]+)", line)
        if match:
            symbols += 1
            # The variants for float and long double end in f and l.
            name = match.group(1).strip()
            if name in FUNCTIONS or name[:-1] in FUNCTIONS and name[-1] in "fl":
                findings.append(f"{archive}({member}): {name} of the C library; use evener/core/portable_math.h")
    if symbols == 0:
        findings.append(f"{archive}: nm lists no undefined symbol at all, so nothing was checked")
    return findings


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    exit_with([finding for archive in sys.argv[1:] for finding in check(archive, undefined_symbols(archive))])


if __name__ == "__main__":
    main()
