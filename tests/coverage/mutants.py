"""How many small faults the tests notice: ``make mutants MODULE=capital/domain/money.py``.

mutmut puts one fault at a time into every function of the module (a comparison turned, a bound
moved, an argument left out) and runs the tests that reach it, of those that mirror the module.
Its results are kept in ``.mutants/``, so a run that was stopped goes on where it was, and only a
function that changed is done again; ``AGAIN=1`` does those again that no test noticed, for tests
that were added since. It leaves decorated functions and module-level values alone.
"""

import json
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

from tests.paths import ROOT

WORK = ROOT / ".mutants"
COPIED = ("capital_project", "strategies", "locale", "manage.py")

# Where a module's tests are elsewhere than at its own path below tests/.
MIRRORS = {
    "capital/domain/audit": ["tests/domain/audit"],
    "capital/domain/sizing": ["tests/domain/sizing"],
    "capital/domain/allocation": ["tests/domain/allocation"],
    "capital/exchange": [
        "tests/exchange/readings",
        "tests/exchange/test_traps.py",
        "tests/exchange/test_venues.py",
        "tests/exchange/test_recorded_responses.py",
        "tests/exchange/test_gateway.py",
    ],
}

NOTICED = "noticed"
SURVIVED = "survived"
# By mutmut's exit codes. A test that fails, crashes or takes too long notices the fault.
_VERDICTS = {None: "not run", 0: SURVIVED, 5: "not reached", 33: "not reached"}


def tests_of(module: str) -> list[str]:
    """The tests that mirror a module: the file of its name, and what is listed above."""
    path = Path(module)
    beside = Path("tests", *path.parts[1:])
    own = beside.with_name(f"test_{beside.name}")
    found = [own.as_posix()] if (ROOT / own).exists() else []
    listed = next(
        (MIRRORS[key] for key in sorted(MIRRORS, reverse=True) if module.startswith(key)), []
    )
    folder = [] if found or listed else [beside.parent.as_posix()]
    return [test for test in dict.fromkeys([*found, *listed, *folder]) if (ROOT / test).exists()]


def prepare(module: str) -> Path:
    """A folder of its own for the module, with mutmut's configuration for it."""
    folder = WORK / module.removesuffix(".py").replace("/", ".")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("capital", "tests", *COPIED):
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(ROOT / name, target_is_directory=(ROOT / name).is_dir())
    # What mutmut copied before would hide tests that were added since.
    shutil.rmtree(folder / "mutants" / "tests", ignore_errors=True)
    settings = {
        "source_paths": ["capital"],
        "only_mutate": [module],
        "also_copy": list(COPIED),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-x"],
        "pytest_add_cli_args_test_selection": tests_of(module),
        "timeout_constant": 10,
    }
    # A JSON value of these kinds is a TOML value too.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    configuration = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = "\n".join([configuration, "[tool.mutmut]", *lines, ""])
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def forget_unnoticed(module: str, folder: Path) -> None:
    """Have those run again that no test noticed."""
    meta = folder / "mutants" / f"{module}.meta"
    if not meta.exists():
        return
    kept = json.loads(meta.read_text(encoding="utf-8"))
    codes = kept["exit_code_by_key"]
    kept["exit_code_by_key"] = {
        name: None if code in _VERDICTS else code for name, code in codes.items()
    }
    meta.write_text(json.dumps(kept), encoding="utf-8")


def main() -> int:
    """Run the mutants of the modules that are named; 1 where some survived or were not run."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+", help="for example capital/domain/money.py")
    parser.add_argument("--processes", default="1", help="at a time (default 1)")
    parser.add_argument("--show", action="store_true", help="show each survivor as a difference")
    parser.add_argument("--again", action="store_true", help="run those again that survived")
    options = parser.parse_args()
    mutmut = Path(sys.executable).with_name("mutmut")
    status = 0
    for module in options.modules:
        folder = prepare(module)
        if options.again:
            forget_unnoticed(module, folder)
        subprocess.run(
            [mutmut, "run", "--max-children", options.processes],
            cwd=folder,
            env={**os.environ, "DATABASE_URL": "sqlite://:memory:"},
            check=False,
        )
        codes = results(module, folder)
        for name, verdict in codes.items():
            if verdict == SURVIVED and options.show:
                subprocess.run([mutmut, "show", name], cwd=folder, check=False)
            elif verdict != NOTICED:
                print(f"{verdict}: {name}")  # noqa: T201
        counts = Counter(codes.values())
        status = status or int(counts.keys() != {NOTICED})
        print(f"{module}: {counts[NOTICED]} of {len(codes)} noticed. {dict(counts)}")  # noqa: T201
    return status


def results(module: str, folder: Path) -> dict[str, str]:
    """What became of each mutant of the module."""
    meta = folder / "mutants" / f"{module}.meta"
    if not meta.exists():
        return {}
    codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return {name: _VERDICTS.get(code, NOTICED) for name, code in codes.items()}


if __name__ == "__main__":
    sys.exit(main())
