"""Python source, read for what a rule forbids. Every finding is a line and what stands there."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache

from tests.paths import ROOT

Found = Iterator[tuple[int, str]]
Finder = Callable[[ast.Module], Found]

GUARD = "isinstance(…, float)"

_DATABASE_ARITHMETIC = frozenset(
    {
        "F",
        "Func",
        "Sum",
        "Avg",
        "Min",
        "Max",
        "StdDev",
        "Variance",
        "ExpressionWrapper",
        "CombinedExpression",
        "RawSQL",
        "Case",
        "When",
    }
)
_CALCULATING_METHODS = frozenset({"aggregate", "extra", "raw"})

# Calls that read the clock that people set; ``time.time()`` besides.
_READS = frozenset({"clock", "now", "utcnow", "time_ns", "milliseconds_now"})
# The names that such a moment has as an argument.
_MOMENTS = frozenset({"now"})
# What may be added to a moment: the limit of what other machines' clocks may have stored.
_ALLOWANCES = frozenset({"clock_difference"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef

# Parts of the standard library that reach clock, chance or world.
_IMPURE = frozenset(
    {
        "asyncio",
        "http",
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
    }
)
_CLOCK_CALLS = frozenset({"now", "utcnow", "today"})

# pytest's and playwright's; pytest-django's begin with django_assert_.
_ASSERTING = frozenset({"raises", "warns", "fail", "expect"})


@cache
def nodes(tree: ast.AST) -> list[ast.AST]:
    """It and all below it; walked once for all rules, which takes longer than all that they ask."""
    return list(ast.walk(tree))


def floats(tree: ast.Module) -> Found:
    """Float literals and the name ``float``, in annotations and calls alike.

    A check such as ``isinstance(amount, float)`` is told apart: see ``GUARD``.
    """
    guards = {
        name
        for call in nodes(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "isinstance"
        for name in ast.walk(call.args[1])
    }
    for node in nodes(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, repr(node.value)
        elif isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, GUARD if node in guards else "float"


def database_arithmetic(tree: ast.Module) -> Found:
    """Names with which a database would calculate: imported, or reached as ``models.X``."""
    for node in nodes(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.db.models"):
            whole_module = (node.module or "").startswith("django.db.models.functions")
            for alias in node.names:
                if whole_module or alias.name in _DATABASE_ARITHMETIC:
                    yield node.lineno, alias.name
        elif isinstance(node, ast.Attribute):
            of_models = isinstance(node.value, ast.Name) and node.value.id == "models"
            if node.attr in _CALCULATING_METHODS or (
                of_models and node.attr in _DATABASE_ARITHMETIC
            ):
                yield node.lineno, node.attr


def imports(tree: ast.Module) -> Found:
    """What is imported, wherever in the module: ``from package import name`` is package.name."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def impure_imports(tree: ast.Module) -> Found:
    """Imports that a module of the domain may not have."""
    for line, name in imports(tree):
        top = name.partition(".")[0]
        pure = top in sys.stdlib_module_names - _IMPURE
        if not (pure or f"{name}.".startswith(("capital.domain.", "strategies.markets."))):
            yield line, name


def imports_of(*packages: str) -> Finder:
    """A finder of imports of these packages or of anything in them."""

    def find(tree: ast.Module) -> Found:
        for line, name in imports(tree):
            if f"{name}.".startswith(tuple(f"{package}." for package in packages)):
                yield line, name

    return find


def imports_of_tests(tree: ast.Module) -> Found:
    """Imports of test modules and of conftest modules."""
    for line, name in imports(tree):
        modules = re.match(r"tests\.(?:\w+\.)*?(?:test_\w+|conftest)\b", name)
        if modules:
            yield line, modules[0]


def clock_calls(tree: ast.Module) -> Found:
    """Calls such as ``datetime.now()``."""
    for node in nodes(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in _CLOCK_CALLS:
            yield node.lineno, f"{called.attr}()"


def long_functions(most: int) -> Finder:
    """A finder of functions with more lines than this, their docstring not counted."""

    def find(tree: ast.Module) -> Found:
        for node in nodes(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    first = node.body[0]
                    lines -= (first.end_lineno or first.lineno) - first.lineno + 1
                if lines > most:
                    yield node.lineno, f"{node.name}: {lines} lines"

    return find


def tests_without_assertion(tree: ast.Module) -> Found:
    """Tests that assert nothing: neither themselves nor by a function of tests that they call."""
    asserting = _asserting_functions(tree)
    for function in _functions(tree):
        if function.name.startswith("test_") and function.name not in asserting:
            yield function.lineno, function.name


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _asserting_functions(tree: ast.Module) -> set[str]:
    """Names of the functions and methods of a module that assert, and of those it imports."""
    asserting = {
        name.rpartition(".")[2]
        for _, name in imports(tree)
        if name.startswith("tests.") and name.rpartition(".")[2] in _asserting_in(name)
    }
    waiting = {function.name: function for function in _functions(tree)}
    # One that asserts makes those that call it assert.
    while more := {name for name, function in waiting.items() if _asserts(function, asserting)}:
        asserting |= more
        waiting = {name: function for name, function in waiting.items() if name not in more}
    return asserting


@cache
def _asserting_in(name: str) -> frozenset[str]:
    """The functions that assert in the module of ``tests`` from which ``name`` is imported."""
    module = (ROOT / name.rpartition(".")[0].replace(".", "/")).with_suffix(".py")
    if not module.is_file():
        return frozenset()
    return frozenset(_asserting_functions(ast.parse(module.read_text(encoding="utf-8"))))


def _asserts(function: ast.AST, asserting: set[str]) -> bool:
    for node in nodes(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "id", None) or getattr(called, "attr", "")
            if name in _ASSERTING | asserting or name.startswith("django_assert_"):
                return True
    return False


def wall_clock_durations(tree: ast.Module) -> Found:
    """Deadlines and durations by the clock that people set.

    What a function reads from it is a moment. A moment plus a span is a deadline, and a moment
    minus another one is a duration: somebody sets the clock back, and a wait does not end. A moment
    minus a row's column is the age of what is stored, which nothing else tells.
    """
    found = {
        (node.lineno, ast.unparse(node))
        for function in nodes(tree)
        if isinstance(function, _Function)
        for node in _measures(function)
    }
    yield from sorted(found)


def _measures(function: _Function) -> Iterator[ast.BinOp]:
    moments = _moments(function)
    for node in nodes(function):
        if not isinstance(node, ast.BinOp):
            continue
        sides = [_is_moment(side, moments) for side in (node.left, node.right)]
        if (isinstance(node.op, ast.Add) and any(sides) and not _is_allowance(node)) or (
            isinstance(node.op, ast.Sub) and (all(sides) or _is_between_columns(node))
        ):
            yield node


def _moments(function: _Function) -> set[str]:
    """The names in a function that are a moment, or a moment moved by some span."""
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    names = {argument.arg for argument in arguments} & _MOMENTS
    # Twice, for what is assigned from what is assigned below it in a loop.
    for node in [*nodes(function), *nodes(function)]:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names |= set(_assigned(target, node.value, names))
    return names


def _assigned(target: ast.expr, value: ast.expr, names: set[str]) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for each, given in zip(target.elts, value.elts, strict=False):
            yield from _assigned(each, given, names)
    elif isinstance(target, ast.Name):
        sides = [value.left, value.right] if isinstance(value, ast.BinOp) else [value]
        is_duration = len(sides) == 2 and all(_is_moment(side, names) for side in sides)
        if not is_duration and any(_is_moment(side, names) for side in sides):
            yield target.id


def _is_moment(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Name):
        return called.id in _READS
    if not isinstance(called, ast.Attribute):
        return False
    of_time = isinstance(called.value, ast.Name) and called.value.id == "time"
    return called.attr in _READS or (called.attr == "time" and of_time)


def _is_allowance(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.Call)
        and isinstance(side.func, ast.Name)
        and side.func.id in _ALLOWANCES
        for side in (node.left, node.right)
    )


def _is_between_columns(node: ast.BinOp) -> bool:
    """Whether both are moments by their names: ``run.finished_at - run.started_at``."""
    return all(
        isinstance(side, ast.Attribute) and side.attr.endswith("_at")
        for side in (node.left, node.right)
    )
