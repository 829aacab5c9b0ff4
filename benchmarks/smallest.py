"""Every benchmark in its smallest form: nothing is measured, but one that is broken is seen.

All work on copies of one database that is migrated once. A goal that so little work misses is no
fault; an error is, and so is a script that has no row here.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import stage

HERE = Path(__file__).resolve().parent
NO_BENCHMARK = frozenset({"smallest.py", "stage.py"})
LONGEST_SECONDS = 300

SMALLEST: dict[str, tuple[str, ...]] = {
    "admin.py": ("--accounts", "20", "--days", "5", "--runs", "2", "--repeats", "1"),
    "api.py": ("--seconds", "1", "--rounds", "1"),
    "fills.py": ("--links", "10", "--fills", "400", "--repeats", "1"),
    "history.py": (
        *("--accounts", "20", "--entries", "2000", "--signals", "50", "--repeats", "1"),
    ),
    "latest_summary.py": ("--accounts", "20", "--days", "5", "--repeats", "1"),
    "live_refresh.py": (
        *("--accounts", "4", "--latency-ms", "10", "--repeats", "1", "--venues", "binance"),
    ),
    "performance.py": ("--links", "10", "--days", "40", "--repeats", "1"),
    "reallocate.py": ("--accounts", "60", "--links", "3", "--repeats", "1"),
    "scale.py": ("--accounts", "5", "--cached", "--first-seconds", "5", "--minutes", "0"),
}
# What a script cannot run without, and is no fault of it.
NEEDS = {"api.py": "wrk"}


@dataclass(frozen=True)
class Tried:
    """One script.

    Attributes:
        problem: The end of what it said, where it is broken; empty where it runs.
        skipped: Why it was not run; empty where it was.
    """

    script: str
    seconds: float = 0.0
    problem: str = ""
    skipped: str = ""

    @property
    def answer(self) -> str:
        """For the table."""
        if self.skipped:
            return f"skipped: {self.skipped}"
        return "BROKEN" if self.problem else "runs"


def main() -> int:
    """Run them all, two at a time; 1 where one is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="*", help="Only these.")
    wanted = parser.parse_args().scripts or scripts()
    # Setting Django up names the template there, which nobody may be connected to.
    server = os.environ.get("DATABASE_URL") or stage.DEFAULT_URL
    with stage.scratch_database() as template:
        from django.db import connection

        connection.close()
        environment = {**os.environ, "DATABASE_URL": server, stage.TEMPLATE: template}
        with ThreadPoolExecutor(2) as two:
            tried = list(two.map(lambda script: run(script, environment), wanted))
    stage.print_table(
        f"Benchmarks in their smallest form ({stage.machine()})",
        ("script", "s", "answer"),
        [(each.script, f"{each.seconds:.0f}", each.answer) for each in tried],
    )
    broken = [each for each in tried if each.problem]
    for each in broken:
        print(f"\n{each.script}\n{each.problem}", file=sys.stderr)
    return int(bool(broken))


def scripts() -> list[str]:
    """All of them; ends the process where one has no row above."""
    found = sorted(each.name for each in HERE.glob("*.py") if each.name not in NO_BENCHMARK)
    if missing := sorted(set(found) ^ SMALLEST.keys()):
        stage.stop(f"SMALLEST in {Path(__file__).name} has to have one row for: {missing}.")
    return found


def run(script: str, environment: dict[str, str]) -> Tried:
    """Run one script."""
    program = NEEDS.get(script)
    if program is not None and shutil.which(program) is None:
        return Tried(script, skipped=f"{program} is not installed")
    start = time.monotonic()
    command: Sequence[str] = [sys.executable, str(HERE / script), *SMALLEST[script]]
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Tried(script, LONGEST_SECONDS, f"It took more than {LONGEST_SECONDS} seconds.")
    # With 1 alone a script says that a goal was missed.
    failed = done.returncode not in (0, 1) or "Traceback (most recent call last)" in done.stderr
    said = (done.stdout + done.stderr)[-3000:] if failed else ""
    return Tried(script, time.monotonic() - start, said)


if __name__ == "__main__":
    sys.exit(main())
