"""Books of accounts in credits, which stand for what their contracts are settled in."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError

from capital.domain.performance.fills import Fee
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.measures.periods import Period
from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import (
    Account,
    DailyAccountSummary,
    Fill,
    LinkDay,
    LinkMonth,
    StrategyAccount,
    StrategyCapital,
    SymbolDay,
    Trade,
)
from capital.services.performance import performance
from capital.services.trading import NewFill, account_pnl, enter_flow, equity_of, report_fills
from capital.services.trading.books import keep_current
from capital.services.trading.credited import (
    keep_credited_again,
    keep_credited_again_after_migration,
)
from capital.services.trading.days.closing import close_days
from capital.services.trading.packed.backlog import pack_backlog
from tests.factories import make_account, make_link, make_market
from tests.services.allocation.policies.desk import (
    at,
    capitals,
    decide,
    desk,
    hold,
    how,
    is_clean,
    read,
    read_and_decide,
    trade,
)

pytestmark = pytest.mark.django_db

D = Decimal
BTC, ETH = "BTC/USDT:USDT", "ETH/USDC:USDC"
CREDITS = "BNFCR"


def fill(
    minute: int, side: Side, price: str, symbol: str = BTC, fees: tuple[Fee, ...] = ()
) -> NewFill:
    return NewFill(
        symbol=symbol,
        side=side,
        quantity=D(1),
        price=D(price),
        executed_at=at(minute),
        venue_fill_id=f"{symbol}-{minute}",
        fees=fees,
    )


def tell(link: StrategyAccount, *fills: NewFill) -> None:
    report_fills(link.pk, fills, actor=None, clock=lambda: at(60))


def pay(account: Account, amount: str, currency: str, minute: int, **fields: object) -> None:
    given = {"kind": FlowKind.FUNDING, "pool": Pool.FUTURES, **fields}
    enter_flow(
        account.pk,
        currency=currency,
        amount=D(amount),
        occurred_at=at(minute),
        actor=None,
        clock=lambda: at(60),
        **given,  # type: ignore[arg-type]
    )


@pytest.fixture
def account() -> Account:
    make_market(BTC)
    make_market(ETH)
    return make_account(currency=CREDITS)


@pytest.fixture
def link(account: Account) -> StrategyAccount:
    return make_link(account=account, market_type="futures")


def earned(link: StrategyAccount) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    days = LinkDay.objects.filter(strategy_account=link).order_by("date", "currency")
    return [(day.currency, day.realized, day.fees, day.funding) for day in days]


def test_what_contracts_earn_is_earned_in_credits(account: Account, link: StrategyAccount) -> None:
    tell(link, fill(1, Side.BUY, "100"), fill(2, Side.SELL, "130"))
    tell(link, fill(3, Side.SELL, "50", ETH), fill(4, Side.BUY, "55", ETH))

    assert earned(link) == [(CREDITS, D(25), D(0), D(0))]
    assert set(SymbolDay.objects.values_list("symbol", "currency", "realized")) == {
        (BTC, CREDITS, D(30)),
        (ETH, CREDITS, D(-5)),
    }
    assert set(Trade.objects.values_list("currency", flat=True)) == {CREDITS}
    assert is_clean(account)


def test_costs_in_credits_and_in_what_they_stand_for_are_costs(
    account: Account, link: StrategyAccount
) -> None:
    paid = Fee(D("0.2"), CREDITS), Fee(D("0.3"), "USDC"), Fee(D("0.1"), "USDT"), Fee(D(1), "BNB")
    tell(link, fill(1, Side.BUY, "100", fees=paid))
    pay(account, "2", CREDITS, 2, symbol=BTC)
    pay(account, "-0.5", "USDT", 3, symbol=BTC)
    pay(account, "4", "USDC", 4, kind=FlowKind.INTEREST, strategy_account=link.pk)

    assert earned(link) == [(CREDITS, D(0), D("0.6"), D("5.5"))]
    [day] = LinkDay.objects.all()
    assert day.fees_unvalued == {"BNB": "1"}
    [row] = account_pnl([account.pk])
    assert (row.currency, row.realized) == (CREDITS, D("4.9"))
    assert is_clean(account)


def test_what_nobody_earned_is_in_credits(account: Account, link: StrategyAccount) -> None:
    tell(link, fill(1, Side.BUY, "100"))
    pay(account, "2", CREDITS, 2, symbol=ETH)
    pay(account, "3", "USDC", 3, symbol=ETH)

    rows = [(row.currency, row.realized) for row in account_pnl([account.pk], by=["symbol"])]
    assert rows == [(CREDITS, D(0)), (CREDITS, D(5))]


def test_coins_are_paid_in_what_they_are_quoted_in(account: Account) -> None:
    """Credits buy nothing on spot."""
    make_market("BTC/USDT")
    link = make_link(account=account, market_type="spot")
    tell(link, fill(1, Side.BUY, "100", "BTC/USDT"), fill(2, Side.SELL, "130", "BTC/USDT"))
    pay(account, "4", "USDT", 4, kind=FlowKind.INTEREST, strategy_account=link.pk, pool=Pool.SPOT)

    assert earned(link) == [("USDT", D(30), D(0), D(4))]
    assert is_clean(account)


def test_other_accounts_tell_their_currencies_apart() -> None:
    """On an account in dollars, what is earned in another kind of them stands apart."""
    make_market(BTC)
    make_market(ETH)
    account = make_account(currency="USDT")
    link = make_link(account=account, market_type="futures")
    fees = (Fee(D(1), CREDITS),)
    tell(link, fill(1, Side.BUY, "100", fees=fees), fill(2, Side.SELL, "130"))
    tell(link, fill(3, Side.SELL, "50", ETH), fill(4, Side.BUY, "55", ETH))

    assert earned(link) == [("USDC", D(-5), D(0), D(0)), ("USDT", D(30), D(0), D(0))]
    first = Fill.objects.get(venue_fill_id=f"{BTC}-1")
    assert first.fees == [{"amount": "1", "currency": CREDITS}]


def test_its_own_profit_stays_a_strategys_own_on_credits() -> None:
    account, links = desk("own_profit", "1", "1", currency=CREDITS)
    read_and_decide(account, "10000", 0)

    trade(links[0], 5, "80")
    run = read_and_decide(account, "10080", 10)

    assert capitals(links) == ["5080.00", "5000.00"]
    assert "earned" in how(run)[0]
    trade(links[0], 15, "800")
    trade(links[1], 15, "-300")
    # Money that came in what credits stand for is money that came.
    pay(account, "1000", "USDT", 16, kind=FlowKind.DEPOSIT)
    read_and_decide(account, "11580", 20)
    assert capitals(links) == ["6380.00", "5200.00"]
    assert is_clean(account)


def test_equity_and_summary_of_credits_tell_what_was_earned() -> None:
    account, [link] = desk("weights", "1", currency=CREDITS)
    read_and_decide(account, "1000", 0)

    trade(link, 5, "-120")
    found = StrategyAccount.objects.select_related("account", "capital").get(pk=link.pk)

    assert equity_of([found], now=at(10))[link.pk].amount == D(880)
    assert StrategyCapital.objects.get().current_pnl == D(-120)
    assert DailyAccountSummary.objects.get().realized_pnl == D(-120)
    read(account, "880", 20)
    decide(account, 21)
    assert StrategyCapital.objects.get().current_pnl == 0


class TestBooksOfEarlierVersions:
    @pytest.fixture
    def before(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        """Earlier versions took contracts in dollars for another currency's."""
        monkeypatch.setattr(
            "capital.services.accounts.denomination.stands_for", lambda *_: frozenset()
        )
        return monkeypatch

    def test_they_are_kept_again_and_what_was_divided_counts_as_before(
        self, before: pytest.MonkeyPatch
    ) -> None:
        account, links = desk("own_profit", "1", "1", currency=CREDITS)
        read_and_decide(account, "10000", 0)
        trade(links[0], 5, "80")
        # Beside them, another account that did the same in dollars.
        other = make_link(account=make_account(), market_type="futures")
        trade(other, 5, "80")
        pay(account, "5", CREDITS, 7, symbol=BTC)
        read_and_decide(account, "10080", 10)
        trade(links[0], 15, "30")
        assert capitals(links) == ["5040.00", "5040.00"]
        before.undo()
        assert not is_clean(account)

        assert keep_credited_again(clock=lambda: at(20)) == [account.pk]

        assert is_clean(account)
        days = LinkDay.objects.order_by("pk").values_list("strategy_account", "currency")
        assert set(days) == {(links[0].pk, CREDITS), (other.pk, "USDT")}
        assert is_clean(other.account)
        counted = StrategyCapital.objects.order_by("pk").values_list("pnl_counted", flat=True)
        assert list(counted) == [D(80), D(0)]
        read_and_decide(account, "10110", 30)
        assert capitals(links) == ["5070.00", "5040.00"]
        assert keep_credited_again(clock=lambda: at(40)) == []

    def test_what_was_unrealised_then_is_not_known(self, before: pytest.MonkeyPatch) -> None:
        account, links = desk("weights", "1", "1", basis="equity", currency=CREDITS)
        trade(links[1], 3, "7")
        read_and_decide(account, "10000", 10)
        hold(links[0], 15)
        before.undo()

        keep_credited_again(clock=lambda: at(20))

        then = StrategyCapital.objects.order_by("pk").values_list("unrealized_then", flat=True)
        assert list(then) == [None, D(0)]

    def test_interest_alone_is_counted_again(self, before: pytest.MonkeyPatch) -> None:
        """What contracts earned may be nothing: it was in dollars, too."""
        account, [link] = desk("own_profit", "1", currency=CREDITS)
        read_and_decide(account, "1000", 0)
        pay(account, "7", "USDT", 4, kind=FlowKind.INTEREST, strategy_account=link.pk)
        before.undo()
        assert not is_clean(account)

        assert keep_credited_again(clock=lambda: at(20)) == [account.pk]

        assert earned(link) == [(CREDITS, D(0), D(0), D(7))]
        assert is_clean(account)
        assert keep_credited_again(clock=lambda: at(40)) == []

    def test_one_account_that_fails_keeps_no_other_from_it(
        self, before: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken, [link] = desk("weights", "1", currency=CREDITS)
        whole = make_account(currency=CREDITS)
        other = make_link(account=whole, market_type="futures")
        trade(link, 5, "80")
        trade(other, 6, "80")
        before.undo()
        kept = keep_current

        def fails(*args: Any, again: Any, **fields: Any) -> None:
            kept(*args, again=again, **fields)
            if {key.link_id for key in again} == {link.pk}:
                raise DatabaseError

        before.setattr("capital.services.trading.credited.keep_current", fails)

        assert keep_credited_again(clock=lambda: at(20)) == [whole.pk]

        assert f"Books of account {broken.pk} were not kept again (DatabaseError)" in caplog.text
        assert is_clean(whole)
        before.undo()
        assert keep_credited_again(clock=lambda: at(30)) == [broken.pk]
        assert is_clean(broken)

    def test_months_that_were_packed_in_dollars_say_the_same_in_credits(
        self, before: pytest.MonkeyPatch
    ) -> None:
        """What is long ago is packed by the day's end: until then its days are read."""
        account, [link] = desk("weights", "1", currency=CREDITS)
        read_and_decide(account, "1000", 0)
        trade(link, 5, "80")
        today = at(0) + timedelta(days=100)
        close_days([account.pk], clock=lambda: today)
        pack_backlog([account.pk], clock=lambda: today)
        before.undo()

        assert keep_credited_again(clock=lambda: today) == [account.pk]

        assert not LinkMonth.objects.exists()
        period = Period(at(0).date(), at(0).date())
        [row] = performance(StrategyAccount.objects.all(), period=period).rows
        assert (row.currency, row.measures.pnl) == (CREDITS, D(80))
        assert is_clean(account)
        pack_backlog([account.pk], clock=lambda: today)
        assert is_clean(account)
        assert {month.currency for month in LinkMonth.objects.all()} == {CREDITS}

    def test_others_are_left_as_they_are(self) -> None:
        account, [link] = desk("weights", "1", currency=CREDITS)
        read_and_decide(account, "1000", 0)
        trade(link, 5, "-120")
        other = make_link(account=make_account(currency="USDC"), market_type="futures")
        trade(other, 5, "10")

        make_market("BTC/USDT")
        spot = make_link(account=account, market_type="spot")
        tell(spot, fill(1, Side.BUY, "100", "BTC/USDT"))
        # Interest of coins is in their currency, whatever contracts earned on another day.
        paid = {"kind": FlowKind.INTEREST, "strategy_account": spot.pk}
        pay(account, "4", "USDT", 4, pool=Pool.SPOT, **paid)
        pay(account, "4", "USDT", -24 * 60, **paid)

        assert keep_credited_again(clock=lambda: at(20)) == []

    def test_a_migration_that_stopped_earlier_is_said(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails() -> None:
            raise DatabaseError

        monkeypatch.setattr("capital.services.trading.credited.keep_credited_again", fails)
        keep_credited_again_after_migration()
        assert "were not kept again (DatabaseError)" in caplog.text
