"""What a docstring promises of transactions is refused where it is not kept."""

import ast
import importlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from capital.services.transactions import (
    TransactionMisused,
    inside_transaction,
    outside_transaction,
)
from tests.paths import ROOT

SERVICES = ROOT / "capital" / "services"
PROMISES = {
    "outside_transaction": re.compile(r"[Cc]all it outside a transaction"),
    "inside_transaction": re.compile(r"[Cc]all it inside (a|the) transaction"),
}
SPOKEN_OF = re.compile(r"\b(out|in)side (of )?(a|any|the|one)?\s*transactions?\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _functions() -> list[tuple[Path, Function]]:
    return [
        (path, node)
        for path in sorted(SERVICES.rglob("*.py"))
        if path.name != "transactions.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Function)
    ]


def _promised(node: Function) -> set[str]:
    told = " ".join((ast.get_docstring(node) or "").split())
    return {name for name, pattern in PROMISES.items() if pattern.search(told)}


def _decorated(node: Function) -> set[str]:
    return {ast.unparse(decorator) for decorator in node.decorator_list} & PROMISES.keys()


def _named(decorator: str) -> list[str]:
    """By their text: to parse them all takes longer, and each process of a run would do it."""
    pattern = re.compile(rf"^@{decorator}\n(?:@.*\n)*(?:async )?def (\w+)", re.MULTILINE)
    return [
        f"{_module(path)}:{name}"
        for path in sorted(SERVICES.rglob("*.py"))
        for name in pattern.findall(path.read_text())
    ]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _find(name: str) -> Callable[..., Any]:
    module, function = name.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


OUTSIDE, INSIDE = _named("outside_transaction"), _named("inside_transaction")


# What is said is held


def test_docstring_and_decorator_agree() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (_promised(node), _decorated(node))
        for path, node in _functions()
        if _promised(node) != _decorated(node)
    }

    assert wrong == {}, "each promise has its decorator, and each decorator its promise"


def test_no_docstring_of_a_service_speaks_of_it_in_other_words() -> None:
    vague = []
    for path, node in _functions():
        told = " ".join((ast.get_docstring(node) or "").split())
        if SPOKEN_OF.search(told) and not _promised(node):
            vague.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")

    assert vague == [], 'say "Call it outside a transaction" or "Call it inside the transaction"'


def test_all_of_them_are_asked_below() -> None:
    found = {
        (decorator, f"{_module(path)}:{node.name}")
        for path, node in _functions()
        for decorator in _decorated(node)
    }

    asked = [("outside_transaction", name) for name in OUTSIDE]
    asked += [("inside_transaction", name) for name in INSIDE]
    assert sorted(found) == sorted(asked)


def test_there_are_such_functions() -> None:
    assert "capital.services.balances.sync:sync_balances" in OUTSIDE
    assert "capital.services.allocation.records:record_runs" in INSIDE
    assert (len(OUTSIDE), len(INSIDE)) > (20, 5)


@pytest.mark.django_db
@pytest.mark.parametrize("name", OUTSIDE)
def test_what_waits_refuses_to_wait_inside_a_transaction(name: str) -> None:
    # It refuses before it looks at its arguments: there are none.
    with transaction.atomic(), pytest.raises(TransactionMisused, match="inside a transaction"):
        _find(name)()


@pytest.mark.django_db
@pytest.mark.parametrize("name", INSIDE)
def test_what_needs_locks_refuses_to_work_outside_a_transaction(name: str) -> None:
    with pytest.raises(TransactionMisused, match="outside a transaction"):
        _find(name)()


# What counts as a transaction


@outside_transaction
def wait(seconds: int, *, patiently: bool = False) -> tuple[int, bool]:
    """Wait."""
    return seconds, patiently


@inside_transaction
def write(amount: int) -> int:
    """Write."""
    return amount


@pytest.mark.django_db
def test_the_transaction_around_a_test_is_none() -> None:
    assert connection.in_atomic_block

    assert wait(3, patiently=True) == (3, True)
    with pytest.raises(TransactionMisused):
        write(3)


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_what_waits_may_and_what_writes_may_not() -> None:
    assert wait(3) == (3, False)
    with pytest.raises(TransactionMisused):
        write(3)


@pytest.mark.django_db
@pytest.mark.parametrize("depth", [1, 2])
def test_savepoints_are_inside_as_well(depth: int) -> None:
    with transaction.atomic():
        if depth == 2:
            with transaction.atomic():
                assert write(3) == 3
        with pytest.raises(TransactionMisused, match=r"^wait was called inside a transaction"):
            wait(3)


@pytest.mark.django_db(transaction=True)
def test_what_is_done_on_commit_is_outside() -> None:
    done = []

    with transaction.atomic():
        transaction.on_commit(lambda: done.append(wait(3)))

    assert done == [(3, False)]


def test_names_and_docstrings_stay() -> None:
    assert (wait.__name__, wait.__doc__) == ("wait", "Wait.")
