"""Which condition of a query can be left out unseen: ``make conditions MODULE=capital/services``.

One condition at a time is taken out of ``filter``, ``exclude``, ``get``, ``get_or_create``,
``update_or_create``, ``in_bulk`` and ``Q``, and the tests that mirror the module are run. A test
whose table has one row only passes all the same: beside each row that is looked up belongs a
second one that would be the wrong answer. ``make mutants`` leaves functions with a decorator
alone, and never takes out the only condition; this does both.

Each fault is put into a child process, which has everything imported, on a copy of a database
that was made once, so a module takes as long as the tests that it fails. A child has as much
processor time as the tests may need, however busy the machine is.
"""

import ast
import gc
import os
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType

import django
import pytest
from django.conf import settings
from django.db import connection

from tests.coverage.mutants import NOTICED, SURVIVED
from tests.paths import ROOT

_LOOKUPS = {"filter", "exclude", "get", "get_or_create", "update_or_create", "in_bulk", "Q"}
# Their positional argument is no condition: get() is most often a mapping's.
_BY_KEYWORD = {"get", "get_or_create", "update_or_create"}
_NO_CONDITION = {"defaults", "create_defaults", "field_name"}
# Of the processor. By the clock a child has thirty times as long, lest it waits for ever.
SECONDS = 60
_TIMES_BY_THE_CLOCK = 30

_NO_FUNCTION = 99
# By pytest's exit codes. Tests that ran on and on, or crashed, noticed the fault; whether those did
# that the clock stopped, nobody knows.
_VERDICTS = {
    0: SURVIVED,
    1: NOTICED,
    4: "no tests",
    5: "no tests",
    _NO_FUNCTION: "in no function",
    -signal.SIGALRM: "waited too long",
    -signal.SIGPROF: NOTICED,
    -signal.SIGSEGV: NOTICED,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One condition that is left out: where it stood, and the module without it."""

    line: int
    condition: str
    code: CodeType


def faults_of(source: str, filename: str) -> Iterator[Fault]:
    """The module without each condition in turn, in the order of its lines."""
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for number, call in sorted(enumerate(calls), key=lambda each: each[1].lineno):
        for place in _conditions(call):
            changed = deepcopy(tree)
            copies = [node for node in ast.walk(changed) if isinstance(node, ast.Call)]
            taken = _take_out(copies[number], place)
            yield Fault(taken.lineno, ast.unparse(taken), compile(changed, filename, "exec"))


def _conditions(call: ast.Call) -> list[tuple[str, int]]:
    """Where the conditions of a lookup stand among its arguments; none of another call's."""
    name = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    if name not in _LOOKUPS:
        return []
    named = [
        ("keywords", place)
        for place, keyword in enumerate(call.keywords)
        if keyword.arg not in _NO_CONDITION
    ]
    return named + [("args", place) for place in range(len(call.args)) if name not in _BY_KEYWORD]


def _take_out(call: ast.Call, place: tuple[str, int]) -> ast.keyword | ast.expr:
    arguments: list[ast.keyword | ast.expr] = getattr(call, place[0])
    return arguments.pop(place[1])


def put_in(module: Path, fault: Fault) -> bool:
    """Give the functions of the imported module the fault's code; False where none has any."""
    before = dict(_functions(compile(module.read_text(encoding="utf-8"), module, "exec")))
    changed = {place: code for place, code in _functions(fault.code) if code != before.get(place)}
    found = False
    # What was imported when Django began is frozen (capital/apps.py), and hidden so.
    gc.unfreeze()
    for each in gc.get_objects():
        # Not ``isinstance``: that asks proxies of what is gone.
        if type(each) is FunctionType and each.__code__.co_filename == str(module):
            place = each.__code__.co_qualname, each.__code__.co_firstlineno
            if place in changed:
                each.__code__ = changed[place]
                found = True
    return found


def _functions(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    """Every function in it, by its qualified name and first line."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield (constant.co_qualname, constant.co_firstlineno), constant
            yield from _functions(constant)


def tests_of(module: Path, wide: list[str]) -> list[str]:
    """The tests that mirror it, its own file first, and then those that are named."""
    beside = Path("tests", *module.relative_to(ROOT).parts[1:])
    folder = beside.parent
    own = folder / f"test_{beside.name}"
    # The admin's lists are filtered alike.
    shared = Path(*beside.parts[:2], "frame", "test_filters.py")
    found = (own, folder, shared, *map(Path, wide))
    return [str(each) for each in dict.fromkeys(found) if (ROOT / each).exists()]


def make_database(path: Path) -> None:
    """Migrate a database for the tests, in a process of its own: none is open when others start."""
    child = os.fork()
    if child == 0:
        settings.DATABASES["default"]["TEST"]["NAME"] = str(path)
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        connection.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "the database was not made"


def verdict(module: Path, fault: Fault, tests: list[str], database: Path) -> str:
    """What the tests say to the fault, from a process of its own on a copy of the database."""
    own = database.with_name("own.sqlite3")
    # What the one before left in its write-ahead log would be written into this copy.
    for left in database.parent.glob(f"{own.name}*"):
        left.unlink()
    shutil.copyfile(database, own)
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(SECONDS * _TIMES_BY_THE_CLOCK)
        if not put_in(module, fault):
            os._exit(_NO_FUNCTION)
        settings.DATABASES["default"]["TEST"]["NAME"] = str(own)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--reuse-db", *tests]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return _VERDICTS.get(code, f"not tested (exit code {code})")


def modules_in(paths: list[str]) -> list[Path]:
    """The modules that are named, and those in the folders that are."""
    named = [ROOT / path for path in paths]
    return [
        module
        for path in named
        for module in ([path] if path.is_file() else sorted(path.rglob("*.py")))
    ]


def main() -> int:
    """Report each condition that can be left out unseen; 1 where there is one."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+", help="for example capital/services/allocation")
    parser.add_argument("--wide", action="append", default=[], help="tests to run as well")
    options = parser.parse_args()
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    os.environ["DJANGO_SETTINGS_MODULE"] = "capital_project.settings_test"
    django.setup()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "made.sqlite3"
        make_database(database)
        for module in modules_in(options.modules):
            counts += told_of(module, options.wide, database)
    print(dict(counts))  # noqa: T201
    return int(counts.keys() != {NOTICED})


def told_of(module: Path, wide: list[str], database: Path) -> Counter[str]:
    """How many faults of the module had which verdict; those that were not noticed are printed."""
    counts: Counter[str] = Counter()
    name = module.relative_to(ROOT).as_posix()
    for fault in faults_of(module.read_text(encoding="utf-8"), str(module)):
        import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        told = verdict(module, fault, tests_of(module, wide), database)
        counts[told] += 1
        if told != NOTICED:
            print(f"{told}: {name}:{fault.line}: {fault.condition}", flush=True)  # noqa: T201
    if counts:
        print(f"{name}: {counts[NOTICED]} of {counts.total()} noticed", flush=True)  # noqa: T201
    return counts


if __name__ == "__main__":
    sys.exit(main())
