"""Every `evener COMMAND` that the documentation shows must be a command of the program, and every --option shown with it must be in its help.

Usage: documented_commands.py SOURCE_ROOT EVENER
"""

import pathlib
import re
import subprocess
import sys

from findings import exit_with, project_files

SHOWN = re.compile(r"(?:^|[\s`/(])evener +([a-z][a-z-]*)((?: +[^\s`|;&)]+)*)")
CODE = re.compile(r"```[^\n]*\n(.*?)```|`([^`\n]+)`", re.S)


def shown_commands(text):
    """Pairs of a command and its --options, from the code in a Markdown text."""
    shown = []
    for block, span in CODE.findall(text):
        for line in (block or span).splitlines():
            for command, rest in SHOWN.findall(line.split(" #")[0]):
                shown.append((command, re.findall(r"(?<= )--[a-z][a-z0-9-]*", rest)))
    return shown


def subcommands_in(help_text):
    """The names in the list of subcommands that a help text holds."""
    section = re.search(r"^Subcommands:\n((?:  .*\n)+)", help_text, re.M)
    return re.findall(r"^  ([a-z][a-z-]*)", section[1], re.M) if section else []


def check(path, text, help_of):
    findings = []
    for command, options in shown_commands(text):
        help_text = help_of(command)
        if help_text is None:
            findings.append(f"{path}: shows `evener {command}`, which is no command")
            continue
        for option in options:
            if not re.search(re.escape(option) + r"(?![a-z0-9-])", help_text):
                findings.append(f"{path}: shows `evener {command} {option}`, which its help does not list")
    return findings


def main():
    root, binary = pathlib.Path(sys.argv[1]), sys.argv[2]
    known = {}

    def help_text(*words):
        run = subprocess.run([binary, *words, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20, check=False)
        return run.stdout + run.stderr if run.returncode == 0 else None

    def help_of(command):
        """Its help, and that of its subcommands."""
        if command not in known:
            known[command] = help_text(command)
            for subcommand in subcommands_in(known[command] or ""):
                known[command] += help_text(command, subcommand) or ""
        return known[command]

    findings = []
    for path in project_files(root):
        if path.suffix == ".md":
            findings += check(path, (root / path).read_text(encoding="utf-8"), help_of)
    exit_with(findings)


if __name__ == "__main__":
    main()
