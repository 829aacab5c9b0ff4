"""Which condition of a query can be left out unseen: ``make conditions MODULE=capital/services``.

One condition at a time is taken out of ``filter``, ``exclude``, ``get``, ``get_or_create``,
``update_or_create``, ``in_bulk`` and ``Q``, and the tests that mirror the module are run. A test
whose table has one row only passes all the same: beside each row that is looked up belongs a
second one that would be the wrong answer. ``make mutants`` leaves functions with a decorator
alone, and never takes out the only condition; this does both.

Each fault is put into a child process, which has everything imported, so a module takes as long
as the tests that it fails.
"""

import ast
import gc
import os
import signal
import sys
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

from tests.coverage.mutants import NOTICED, SURVIVED
from tests.paths import ROOT

_LOOKUPS = {"filter", "exclude", "get", "get_or_create", "update_or_create", "in_bulk", "Q"}
# Their positional argument is no condition: get() is most often a mapping's.
_BY_KEYWORD = {"get", "get_or_create", "update_or_create"}
_NO_CONDITION = {"defaults", "create_defaults", "field_name"}
SECONDS = 120

_NO_FUNCTION = 99
# By pytest's exit codes. Tests that took too long, or crashed, noticed the fault.
_VERDICTS = {
    0: SURVIVED,
    1: NOTICED,
    4: "no tests",
    5: "no tests",
    _NO_FUNCTION: "in no function",
    -signal.SIGALRM: NOTICED,
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
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == str(module):
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


def verdict(module: Path, fault: Fault, tests: list[str]) -> str:
    """What the tests say to the fault, from a process of its own."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        if not put_in(module, fault):
            os._exit(_NO_FUNCTION)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
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
    for module in modules_in(options.modules):
        name = module.relative_to(ROOT).as_posix()
        for fault in faults_of(module.read_text(encoding="utf-8"), str(module)):
            import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
            told = verdict(module, fault, tests_of(module, options.wide))
            counts[told] += 1
            if told != NOTICED:
                print(f"{told}: {name}:{fault.line}: {fault.condition}", flush=True)  # noqa: T201
    print(dict(counts))  # noqa: T201
    return int(counts.keys() != {NOTICED})


if __name__ == "__main__":
    sys.exit(main())
