"""What the structure checks share: the list of the project's files, and how a finding is said."""

import pathlib
import subprocess
import sys


def project_files(root):
    """Paths below root that belong to the project: what git tracks, or without git everything but builds and caches."""
    root = pathlib.Path(root)
    listed = None
    if (root / ".git").exists():
        try:
            listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            listed = None  # no git on this machine, or the checkout belongs to another user
    if listed is not None:
        paths = [pathlib.Path(name) for name in listed.decode().split("\0") if name]
    else:
        skipped = {".git", "build", "node_modules", "__pycache__", ".cache"}
        paths = [p.relative_to(root) for p in root.rglob("*") if p.is_file() and not skipped & set(p.relative_to(root).parts)]
    return sorted(p for p in paths if (root / p).is_file())


def report(findings):
    """Prints the findings one a line and returns the exit status of the check."""
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "no findings")
    return 1 if findings else 0


def exit_with(findings):
    sys.exit(report(findings))
