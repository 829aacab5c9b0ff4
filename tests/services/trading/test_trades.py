"""Round trips as the books store them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from capital.domain.performance.fills import Fee
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import Fill, StrategyAccount, SymbolDay, Trade
from capital.services.accounts.lookup import lock_accounts
from capital.services.trading import NewFill, enter_flow, report_fills
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import keep_current
from tests.factories import make_link, make_market

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
INVERSE = "BTC/USD:BTC"
# Noon in Seoul on the tenth
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


@pytest.fixture
def link() -> StrategyAccount:
    make_market(BTC, contract_size=D("0.001"))
    make_market(INVERSE, contract_size=D(10))
    return make_link(market_type="futures", capital="1000")


def report(
    link: StrategyAccount, hour: int, side: str, quantity: str, price: str, **fields
) -> None:
    fill = NewFill(
        symbol=fields.pop("symbol", BTC),
        side=Side(side),
        quantity=D(quantity),
        price=D(price),
        executed_at=NOON + timedelta(hours=hour),
        venue_fill_id=str(hour),
        **fields,
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: NOON + timedelta(days=2))


def test_a_trade_is_kept_when_it_ends_after_fees_and_funding(link) -> None:
    report(link, 0, "buy", "1", "100", fees=(Fee(D("0.1"), "USDT"),))
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.FUNDING,
        currency="USDT",
        amount=D("-0.5"),
        occurred_at=NOON + timedelta(hours=1),
        strategy_account=link.pk,
        symbol=BTC,
        clock=lambda: NOON + timedelta(days=2),
    )
    assert not Trade.objects.exists()

    report(link, 14, "sell", "1", "130", fees=(Fee(D("0.2"), "USDT"),))

    trade = Trade.objects.get()
    assert (trade.realized, trade.fees, trade.funding) == (D("29.2"), D("0.3"), D("-0.5"))
    assert (trade.is_long, trade.currency, trade.fills, trade.is_complete) == (
        True,
        "USDT",
        2,
        True,
    )
    assert (trade.entry_price, trade.exit_price) == (100, 130)
    assert trade.return_on_entries == D("0.292")
    assert (trade.held_for, trade.date) == (timedelta(hours=14), date(2026, 3, 11))
    assert str(trade) == f"{link.pk} {BTC} 2026-03-11 02:00:00"


def test_through_zero_one_trade_ends_and_the_next_begins(link) -> None:
    """The ruling's: 1 at 100, 1 at 110, -1 at 120, -2 at 90; then the short is closed at 80."""
    for hour, (side, quantity, price) in enumerate(
        [("buy", "1", "100"), ("buy", "1", "110"), ("sell", "1", "120"), ("sell", "2", "90")]
    ):
        report(link, hour, side, quantity, price)
    assert [(trade.is_long, trade.realized) for trade in Trade.objects.all()] == [(True, 0)]

    report(link, 4, "buy", "1", "80")

    short, long = Trade.objects.all()
    assert (short.is_long, short.realized, short.entered) == (False, D(10), D(1))
    assert (long.entry_price, long.exit_price) == (D(105), D(105))
    assert (long.entered, long.entry_value) == (D(2), D(210))


def test_a_late_fill_writes_the_trades_of_its_position_again(link) -> None:
    other = make_link(account=link.account, market_type="futures")
    report(other, 20, "buy", "1", "1")
    report(other, 21, "sell", "1", "2")
    report(link, 0, "buy", "1", "100")
    report(link, 4, "sell", "1", "120")
    kept = Trade.objects.get(strategy_account=other)
    assert Trade.objects.get(strategy_account=link).realized == 20

    report(link, 2, "buy", "1", "90")

    assert not Trade.objects.filter(strategy_account=link).exists()
    report(link, 5, "sell", "1", "130")
    trade = Trade.objects.get(strategy_account=link)
    assert (trade.realized, trade.fills, trade.entry_price) == (D(60), 4, D(95))
    assert Trade.objects.get(strategy_account=other) == kept


def test_of_a_link_that_lost_its_fills_no_trade_is_left(link) -> None:
    report(link, 0, "buy", "1", "100")
    report(link, 1, "sell", "1", "110")
    for fill in Fill.objects.all():
        fill.attributions.create(strategy_account=None, how="person")

    with transaction.atomic():
        lock_accounts([link.account_id])
        key = PositionKey(link.pk, BTC, "both")
        keep_current({}, again=[key], steps={}, now=NOON)

    assert not Trade.objects.exists()


def test_there_are_as_many_trades_as_the_days_count(link) -> None:
    for hour, (side, price) in enumerate(
        [("buy", "100"), ("sell", "110"), ("sell", "90"), ("buy", "95"), ("buy", "7")]
    ):
        report(link, hour, side, "1", price)

    assert Trade.objects.count() == sum(day.trades for day in SymbolDay.objects.all()) == 2


def test_prices_of_inverse_contracts_are_harmonic(link) -> None:
    report(link, 0, "buy", "100", "10000", symbol=INVERSE)
    report(link, 1, "buy", "100", "20000", symbol=INVERSE)
    report(link, 2, "sell", "200", "20000", symbol=INVERSE)

    trade = Trade.objects.get()

    assert (trade.currency, trade.realized) == ("BTC", D("0.05"))
    assert trade.entry_price == D("13333.333333333333333333")
    assert trade.exit_price == D(20000)
    assert trade.return_on_entries == D("0.333333333333333333")


def test_a_fee_of_unknown_worth_makes_it_incomplete(link) -> None:
    report(link, 0, "buy", "1", "100", fees=(Fee(D("0.01"), "BNB"),))
    report(link, 1, "sell", "1", "110")

    assert not Trade.objects.get().is_complete


def test_what_was_worth_nothing_has_neither_price_nor_return() -> None:
    trade = Trade(symbol=BTC, entered=D(1), entry_value=D(0), exited=D(0), exit_value=D(0))

    assert (trade.entry_price, trade.exit_price, trade.return_on_entries) == (None, None, None)
