"""What ``make coverage`` and ``make mutants`` report, from results that are given."""

import gc
import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from tests.coverage import branches, conditions, mutants
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


def test_only_what_no_test_noticed_is_run_again(tmp_path: Path) -> None:
    mutants.forget_unnoticed(MODULE, tmp_path)
    meta = tmp_path / "mutants" / f"{MODULE}.meta"
    meta.parent.mkdir(parents=True)
    codes = {"a": 1, "b": 0, "c": None, "d": 33, "e": -9, "f": 34}
    meta.write_text(json.dumps({"exit_code_by_key": codes, "hash": "h"}), encoding="utf-8")

    mutants.forget_unnoticed(MODULE, tmp_path)

    assert json.loads(meta.read_text(encoding="utf-8")) == {
        "exit_code_by_key": {"a": 1, "b": None, "c": None, "d": None, "e": -9, "f": 34},
        "hash": "h",
    }


def test_each_mutant_has_a_verdict(tmp_path: Path) -> None:
    meta = tmp_path / "mutants" / f"{MODULE}.meta"
    meta.parent.mkdir(parents=True)
    codes = {"a": 1, "b": 0, "c": None, "d": 33, "e": -9, "f": 34}
    meta.write_text(json.dumps({"exit_code_by_key": codes}), encoding="utf-8")

    assert mutants.results(MODULE, tmp_path) == {
        "a": "noticed",
        "b": "survived",
        "c": "not run",
        "d": "not reached",
        "e": "noticed",
        "f": "not chosen",
    }


def test_a_folder_is_one_run_with_the_tests_that_mirror_it() -> None:
    modules = mutants.modules_in("capital/services/sizing")

    assert "capital/services/sizing/terms.py" in modules
    assert mutants.tests_of("capital/services/sizing") == ["tests/services/sizing"]
    assert mutants.tests_of("capital/services/sizing/orders.py") == [
        "tests/services/sizing/test_orders.py",
        "tests/services/sizing",
    ]
    assert mutants.modules_in(MODULE) == [MODULE]


def test_a_sample_is_the_same_each_time_and_keeps_what_was_run(tmp_path: Path) -> None:
    meta = tmp_path / "mutants" / f"{MODULE}.meta"
    meta.parent.mkdir(parents=True)
    codes = {f"mutant {number}": None for number in range(10)}
    meta.write_text(json.dumps({"exit_code_by_key": codes}), encoding="utf-8")

    mutants.choose(MODULE, tmp_path, 4)
    first = mutants.results(MODULE, tmp_path)
    kept = json.loads(meta.read_text(encoding="utf-8"))
    run = next(name for name, verdict in first.items() if verdict == "not run")
    kept["exit_code_by_key"][run] = 1
    meta.write_text(json.dumps(kept), encoding="utf-8")
    mutants.choose(MODULE, tmp_path, 4)

    assert list(first.values()).count("not chosen") == 6
    assert mutants.results(MODULE, tmp_path) == {**first, run: "noticed"}

    mutants.choose(MODULE, tmp_path, 20)
    assert "not chosen" not in mutants.results(MODULE, tmp_path).values()


QUERY = """
def find(rows, names, mine):
    found = rows.filter(owner=mine, key__in=names).exclude(Q(is_active=False))
    return [names.get(row.key, "") for row in found]
"""


def test_each_condition_of_a_query_is_left_out_once() -> None:
    faults = list(conditions.faults_of(QUERY, "queries.py"))

    assert [(fault.line, fault.condition) for fault in faults] == [
        (3, "Q(is_active=False)"),
        (3, "is_active=False"),
        (3, "owner=mine"),
        (3, "key__in=names"),
    ]
    assert len({fault.code.co_consts for fault in faults}) == 4


def test_tests_of_a_condition_are_its_modules_own_first() -> None:
    tests = conditions.tests_of(ROOT / "capital/services/allocation/plans.py", ["tests/api"])

    assert tests == [
        "tests/services/allocation/test_plans.py",
        "tests/services/allocation",
        "tests/api",
    ]


def test_condition_is_left_out_of_a_module_that_is_hidden_from_the_garbage_collector(
    tmp_path: Path,
) -> None:
    path = tmp_path / "frozen.py"
    path.write_text("def found(rows):\n    return rows.filter(a=1)\n")
    spec = spec_from_file_location("frozen", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    # As Django's own modules, and ours, are when a process has begun.
    gc.freeze()
    (fault,) = conditions.faults_of(path.read_text(), str(path))

    is_put_in = conditions.put_in(path, fault)

    gc.freeze()
    assert is_put_in
    assert module.found(Rows()) == {}


class Rows:
    def filter(self, **conditions: int) -> dict[str, int]:
        return conditions
