"""Each rule of the house holds, sees what it forbids, and passes what it does not."""

import ast
from pathlib import Path

import pytest
from django.apps import apps

from tests.house import source
from tests.house.rules import MOST_FILES, RULES, Rule, full_folders, in_modules, report
from tests.paths import ROOT

EACH_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def found(finder: source.Finder, text: str) -> list[str]:
    return [what for _, what in finder(ast.parse(text))]


def test_rules_hold() -> None:
    """All of them at once: each module is read once."""
    assert list(report(RULES)) == []


@EACH_RULE
def test_rule_gives_its_reason_and_its_remedy_in_sentences(rule: Rule) -> None:
    for sentence in (rule.says, rule.because, rule.remedy):
        assert sentence[0].isupper()
        assert sentence.endswith((".", ")"))


def written(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


# One that each rule sees, where a newcomer might write it.
BREACHES = {
    "money is Decimal": ("capital/services/trading/fills.py", "price = 0.5"),
    "Python calculates": ("capital/models/fills.py", "from django.db.models import Sum"),
    "the domain is pure": ("capital/domain/pools.py", "import os"),
    "the clock is an argument": ("capital/domain/pools.py", "now = datetime.now(UTC)"),
    "durations have their own clock": (
        "capital/services/webhooks/deliveries.py",
        "def wait(clock):\n    until = clock() + LONGEST\n",
    ),
    "strategies stand alone": ("strategies/models.py", "from capital.models import Account"),
    "one room for ccxt": ("capital/exchange/gateway.py", "def f():\n    import ccxt"),
    "tests are not imported": ("tests/a.py", "from tests.api.test_rows import problem"),
    "tests assert": ("tests/test_a.py", "def test_a():\n    make_user()"),
    "functions fit on a screen": ("capital/a.py", "def f():\n" + "    x = 1\n" * 60),
}


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.find is not full_folders], ids=lambda rule: rule.name
)
def test_rule_says_where_it_is_broken_why_that_matters_and_what_to_do(
    rule: Rule, tmp_path: Path
) -> None:
    path, text = BREACHES[rule.name]
    bare = Rule(rule.name, rule.says, rule.because, rule.remedy, rule.find)

    said = list(report([bare], written(tmp_path, {path: text})))

    assert said[:3] == [
        f"{rule.name}: {rule.says}", f"  Why: {rule.because}", f"  Instead: {rule.remedy}"
    ]  # fmt: skip
    assert len(said) == 4
    assert said[3].startswith(f"    {path}:")


def test_folder_with_too_many_files_is_seen(tmp_path: Path) -> None:
    files = {f"capital/services/a{number}.py": "" for number in range(MOST_FILES + 1)}
    root = written(tmp_path, {**files, "capital/models/a.py": ""})

    assert [str(breach) for breach in full_folders(root)] == ["capital/services: 16 files"]


def test_what_is_spared_is_no_breach_until_it_is_gone(tmp_path: Path) -> None:
    spared = frozenset({("capital/a.py", "1.5"), ("capital/b.py", "float")})
    rule = Rule("r", "R.", "B.", "D.", in_modules(source.floats, "capital"), spared)
    root = written(tmp_path, {"capital/a.py": "x = 1.5\ny = 2.5", "capital/b.py": "x = 1"})

    assert [str(breach) for breach in rule.breaches(root)] == [
        "capital/a.py:2: 2.5",
        "capital/b.py: no longer has float, which this rule spares",
    ]


def test_every_rule_finds_something_to_read() -> None:
    """A folder that was moved away would leave a rule that holds for nothing."""
    for folder in ("capital/domain", "capital/services", "capital/models", "strategies", "tests",
                   "capital/exchange/ccxt", "capital_project", "docs", "benchmarks"):  # fmt: skip
        assert list((ROOT / folder).rglob("*.*")), folder
    assert list(in_modules(source.imports_of("ccxt"), "capital/exchange/ccxt")(ROOT))


# What each finder sees


@pytest.mark.parametrize(
    "text",
    ["x = 1.5", "x = -0.0", "x = 1e3", "float(x)", "def f(x: float): ...", "list[float]",
     "isinstance(x, float)", "x: 'int' = 1\ny = map(float, z)"],
)  # fmt: skip
def test_floats_are_seen(text: str) -> None:
    assert found(source.floats, text)


def test_guard_against_floats_is_told_apart() -> None:
    guards = "isinstance(x, float)\nisinstance(x, int | float)"

    assert found(source.floats, guards) == [source.GUARD] * 2
    assert list(source.floats(ast.parse("isinstance(x, float)\nfloat(x)"))) == [
        (1, source.GUARD),
        (2, "float"),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("until = clock() + WAIT", "clock() + WAIT"),
        ("until = WAIT + timezone.now()", "WAIT + timezone.now()"),
        ("until = time.time() + 3", "time.time() + 3"),
        ("began = datetime.now(UTC)\nwork()\ntook = datetime.now(UTC) - began",
         "datetime.now(UTC) - began"),
        ("began, x = clock(), 1\nwhile x:\n    now = clock()\n    x = now - began", "now - began"),
        ("first = clock()\nlater = first\nreturn clock() - later", "clock() - later"),
        ("return self.clock() - request.clock()", "self.clock() - request.clock()"),
        ("return given + now", "given + now"),
        ("log(run.finished_at - run.started_at)", "run.finished_at - run.started_at"),
    ],
)  # fmt: skip
def test_durations_by_the_wall_clock_are_seen(text: str, what: str) -> None:
    lines = "\n".join(f"    {line}" for line in text.splitlines())

    assert found(source.wall_clock_durations, f"def f(given, *, now, clock):\n{lines}") == [what]


@pytest.mark.parametrize(
    "text",
    [
        "began = time.monotonic()\nuntil = began + 3",
        "until = steady_clock() + WAIT",
        "deadline = loop.time() + 15",
        "age = now - row.observed_at",
        "rows.filter(created_at__lt=clock() - KEPT)",
        "rows.filter(received_at__lte=now + clock_difference())",
        "midnight = combine(row.date + DAY)",
        "x = clock()\nsize = 1 + 2 - 3",
    ],
)
def test_ages_of_rows_and_other_clocks_are_no_durations_by_the_wall_clock(text: str) -> None:
    lines = "\n".join(f"    {line}" for line in text.splitlines())

    assert not found(source.wall_clock_durations, f"def f(row, *, now, clock):\n{lines}")


@pytest.mark.parametrize(
    "text",
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
def test_database_arithmetic_is_seen(text: str) -> None:
    assert found(source.database_arithmetic, text)


def test_queries_are_no_database_arithmetic() -> None:
    assert not found(
        source.database_arithmetic, "from django.db.models import OuterRef, Q, Subquery"
    )


@pytest.mark.parametrize(
    "text",
    ["import os", "from time import sleep", "import django", "from capital import models",
     "from capital.models import Account", "from strategies.models import Strategy",
     "from capital.domains import x", "def f():\n    import random"],
)  # fmt: skip
def test_what_the_domain_may_not_import_is_seen(text: str) -> None:
    assert found(source.impure_imports, text)


def test_what_the_domain_may_import_is_passed() -> None:
    assert not found(
        source.impure_imports,
        "from decimal import Decimal\nfrom collections.abc import Iterable\n"
        "from capital.domain import money\nfrom capital.domain.money import CENT\n"
        "from strategies.markets import MarketType\nimport datetime",
    )


@pytest.mark.parametrize("text", ["datetime.now()", "timezone.now()", "date.today()"])
def test_question_for_the_time_is_seen(text: str) -> None:
    assert found(source.clock_calls, text)


def test_time_that_is_given_is_passed() -> None:
    assert not found(source.clock_calls, "now = request.now\nf(now, today=x)")


@pytest.mark.parametrize(
    "text",
    ["import ccxt", "import ccxt.async_support as c", "from ccxt import binance",
     "from ccxt.base import errors"],
)  # fmt: skip
def test_import_of_a_package_is_seen(text: str) -> None:
    assert found(source.imports_of("ccxt"), text)
    assert not found(source.imports_of("ccx", "ccxt.pro", "capital.ccxt"), text)


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("from tests.api.test_rows import problem", "tests.api.test_rows"),
        ("from tests.api import test_rows", "tests.api.test_rows"),
        ("import tests.conftest", "tests.conftest"),
        ("from tests.simulator.conftest import POOLS", "tests.simulator.conftest"),
    ],
)
def test_import_of_a_test_is_seen(text: str, module: str) -> None:
    assert found(source.imports_of_tests, text) == [module]


def test_import_of_what_tests_share_is_passed() -> None:
    assert not found(
        source.imports_of_tests,
        "from tests.factories import make_user\nfrom capital_project import settings_test",
    )


def test_lines_of_a_function_are_counted_without_its_docstring() -> None:
    text = 'def f():\n    """One.\n\n    Two.\n    """\n    x = 1\n    return x'

    assert found(source.long_functions(2), text) == ["f: 3 lines"]
    assert found(source.long_functions(3), text) == []


@pytest.mark.parametrize(
    "text",
    ["def test_a():\n    f()", "async def test_a():\n    await f()",
     "class TestA:\n    def test_a(self):\n        f()",
     "def f():\n    pass\ndef test_a():\n    f()",
     "from tests.factories import make_user\ndef test_a():\n    make_user()"],
)  # fmt: skip
def test_test_that_asserts_nothing_is_seen(text: str) -> None:
    assert found(source.tests_without_assertion, text) == ["test_a"]


@pytest.mark.parametrize(
    "text",
    ["def test_a():\n    assert f()", "def test_a():\n    with pytest.raises(E):\n        f()",
     "def test_a(django_assert_num_queries):\n    with django_assert_num_queries(1):\n        f()",
     "def f():\n    assert x\ndef g():\n    f()\ndef test_a():\n    g()",
     "from tests.api.client import problem\ndef test_a():\n    problem(answer, 404)",
     "from tests.api import client\ndef test_a():\n    assert client",
     "def make_user():\n    pass"],
)  # fmt: skip
def test_test_that_asserts_is_passed(text: str) -> None:
    assert not found(source.tests_without_assertion, text)


# What needs the models themselves


def test_no_field_of_a_strategy_points_at_capital() -> None:
    models = list(apps.get_app_config("strategies").get_models(include_auto_created=True))
    pointed_at = {
        field.related_model._meta.app_label
        for model in models
        for field in [*model._meta.concrete_fields, *model._meta.many_to_many]
        if field.related_model is not None
    }

    assert models
    assert pointed_at == {"auth"}
