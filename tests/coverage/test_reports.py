"""What ``make coverage`` and ``make mutants`` report, from results that are given."""

import json
from pathlib import Path

import pytest

from tests.coverage import branches, mutants
from tests.paths import ROOT

MODULE = "capital/domain/pools.py"


def line_of(text: str) -> int:
    lines = (ROOT / MODULE).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == text)


@pytest.fixture
def measured() -> dict[str, dict[str, list[list[int]]]]:
    """One branch that is not entered."""
    start, end = line_of("if wallet_mode is WalletMode.UNIFIED:"), line_of("return Pool.UNIFIED")
    return {MODULE: {"missing_branches": [[start, end]]}}


BRANCH = "if wallet_mode is WalletMode.UNIFIED: -> return Pool.UNIFIED"


def test_branch_that_is_not_entered_is_reported_with_its_place(
    monkeypatch: pytest.MonkeyPatch, measured: dict[str, dict[str, list[list[int]]]]
) -> None:
    monkeypatch.setattr(branches, "listed_branches", dict)

    start = line_of("if wallet_mode is WalletMode.UNIFIED:")
    assert list(branches.report(measured, [])) == [f"{MODULE}:{start}: {BRANCH}"]
    assert list(branches.report(measured, ["capital/services"])) == []


def test_listed_branch_is_reported_once_it_is_entered(
    monkeypatch: pytest.MonkeyPatch, measured: dict[str, dict[str, list[list[int]]]]
) -> None:
    monkeypatch.setattr(branches, "listed_branches", lambda: {MODULE: {BRANCH: "Because."}})

    assert list(branches.report(measured, [])) == []
    measured[MODULE]["missing_branches"] = []
    assert list(branches.report(measured, [])) == [
        f"{MODULE}: entered, so do not list it: {BRANCH}"
    ]


def test_every_listed_branch_is_of_a_file_that_is_there_and_has_a_reason() -> None:
    for path, reasons in branches.listed_branches().items():
        assert (ROOT / path).is_file(), path
        assert all(reason.endswith(".") for reason in reasons.values()), path


@pytest.mark.parametrize("folder", ["domain", "services/allocation", "services/balances"])
def test_every_module_has_tests_for_its_mutants(folder: str) -> None:
    for module in (ROOT / "capital" / folder).rglob("*.py"):
        if module.name != "__init__.py":
            assert mutants.tests_of(module.relative_to(ROOT).as_posix()), module


def test_each_mutant_has_a_verdict(tmp_path: Path) -> None:
    meta = tmp_path / "mutants" / f"{MODULE}.meta"
    meta.parent.mkdir(parents=True)
    codes = {"a": 1, "b": 0, "c": None, "d": 33, "e": -9}
    meta.write_text(json.dumps({"exit_code_by_key": codes}), encoding="utf-8")

    assert mutants.results(MODULE, tmp_path) == {
        "a": "noticed",
        "b": "survived",
        "c": "not run",
        "d": "not reached",
        "e": "noticed",
    }
