"""Rules of the house that only the source can show."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from tests.paths import ROOT

MONEY_FOLDERS = ("capital/domain", "capital/services", "capital/models", "strategies")
# Where a float is told from an amount in order to refuse or to spell it.
FLOAT_GUARDS = {"capital/models/columns/exact.py"}

CCXT_GATEWAYS = {f"capital/exchange/ccxt_{name}.py" for name in ("clients", "gateway", "markets")}

DATABASE_ARITHMETIC = frozenset(
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
# Chooses among codes, which are words, and nothing else.
CASES_OF_CODES = {"capital/services/allocation/records.py"}

# The domain may use the standard library, but not to reach clock, chance or world.
IMPURE = frozenset(
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
CLOCK_CALLS = frozenset({"now", "utcnow", "today"})


def modules_in(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each_module(*folders: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", modules_in(*folders), ids=name_of)


def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def float_uses(source: str, *, guards_allowed: bool = False) -> list[int]:
    """The lines with a float literal or the name ``float``, in annotations and calls alike.

    ``isinstance(…, float)`` is a guard; elsewhere than in the fields it counts too.
    """
    tree = ast.parse(source)
    guards = {
        name
        for call in ast.walk(tree)
        if guards_allowed
        and isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "isinstance"
        for name in ast.walk(call.args[1])
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        or (isinstance(node, ast.Name) and node.id == "float" and node not in guards)
    ]


def database_arithmetic(source: str) -> list[str]:
    """Names with which a database would calculate: imported, or reached as ``models.X``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.db.models"):
            if (node.module or "").startswith("django.db.models.functions"):
                found += [alias.name for alias in node.names]
            found += [alias.name for alias in node.names if alias.name in DATABASE_ARITHMETIC]
        elif isinstance(node, ast.Attribute):
            of_models = isinstance(node.value, ast.Name) and node.value.id == "models"
            if of_models and node.attr in DATABASE_ARITHMETIC:
                found.append(node.attr)
            if node.attr in ("aggregate", "extra", "raw"):
                found.append(node.attr)
    return found


def imported_modules(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where they lead"
            yield node.module or ""


@pytest.mark.parametrize(
    "source",
    ["x = 1.5", "x = -0.0", "x = 1e3", "float(x)", "def f(x: float): ...", "list[float]",
     "isinstance(x, float)", "x: 'int' = 1\ny = map(float, z)"],
)  # fmt: skip
def test_the_float_check_sees(source):
    assert float_uses(source)


def test_the_float_check_passes_guards_where_they_are_allowed():
    assert not float_uses("isinstance(x, float)\nisinstance(x, int | float)", guards_allowed=True)
    assert float_uses("isinstance(x, float)\nfloat(x)", guards_allowed=True) == [2]


@pytest.mark.parametrize(
    "source",
    [
        "from django.db.models import F",
        "from django.db.models import Q, Sum as Total",
        "from django.db.models.aggregates import Avg",
        "from django.db.models.expressions import RawSQL",
        "from django.db.models.functions import Coalesce",
        "from django.db import models\nmodels.F('balance') * 2",
        "Account.objects.aggregate(total=x)",
    ],
)
def test_the_database_arithmetic_check_sees(source):
    assert database_arithmetic(source)


def test_the_database_arithmetic_check_passes_queries():
    assert not database_arithmetic("from django.db.models import OuterRef, Q, Subquery")


def test_the_checks_find_modules_to_read():
    for folder in MONEY_FOLDERS:
        assert modules_in(folder)


@each_module(*MONEY_FOLDERS)
def test_no_float_touches_money(path):
    assert float_uses(source_of(path), guards_allowed=name_of(path) in FLOAT_GUARDS) == []


@each_module("capital/services", "capital/models", "strategies")
def test_no_database_arithmetic_decides_anything(path):
    allowed = {"Case", "When"} if name_of(path) in CASES_OF_CODES else set()
    assert set(database_arithmetic(source_of(path))) <= allowed


@each_module("capital/domain")
def test_the_domain_imports_the_standard_library_and_itself_only(path):
    for module in imported_modules(source_of(path)):
        top = module.partition(".")[0]
        allowed = top in sys.stdlib_module_names - IMPURE
        assert allowed or module.startswith("capital.domain") or module == "strategies.markets"


@each_module("capital/domain")
def test_the_domain_never_asks_for_the_time(path):
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(source_of(path)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert not called & CLOCK_CALLS


@each_module("strategies")
def test_strategies_import_nothing_of_capital(path):
    assert not [name for name in imported_modules(source_of(path)) if name.startswith("capital")]


def test_no_field_of_a_strategy_points_at_capital():
    models = list(apps.get_app_config("strategies").get_models(include_auto_created=True))
    pointed_at = {
        field.related_model._meta.app_label
        for model in models
        for field in [*model._meta.concrete_fields, *model._meta.many_to_many]
        if field.related_model is not None
    }

    assert models
    assert pointed_at == {"auth"}


@each_module("capital", "capital_project")
def test_only_the_gateways_import_ccxt(path):
    imports_ccxt = any(
        module.partition(".")[0] == "ccxt" for module in imported_modules(source_of(path))
    )

    assert imports_ccxt is (name_of(path) in CCXT_GATEWAYS)
