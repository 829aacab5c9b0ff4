"""Which branches no test enters: ``make coverage``, and a part of CI.

The domain, the services and what reads an exchange's answers are measured, by the tests with
written examples that mirror them (``measured.py``). ``not_entered.toml`` lists the branches that
are rightly entered by none, each with its reason. A branch that is listed and entered is reported
too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.paths import ROOT

LISTED = Path(__file__).with_name("not_entered.toml")
TESTS = (
    "tests/domain",
    "tests/services",
    # Of the exchange only what reads its answers is measured.
    "tests/exchange/readings",
    "tests/exchange/trading",
    "tests/exchange/test_entries.py",
    "tests/exchange/test_traps.py",
    "tests/exchange/test_unproven_venues.py",
    "tests/exchange/test_venues.py",
)


def measure(tests: list[str], processes: str) -> int:
    """Run these tests under coverage.py, whose settings stand in pyproject.toml."""
    run = [sys.executable, "-m", "pytest", "-q", "-n", processes, "-p", "tests.coverage.measured"]
    _coverage("erase")
    return subprocess.run([*run, *tests], cwd=ROOT, check=False).returncode


def read() -> dict[str, dict[str, list[list[int]]]]:
    """What was measured last, by file; each process's own file joined to the others."""
    _coverage("combine", "--quiet")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        _coverage("json", "--quiet", "-o", str(path))
        files: dict[str, dict[str, list[list[int]]]] = json.loads(path.read_text())["files"]
    return files


def _coverage(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False)


def not_entered(path: str, branches: list[list[int]]) -> Iterator[tuple[int, str]]:
    """Each branch that no test enters: the line that decides, and what is entered by none.

    In words, not in numbers: a list of them stays true when the lines move.
    """
    lines = [line.strip() for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]
    for start, end in branches:
        target = lines[end - 1] if end > 0 else "(the end)"
        yield start, f"{lines[start - 1]} -> {target}"


def listed_branches() -> dict[str, dict[str, str]]:
    """By file, each branch that is rightly entered by no test, and the reason."""
    listed: dict[str, dict[str, str]] = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    return listed


def report(files: dict[str, dict[str, list[list[int]]]], only: list[str]) -> Iterator[str]:
    """Branches that are neither entered nor listed, and those that are both."""
    listed = listed_branches()
    for path, measured in sorted(files.items()):
        if only and not path.startswith(tuple(only)):
            continue
        reasons = dict(listed.get(path, {}))
        for line, branch in not_entered(path, measured["missing_branches"]):
            if reasons.pop(branch, None) is None and branch not in listed.get(path, {}):
                yield f"{path}:{line}: {branch}"
        yield from (f"{path}: entered, so do not list it: {branch}" for branch in reasons)


def main() -> int:
    """Measure and report; 1 where there is something to report, 2 where the tests failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="*", default=list(TESTS))
    parser.add_argument("--only", action="append", default=[], help="report on these folders alone")
    parser.add_argument("--processes", default="auto", help="as pytest's -n")
    parser.add_argument("--again", action="store_true", help="report what was measured last")
    options = parser.parse_args()
    if not options.again and measure(options.tests, options.processes):
        return 2
    found = list(report(read(), options.only))
    for line in found or ["Every branch is entered, or listed with its reason."]:
        print(line)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
