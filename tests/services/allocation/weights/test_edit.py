"""Weights are set together with the run that follows from them, or not at all."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import (
    NotPermitted,
    RoleTooSmall,
    RunKeyConflict,
    UnknownAccount,
    WeightsRefused,
)
from capital.models import AccountAccess, AllocationRun, SettingChange, StrategyAccount
from capital.services.accounts import change_account
from capital.services.allocation.allocate import allocate_capital, reallocate_where_due
from capital.services.allocation.weights import edit
from capital.services.allocation.weights.edit import set_weights
from capital.services.allocation.weights.told import WeightsReport, report_weights
from capital.services.audit.checks import audit_capital
from capital.services.balances.locked import LockedAccounts
from tests.factories import make_link, make_operator, make_position, make_strategy
from tests.services.allocation.moments import at
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

BOTH = ("change_strategyaccount", "allocate_capital")


class Desk:
    """Two spot strategies, a and b, share 300 as 2 to 1; c has all 90 of futures."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.account = exchange.open_account(
            name="Main", wallets={"spot": {"USDT": "300"}, "futures": {"USDT": "90"}}
        )
        self.a = self.link("a", weight=Decimal(2))
        self.b = self.link("b")
        self.c = self.link("c", market_type="futures")
        allocate_capital([self.account.pk], clock=at())

    def link(self, key: str, market_type: str = "spot", **fields: Any) -> StrategyAccount:
        strategy = make_strategy(key=key, market_type=market_type, owner=self.account.owner)
        return make_link(account=self.account, strategy=strategy, **fields)

    def set(self, weights: dict[str, str], **arguments: Any) -> WeightsReport:
        given = {key: Decimal(weight) for key, weight in weights.items()}
        return set_weights(self.account.pk, given, **{"clock": at(minutes=1), **arguments})

    @property
    def weights(self) -> list[str]:
        rows = StrategyAccount.objects.filter(account=self.account).order_by("pk")
        return [f"{weight.normalize():f}" for weight in rows.values_list("weight", flat=True)]


def told(report: WeightsReport) -> list[tuple[str, ...]]:
    return [
        (
            each.strategy,
            f"{each.weight_before} → {each.weight_after}",
            f"{each.capital_before} → {each.capital_after}",
        )
        for each in report.links
    ]


@pytest.fixture
def desk(exchange: Exchange) -> Desk:
    return Desk(exchange)


def test_weights_and_capital_change_in_one_run_that_says_who_did_it(desk: Desk) -> None:
    actor = make_operator(*BOTH)
    AccountAccess.objects.create(account=desk.account, user=actor, role="operator")

    report = desk.set({"a": "50", "b": "50"}, actor=actor, origin="192.0.2.7")

    assert told(report) == [
        ("a", "2 → 50", "200.00 → 150.00"),
        ("b", "1 → 50", "100.00 → 150.00"),
        ("c", "1 → 1", "90.00 → 90.00"),
    ]
    assert (report.capital_waits, report.notice) == (False, "")
    _, run = AllocationRun.objects.order_by("pk")
    assert report.run == run
    assert (run.actor, run.trigger, run.outcome) == (actor, "api", "applied")
    assert run.arguments["weights"] == {"a": "50", "b": "50"}
    assert run.arguments["weights_before"] == {"a": "2", "b": "1"}
    changes = SettingChange.objects.order_by("pk")
    assert [(each.actor, each.origin, each.values) for each in changes] == [
        (actor, "192.0.2.7", {"weight": {"old": "2", "new": "50"}}),
        (actor, "192.0.2.7", {"weight": {"old": "1", "new": "50"}}),
    ]
    assert not audit_capital(clock=at(hours=1)).violations


def test_strategies_that_are_left_out_keep_their_weight(desk: Desk) -> None:
    report = desk.set({"b": "4"})

    assert desk.weights == ["2", "4", "1"]
    assert told(report)[:2] == [
        ("a", "2 → 2", "200.00 → 100.00"),
        ("b", "1 → 4", "100.00 → 200.00"),
    ]
    assert SettingChange.objects.count() == 1


def test_after_it_nothing_is_due(desk: Desk) -> None:
    desk.set({"a": "1"})

    (due,) = reallocate_where_due([desk.account.pk], clock=at(minutes=2))

    assert (due.run, due.reason.code.value) == (None, "change_too_small")


def test_dry_run_writes_nothing_and_tells_what_would_be(desk: Desk) -> None:
    report = desk.set({"a": "50", "b": "50"}, dry_run=True)

    assert told(report)[:2] == [
        ("a", "2 → 50", "200.00 → 150.00"),
        ("b", "1 → 50", "100.00 → 150.00"),
    ]
    assert (report.run, report.report.outcome) == (None, "applied")
    assert desk.weights == ["2", "1", "1"]
    assert (AllocationRun.objects.count(), SettingChange.objects.count()) == (1, 0)


def refusal(desk: Desk, weights: dict[str, str]) -> tuple[str, dict[str, str]]:
    with pytest.raises(WeightsRefused) as refused:
        desk.set(weights)
    assert (desk.weights, AllocationRun.objects.count()) == (["2", "1", "1"], 1)
    return refused.value.reason.code.value, dict(refused.value.reason.figures)


def test_keys_that_are_not_of_the_account_are_refused(desk: Desk) -> None:
    make_link(strategy=make_strategy(key="of-another-account"))

    code = ("weights_of_unknown", {"strategies": "of-another-account, nobody"})
    assert refusal(desk, {"a": "5", "of-another-account": "5", "nobody": "1"}) == code


def test_keys_of_two_pools_are_refused(desk: Desk) -> None:
    assert refusal(desk, {"a": "5", "c": "5"}) == (
        "weights_of_two_pools",
        {"strategies": "a, c"},
    )


def test_refusal_of_many_long_keys_is_cut(desk: Desk) -> None:
    keys = [f"{number:0>64}" for number in range(9)]
    for key in keys:
        desk.link(key, "spot" if key == keys[0] else "futures")

    for named, code in ((keys, "of_two_pools"), ([f"no-{key}" for key in keys], "of_unknown")):
        with pytest.raises(WeightsRefused) as refused:
            desk.set(dict.fromkeys(named, "5"))
        reason = refused.value.reason
        assert reason.code.value == f"weights_{code}"
        assert reason.figures["strategies"] == ", ".join(named)[:500]


def test_queries_of_a_report_do_not_grow_with_the_links(
    desk: Desk, django_assert_num_queries: Any
) -> None:
    run = desk.set({"a": "5"}).run
    assert run is not None
    with CaptureQueriesContext(connection) as few:
        report_weights(run)
    for key in "defgh":
        desk.link(key)
    run = desk.set({"a": "6"}, clock=at(minutes=2)).run
    assert run is not None

    with django_assert_num_queries(len(few)):
        assert len(report_weights(run).links) == 8


def test_spot_and_futures_of_a_unified_wallet_share_one_pool(exchange: Exchange) -> None:
    account = exchange.open_account(venue="bybit", wallets={"unified": {"USDT": "1000"}})
    for market in ("spot", "futures"):
        make_link(account=account, strategy=make_strategy(key=market, market_type=market))

    report = set_weights(
        account.pk, {"spot": Decimal(3), "futures": Decimal(1)}, clock=at(minutes=1)
    )

    assert told(report) == [
        ("spot", "1 → 3", "None → 750.00"),
        ("futures", "1 → 1", "None → 250.00"),
    ]


@pytest.mark.parametrize(
    ("weight", "why"),
    [
        ("0", "The weight must be above 0 and at most 100."),
        ("-1", "The weight must be above 0 and at most 100."),
        ("100.1", "Ensure this value is less than or equal to 100."),
        ("0.000000001", "Ensure that there are no more than 8 decimal places."),
    ],
)
def test_what_the_page_of_a_link_refuses_is_refused(desk: Desk, weight: str, why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        desk.set({"b": "5", "a": weight})

    assert why in refused.value.message_dict["weights.a"]
    assert (desk.weights, AllocationRun.objects.count()) == (["2", "1", "1"], 1)


def test_what_a_link_becomes_while_the_exchange_is_asked_is_refused_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit, "_check", lambda *_: None)

    with pytest.raises(ValidationError) as refused:
        desk.set({"b": "5", "a": "0"})

    assert list(refused.value.message_dict) == ["weights.a"]
    assert (desk.weights, AllocationRun.objects.count()) == (["2", "1", "1"], 1)


def test_held_pool_saves_the_weights_and_says_that_the_capital_waits(desk: Desk) -> None:
    make_position(desk.a, "1")

    foreseen = desk.set({"a": "50", "b": "50"}, dry_run=True)
    report = desk.set({"a": "50", "b": "50"})

    assert desk.weights == ["50", "50", "1"]
    assert told(report)[:2] == [
        ("a", "2 → 50", "200.00 → 200.00"),
        ("b", "1 → 50", "100.00 → 100.00"),
    ]
    assert [each.waits for each in report.links[:2]] == [True, True]
    why = report.report.pools[0].reason
    assert report.notice == f"The weights are saved. The capital waits: {why}"
    assert foreseen.notice == f"The weights would be saved. The capital would wait: {why}"
    assert AllocationRun.objects.count() == 2
    desk.a.positions.update(quantity="0")
    (due,) = reallocate_where_due([desk.account.pk], clock=at(minutes=2))
    assert (due.run is not None, due.reason.code.value) == (True, "allocated")


def test_pool_without_a_balance_waits_as_well(desk: Desk) -> None:
    change_account(desk.account.pk, actor=None, max_cache_age_hours=1)
    desk.exchange.fail(desk.account, "server_error", "spot")

    report = desk.set({"a": "50"}, clock=at(hours=3))

    assert (report.capital_waits, desk.weights) == (True, ["50", "1", "1"])
    assert [each.waits for each in report.links] == [True, True, False]


def test_account_that_is_switched_off_keeps_the_weights_for_later(desk: Desk) -> None:
    change_account(desk.account.pk, actor=None, is_active=False)

    report = desk.set({"a": "50"})

    assert (report.report.code, report.capital_waits, report.links[0].code) == (
        "account_inactive",
        True,
        "account_inactive",
    )
    assert told(report)[0] == ("a", "2 → 50", "200.00 → 200.00")


def test_account_whose_keys_changed_meanwhile_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = edit._observe

    def observe(*arguments: Any) -> Any:
        answers = read(*arguments)
        change_account(desk.account.pk, actor=None, api_key="another")
        return answers

    monkeypatch.setattr(edit, "_observe", observe)
    report = desk.set({"a": "50"})

    assert (report.report.outcome, report.report.code) == ("failed", "account_changed")
    assert (report.capital_waits, desk.weights) == (True, ["50", "1", "1"])


@pytest.mark.parametrize("weight", ["50", "2"], ids=["another", "the same"])
def test_whoever_loses_the_right_meanwhile_changes_nothing(
    desk: Desk, weight: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = make_operator(*BOTH)
    access = AccountAccess.objects.create(account=desk.account, user=actor, role="operator")
    read = edit._observe

    def observe(*arguments: Any) -> Any:
        access.delete()
        return read(*arguments)

    monkeypatch.setattr(edit, "_observe", observe)
    with pytest.raises(UnknownAccount):
        desk.set({"a": weight}, actor=actor)

    assert (desk.weights, AllocationRun.objects.count()) == (["2", "1", "1"], 1)


def test_account_that_is_gone_meanwhile_is_unknown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = LockedAccounts({}, frozenset())
    monkeypatch.setattr(edit, "lock_observed", lambda _: nothing)

    with pytest.raises(UnknownAccount):
        desk.set({"a": "50"})


def test_the_same_key_reports_the_first_run(desk: Desk) -> None:
    first = desk.set({"a": "50"}, run_key="mine")
    desk.set({"a": "7"})

    again = desk.set({"a": "50"}, run_key="mine")

    assert again.run == first.run
    assert told(again)[0] == ("a", "2 → 50", "200.00 → 294.12")
    assert desk.weights == ["7", "1", "1"]
    with pytest.raises(RunKeyConflict):
        desk.set({"a": "51"}, run_key="mine")
    with pytest.raises(RunKeyConflict):
        allocate_capital([desk.account.pk], trigger="api", run_key="mine")


def test_the_same_key_at_once_makes_one_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read = edit._observe

    def observe(*arguments: Any) -> Any:
        monkeypatch.setattr(edit, "_observe", read)
        desk.set({"a": "50"}, run_key="mine")
        return read(*arguments)

    monkeypatch.setattr(edit, "_observe", observe)
    report = desk.set({"a": "50"}, run_key="mine")

    assert report.run == AllocationRun.objects.get(run_key="mine")


def test_pools_between_which_money_moved_are_read_once_more(desk: Desk) -> None:
    asked = len(desk.exchange.asked)
    # 200 left spot, and both readings are of different moments.
    desk.exchange.set_balance(desk.account, "spot", "100")
    desk.exchange.set_balance(desk.account, "futures", "290")

    desk.set({"a": "1"})

    assert len(desk.exchange.asked) - asked == 4


@pytest.mark.parametrize("missing", BOTH)
def test_it_takes_both_permissions(desk: Desk, missing: str) -> None:
    actor = make_operator(*(name for name in BOTH if name != missing))
    AccountAccess.objects.create(account=desk.account, user=actor, role="operator")

    for dry_run in (False, True):
        with pytest.raises(NotPermitted):
            desk.set({"a": "50"}, actor=actor, dry_run=dry_run)
    assert desk.weights == ["2", "1", "1"]


def test_it_takes_an_operator_of_the_account(desk: Desk) -> None:
    viewer, stranger = make_operator(*BOTH), make_operator(*BOTH)
    AccountAccess.objects.create(account=desk.account, user=viewer, role="viewer")

    with pytest.raises(RoleTooSmall):
        desk.set({"a": "50"}, actor=viewer)
    with pytest.raises(UnknownAccount):
        desk.set({"a": "50"}, actor=stranger)
    assert desk.weights == ["2", "1", "1"]


def test_a_position_in_the_other_pool_holds_nothing_here(desk: Desk) -> None:
    make_position(desk.c, "1", symbol="BTC/USDT:USDT")

    report = desk.set({"a": "50", "b": "50"})

    assert (report.report.code, report.capital_waits, report.notice) == ("partly_held", False, "")
    assert told(report)[:2] == [
        ("a", "2 → 50", "200.00 → 150.00"),
        ("b", "1 → 50", "100.00 → 150.00"),
    ]
    assert [each.waits for each in report.links] == [False, False, True]
    assert not audit_capital(clock=at(hours=1)).violations
