"""A run is reverted to the cent, where nothing came after it and the balance covers it."""

from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pgtrigger
import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import NotPermitted, RevertRefused, UnknownRun
from capital.models import (
    Account,
    AllocationRun,
    DailyAccountSummary,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.accounts import change_account
from capital.services.allocation import reverts
from capital.services.allocation.allocate import allocate_capital, reallocate_where_due
from capital.services.allocation.reverts import preview_revert, revert_run
from capital.services.allocation.runs import report_runs
from capital.services.audit.checks import audit_capital
from strategies.models import MarketType, Strategy
from tests.factories import make_link, make_operator, make_summary
from tests.services.allocation.moments import at
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

FUTURES = MarketType.FUTURES


def capital_of(*links: StrategyAccount) -> list[Decimal | None]:
    held = dict(StrategyCapital.objects.values_list("strategy_account", "allocated_capital"))
    return [held.get(link.pk) for link in links]


def refusal(run: AllocationRun | int, **arguments: Any) -> tuple[str, dict[str, str]]:
    """Why it is refused; nothing is written then."""
    key = run if isinstance(run, int) else run.pk
    before = list(AllocationRun.objects.values()), list(StrategyCapital.objects.values())
    with pytest.raises(RevertRefused) as refused:
        revert_run(key, **arguments)
    assert before == (list(AllocationRun.objects.values()), list(StrategyCapital.objects.values()))
    reason = refused.value.reason
    return reason.code.value, dict(reason.figures)


class Scenario:
    """Two spot strategies with 200 and 100 of 300, one with all 90 of futures."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.account = exchange.open_account(
            name="Main", wallets={"spot": {"USDT": "300"}, "futures": {"USDT": "90"}}
        )
        self.a = make_link(account=self.account, weight=Decimal(2))
        self.b = make_link(account=self.account)
        self.futures = make_link(account=self.account, market_type=FUTURES)
        self.first = self.decide()

    def decide(self, **arguments: Any) -> AllocationRun:
        arguments = {"clock": at(), **arguments}
        return allocate_capital([self.account.pk], **arguments)[0]

    def reweigh(self) -> AllocationRun:
        """Both spot strategies get 150."""
        StrategyAccount.objects.filter(pk=self.a.pk).update(weight=1)
        return self.decide()

    @property
    def held(self) -> list[Decimal | None]:
        return capital_of(self.a, self.b, self.futures)


@pytest.fixture
def desk(exchange: Exchange) -> Scenario:
    return Scenario(exchange)


def test_every_link_that_the_run_changed_gets_what_it_had(desk: Scenario) -> None:
    run = desk.reweigh()
    assert desk.held == [Decimal(150), Decimal(150), Decimal(90)]

    made = revert_run(run.pk, clock=at(minutes=1))

    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]
    assert (made.trigger, made.outcome, made.code, made.figures) == (
        "revert",
        "applied",
        "reverted",
        {"run": str(run.pk)},
    )
    assert (made.reverts, run.reverted_by) == (run, made)
    (pool,) = report_runs([made])[0].pools
    assert (pool.pool, str(pool.balance), pool.source) == ("spot", "300.00", "live")
    assert [(str(entry.before), str(entry.after), entry.code) for entry in pool.entries] == [
        ("150.00", "200.00", "restored"),
        ("150.00", "100.00", "restored"),
    ]
    assert not audit_capital(clock=at(hours=1)).violations


def test_what_was_never_allocated_becomes_zero(desk: Scenario) -> None:
    made = revert_run(desk.first.pk, clock=at(minutes=1))

    assert desk.held == [Decimal(0), Decimal(0), Decimal(0)]
    assert [str(pool.unallocated) for pool in made.pools.all()] == ["300.00000000", "90.00000000"]
    assert not audit_capital(clock=at(hours=1)).violations


def test_link_that_the_run_did_not_know_stays_as_it_is(desk: Scenario) -> None:
    run = desk.reweigh()
    late = make_link(account=desk.account)

    made = revert_run(run.pk, clock=at(minutes=1))

    entry = made.pools.get().entries.get(strategy_account=late)
    assert (entry.before, entry.after, entry.code) == (None, None, "untouched")
    (pool,) = report_runs([made])[0].pools
    assert [pool.reason_of(each)[:11] for each in pool.entries] == [
        "Restored to",
        "Restored to",
        "Not changed",
    ]
    assert not audit_capital(clock=at(hours=1)).violations


def test_paused_strategy_gets_back_what_the_run_took(desk: Scenario) -> None:
    Strategy.objects.filter(pk=desk.a.strategy_id).update(status="PAUSED")
    run = desk.decide()
    assert desk.held == [Decimal(0), Decimal(300), Decimal(90)]

    revert_run(run.pk, clock=at(minutes=1))

    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]
    assert not audit_capital(clock=at(hours=1)).violations


def test_run_that_only_released_an_idle_link_can_be_reverted(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "50"}})
    idle = make_link(account=account, status="PAUSED", capital="20.00")
    (run,) = allocate_capital([account.pk], clock=at())
    assert (run.outcome, capital_of(idle)) == ("skipped", [Decimal(0)])

    revert_run(run.pk, clock=at(minutes=1))

    assert capital_of(idle) == [Decimal(20)]
    assert not audit_capital(clock=at(hours=1)).violations


def test_preview_shows_the_figures_and_writes_nothing(desk: Scenario) -> None:
    run = desk.reweigh()
    before = DailyAccountSummary.objects.values().get()

    shown = preview_revert(run.pk, clock=at(minutes=1))

    assert AllocationRun.objects.count() == 2
    assert DailyAccountSummary.objects.values().get() == before
    made = report_runs([revert_run(run.pk, clock=at(minutes=1))])[0]
    assert (shown.code, shown.pools) == (made.code, made.pools)


# The balance must bear it


def test_more_than_the_present_balance_is_refused_with_the_figures(desk: Scenario) -> None:
    run = desk.reweigh()
    desk.exchange.set_balance(desk.account, "spot", "299.999")

    assert refusal(run, clock=at(minutes=1)) == (
        "revert_exceeds",
        {
            "run": str(run.pk),
            "pool": "spot",
            "restored": "300.00",
            "balance": "299.99",
            "currency": "USDT",
        },
    )
    with pytest.raises(RevertRefused, match=r"held 300\.00 USDT, .* balance of 299\.99 USDT"):
        preview_revert(run.pk)


def test_capital_of_a_link_that_came_later_counts_against_the_balance(desk: Scenario) -> None:
    run = desk.reweigh()
    make_link(account=desk.account, capital="0.01")

    assert refusal(run, clock=at(minutes=1))[0] == "revert_exceeds"


def test_pool_that_the_run_did_not_change_is_not_asked_for(desk: Scenario) -> None:
    run = desk.reweigh()
    desk.exchange.fail(desk.account, "server_error", "futures")
    asked = len(desk.exchange.asked)

    revert_run(run.pk, clock=at(minutes=1))

    assert desk.exchange.asked[asked:] == [("binance", "spot")]


def test_cached_balance_bears_it_by_the_usual_rules(desk: Scenario) -> None:
    run = desk.reweigh()
    desk.exchange.fail(desk.account, "server_error")

    made = revert_run(run.pk, clock=at(hours=2))

    assert made.pools.get().source == "cached"
    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]


def test_unknown_balance_is_refused(desk: Scenario) -> None:
    run = desk.reweigh()
    desk.exchange.fail(desk.account, "server_error")

    assert refusal(run, clock=at(hours=50)) == (
        "revert_without_balance",
        {"run": str(run.pk), "pool": "spot", "why": "cache_stale"},
    )


def test_suspect_balance_is_refused(desk: Scenario) -> None:
    run = desk.reweigh()
    Account.objects.update(max_jump_percent=Decimal(50))
    desk.exchange.set_balance(desk.account, "spot", "3000")

    code, figures = refusal(run, clock=at(minutes=1))

    assert (code, figures["observed"]) == ("jump_suspected", "3000.00")


def test_reserve_gives_way_as_far_as_what_is_restored_needs(desk: Scenario) -> None:
    Account.objects.update(reserve_amount=Decimal(60))
    run = desk.decide()
    assert desk.held == [Decimal(160), Decimal(80), Decimal(30)]
    desk.exchange.set_balance(desk.account, "spot", "310")

    made = revert_run(run.pk, clock=at(minutes=1))

    pool = made.pools.get(pool="spot")
    assert (pool.reserve, pool.unallocated) == (Decimal(10), Decimal(0))
    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]
    assert not audit_capital(clock=at(hours=1)).violations


def test_debt_bears_nothing_but_zero(desk: Scenario) -> None:
    desk.exchange.set_balance(desk.account, "spot", "-5.5")
    made = revert_run(desk.first.pk, clock=at(minutes=1))

    pool = made.pools.get(pool="spot")
    assert (pool.reserve, pool.unallocated) == (Decimal(0), Decimal("-5.50"))
    assert not audit_capital(clock=at(hours=1)).violations


# The last one only


def test_later_run_that_changed_capital_is_named(desk: Scenario) -> None:
    run = desk.reweigh()

    assert refusal(desk.first) == (
        "revert_not_latest",
        {"run": str(desk.first.pk), "later": str(run.pk)},
    )


def test_later_run_that_only_released_an_idle_link_is_in_the_way(desk: Scenario) -> None:
    desk.exchange.fail(desk.account, "server_error")
    Strategy.objects.filter(pk=desk.a.strategy_id).update(status="PAUSED")
    skipped = desk.decide(clock=at(hours=60))
    assert skipped.outcome == "skipped"

    assert refusal(desk.first)[1]["later"] == str(skipped.pk)


def test_later_runs_in_which_nothing_changed_are_not_in_the_way(desk: Scenario) -> None:
    run = desk.reweigh()
    assert desk.decide().outcome == "unchanged"
    desk.exchange.fail(desk.account, "server_error")
    assert desk.decide(clock=at(hours=60)).outcome == "skipped"
    desk.exchange.fail(desk.account, None)

    revert_run(run.pk, clock=at(hours=61))

    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]
    assert not audit_capital(clock=at(hours=70)).violations


def test_later_run_that_found_an_idle_link_with_nothing_is_not_in_the_way(desk: Scenario) -> None:
    Strategy.objects.filter(pk=desk.a.strategy_id).update(status="PAUSED")
    run = desk.decide()
    assert desk.held == [Decimal(0), Decimal(300), Decimal(90)]
    desk.exchange.fail(desk.account, "server_error")
    assert desk.decide(clock=at(hours=60)).outcome == "skipped"
    desk.exchange.fail(desk.account, None)

    revert_run(run.pk, clock=at(hours=61))

    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]


def test_what_happens_on_another_account_is_not_in_the_way(desk: Scenario) -> None:
    run = desk.reweigh()
    desk.exchange.fail(desk.account, "server_error")
    assert desk.decide(clock=at(hours=60)).outcome == "skipped"
    desk.exchange.fail(desk.account, None)
    other = Scenario(desk.exchange)
    Strategy.objects.filter(pk=other.a.strategy_id).update(status="PAUSED")
    released = other.decide(clock=at(hours=61))
    revert_run(released.pk, clock=at(hours=61))

    made = revert_run(run.pk, clock=at(hours=61))

    assert (made.account, made.reverts) == (desk.account, run)
    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]


def test_run_is_reverted_once(desk: Scenario) -> None:
    run = desk.reweigh()
    made = revert_run(run.pk)

    assert refusal(run) == ("reverted_already", {"run": str(run.pk), "by": str(made.pk)})


def test_revert_can_be_reverted(desk: Scenario) -> None:
    made = revert_run(desk.reweigh().pk, clock=at(minutes=1))

    revert_run(made.pk, clock=at(minutes=2))

    assert desk.held == [Decimal(150), Decimal(150), Decimal(90)]
    assert not audit_capital(clock=at(hours=1)).violations


def test_run_that_changed_nothing_has_nothing_to_revert(desk: Scenario) -> None:
    assert refusal(desk.decide())[0] == "nothing_to_revert"


# What else is refused


def test_open_position_is_refused(desk: Scenario) -> None:
    run = desk.reweigh()
    Position.objects.create(strategy_account=desk.a, symbol="BTC/USDT", quantity=Decimal(1))

    assert refusal(run) == ("open_position", {})


def test_account_that_is_switched_off_is_refused(desk: Scenario) -> None:
    run = desk.reweigh()
    Account.objects.update(is_active=False)

    assert refusal(run) == ("account_inactive", {})


def test_capital_that_is_not_what_the_run_left_is_refused(desk: Scenario) -> None:
    run = desk.reweigh()
    StrategyCapital.objects.filter(strategy_account=desk.b).update(allocated_capital=Decimal(9))

    assert refusal(run) == ("capital_changed", {"strategies": desk.b.strategy.key})


def test_account_that_changes_while_it_is_read_is_refused(desk: Scenario, monkeypatch: Any) -> None:
    run = desk.reweigh()
    observe = reverts.observe_pools

    def change_meanwhile(*args: Any, **kwargs: Any) -> Any:
        answers = observe(*args, **kwargs)
        change_account(desk.account.pk, actor=None, api_key="another")
        return answers

    monkeypatch.setattr(reverts, "observe_pools", change_meanwhile)

    assert refusal(run) == ("settings_changed", {})


def test_wallet_that_became_another_is_refused(desk: Scenario) -> None:
    run = desk.reweigh()
    Account.objects.update(wallet_mode="unified")

    assert refusal(run) == ("settings_changed", {})


def test_unknown_run_is_refused() -> None:
    with pytest.raises(UnknownRun, match="999"):
        revert_run(999)


# Who


def test_actor_needs_the_permission_and_sees_only_their_own(desk: Scenario, caplog: Any) -> None:
    run = desk.reweigh()
    with pytest.raises(UnknownRun):
        revert_run(run.pk, actor=make_operator("revert_allocation"))
    owner = make_operator()
    Account.objects.update(owner=owner)
    with pytest.raises(NotPermitted, match=r"capital\.revert_allocation"):
        revert_run(run.pk, actor=owner)

    risk = make_operator("revert_allocation", "view_all_accounts")
    made = revert_run(run.pk, actor=risk, origin="10.0.0.7")

    assert made.actor == risk
    assert (
        f"Run {run.pk} of account {desk.account.pk} was reverted by {risk.username} from 10.0.0.7."
        in caplog.messages
    )
    revert_run(made.pk)
    assert caplog.messages[-1] == (
        f"Run {made.pk} of account {desk.account.pk} was reverted by the command line from an"
        " unknown address."
    )


# What the gate makes of it


def gate(desk: Scenario, **later: int) -> str:
    (result,) = reallocate_where_due([desk.account.pk], clock=at(**later))
    return result.reason.code.value


def test_gate_does_not_undo_a_revert_at_its_next_slot(desk: Scenario) -> None:
    """The weights are still the new ones; the run that was reverted had answered them."""
    revert_run(desk.reweigh().pk, clock=at(minutes=1))

    assert gate(desk, minutes=11) == "change_too_small"
    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]


def test_gate_compares_with_the_balance_at_the_revert(desk: Scenario) -> None:
    desk.exchange.set_balance(desk.account, "spot", "330")
    run = desk.decide()
    desk.exchange.set_balance(desk.account, "spot", "308")
    revert_run(run.pk, clock=at(minutes=1))

    assert gate(desk, minutes=11) == "change_too_small"
    desk.exchange.set_balance(desk.account, "spot", "318")
    assert gate(desk, minutes=22) == "allocated"
    assert desk.held == [Decimal(212), Decimal(106), Decimal(90)]
    assert not audit_capital(clock=at(hours=1)).violations


def test_change_that_no_run_has_seen_is_still_due_after_a_revert(desk: Scenario) -> None:
    run = desk.reweigh()
    StrategyAccount.objects.filter(pk=desk.b.pk).update(weight=3)
    revert_run(run.pk, clock=at(minutes=1))

    assert gate(desk, minutes=2) == "allocated"
    assert desk.held == [Decimal(75), Decimal(225), Decimal(90)]


def test_weight_that_is_put_back_after_a_revert_is_answered(desk: Scenario) -> None:
    revert_run(desk.reweigh().pk, clock=at(minutes=1))
    StrategyAccount.objects.filter(pk=desk.a.pk).update(weight=2)

    assert gate(desk, minutes=2) == "unchanged"
    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]


# Cost


def test_queries_do_not_grow_with_links_or_history(desk: Scenario) -> None:
    with CaptureQueriesContext(connection) as few:
        revert_run(desk.reweigh().pk, clock=at(minutes=1))
    counted = len(few)
    for _ in range(20):
        make_link(account=desk.account)
        desk.decide()
    make_summary(account=desk.account)
    run = desk.decide(accept_jump=False)
    assert run.outcome == "unchanged"
    last = AllocationRun.objects.filter(outcome="applied").latest("pk")

    with CaptureQueriesContext(connection) as many:
        revert_run(last.pk, clock=at(minutes=2))

    # ``reweigh`` is an update and a whole allocation of its own.
    assert len(many) < counted
    assert len(many) <= 32


def test_run_without_the_inputs_that_a_later_gate_compares_with_is_taken_back_too(
    desk: Scenario,
) -> None:
    """Runs of the earliest versions have none. The reserve is that of today, then."""
    run = desk.reweigh()
    with pgtrigger.ignore() if connection.vendor == "postgresql" else nullcontext():
        QuerySet(AllocationRun).update(basis=None)

    made = revert_run(run.pk, clock=at(minutes=1))

    assert desk.held == [Decimal(200), Decimal(100), Decimal(90)]
    assert (made.outcome, made.basis) == ("applied", None)


@pytest.fixture
def three(exchange: Exchange) -> tuple[Account, list[StrategyAccount]]:
    """Three futures strategies of equal weight."""
    wallets = {"spot": {"USDT": "0"}, "futures": {"USDT": "900"}}
    account = exchange.open_account(wallets=wallets, max_jump_percent=None)
    return account, [make_link(account=account, market_type=FUTURES) for _ in range(3)]


def claims_of(links: list[StrategyAccount]) -> list[Decimal]:
    """What each has and what is set aside for it, together."""
    rows = StrategyCapital.objects.filter(strategy_account__in=links).order_by("strategy_account")
    return [row.allocated_capital + row.set_aside for row in rows]


@pytest.mark.parametrize("policy", ["inverse_volatility", "own_profit"])
def test_no_policy_undoes_a_revert_until_something_else_changes(three, policy: str) -> None:
    account, links = three
    Account.objects.filter(pk=account.pk).update(policy=policy)
    allocate_capital([account.pk], clock=at())
    StrategyAccount.objects.filter(pk=links[0].pk).update(weight=4)
    [run] = allocate_capital([account.pk], clock=at(minutes=1), splits_again=True)
    assert capital_of(*links) == [600, 150, 150]
    revert_run(run.pk, clock=at(minutes=2))

    [due] = reallocate_where_due([account.pk], clock=at(minutes=3))

    assert (due.run, due.reason.code.value) == (None, "change_too_small")
    assert capital_of(*links) == [300, 300, 300]
    StrategyAccount.objects.filter(pk=links[1].pk).update(weight=4)
    [due] = reallocate_where_due([account.pk], clock=at(minutes=4))
    assert due.reason.code.value in {"allocated", "unchanged"}
    assert not audit_capital(clock=at(hours=1)).violations


@pytest.mark.parametrize("how", ["splits_again", "policy"])
def test_what_a_revert_gives_back_to_who_is_paused_stays_its_own(three, how: str) -> None:
    """A run by weight gave it to the others; the next allocation gave it to them again."""
    account, links = three
    Account.objects.filter(pk=account.pk).update(policy="own_profit")
    allocate_capital([account.pk], clock=at())
    Strategy.objects.filter(pk=links[1].strategy_id).update(status="PAUSED")
    allocate_capital([account.pk], clock=at(minutes=1))
    if how == "policy":
        Account.objects.filter(pk=account.pk).update(policy="weights")
    [run] = allocate_capital([account.pk], clock=at(minutes=2), splits_again=how != "policy")
    assert claims_of(links) == [450, 0, 450]
    Account.objects.filter(pk=account.pk).update(policy="own_profit")
    revert_run(run.pk, clock=at(minutes=3))
    assert claims_of(links) == [300, 300, 300]

    allocate_capital([account.pk], clock=at(minutes=4), force=True)

    assert claims_of(links) == [300, 300, 300]
    Strategy.objects.filter(pk=links[1].strategy_id).update(status="ACTIVE")
    allocate_capital([account.pk], clock=at(minutes=5), force=True)
    assert capital_of(*links) == [300, 300, 300]
    assert not audit_capital(clock=at(hours=1)).violations


def test_who_was_archived_by_mistake_has_its_own_again_after_a_revert(three) -> None:
    """Archived, it left its claim; what the revert gave back was shared as of a new strategy."""
    account, links = three
    StrategyAccount.objects.filter(pk=links[2].pk).update(weight=7)
    Account.objects.filter(pk=account.pk).update(policy="own_profit")
    allocate_capital([account.pk], clock=at())
    StrategyAccount.objects.filter(pk=links[1].pk).update(weight=4)
    allocate_capital([account.pk], clock=at(minutes=1), force=True)
    Strategy.objects.filter(pk=links[1].strategy_id).update(status="ARCHIVED")
    [run] = allocate_capital([account.pk], clock=at(minutes=2))
    revert_run(run.pk, clock=at(minutes=3))
    Strategy.objects.filter(pk=links[1].strategy_id).update(status="ACTIVE")

    reallocate_where_due([account.pk], clock=at(minutes=4))

    assert capital_of(*links) == [100, 100, 700]
    assert not audit_capital(clock=at(hours=1)).violations
