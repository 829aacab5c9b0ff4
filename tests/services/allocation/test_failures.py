"""An account that fails gets a failed run with the reason, and takes no other with it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from capital.domain.errors import (
    AmountNotStorable,
    CapitalError,
    ForceNotAllowed,
    InvalidAllocation,
    InvalidRunKey,
    NothingToAccept,
    RunKeyConflict,
    UnknownAccount,
)
from capital.models import Account, AllocationRun, StrategyAccount
from capital.services.allocation import allocate, batches, records, verdicts
from capital.services.allocation.allocate import (
    allocate_capital,
    preview_allocation,
    reallocate_where_due,
)
from capital.services.allocation.gate import check_gate
from capital.services.allocation.request import new_request
from capital.services.allocation.runs import report_runs
from tests.factories import capital_of, make_account, make_link, make_operator, make_summary
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

Refuse = Callable[[Exception], None]


def named(account_id: int) -> str:
    """As the log names an account."""
    return f"{Account.objects.get(pk=account_id).name} #{account_id}"


@pytest.fixture
def links(exchange: Exchange) -> list[StrategyAccount]:
    """Three accounts of 100, each with one link that holds 40."""
    return [
        make_link(
            account=exchange.open_account(
                name=name, wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "0"}}
            ),
            capital="40",
        )
        for name in ("first", "second", "third")
    ]


@pytest.fixture
def ids(links: list[StrategyAccount]) -> list[int]:
    return [link.account_id for link in links]


@pytest.fixture
def refuse(links: list[StrategyAccount], monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """From then on the runs of the second account are not written, except failed ones."""
    write = records.record_runs

    def refuse(error: Exception) -> None:
        def refuse_one(given: Any, *args: Any, **kwargs: Any) -> Any:
            if any(
                each.linked.account.pk == links[1].account_id and each.decision.outcome != "failed"
                for each in given
            ):
                raise error
            return write(given, *args, **kwargs)

        monkeypatch.setattr(records, "record_runs", refuse_one)

    return refuse


def told(runs: list[AllocationRun]) -> list[tuple[str, str, dict[str, str]]]:
    return [(run.outcome, run.code, run.figures) for run in runs]


APPLIED = ("applied", "allocated", {})


# In the verdict


@pytest.fixture
def unusable(links: list[StrategyAccount], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second account cannot be divided."""
    decide = verdicts.decide

    def refuse(of_account: Any, *args: Any, **kwargs: Any) -> Any:
        if of_account[0].id == links[1].pk:
            raise InvalidAllocation(problem="no weight is above zero")
        return decide(of_account, *args, **kwargs)

    monkeypatch.setattr(verdicts, "decide", refuse)


UNUSABLE = ("failed", "invalid_allocation", {"problem": "no weight is above zero"})


@pytest.mark.usefixtures("unusable")
def test_account_that_cannot_be_divided_fails_with_the_reason_in_the_same_batch(
    links: list[StrategyAccount], ids: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    runs = allocate_capital(ids)

    assert told(runs) == [APPLIED, UNUSABLE, APPLIED]
    assert [capital_of(link) for link in links] == [Decimal(100), Decimal(40), Decimal(100)]
    assert (runs[1].basis, runs[1].snapshot, list(runs[1].pools.all())) == (None, None, [])
    assert not [each for each in caplog.messages if "batch" in each]


@pytest.mark.usefixtures("unusable")
def test_account_that_cannot_be_divided_is_previewed_so_and_fails_where_due(
    ids: list[int],
) -> None:
    previews = preview_allocation(ids)
    results = reallocate_where_due(ids)

    assert [each.decision and each.decision.outcome for each in previews] == [
        "applied",
        "failed",
        "applied",
    ]
    assert previews[1].reason.code == results[1].reason.code == "invalid_allocation"
    assert told([result.run for result in results if result.run]) == [APPLIED, UNUSABLE, APPLIED]
    codes = Account.objects.order_by("pk").values_list("last_check_code", flat=True)
    assert list(codes) == ["allocated", "invalid_allocation", "allocated"]


# In the batch


@pytest.mark.parametrize(
    ("error", "code", "figures"),
    [
        (
            AmountNotStorable(field="after", value="1.005", problem="it has 3 decimals"),
            "amount_not_storable",
            {"field": "after", "value": "1.005", "problem": "it has 3 decimals"},
        ),
        (DatabaseError("disk is on fire"), "database_error", {"kind": "DatabaseError"}),
        (ZeroDivisionError("CANARY"), "unexpected_error", {"kind": "ZeroDivisionError"}),
    ],
)
def test_batch_falls_apart_and_only_one_account_fails(
    links: list[StrategyAccount],
    ids: list[int],
    exchange: Exchange,
    refuse: Refuse,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    code: str,
    figures: dict[str, str],
) -> None:
    refuse(error)

    runs = allocate_capital(ids, run_key="slot")

    assert told(runs) == [APPLIED, ("failed", code, figures), APPLIED]
    assert [run.account_id for run in runs] == ids
    assert [capital_of(link) for link in links] == [Decimal(100), Decimal(40), Decimal(100)]
    assert len(exchange.asked) == 3
    assert f"Account {named(ids[1])} was not allocated: {code}" in caplog.messages
    # The failure is the answer to this key; another one tries again.
    assert [run.pk for run in allocate_capital(ids, run_key="slot")] == [run.pk for run in runs]
    assert "CANARY" not in str([run.figures for run in runs])


@pytest.mark.parametrize(
    ("error", "is_logged"), [(ZeroDivisionError("CANARY"), True), (DatabaseError("full"), False)]
)
def test_only_an_error_of_ours_is_logged_with_its_traceback(
    ids: list[int],
    refuse: Refuse,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    is_logged: bool,
) -> None:
    refuse(error)

    allocate_capital(ids)

    logged = [record for record in caplog.records if record.exc_info]
    assert [record.getMessage() for record in logged] == (
        [f"Allocating account {named(ids[1])} failed."] if is_logged else []
    )


def test_failure_that_cannot_be_recorded_either_is_told_all_the_same(
    links: list[StrategyAccount],
    ids: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write = records.record_runs

    def refuse(given: Any, *args: Any, **kwargs: Any) -> Any:
        if any(each.linked.account.pk == ids[1] for each in given):
            raise DatabaseError("disk is on fire")
        return write(given, *args, **kwargs)

    monkeypatch.setattr(records, "record_runs", refuse)

    runs = allocate_capital(ids, run_key="slot")

    failed = ("failed", "database_error", {"kind": "DatabaseError"})
    assert told(runs) == [APPLIED, failed, APPLIED]
    assert [run.pk is None for run in runs] == [False, True, False]
    assert (runs[1].account_id, runs[1].run_key) == (ids[1], "slot")
    assert f"The failure of account {named(ids[1])} could not be recorded." in caplog.messages
    assert [capital_of(link) for link in links] == [Decimal(100), Decimal(40), Decimal(100)]


def test_key_that_another_process_used_otherwise_meanwhile_ends_the_batch(
    links: list[StrategyAccount], ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load = batches.load_linked_accounts
    calls: list[list[int]] = []

    def used_meanwhile(keys: list[int], **options: Any) -> Any:
        calls.append(list(keys))
        if len(keys) > 1:
            raise DatabaseError("the batch fails, and each is tried")
        AllocationRun.objects.get_or_create(
            account_id=ids[1], run_key="slot", trigger="api", outcome="skipped", code="no_balance"
        )
        return load(keys, **options)

    monkeypatch.setattr(batches, "load_linked_accounts", used_meanwhile)

    with pytest.raises(RunKeyConflict):
        allocate_capital(ids, run_key="slot")
    assert calls == [ids, ids[:1]]
    assert [capital_of(link) for link in links] == [Decimal(100), Decimal(40), Decimal(40)]


def test_key_that_is_found_used_otherwise_under_the_lock_leaves_everything_as_it_was(
    links: list[StrategyAccount], ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = batches.lock_observed

    def used_meanwhile(observed: Any) -> Any:
        AllocationRun.objects.get_or_create(
            account_id=ids[1], run_key="slot", trigger="api", outcome="skipped", code="no_balance"
        )
        return lock(observed)

    monkeypatch.setattr(batches, "lock_observed", used_meanwhile)

    with pytest.raises(RunKeyConflict):
        allocate_capital(ids, run_key="slot")
    assert [capital_of(link) for link in links] == [Decimal(40)] * 3


def test_account_that_is_removed_while_it_is_read_fails_alone(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, other = (exchange.open_account(wallets={"spot": {"USDT": "100"}}) for _ in range(2))
    link = make_link(account=other)
    lock = batches.lock_observed

    def remove_first(observed: Any) -> Any:
        Account.objects.filter(pk=gone.pk).delete()
        return lock(observed)

    monkeypatch.setattr(batches, "lock_observed", remove_first)

    runs = allocate_capital([gone.pk, other.pk])

    assert told(runs) == [("failed", "account_changed", {}), APPLIED]
    assert runs[0].pk is None
    assert capital_of(link) == Decimal(100)
    (told_of_it, _) = report_runs(runs)
    assert (told_of_it.code, told_of_it.pools) == ("account_changed", ())


def test_batch_of_which_every_account_is_removed_while_it_is_read_writes_nothing(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    lock = batches.lock_observed

    def remove_all(observed: Any) -> Any:
        Account.objects.all().delete()
        return lock(observed)

    monkeypatch.setattr(batches, "lock_observed", remove_all)

    assert told(allocate_capital([account.pk])) == [("failed", "account_changed", {})]
    assert not AllocationRun.objects.exists()


# By cached balances, where nothing is read of an account before its lock


def test_cached_account_is_read_once(
    links: list[StrategyAccount], ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocate, "load_accounts", _not_to_be_called)

    assert [run.account_id for run in allocate_capital(ids, live=False)] == ids


def _not_to_be_called(*_args: Any) -> None:
    raise AssertionError("the accounts are read under their locks")


def refusing(account_id: int, load: Callable[..., Any]) -> Callable[..., Any]:
    """What loads accounts, but for one that cannot be read."""

    def loaded(keys: list[int], **options: Any) -> Any:
        if account_id in keys:
            raise DatabaseError("CANARY")
        return load(keys, **options)

    return loaded


def test_cached_account_that_fails_alone_has_its_run(
    links: list[StrategyAccount], ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for link in links:
        make_summary(account=link.account, spot_balance=Decimal(100))
    refused = refusing(ids[1], batches.load_linked_accounts)
    monkeypatch.setattr(batches, "load_linked_accounts", refused)

    runs = allocate_capital(ids, live=False)

    failed = ("failed", "database_error", {"kind": "DatabaseError"})
    assert told(runs) == [APPLIED, failed, APPLIED]
    assert [run.account for run in runs] == [link.account for link in links]
    assert runs[1].pk is not None


def test_cached_account_of_which_nothing_can_be_read_takes_no_other_with_it(
    links: list[StrategyAccount], ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("load_linked_accounts", "load_accounts"):
        monkeypatch.setattr(batches, name, refusing(ids[1], getattr(batches, name)))

    runs = allocate_capital(ids, live=False)

    assert [run.account_id for run in runs] == [ids[0], ids[2]]


def test_cached_account_that_fails_and_is_removed_has_no_run(
    links: list[StrategyAccount], ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refusing(ids[1], batches.load_linked_accounts)
    monkeypatch.setattr(batches, "load_linked_accounts", refused)
    monkeypatch.setattr(batches, "load_accounts", lambda _keys: {})

    runs = allocate_capital(ids, live=False)

    assert [run.account_id for run in runs] == [ids[0], ids[2]]


def test_cached_account_that_is_removed_meanwhile_has_no_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone, other = make_account(), make_link().account
    lock = batches.lock_observed

    def remove_first(observed: Any) -> Any:
        Account.objects.filter(pk=gone.pk).delete()
        return lock(observed)

    monkeypatch.setattr(batches, "lock_observed", remove_first)

    results = reallocate_where_due([gone.pk, other.pk], live=False)

    assert [result.account for result in results] == [other]


# What cannot be asked for


def test_preview_accepts_no_suspect_balance_where_there_is_none() -> None:
    account = make_link().account

    with pytest.raises(NothingToAccept):
        preview_allocation([account.pk], live=False, accept_jump=True)


def test_each_refusal_names_whom_and_what_it_refuses(links: list[StrategyAccount]) -> None:
    first, second, third = (link.account for link in links)
    both, missing = [first.pk, second.pk], third.pk + 1
    operator = make_operator("allocate_capital", username="olga")
    allocate_capital([second.pk], live=False, run_key="mine")
    Account.objects.filter(pk=first.pk).update(suspect_readings={"spot": {"amount": "1"}})
    asked: list[tuple[dict[str, Any], type[CapitalError], dict[str, str]]] = [
        (
            {"run_key": "mine", "trigger": "api"},
            RunKeyConflict,
            {"run_key": "mine", "account": "second", "differences": "trigger, live"},
        ),
        ({"accept_jump": True}, NothingToAccept, {"account": "second"}),
        ({"actor": operator, "force": True}, ForceNotAllowed, {"user": "olga"}),
        ({"run_key": "k" * 201}, InvalidRunKey, {"longest": "200"}),
    ]

    for how, error, figures in asked:
        with pytest.raises(error) as refused:
            allocate_capital(both, **how)
        assert refused.value.reason.figures == figures
    with pytest.raises(UnknownAccount) as unknown:
        allocate_capital([first.pk, missing])
    assert unknown.value.reason.figures == {"account": str(missing)}
    assert AllocationRun.objects.count() == 1


def test_account_that_there_is_not_has_no_gate() -> None:
    link = make_link()

    with pytest.raises(UnknownAccount):
        check_gate(link.account_id + 1, live=False)


def test_revert_is_no_allocation() -> None:
    with pytest.raises(ValueError, match="revert"):
        new_request("revert", None, timezone.now)


def test_no_accounts_cost_nothing(django_assert_num_queries: Any) -> None:
    with transaction.atomic(), django_assert_num_queries(0):
        records.record_checks([], now=timezone.now())
