"""What open positions are worth now."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import Side
from capital.models import DayMark, Position, StrategyAccount
from capital.services.jobs.table import SYNC_BALANCES, Slot
from capital.services.jobs.work import WORK
from capital.services.trading import (
    NewFill,
    account_pnl,
    mark_positions,
    report_fills,
    report_position,
    value_positions,
)
from capital.services.trading import marks as marks_module
from capital.services.trading.worth import FRESH_FOR, unrealized_of
from tests.factories import make_account, make_link, make_market
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
# Noon in Seoul
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


class Venue:
    """Says a mark of each symbol, and remembers what it was asked."""

    def __init__(self) -> None:
        self.marks: dict[str, str] = {}
        self.asked: list[list[str]] = []

    def fetch_marks(self, quoted: Any) -> Any:
        self.asked.append([each.symbol for each in quoted])
        return {
            each: D(self.marks[each.symbol])
            if each.symbol in self.marks
            else Reason(Code.EXCHANGE_TIMEOUT, {"venue": each.venue, "seconds": "10"})
            for each in quoted
        }


@pytest.fixture
def venue(monkeypatch, settings) -> Venue:
    settings.CAPITAL_LIVE_BALANCES = True
    venue = Venue()
    monkeypatch.setattr(marks_module, "get_market_gateway", lambda **_: venue)
    return venue


@pytest.fixture
def link() -> StrategyAccount:
    make_market(BTC, contract_size=D("0.001"))
    return make_link(market_type="futures")


def hold(link: StrategyAccount, side: str, quantity: str, price: str, symbol: str = BTC) -> None:
    fill = NewFill(
        symbol=symbol,
        side=Side(side),
        quantity=D(quantity),
        price=D(price),
        executed_at=NOON - timedelta(hours=1),
        venue_fill_id=f"{side}{quantity}@{price}",
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: NOON)


def mark(*links: StrategyAccount, at: datetime = NOON) -> int:
    return mark_positions([link.account_id for link in links], clock=lambda: at)


def worth(link: StrategyAccount, *, at: datetime = NOON) -> Decimal | None:
    position = Position.objects.select_related("strategy_account__account").get(
        strategy_account=link
    )
    return unrealized_of([position], now=at)[position.pk]


def test_an_open_position_is_worth_its_mark_less_its_entry(link, venue) -> None:
    hold(link, "sell", "2", "100")
    venue.marks[BTC] = "90.5"

    assert mark(link) == 1

    position = Position.objects.get()
    assert (position.mark_price, position.marked_at) == (D("90.5"), NOON)
    assert worth(link) == D(19)
    [row] = account_pnl(clock=lambda: NOON)
    assert row.unrealized == D(19)


def test_a_mark_is_fresh_for_five_minutes(link, venue) -> None:
    hold(link, "buy", "1", "100")
    venue.marks[BTC] = "110"
    mark(link)

    assert worth(link, at=NOON + FRESH_FOR) == D(10)
    assert worth(link, at=NOON + FRESH_FOR + timedelta(seconds=1)) is None
    assert [row.unrealized for row in account_pnl(clock=lambda: NOON + FRESH_FOR * 2)] == [None]


def test_what_the_exchange_does_not_answer_keeps_its_old_mark(link, venue) -> None:
    hold(link, "buy", "1", "100")
    venue.marks[BTC] = "110"
    mark(link)
    venue.marks.clear()

    assert mark(link, at=NOON + timedelta(minutes=1)) == 0

    assert Position.objects.get().marked_at == NOON
    assert DayMark.objects.get().price == D(110)


def test_a_total_without_one_of_its_marks_is_none(link, venue) -> None:
    make_market("ETH/USDT:USDT")
    hold(link, "buy", "1", "100")
    hold(link, "buy", "1", "50", "ETH/USDT:USDT")
    venue.marks[BTC] = "110"
    mark(link)

    by_symbol = account_pnl(by=["symbol"], clock=lambda: NOON)

    assert [(row.symbol, row.unrealized) for row in by_symbol] == [
        (BTC, D(10)),
        ("ETH/USDT:USDT", None),
    ]
    assert account_pnl(clock=lambda: NOON)[0].unrealized is None


def test_the_last_mark_of_a_day_is_the_days(link, venue) -> None:
    hold(link, "buy", "1", "100")
    for hour, price in ((0, "101"), (11, "102.123456789012345678"), (12, "103")):
        venue.marks[BTC] = price
        mark(link, at=NOON + timedelta(hours=hour))

    kept = {row.date: row.price for row in DayMark.objects.filter(venue="binance", symbol=BTC)}
    assert kept == {
        date(2026, 3, 10): D("102.123456789012345678"),
        date(2026, 3, 11): D(103),
    }


def test_each_instrument_is_asked_once_and_only_where_something_is_held(link, venue) -> None:
    others = [make_link(market_type="futures") for _ in range(3)]
    for each in (link, *others):
        hold(each, "buy", "1", "100")
    make_market("ETH/USDT:USDT")
    flat = make_link(market_type="futures")
    hold(flat, "buy", "1", "50", "ETH/USDT:USDT")
    hold(flat, "sell", "1", "50", "ETH/USDT:USDT")
    venue.marks[BTC] = "110"

    assert mark(link, *others, flat) == 4

    assert venue.asked == [[BTC]]


def test_nothing_held_asks_nobody(link, venue) -> None:
    assert mark(link) == 0
    assert venue.asked == []


def test_live_reading_that_is_off_marks_nothing(link, venue, settings) -> None:
    hold(link, "buy", "1", "100")
    settings.CAPITAL_LIVE_BALANCES = False

    assert mark(link) == 0
    assert venue.asked == []


def test_marking_costs_the_same_number_of_queries_whatever_is_held(link, venue) -> None:
    venue.marks[BTC] = "110"

    def queries(*links: StrategyAccount) -> int:
        with CaptureQueriesContext(connection) as captured:
            mark(*links)
        return len(captured)

    more = [make_link(market_type="futures") for _ in range(5)]
    for each in (link, *more):
        hold(each, "buy", "1", "100")

    assert queries(link) == queries(link, *more)


def test_a_report_alone_is_worth_something_from_its_entry(link, venue) -> None:
    report_position(link.pk, symbol=BTC, quantity=D(-2), entry_price=D(100), clock=lambda: NOON)
    venue.marks[BTC] = "90"
    mark(link)

    assert worth(link) == D(20)

    report_position(link.pk, symbol=BTC, quantity=D(-2), clock=lambda: NOON)
    assert worth(link) is None


def test_a_report_of_contracts_is_worth_coins(venue) -> None:
    symbol = "BTC/USD:BTC"
    market = make_market(symbol, contract_size=D(10))
    link = make_link(account=make_account(currency="BTC"), market_type="futures")
    report_position(
        link.pk, symbol=symbol, quantity=D(100), entry_price=D(10000), clock=lambda: NOON
    )
    venue.marks[symbol] = "12500"
    mark(link)

    assert worth(link) == D("0.02")

    market.delete()
    assert worth(link) is None


def test_fills_tell_what_is_earned_where_a_report_says_it_is_closed(link, venue) -> None:
    """The bot says flat; nobody told of a sale. What is held stays to be seen in the PnL."""
    hold(link, "buy", "1", "100")
    report_position(link.pk, symbol=BTC, quantity=D(0), clock=lambda: NOON)
    venue.marks[BTC] = "110"
    mark(link)

    assert worth(link) == D(10)
    assert account_pnl(clock=lambda: NOON)[0].unrealized == D(10)


def test_what_is_flat_is_worth_nothing_without_a_mark(link) -> None:
    hold(link, "buy", "1", "100")
    hold(link, "sell", "1", "110")

    assert worth(link) == 0


def test_a_position_in_no_symbol_that_can_be_read_has_no_worth(link) -> None:
    position = Position.objects.create(
        strategy_account=link, symbol="BTCUSDT", quantity=D(1), entry_price=D(1)
    )

    assert unrealized_of([position], now=NOON) == {position.pk: None}


def test_positions_are_marked_behind_the_sync_of_balances(exchange: Exchange, settings) -> None:
    settings.CAPITAL_LIVE_BALANCES = True
    account = exchange.open_account(wallets={"futures": {"USDT": "1000"}, "spot": {"USDT": "5"}})
    make_market(BTC)
    link = make_link(account=account, market_type="futures")
    hold(link, "buy", "1", "61000")

    counts = WORK[SYNC_BALANCES.name].do([account.pk], Slot(None, lambda: NOON))

    assert counts == {"live": 2}
    assert worth(link) == D("234.5")


def told(number: int, side: Side) -> NewFill:
    return NewFill(
        symbol=BTC,
        side=side,
        quantity=D(2),
        price=D(100),
        executed_at=NOON + timedelta(minutes=number),
        venue_fill_id=str(number),
    )


def test_where_nothing_is_held_any_more_nobody_is_asked(venue) -> None:
    make_market(BTC, contract_size=D("0.001"))
    link = make_link(market_type="futures")
    report_fills(link.pk, [told(1, Side.BUY), told(2, Side.SELL)], actor=None, clock=lambda: NOON)

    assert mark_positions([link.account_id], clock=lambda: NOON) == 0
    assert venue.asked == []


def test_each_position_is_told_what_it_would_earn() -> None:
    make_market(BTC, contract_size=D("0.001"))
    link = make_link(market_type="futures")
    report_fills(link.pk, [told(1, Side.BUY)], actor=None, clock=lambda: NOON)
    position = Position.objects.get()
    position.mark_price, position.marked_at = D(130), NOON

    value_positions([position], now=NOON + FRESH_FOR)
    assert position.unrealized_pnl == D(60)

    value_positions([position], now=NOON + FRESH_FOR + timedelta(seconds=1))
    assert position.unrealized_pnl is None
