"""What is in use stays with its link, and the rest moves: margins, reservations, coins."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from capital.domain.errors import PlanStale, RevertRefused
from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import Account, AllocationRun, Position, StrategyAccount
from capital.services.accounts.linked import load_linked_accounts
from capital.services.allocation import (
    allocate_capital,
    apply_plan,
    check_gate,
    make_plan,
    reallocate_where_due,
    report_runs,
    revert_run,
)
from capital.services.allocation.gate import answers_by_last_reading
from capital.services.allocation.policies.in_use import load_in_use
from capital.services.balances.summaries import load_latest
from capital.services.trading import NewFill, report_fills
from tests.factories import capital_of, make_account, make_link, make_market, make_reservation
from tests.services.allocation.policies.desk import (
    BTC,
    at,
    capitals,
    decide,
    desk,
    hold,
    how,
    is_clean,
    read,
    read_and_decide,
)
from tests.simulated import Exchange

D = Decimal
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def keeping(*weights: str, **fields: Any) -> tuple[Account, list[StrategyAccount]]:
    account, links = desk("weights", *weights, with_open_positions="keep_in_use", **fields)
    StrategyAccount.objects.filter(account=account).update(leverage=2)
    return account, links


def pause(link: StrategyAccount) -> None:
    link.strategy.status = "PAUSED"
    link.strategy.save()


def codes(run: AllocationRun) -> list[str]:
    [report] = report_runs([run])
    return [entry.code for pool in report.pools for entry in pool.entries]


def sentences(run: AllocationRun) -> list[str]:
    [report] = report_runs([run])
    return [pool.reason_of(entry) for pool in report.pools for entry in pool.entries]


def test_the_margin_of_an_open_position_stays_and_only_the_rest_moves() -> None:
    account, links = keeping("1", "1")
    read_and_decide(account, "20000", 1)
    # 1 BTC at 10,000, at leverage 2.
    hold(links[0], 3)

    run = read_and_decide(account, "8000", 5)

    assert (run.outcome, run.code) == ("applied", "allocated")
    assert capitals(links) == ["5000.00", "3000.00"]
    assert how(run) == [
        "(8,000.00 − 0.00 reserve) × 1 of 2 = 4,000.00; 5,000.00 in use",
        "(8,000.00 − 0.00 reserve) × 1 of 2 = 4,000.00; 1,000.00 to the others",
    ]
    assert is_clean(account)


def test_more_in_use_than_there_is_needs_a_look() -> None:
    account, links = keeping("1", "1", "1")
    read_and_decide(account, "12000", 1)
    hold(links[0], 3)
    hold(links[1], 3)

    run = read_and_decide(account, "9000", 5)

    assert capitals(links) == ["5000.00", "5000.00", "0.00"]
    [report] = report_runs([run])
    assert (report.pools[0].code, report.pools[0].unallocated) == ("over_committed", D("-1000.00"))
    assert codes(run) == ["over_committed"] * 3
    assert is_clean(account)
    # Held by what nobody has, it keeps more than there is, and that is no finding.
    decide(account, 7, force=True)
    assert is_clean(account)


def test_what_an_idle_link_has_in_use_stays_too() -> None:
    account, links = keeping("1", "1")
    read_and_decide(account, "20000", 1)
    hold(links[0], 3)
    links[0].strategy.status = "PAUSED"
    links[0].strategy.save()

    run = read_and_decide(account, "20000", 5)

    assert capitals(links) == ["5000.00", "15000.00"]
    assert codes(run)[0] == "strategy_paused"
    assert is_clean(account)


def test_what_an_idle_link_has_in_use_stays_where_no_balance_is_known() -> None:
    account, links = keeping("1", "1", "2")
    read_and_decide(account, "20000", 1)
    for link in (links[0], links[2]):
        hold(link, 3)
        pause(link)
    # 5,000 are in use of each: one had 5,000 and the other one 10,000.
    Account.objects.update(max_cache_age_hours=1)

    run = decide(account, 120)

    assert (run.code, capitals(links)) == ("no_balance", ["5000.00", "5000.00", "5000.00"])
    assert is_clean(account)


@pytest.mark.parametrize("balance", ["20000", "10100", "9000"])
def test_a_margin_below_the_cent_is_kept_to_the_cent_and_is_no_finding(balance: str) -> None:
    """A third of 10,000, and the reserve gives way to it."""
    account, links = keeping("1", "1", "1", reserve_amount=D(150))
    StrategyAccount.objects.filter(account=account).update(leverage=3)
    read_and_decide(account, "20000", 1)
    for link in links:
        hold(link, 3)
    pause(links[0])

    read_and_decide(account, balance, 5)

    assert capitals(links)[0] == "3333.34"
    assert is_clean(account)


@pytest.mark.parametrize("mode", ["hold", "keep_in_use"])
def test_a_reservation_is_a_floor_in_both_ways_and_holds_nothing(mode: str) -> None:
    account, links = desk("weights", "1", "1", with_open_positions=mode)
    read_and_decide(account, "2000", 1)
    make_reservation(links[0], symbol=BTC, created_at=at(2), expires_at=at(60))

    read_and_decide(account, "600", 3)

    assert capitals(links) == ["400.00", "200.00"]
    assert is_clean(account)


def test_a_position_that_cannot_be_valued_keeps_its_pool_as_it_is_and_says_so_once() -> None:
    account, links = keeping("1", "1")
    read_and_decide(account, "1000", 1)
    position = Position.objects.create(
        strategy_account=links[0], symbol=BTC, quantity=D(1), reported_at=at(2)
    )

    run = read_and_decide(account, "2000", 3)

    assert (run.outcome, run.code) == ("held", "tied_up_unknown")
    assert run.figures == {"positions": f"{links[0].strategy.key} {BTC}"}
    assert codes(run) == ["pool_kept", "pool_kept"]
    assert sentences(run) == ["Kept, because the pool could not be divided."] * 2
    assert capitals(links) == ["500.00", "500.00"]
    [checked] = reallocate_where_due([account.pk], live=False, clock=lambda: at(4))
    assert (checked.run, checked.reason.code) == (None, "tied_up_unknown")
    assert check_gate(account.pk, live=False, clock=lambda: at(4)).is_held

    Position.objects.filter(pk=position.pk).update(entry_price=D(1000))
    [checked] = reallocate_where_due([account.pk], live=False, clock=lambda: at(5))
    assert checked.run is not None
    assert checked.run.code == "allocated"
    assert capitals(links) == ["1000.00", "1000.00"]
    assert is_clean(account)


def test_own_profit_remembers_what_is_owed_while_more_is_in_use_than_there_is() -> None:
    account, links = desk("own_profit", "1", "1", with_open_positions="keep_in_use")
    StrategyAccount.objects.filter(account=account).update(leverage=2)
    read_and_decide(account, "10000", 1)
    hold(links[0], 3)
    hold(links[1], 3)

    # 3,000 are withdrawn, which nobody told of: 15 % of the base is accepted as unexplained here.
    Account.objects.filter(pk=account.pk).update(max_unexplained_percent=D(50))
    read_and_decide(account, "7000", 5)
    assert capitals(links) == ["5000.00", "5000.00"]
    assert is_clean(account)

    # Once nothing is in use any more, each has what it would have had: half of 7,000.
    for link in links:
        sold = NewFill(
            symbol=BTC,
            side=Side.SELL,
            quantity=D(1),
            price=D(10_000),
            executed_at=at(6),
            venue_fill_id=f"{link.pk}-sold",
        )
        report_fills(link.pk, [sold], actor=None, clock=lambda: at(6))
    read_and_decide(account, "7000", 7)
    assert capitals(links) == ["3500.00", "3500.00"]
    assert is_clean(account)


def spot_desk(exchange: Exchange, **fields: Any) -> tuple[Account, StrategyAccount]:
    """*Binance main*: 10,369 USDT; its bot bought BTC for half of it at 100,000."""
    make_market("BTC/USDT")
    account = exchange.open_account(
        name="Binance main",
        wallets={"spot": {"USDT": "10369"}},
        **{"counts_spot_holdings": True, **fields},
    )
    link = make_link(account=account)
    [run] = allocate_capital([account.pk])
    assert capital_of(link) == D(10369)
    assert run.outcome == "applied"
    return account, link


def buy(exchange: Exchange, account: Account, coins: str = "0.051845") -> None:
    """At the exchange: nobody was told of it yet."""
    exchange.set_balance(account, "spot", "5184.5")
    exchange.state.set_balance(exchange.keys[account.pk], "spot", "BTC", coins)


def know(link: StrategyAccount, *, marked_at: Any, mark: str = "100000") -> None:
    """Of the purchase, by a fill that was read or a report."""
    Position.objects.update_or_create(
        strategy_account=link,
        symbol="BTC/USDT",
        defaults={
            "quantity": D("0.051845"),
            "entry_price": D(100_000),
            "mark_price": D(mark),
            "marked_at": marked_at,
        },
    )


def again(account: Account, **asked: Any) -> AllocationRun:
    [run] = allocate_capital([account.pk], **asked)
    return run


def test_what_a_spot_strategy_bought_is_capital_and_no_loss(exchange: Exchange) -> None:
    """The report is missing, but the fill was read from the exchange."""
    account, link = spot_desk(exchange, with_open_positions="keep_in_use")
    buy(exchange, account)
    know(link, marked_at=timezone.now())

    run = again(account)

    assert capital_of(link) == D(10369)
    [report] = report_runs([run])
    assert (report.outcome, str(report.pools[0].balance), str(report.pools[0].holdings)) == (
        "unchanged",
        "5184.50",
        "5184.50",
    )
    # The price rises by a tenth: what is held is worth so much more.
    know(link, marked_at=timezone.now(), mark="110000")
    run = again(account)
    assert capital_of(link) == D("10887.45")
    assert is_clean(account)


def test_a_late_report_gives_back_what_was_taken_for_want_of_it(exchange: Exchange) -> None:
    """Until it comes, nothing is known of the coin: it is nobody's (E3, E5)."""
    account, link = spot_desk(exchange, with_open_positions="keep_in_use")
    buy(exchange, account)
    again(account)
    assert capital_of(link) == D("5184.50")

    know(link, marked_at=timezone.now())
    again(account)

    assert capital_of(link) == D(10369)
    assert is_clean(account)


def test_without_a_price_the_pool_keeps_what_it_has(exchange: Exchange) -> None:
    account, link = spot_desk(exchange, with_open_positions="keep_in_use")
    buy(exchange, account)
    know(link, marked_at=None)

    run = again(account)

    assert (run.outcome, run.code, run.figures) == ("held", "holdings_unpriced", {"coins": "BTC"})
    assert capital_of(link) == D(10369)
    [checked] = reallocate_where_due([account.pk])
    assert (checked.run, checked.reason.code) == (None, "holdings_unpriced")
    # The same where only a cached balance says nothing of the wallet's coins.
    know(link, marked_at=timezone.now())
    assert again(account, live=False).code == "holdings_unpriced"
    with pytest.raises(RevertRefused, match="open position"):
        revert_run(AllocationRun.objects.earliest("pk").pk)
    assert is_clean(account)


def test_a_position_on_spot_holds_its_pool_and_not_the_futures_one(exchange: Exchange) -> None:
    account, link = spot_desk(exchange)
    futures = make_link(account=account, market_type="futures")
    exchange.set_balance(account, "futures", "500")
    buy(exchange, account)
    know(link, marked_at=timezone.now())

    run = again(account)

    assert (run.outcome, run.code, run.figures) == ("applied", "partly_held", {"pools": "spot"})
    assert [capital_of(link), capital_of(futures)] == [D(10369), D(500)]
    assert is_clean(account)


def test_at_most_what_the_wallet_has_of_a_coin_is_shared_pro_rata(exchange: Exchange) -> None:
    account, link = spot_desk(exchange, with_open_positions="keep_in_use")
    other = make_link(account=account, weight=D(2))
    buy(exchange, account, "0.05")
    know(link, marked_at=timezone.now())
    know(other, marked_at=timezone.now())
    # A coin that nobody bought is nobody's capital.
    exchange.state.set_balance(exchange.keys[account.pk], "spot", "ETH", "7")

    run = again(account)

    [report] = report_runs([run])
    assert str(report.pools[0].holdings) == "5000.00"
    # 10,184.50 by 1 and 2; what each holds is its floor.
    assert [capital_of(link), capital_of(other)] == [D("3394.83"), D("6789.67")]
    held = AllocationRun.objects.latest("pk").basis["known_links"]
    assert {row["in_use"] for row in held.values()} == {"2500"}
    assert is_clean(account)


def test_own_profit_on_spot_counts_what_is_held_as_its_owners(exchange: Exchange) -> None:
    """BTC rises by a tenth: the one that holds it gains, the other one nothing."""
    make_market("BTC/USDT")
    account = exchange.open_account(
        wallets={"spot": {"USDT": "10000"}},
        policy="own_profit",
        counts_spot_holdings=True,
        with_open_positions="keep_in_use",
    )
    links = [make_link(account=account) for _ in range(2)]
    again(account)
    assert capitals(links) == ["5000.00", "5000.00"]
    moment = timezone.now()
    bought = NewFill(
        symbol="BTC/USDT",
        side=Side.BUY,
        quantity=D("0.04"),
        price=D(100_000),
        executed_at=moment,
        venue_fill_id="1",
    )
    report_fills(links[0].pk, [bought], actor=None)
    exchange.set_balance(account, "spot", "6000")
    exchange.state.set_balance(exchange.keys[account.pk], "spot", "BTC", "0.04")
    Position.objects.update(mark_price=D(110_000), marked_at=timezone.now())

    run = again(account)

    assert (run.outcome, capitals(links)) == ("applied", ["5400.00", "5000.00"])
    assert is_clean(account)


def test_a_plan_is_applied_at_the_prices_that_it_showed(exchange: Exchange) -> None:
    account, link = spot_desk(exchange, with_open_positions="keep_in_use")
    buy(exchange, account)
    know(link, marked_at=timezone.now(), mark="90000")
    plan = make_plan([account.pk])
    know(link, marked_at=timezone.now(), mark="120000")

    apply_plan(plan.public_id)

    assert capital_of(link) == D("9850.55")
    assert is_clean(account)


def test_a_plan_is_stale_once_something_else_is_held_or_reserved() -> None:
    account, links = keeping("1", "1")
    read_and_decide(account, "20000", 1)
    read(account, "19000", 2)

    def clock() -> Any:
        return at(3)

    plan = make_plan([account.pk], live=False, clock=clock)
    hold(links[0], 2)
    with pytest.raises(PlanStale):
        apply_plan(plan.public_id, clock=clock)
    plan = make_plan([account.pk], live=False, clock=clock)
    make_reservation(links[1], symbol=BTC, created_at=at(2), expires_at=at(60))
    with pytest.raises(PlanStale):
        apply_plan(plan.public_id, clock=clock)
    plan = make_plan([account.pk], live=False, clock=clock)
    assert [run.outcome for run in apply_plan(plan.public_id, clock=clock)] == ["applied"]


def test_a_revert_waits_for_open_positions_where_what_is_in_use_is_kept_too() -> None:
    account, links = keeping("1", "1")
    read_and_decide(account, "1000", 1)
    run = read_and_decide(account, "2000", 3)
    hold(links[0], 4)

    with pytest.raises(RevertRefused, match="open position"):
        revert_run(run.pk)


def test_what_spot_strategies_need_is_asked_for_where_it_is_set() -> None:
    account = make_account()
    link = make_link(account=account)
    account.with_open_positions = "keep_in_use"
    for refused in (account.full_clean, account.save):
        with pytest.raises(ValidationError, match="needs “count spot holdings”"):
            refused()
    account.counts_spot_holdings = True
    account.save()
    account.counts_spot_holdings = False
    with pytest.raises(ValidationError, match="needs “count spot holdings”"):
        account.save()

    StrategyAccount.objects.filter(pk=link.pk).update(is_active=False)
    account.save()
    link = StrategyAccount.objects.get(pk=link.pk)
    link.is_active = True
    with pytest.raises(ValidationError, match="needs “count spot holdings”"):
        link.save()


def test_what_is_in_use_cannot_be_kept_of_a_free_balance() -> None:
    account = make_account(balance_basis="free")
    account.with_open_positions = "keep_in_use"
    with pytest.raises(ValidationError, match="so it cannot be kept of it"):
        account.full_clean()
    for wrong in ({"with_open_positions": "keep_in_use"}, {"with_open_positions": "let go"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Account.objects.filter(pk=account.pk).update(**wrong)


def test_what_is_no_spot_coin_of_the_accounts_money_counts_for_nothing(exchange: Exchange) -> None:
    """A contract, a pair in another coin, less than any order, and what is owed."""
    account, link = spot_desk(exchange, with_open_positions="keep_in_use")
    make_market("ETH/USDT", amount_precision=D(1))
    exchange.state.set_balance(exchange.keys[account.pk], "spot", "ETH", "5")
    marked = {"mark_price": D(100), "marked_at": timezone.now()}
    for symbol, quantity in (("BTC/USDT:USDT", 1), ("ETH/BTC", 1), ("ETH/USDT", "0.5")):
        Position.objects.create(
            strategy_account=link, symbol=symbol, quantity=D(quantity), entry_price=D(100), **marked
        )
    Position.objects.create(
        strategy_account=link, symbol="XRP/USDT", quantity=D(-3), entry_price=D(1), **marked
    )

    again(account)

    [report] = report_runs([AllocationRun.objects.latest("pk")])
    assert (capital_of(link), str(report.pools[0].holdings)) == (D(10369), "0.00")


def test_a_page_counts_holdings_by_books_and_a_pool_without_a_balance_has_none(
    exchange: Exchange,
) -> None:
    account, link = spot_desk(exchange, with_open_positions="keep_in_use")
    buy(exchange, account)
    know(link, marked_at=timezone.now())
    [linked] = load_linked_accounts([account.pk]).values()
    now = timezone.now()

    [gate] = answers_by_last_reading(
        {account.pk: linked}, load_latest([account.pk], now=now), now=now
    ).values()
    assert (gate.is_held, gate.held) == (False, {})

    unread = load_in_use({account.pk: linked}, {}, now=now)[account.pk]
    assert (unread.holdings, unread.unknown) == ({Pool.SPOT: 0}, {})
