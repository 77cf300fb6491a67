"""Holds every #include of the modules against the DEPENDS that CMake declares for them.

Usage: layers.py SOURCE_ROOT DECLARATIONS      (DECLARATIONS: one line "module: dependency dependency" for each module)
"""

import pathlib
import re
import sys

from findings import exit_with

# Modules that decide and never act: their only input is their arguments, so they may lean on one another alone.
PURE = {"core", "route", "affinity", "placement", "lab"}
# The wiring of one program each. Code that two of them need belongs into a module below them.
PROGRAMS = {"gateway", "engine", "load", "node", "data", "cli"}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
TEST_ENDINGS = ("_test.cc", "_bench.cc", "_fuzz.cc")


def read_declarations(text):
    declared = {}
    for line in text.splitlines():
        if line.strip():
            module, _, dependencies = line.partition(":")
            declared[module.strip()] = set(dependencies.split())
    return declared


def check_declarations(declared):
    findings = []
    for module, dependencies in sorted(declared.items()):
        for dependency in sorted(dependencies):
            if dependency not in declared:
                findings.append(f"evener/{module}/CMakeLists.txt: DEPENDS names {dependency}, which is no module")
            if module in PURE and dependency not in PURE:
                findings.append(f"evener/{module}/CMakeLists.txt: {module} is pure and may not depend on {dependency}")
            if dependency in PROGRAMS and module != "cli":
                findings.append(f"evener/{module}/CMakeLists.txt: {dependency} is a program; only cli may depend on it")
    visited, path = set(), []

    def walk(module):
        if module in path:
            cycle = path[path.index(module):] + [module]
            findings.append("modules depend on each other in a circle: " + " -> ".join(cycle))
            return
        if module in visited:
            return
        visited.add(module)
        path.append(module)
        for dependency in sorted(declared.get(module, ())):
            walk(dependency)
        path.pop()

    for module in sorted(declared):
        walk(module)
    return findings


def check_includes(root, declared):
    findings = []
    sources = sorted(p for p in (root / "evener").rglob("*") if p.suffix in (".h", ".cc"))
    if not sources:
        return [f"{root}/evener holds no source at all"]
    for source in sources:
        relative = source.relative_to(root)
        module = relative.parts[1]
        if module not in declared:
            findings.append(f"{relative}: evener/{module} is not declared with evener_module()")
            continue
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            included = pathlib.PurePosixPath(match.group(1))
            for_tests = source.name.endswith(TEST_ENDINGS) or "testing" in relative.parts
            if included.parts[0] == "tests" and for_tests:
                continue
            if "testing" in included.parts and not for_tests:
                findings.append(f"{relative}:{number}: {included} is for tests alone")
            if included.parts[0] != "evener" or len(included.parts) < 3:
                findings.append(f'{relative}:{number}: "{included}" must be written from the root: "evener/MODULE/..."')
                continue
            other = included.parts[1]
            if other != module and other not in declared[module]:
                findings.append(f"{relative}:{number}: {module} does not declare that it depends on {other} ({included})")
            if included.name.endswith(".cc"):
                findings.append(f"{relative}:{number}: includes a .cc file")
    return findings


def main():
    root = pathlib.Path(sys.argv[1])
    declared = read_declarations(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
    exit_with(check_declarations(declared) + check_includes(root, declared))


if __name__ == "__main__":
    main()
