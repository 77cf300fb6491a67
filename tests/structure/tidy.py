"""Habits that a reviewer should not have to ask for, over every file of the project.

Usage: tidy.py SOURCE_ROOT
"""

import pathlib
import re
import sys

from findings import exit_with, project_files

TEXT_ENDINGS = {".h", ".cc", ".py", ".js", ".mjs", ".md", ".txt", ".cmake", ".json", ".yaml", ".yml", ".toml", ".html", ".css", ".svg", ".service",
                ".cfg", ".conf", ".sh", ".in"}
# Folders of one person's or one machine's file system; spelled in halves so that this file passes its own check.
MACHINE_PATHS = re.compile(r"(?<![\w.$})~-])/(?:ho" r"me|wo" r"rk|fa" r"rm|Use" r"rs)/\w")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
TABS_ALLOWED = {"Makefile"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
STRING = r'"(?:[^"\\\n]|\\.)*"'
TEST_NAME = re.compile(rf"^\s*(?:TEST_CASE|SCENARIO)\w*\(\s*(?:[\w:]+\s*,\s*)?({STRING}(?:\s*{STRING})*)", re.M)
CORPUS_FILE_BYTES_MAX = 64 * 1024
CORPUS_BYTES_MAX = 1024 * 1024


def is_text(path):
    return path.suffix in TEXT_ENDINGS or path.suffix == "" and "corpus" not in path.parts


def check_text(path, data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"{path}: not UTF-8 at byte {error.start}"]
    findings = []
    if text and not text.endswith("\n"):
        findings.append(f"{path}: does not end with a newline")
    if text.endswith("\n\n"):
        findings.append(f"{path}: ends with empty lines")
    for number, line in enumerate(text.split("\n"), 1):
        if line.endswith((" ", "\t", "\r")):
            findings.append(f"{path}:{number}: blanks at the end of the line")
        if "\t" in line and path.name not in TABS_ALLOWED:
            findings.append(f"{path}:{number}: a tab")
        if MACHINE_PATHS.search(line):
            findings.append(f"{path}:{number}: names a folder of one machine")
        if UNFINISHED.search(line):
            findings.append(f"{path}:{number}: marks unfinished work; finish it, or say in the docs what is missing")
    return findings


def brackets_pair(name):
    depth = 0
    for character in name:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def check_test_names(path, text):
    """Names of doctest cases travel through CMake lists on their way to ctest: a ';' splits one in two, and an unpaired bracket joins it with
    those that follow. The pieces match no test, so ctest runs nothing under their names and says that they passed."""
    findings = []
    for match in TEST_NAME.finditer(text):
        name = "".join(literal[1:-1] for literal in re.findall(STRING, match[1]))
        number = text.count("\n", 0, match.start(1)) + 1
        if ";" in name:
            findings.append(f"{path}:{number}: ctest splits this test's name at the ';'")
        if not brackets_pair(name):
            findings.append(f"{path}:{number}: the '[' or ']' in this test's name has no partner, so ctest reads on into the next name")
    return findings


def anchors_of(text):
    """The names that a Markdown viewer gives to headings."""
    headings = re.findall(r"^#+ +(.+?) *#*$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(root, path, text):
    findings = []
    outside_code = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
    for target in LINK.findall(outside_code):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (root / path.parent / name) if name else root / path
        if not linked.exists():
            findings.append(f"{path}: the link {target} leads nowhere")
        elif anchor and linked.suffix == ".md" and anchor not in anchors_of(linked.read_text(encoding="utf-8")):
            findings.append(f"{path}: the link {target} names no heading of {name or path}")
    return findings


def check_corpora(root, paths):
    findings, bytes_total = [], 0
    fuzzers = {p.stem for p in paths if p.name.endswith("_fuzz.cc")}
    for path in paths:
        if path.parts[:2] == ("fuzz", "corpus"):
            size = (root / path).stat().st_size
            bytes_total += size
            if path.parts[2] not in fuzzers:
                findings.append(f"{path}: there is no {path.parts[2]}.cc that would read it")
            if size > CORPUS_FILE_BYTES_MAX:
                findings.append(f"{path}: {size} bytes; a seed has at most {CORPUS_FILE_BYTES_MAX}")
    if bytes_total > CORPUS_BYTES_MAX:
        findings.append(f"fuzz/corpus: {bytes_total} bytes in all; at most {CORPUS_BYTES_MAX}, so that a clone stays small")
    return findings


def main():
    root = pathlib.Path(sys.argv[1])
    paths = project_files(root)
    findings = check_corpora(root, paths)
    if not paths:
        findings.append(f"{root}: no files found")
    for path in paths:
        if is_text(path) and path.name != "LICENSE":
            data = (root / path).read_bytes()
            findings += check_text(path, data)
            text = data.decode("utf-8", "replace")
            if path.suffix == ".md":
                findings += check_links(root, path, text)
            if path.suffix == ".cc":
                findings += check_test_names(path, text)
    exit_with(findings)


if __name__ == "__main__":
    main()
