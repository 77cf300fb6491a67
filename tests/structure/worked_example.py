"""The worked example of CONTRIBUTING.md must be real: takes its code out of the page, compiles it against the tree and runs its tests.

Usage: worked_example.py SOURCE_ROOT CXX_COMPILER ARCHIVE...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"```cpp\n// (evener/\S+)\n(.*?)```", re.S)


def example_files(text):
    """The code blocks that name a file in their first line: path -> content."""
    return dict(BLOCK.findall(text))


def main():
    root, compiler, archives = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    files = example_files((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    sources = [name for name in files if name.endswith(".cc")]
    if not any(name.endswith("_test.cc") for name in sources):
        sys.exit("CONTRIBUTING.md shows no test of its example")
    for name in files:
        if (root / name).exists():
            sys.exit(f"{name} exists in the tree, so the example no longer shows something new")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        program = folder / "example"
        warnings = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Wno-missing-designated-field-initializers -Werror".split()
        subprocess.run([compiler, "-std=c++20", *warnings, f"-I{folder}", f"-I{root}", *[folder / name for name in sources],
                        root / "tests/doctest_main.cc", *archives, "-o", program], check=True)
        sys.exit(subprocess.run([program], check=False).returncode)


if __name__ == "__main__":
    main()
