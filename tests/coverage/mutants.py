"""How many small faults the tests notice: ``make mutants MODULE=capital/domain/money.py``.

mutmut puts one fault at a time into every function of the module (a comparison turned, a bound
moved, an argument left out) and runs the tests that reach it, of those that mirror the module.
A folder is one run: its modules, and the tests that mirror the folder. Its results are kept in
``.mutants/``, so a run that was stopped goes on where it was, and only a function that changed is
done again; ``AGAIN=1`` does those again that no test noticed, for tests that were added since.
``SAMPLE=200`` runs that many, chosen by chance from a seed that is told. mutmut leaves decorated
functions and module-level values alone. Tests that are marked ``waits`` are left out.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.coverage import kept_database
from tests.paths import ROOT

WORK = ROOT / ".mutants"
COPIED = ("capital_project", "strategies", "locale", "docs", "manage.py")

_READINGS = [
    "tests/exchange/test_entries.py",
    *(f"tests/exchange/readings/test_{name}.py" for name in ("documented", "formulas", "kinds")),
    *(f"tests/exchange/readings/test_{name}.py" for name in ("reported", "unproven")),
    "tests/exchange/test_traps.py",
    "tests/exchange/test_recorded_responses.py",
]
# Where a module's tests are elsewhere than at its own path below tests/.
MIRRORS = {
    "capital/domain/audit": ["tests/domain/audit"],
    "capital/domain/sizing": ["tests/domain/sizing"],
    "capital/domain/allocation": ["tests/domain/allocation"],
    # Those of the way to a response take minutes, and read it by the same rules.
    "capital/exchange/entries.py": _READINGS,
    "capital/exchange/answers.py": [*_READINGS, "tests/services/balances/test_keys.py"],
    "capital/exchange/formulas.py": _READINGS,
    "capital/exchange/shown.py": ["tests/exchange/readings/test_unproven.py"],
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
NOT_CHOSEN = "not chosen"
SEED = 13
# mutmut's code for what it skips.
_SKIPPED = 34
# By mutmut's exit codes. A test that fails, crashes or takes too long notices the fault.
_VERDICTS = {
    None: "not run",
    0: SURVIVED,
    5: "not reached",
    33: "not reached",
    _SKIPPED: NOT_CHOSEN,
}


def tests_of(module: str) -> list[str]:
    """The tests that mirror a module: the file of its name, and what is listed above.

    The services of a subject do their work together, so each has all tests of the subject.
    """
    path = Path(module)
    beside = Path("tests", *path.parts[1:])
    own = beside.with_name(f"test_{beside.name}")
    found = [own.as_posix()] if (ROOT / own).exists() else []
    listed = next(
        (MIRRORS[key] for key in sorted(MIRRORS, reverse=True) if module.startswith(key)), []
    )
    around = beside if (ROOT / module).is_dir() else beside.parent
    is_alone = bool(found or listed) and not module.startswith("capital/services")
    folder = [] if is_alone else [around.as_posix()]
    return [test for test in dict.fromkeys([*found, *listed, *folder]) if (ROOT / test).exists()]


def modules_in(module: str) -> list[str]:
    """The module, or those of the folder."""
    path = ROOT / module
    found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [each.relative_to(ROOT).as_posix() for each in found]


def prepare(module: str) -> Path:
    """A folder of its own for the run, with mutmut's configuration for it."""
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
        "only_mutate": modules_in(module),
        "also_copy": list(COPIED),
        # One database serves all mutants: each is a process, one behind the other.
        "pytest_add_cli_args": [
            *("-p", "no:cacheprovider", "-x"),
            *("-p", "tests.coverage.kept_database", "--reuse-db"),
            # They take a minute for each fault that nothing else notices.
            *("-m", "not waits"),
        ],
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
    for meta, kept in _metas(module, folder):
        kept["exit_code_by_key"] = {
            name: None if code in _VERDICTS and code != _SKIPPED else code
            for name, code in kept["exit_code_by_key"].items()
        }
        meta.write_text(json.dumps(kept), encoding="utf-8")


def choose(module: str, folder: Path, sample: int) -> None:
    """Leave out all but a sample of the mutants, the same ones each time."""
    metas = list(_metas(module, folder))
    names = sorted(name for _, kept in metas for name in kept["exit_code_by_key"])
    chosen = set(random.Random(SEED).sample(names, min(sample, len(names))))
    for meta, kept in metas:
        codes = kept["exit_code_by_key"]
        for name, code in codes.items():
            if name not in chosen:
                codes[name] = _SKIPPED
            elif code == _SKIPPED:
                codes[name] = None
        meta.write_text(json.dumps(kept), encoding="utf-8")


def _metas(module: str, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What mutmut keeps of each module that it made mutants of."""
    for each in modules_in(module):
        meta = folder / "mutants" / f"{each}.meta"
        if meta.exists():
            yield meta, json.loads(meta.read_text(encoding="utf-8"))


def main() -> int:
    """Run the mutants of the modules that are named; 1 where some survived or were not run."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+", help="for example capital/domain/money.py")
    parser.add_argument("--sample", type=int, help="run only so many of each, chosen by chance")
    parser.add_argument("--show", action="store_true", help="show each survivor as a difference")
    parser.add_argument("--again", action="store_true", help="run those again that survived")
    options = parser.parse_args()
    mutmut = Path(sys.executable).with_name("mutmut")
    status = 0
    for module in options.modules:
        folder = prepare(module)
        command: list[str | Path] = [mutmut, "run", "--max-children", "1"]
        if options.again:
            forget_unnoticed(module, folder)
        if options.sample:
            # It makes all mutants, and then finds none of this name.
            _run([*command, "none"], folder, stderr=subprocess.DEVNULL)
            choose(module, folder, options.sample)
        _run(command, folder)
        codes = results(module, folder)
        for name, verdict in codes.items():
            if verdict == SURVIVED and options.show:
                subprocess.run([mutmut, "show", name], cwd=folder, check=False)
            elif verdict not in {NOTICED, NOT_CHOSEN}:
                print(f"{verdict}: {name}")  # noqa: T201
        counts = Counter(verdict for verdict in codes.values() if verdict != NOT_CHOSEN)
        status = status or int(counts.keys() != {NOTICED})
        told = f"{counts[NOTICED]} of {counts.total()} noticed, of {len(codes)} made"
        print(f"{module}: {told}. {dict(counts)}")  # noqa: T201
    return status


def _run(command: list[str | Path], folder: Path, stderr: int | None = None) -> None:
    with tempfile.TemporaryDirectory() as kept:
        environment = {
            **os.environ,
            "DATABASE_URL": "sqlite://:memory:",
            kept_database.VARIABLE: str(Path(kept) / "kept.sqlite3"),
        }
        subprocess.run(command, cwd=folder, env=environment, check=False, stderr=stderr)


def results(module: str, folder: Path) -> dict[str, str]:
    """What became of each mutant of the module."""
    return {
        name: _VERDICTS.get(code, NOTICED)
        for _, kept in _metas(module, folder)
        for name, code in kept["exit_code_by_key"].items()
    }


if __name__ == "__main__":
    sys.exit(main())
