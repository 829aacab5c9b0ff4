"""Fills that bots report: kept once, booked to their link, and what follows from them."""

import gc
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import NotFound, TradingRefused, UnknownAccount, UnknownSymbol
from capital.domain.performance.fills import Fee
from capital.domain.reasons import Code
from capital.domain.sizing.orders import PositionSide, Side
from capital.exchange.trading.contract import ReadFill, Told
from capital.models import (
    Attribution,
    Discrepancy,
    Fill,
    Market,
    Position,
    StrategyAccount,
    SymbolDay,
)
from capital.services.trading import (
    FillCode,
    NewFill,
    account_pnl,
    fills_recorded,
    pnl,
    report_fills,
    report_position,
)
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import keep_current
from capital.services.trading.units import bookable
from tests.factories import (
    make_account,
    make_fill,
    make_link,
    make_market,
    make_user,
    make_venue_position,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
# Noon in Seoul
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


def clock() -> datetime:
    return NOON + timedelta(hours=12)


@pytest.fixture
def link() -> StrategyAccount:
    make_market(BTC, contract_size=D("0.001"))
    return make_link(market_type="futures")


def told(number: int, side: str, quantity: str, price: str, **fields: Any) -> NewFill:
    """A fill of the exchange's own id, so many minutes after noon."""
    return NewFill(
        **{
            "symbol": BTC,
            "side": Side(side),
            "quantity": D(quantity),
            "price": D(price),
            "executed_at": NOON + timedelta(minutes=number),
            "venue_fill_id": str(number),
            **fields,
        }
    )


def report(link: StrategyAccount, *fills: NewFill) -> list[FillCode]:
    return [result.code for result in report_fills(link.pk, fills, actor=None, clock=clock)]


def position_of(link: StrategyAccount, symbol: str = BTC, side: str = "both") -> Position:
    return Position.objects.get(strategy_account=link, symbol=symbol, position_side=side)


def days_of(link: StrategyAccount) -> dict[date, tuple[Decimal, int, int]]:
    return {
        day.date: (day.realized, day.fills, day.trades)
        for day in SymbolDay.objects.filter(strategy_account=link)
    }


def test_fills_are_recorded_attributed_and_booked(link) -> None:
    codes = report(
        link,
        told(1, "buy", "1", "100", fees=(Fee(D("0.05"), "USDT"),)),
        told(2, "buy", "1", "110"),
        told(3, "sell", "1", "120"),
    )

    assert codes == [FillCode.RECORDED] * 3
    first = Fill.objects.get(venue_fill_id="1")
    assert (first.strategy_account, first.source, first.settle) == (link, "bot", "USDT")
    assert (first.quantity, first.cost, first.contract_size) == (D(1), D(100), D("0.001"))
    assert (first.fee_amount, first.fee_currency) == (D("0.05"), "USDT")
    assert {(each.strategy_account_id, each.how) for each in Attribution.objects.all()} == {
        (link.pk, "bot")
    }
    position = position_of(link)
    assert (position.quantity, position.entry_price) == (D(1), D(105))
    assert (position.realized_pnl, position.source) == (D("14.95"), "fills")
    assert days_of(link) == {date(2026, 3, 10): (D("14.95"), 3, 0)}


def test_inverse_contracts_counted_in_the_coin_are_refused_and_never_booked_otherwise() -> None:
    make_market(BTC, venue="bitget")
    make_market("BTC/USD:BTC", venue="bitget")
    link = make_link(account=make_account(venue="bitget"), market_type="futures")
    linear, inverse = told(1, "buy", "1", "100"), told(2, "buy", "1", "100", symbol="BTC/USD:BTC")

    with pytest.raises(TradingRefused) as refused:
        report(link, linear, inverse)
    assert (refused.value.reason.code, refused.value.field) == (
        Code.CONTRACT_UNBOOKABLE, "fills.1.symbol",
    )  # fmt: skip
    assert report(link, linear) == [FillCode.RECORDED]

    rows = tuple(
        ReadFill(
            each.symbol, each.side, each.position_side, each.quantity, each.price, D(1),
            each.executed_at, each.venue_fill_id,
        )
        for each in (linear, inverse)
    )  # fmt: skip
    kept = bookable("bitget", Told(rows))
    assert kept.rows == rows[:1]
    assert [(each.name, each.row_id) for each in kept.unread] == [("BTC/USD:BTC", "2")]
    assert bookable("okx", Told(rows)) == Told(rows)


def test_what_fills_of_nobody_earned_stands_in_a_row_without_a_strategy(link) -> None:
    now = NOON + timedelta(hours=1)
    report(link, told(1, "buy", "1", "100"), told(2, "sell", "1", "110"))
    account, nobodys = link.account, {"strategy_account": None, "source": "venue", "symbol": BTC}
    for number, side, price in ((11, "buy", 100), (12, "sell", 130), (13, "buy", 120)):
        make_fill(
            link, **nobodys, account=account, side=side, quantity=D(2), price=D(price),
            venue_fill_id=str(number), executed_at=NOON + timedelta(minutes=number),
            fees=[{"amount": "0.5", "currency": "USDT"}],
        )  # fmt: skip

    def rows(*by: str, **given: Any) -> list[tuple[Any, ...]]:
        found = account_pnl([account.pk], by=by, clock=lambda: now, **given)
        return [
            (
                row.strategy,
                row.symbol,
                row.realized,
                row.unrealized,
                row.fees,
                row.fills,
                row.trades,
            )
            for row in found
        ]

    own = (link.strategy.key, None, D(10), D(0), D(0), 2, 1)
    assert rows("strategy") == [own, (None, None, D("58.5"), None, D("1.5"), 3, 1)]
    make_venue_position(account, "2", mark_price=D(121), observed_at=now)
    assert rows("strategy")[1][3] == D(2)
    assert rows("symbol") == [(None, BTC, D("68.5"), D(2), D("1.5"), 5, 2)]
    day = date(2026, 3, 10)
    assert [row[2] for row in rows("day", "strategy", since=day, until=day)] == [10, D("58.5")]
    assert rows(until=day - timedelta(days=1)) == rows(since=day + timedelta(days=1)) == []


def test_a_report_may_be_repeated(link) -> None:
    report(link, told(1, "buy", "1", "100"))

    assert report(link, told(1, "buy", "1", "100"), told(2, "sell", "1", "90")) == [
        FillCode.KNOWN,
        FillCode.RECORDED,
    ]
    assert Fill.objects.count() == 2
    assert days_of(link) == {date(2026, 3, 10): (D(-10), 2, 1)}


def test_a_fill_twice_in_one_report_is_one(link) -> None:
    same = told(1, "buy", "1", "100")

    results = report_fills(link.pk, [same, same], actor=None, clock=clock)

    assert [result.code for result in results] == [FillCode.RECORDED, FillCode.KNOWN]
    assert results[0].fill_id == results[1].fill_id == Fill.objects.get().pk
    assert position_of(link).quantity == D(1)

    later = told(2, "buy", "1", "100")
    report_fills(link.pk, [later, later], actor=None, clock=clock)
    assert position_of(link).quantity == D(2), "also where books are only added to"


def test_a_fill_twice_in_one_report_with_other_figures_is_noted(link) -> None:
    later = NOON + timedelta(minutes=1, seconds=2)

    codes = report(link, told(1, "buy", "1", "100"), told(1, "buy", "1", "100", executed_at=later))

    assert codes == [FillCode.RECORDED, FillCode.DIFFERS]
    assert Discrepancy.objects.get().differences == {
        "executed_at": ["2026-03-10T03:01:00+00:00", "2026-03-10T03:01:02+00:00"]
    }


def test_a_time_that_is_rounded_to_the_second_is_no_difference(link) -> None:
    exact = NOON + timedelta(minutes=1, milliseconds=999)
    report(link, told(1, "buy", "1", "100", executed_at=exact))

    assert report(link, told(1, "buy", "1", "100")) == [FillCode.KNOWN]


def test_both_sides_of_a_self_trade_share_an_id(link) -> None:
    codes = report(link, told(1, "buy", "1", "100"), told(1, "sell", "1", "100"))

    assert codes == [FillCode.RECORDED] * 2


def test_ids_are_of_one_symbol_and_one_account(link) -> None:
    make_market("ETH/USDT:USDT")
    other = make_link(market_type="futures")
    report(link, told(1, "buy", "1", "100"))

    assert report(link, told(1, "buy", "2", "50", symbol="ETH/USDT:USDT")) == [FillCode.RECORDED]
    assert report(other, told(1, "buy", "3", "100")) == [FillCode.RECORDED]
    assert position_of(link).quantity == D(1)
    assert position_of(other).quantity == D(3)


def test_what_is_told_otherwise_is_noted_and_the_first_stays(link) -> None:
    report(link, told(1, "buy", "1", "100", fees=(Fee(D("0.1"), "USDT"),)))
    otherwise = told(1, "buy", "1.5", "100", fees=(Fee(D("0.2"), "USDT"),))

    assert report(link, otherwise) == [FillCode.DIFFERS]
    assert report(link, otherwise) == [FillCode.DIFFERS]

    noted = Discrepancy.objects.get()
    assert noted.differences == {"quantity": ["1", "1.5"], "fees": ["0.1 USDT", "0.2 USDT"]}
    assert position_of(link).quantity == D(1)


def test_what_is_told_less_of_is_no_difference(link) -> None:
    report(link, told(1, "buy", "1", "100", fees=(Fee(D("0.1"), "USDT"),)))

    assert report(link, told(1, "buy", "1.00", "100.0")) == [FillCode.KNOWN]
    assert not Discrepancy.objects.exists()


def test_a_late_fill_restates_its_day_and_those_behind_it(link) -> None:
    report(link, told(10, "buy", "1", "100"))
    report(link, told(60 * 24, "sell", "1", "130", executed_at=NOON + timedelta(hours=11.5)))
    assert position_of(link).realized_pnl == D(30)

    report(link, told(5, "buy", "1", "110"))

    assert position_of(link).realized_pnl == D(25)
    assert position_of(link).quantity == D(1)
    assert days_of(link) == {date(2026, 3, 10): (D(25), 3, 0)}


def test_less_than_a_step_is_flat_and_ends_the_trade() -> None:
    """The fee in the coin leaves a rest that no order could sell: the trade is over, and it won."""
    make_market("BTC/USDT", amount_precision=D("0.001"))
    link = make_link()
    spot = {"symbol": "BTC/USDT"}
    report(link, told(1, "buy", "1", "100", fees=(Fee(D("0.0005"), "BTC"),), **spot))

    report(link, told(2, "sell", "0.999", "110", **spot))

    day = SymbolDay.objects.get()
    assert (day.trades, day.wins, day.losses) == (1, 1, 0)
    assert position_of(link, "BTC/USDT").quantity == D("0.0005")


def test_a_whole_step_keeps_the_trade_open() -> None:
    make_market("BTC/USDT", amount_precision=D("0.001"))
    link = make_link()
    report(link, told(1, "buy", "1", "100", symbol="BTC/USDT"))

    report(link, told(2, "sell", "0.999", "110", symbol="BTC/USDT"))

    assert SymbolDay.objects.get().trades == 0


def test_step_of_inverse_contracts_is_in_contracts() -> None:
    symbol = "BTC/USD:BTC"
    make_market(symbol, contract_size=D(100), amount_precision=D(1))
    link = make_link(account=make_account(currency="BTC"), market_type="futures")
    report(link, told(1, "buy", "3", "10000", symbol=symbol))

    report(link, told(2, "sell", "2", "10000", symbol=symbol))
    assert SymbolDay.objects.get().trades == 0, "one contract of 100 USD is open"

    report(link, told(3, "sell", "1", "10000", symbol=symbol))
    assert SymbolDay.objects.get().trades == 1


def test_a_day_ends_at_midnight_of_the_project(link) -> None:
    """23:30 in Seoul is 14:30 in UTC; half an hour into the next day there is 15:30."""
    report(
        link,
        told(1, "buy", "1", "100", executed_at=datetime(2026, 3, 10, 14, 30, tzinfo=UTC)),
        told(2, "sell", "1", "90", executed_at=datetime(2026, 3, 10, 15, 0, tzinfo=UTC)),
    )

    assert days_of(link) == {
        date(2026, 3, 10): (D(0), 1, 0),
        date(2026, 3, 11): (D(-10), 1, 1),
    }


def test_an_order_counts_provisionally_until_its_fills_are_known(link) -> None:
    report(link, told(1, "buy", "2", "100", venue_fill_id="", order_id="A"))
    assert position_of(link).quantity == D(2)

    report(
        link,
        told(1, "buy", "1.5", "100", venue_fill_id="a1", order_id="A"),
        told(2, "buy", "0.4", "101", venue_fill_id="a2", order_id="A"),
    )

    assert position_of(link).quantity == D("1.9")
    assert Fill.objects.count() == 3, "all stay to be seen"


def test_an_order_known_by_both_names_is_one(link) -> None:
    """The bot knows its own id only, then both; the fills come by the exchange's."""
    report(link, told(1, "buy", "2", "100", venue_fill_id="", client_order_id="mine"))
    report(
        link,
        told(1, "buy", "2", "100", venue_fill_id="", client_order_id="mine", order_id="A"),
    )
    report(link, told(1, "buy", "2", "100", venue_fill_id="a1", order_id="A"))

    assert position_of(link).quantity == D(2)


def test_a_fill_may_be_called_as_its_order_is(link) -> None:
    """What another bot told of the order gives way, too, though its name was asked before."""
    other = make_link(account=link.account, market_type="futures")
    report(link, told(1, "buy", "1", "100", venue_fill_id="", client_order_id="c", order_id="A"))
    report(other, told(2, "buy", "1", "100", venue_fill_id="", order_id="A"))
    assert (position_of(link).quantity, position_of(other).quantity) == (1, 1)

    report(link, told(3, "buy", "2", "100", venue_fill_id="A", client_order_id="c"))

    assert (position_of(link).quantity, position_of(other).quantity) == (2, 0)


def test_a_provisional_fill_of_an_order_that_is_known_counts_nothing(link) -> None:
    report(link, told(1, "buy", "1", "100", order_id="A"))
    report(link, told(2, "buy", "1", "100", venue_fill_id="", order_id="A"))

    assert position_of(link).quantity == D(1)


def test_a_fill_that_was_nobodys_becomes_the_links_whose_bot_reports_it(link) -> None:
    account = link.account
    make_fill(
        link,
        BTC,
        strategy_account=None,
        source="venue",
        venue_fill_id="1",
        executed_at=NOON + timedelta(minutes=1),
    )

    assert report(link, told(1, "buy", "1", "100")) == [FillCode.KNOWN]

    assert Attribution.objects.get().strategy_account == link
    assert position_of(link).quantity == D(1)
    assert Fill.objects.get().account == account


def test_a_fill_of_another_link_stays_that_links(link) -> None:
    other = make_link(account=link.account, market_type="futures")
    report(link, told(1, "buy", "1", "100"))

    assert report(other, told(1, "buy", "1", "100")) == [FillCode.KNOWN]

    assert position_of(link).quantity == D(1)
    assert not Position.objects.filter(strategy_account=other).exists()


def test_a_fill_that_somebody_else_was_given_leaves_the_first_ones_books(link) -> None:
    other = make_link(account=link.account, market_type="futures")
    report(link, told(2, "buy", "1", "100"))
    fill = Fill.objects.get()
    Attribution.objects.create(fill=fill, strategy_account=other, how="person", at=clock())

    report(link, told(1, "buy", "3", "90"))

    assert position_of(link).quantity == D(3)
    assert days_of(link) == {date(2026, 3, 10): (D(0), 1, 0)}


def test_a_position_that_only_lost_a_fill_is_booked_again(link) -> None:
    other = make_link(market_type="futures")
    report(link, told(1, "buy", "1", "100"))
    report(other, told(2, "buy", "1", "100"))
    fill = Fill.objects.get(venue_fill_id="2")
    Attribution.objects.create(fill=fill, strategy_account=None, how="person", at=clock())

    with transaction.atomic():
        keep_current({}, again=[PositionKey(other.pk, BTC, "both")], steps={}, now=clock())

    assert position_of(other).books is None
    assert position_of(link).quantity == D(1)


def test_the_same_difference_is_noted_of_each_fill_and_each_teller(link) -> None:
    report(link, told(1, "buy", "1", "100"), told(2, "buy", "1", "100"))
    first = Fill.objects.get(venue_fill_id="1")
    differences = {"price": ["100", "101"]}
    Discrepancy.objects.create(
        fill=first, source="venue", differences=differences, recorded_at=clock()
    )

    for _ in range(2):
        report(link, told(1, "buy", "1", "101"), told(2, "buy", "1", "101"))

    noted = Discrepancy.objects.order_by("pk").values_list("fill__venue_fill_id", "source")
    assert list(noted) == [("1", "venue"), ("1", "bot"), ("2", "bot")]


def test_books_begin_with_what_was_reported(link) -> None:
    """2 at 90 were held before the first fill was told: a sale of 1 earns, and is no short."""
    report_position(link.pk, symbol=BTC, quantity=D(2), entry_price=D(90), clock=lambda: NOON)

    report(link, told(1, "sell", "1", "100"))

    opening = Fill.objects.get(source="opening")
    assert (opening.quantity, opening.price, opening.executed_at) == (D(2), D(90), NOON)
    position = position_of(link)
    assert (position.quantity, position.entry_price) == (D(1), D(90))
    assert position.realized_pnl == D(10)


def test_books_begin_with_nothing_of_another_link(link) -> None:
    other = make_link(account=link.account, market_type="futures")
    report_position(other.pk, symbol=BTC, quantity=D(2), entry_price=D(90), clock=lambda: NOON)

    report(link, told(1, "buy", "1", "100"))

    assert (position_of(link).quantity, position_of(link).entry_price) == (D(1), D(100))
    assert Fill.objects.get().strategy_account == link


@pytest.mark.parametrize(("quantity", "entry"), [("2", None), ("0", "90")])
def test_books_begin_with_nothing_that_cost_nobody_knows_what(link, quantity, entry) -> None:
    report_position(
        link.pk,
        symbol=BTC,
        quantity=D(quantity),
        entry_price=None if entry is None else D(entry),
        clock=lambda: NOON,
    )

    report(link, told(1, "buy", "1", "100"))

    assert Fill.objects.get().source == "bot"


def test_what_is_held_is_the_report_and_the_fills_since(link) -> None:
    """Without an entry price there is nothing to open the books with, but it is held."""
    report_position(link.pk, symbol=BTC, quantity=D(2), clock=lambda: NOON)

    report(link, told(-5, "buy", "2", "90"), told(1, "sell", "0.5", "100"))

    assert position_of(link).quantity == D("1.5")
    assert position_of(link).realized_pnl == D(5)


def test_a_report_after_the_fills_says_what_is_held(link) -> None:
    report(link, told(1, "buy", "2", "90"))
    report_position(
        link.pk, symbol=BTC, quantity=D("1.7"), clock=lambda: NOON + timedelta(minutes=2)
    )
    assert position_of(link).quantity == D("1.7")

    report(link, told(3, "sell", "0.7", "100"))

    position = position_of(link)
    assert (position.quantity, position.source) == (D(1), "fills")
    assert position.realized_pnl == D(7), "the books are their own"


def test_a_fill_from_before_the_report_leaves_what_it_says(link) -> None:
    """The books learn of it; what is held now was reported after it."""
    report_position(
        link.pk,
        symbol=BTC,
        quantity=D(2),
        entry_price=D(95),
        clock=lambda: NOON + timedelta(minutes=5),
    )

    report(link, told(1, "buy", "1", "90"))

    position = position_of(link)
    assert (position.quantity, position.source, position.entry_price) == (D(2), "bot", D(95))
    assert not Fill.objects.filter(source="opening").exists()


@pytest.mark.parametrize("name", ["order_id", "client_order_id"])
def test_an_order_that_turns_out_to_be_of_another_link_leaves_the_first(link, name) -> None:
    other = make_link(account=link.account, market_type="futures")
    report(link, told(1, "buy", "2", "100", venue_fill_id="", **{name: "A"}))

    report(other, told(1, "buy", "2", "100", venue_fill_id="a1", **{name: "A"}))

    left = position_of(link)
    assert (left.quantity, left.books, left.realized_pnl) == (0, None, None)
    assert days_of(link) == {}
    assert position_of(other).quantity == D(2)


def test_two_sides_of_a_hedged_account_are_two_positions(link) -> None:
    report(
        link,
        told(1, "buy", "1", "100", position_side=PositionSide.LONG),
        told(2, "sell", "2", "110", position_side=PositionSide.SHORT),
    )

    assert position_of(link, side="long").quantity == D(1)
    assert position_of(link, side="short").quantity == D(-2)

    # A late one books its own side again.
    report(link, told(0, "buy", "1", "90", position_side=PositionSide.LONG))

    days = SymbolDay.objects.order_by("position_side").values_list("position_side", "fills")
    assert list(days) == [("long", 2), ("short", 1)]


def test_inverse_contracts_are_held_in_contracts_and_earn_the_coin() -> None:
    symbol = "BTC/USD:BTC"
    make_market(symbol, contract_size=D(10))
    link = make_link(account=make_account(currency="BTC"), market_type="futures")

    report(
        link,
        told(1, "buy", "150", "10000", symbol=symbol),
        told(2, "sell", "100", "12500", symbol=symbol),
    )

    position = position_of(link, symbol)
    assert (position.quantity, position.realized_pnl) == (D(50), D("0.02"))
    assert SymbolDay.objects.get().currency == "BTC"


def test_a_quantity_of_more_digits_than_the_column_keeps_is_kept_in_the_books() -> None:
    make_market("POLY/USDT")
    link = make_link()
    quantity = "147.928994082840236"

    report(link, told(1, "buy", quantity, "0.338", symbol="POLY/USDT"))

    assert Fill.objects.get().quantity == D(quantity)
    position = position_of(link, "POLY/USDT")
    assert position.books["amount"] == quantity
    short = D("147.928994082840") if connection.vendor == "sqlite" else D(quantity)
    assert position.quantity == short


def test_closing_by_fills_asks_for_a_reallocation(link, django_capture_on_commit_callbacks) -> None:
    report(link, told(1, "buy", "1", "100"))

    with django_capture_on_commit_callbacks() as callbacks:
        report(link, told(2, "sell", "1", "110"))

    assert position_of(link).quantity == 0
    assert len(callbacks) == 1


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"quantity": D(0)}, "quantity", Code.FILL_NOT_POSITIVE),
        ({"price": D(-1)}, "price", Code.FILL_NOT_POSITIVE),
        ({"venue_fill_id": ""}, "venue_fill_id", Code.FILL_NAMELESS),
        ({"price": D("1e-46")}, "price", Code.TOO_MANY_DECIMALS),
        ({"quantity": D("1e-28")}, "quantity", Code.TOO_MANY_DECIMALS),
        ({"quantity": D("1e-27"), "price": D("1e-19")}, "price", Code.TOO_MANY_DECIMALS),
        # As Python writes the float 0.1, were it taken for a decimal number.
        ({"quantity": D(0.1)}, "quantity", Code.TOO_MANY_DECIMALS),
        ({"fees": (Fee(D("1e-28"), "USDT"),)}, "fees.0.amount", Code.TOO_MANY_DECIMALS),
        ({"quantity": D("1e17")}, "quantity", Code.AMOUNT_TOO_LARGE),
        ({"price": D("1e17")}, "price", Code.AMOUNT_TOO_LARGE),
        ({"quantity": D("1e9"), "price": D("1e8")}, "quantity", Code.AMOUNT_TOO_LARGE),
        ({"fees": (Fee(D("-1e17"), "USDT"),)}, "fees.0.amount", Code.AMOUNT_TOO_LARGE),
        ({"executed_at": NOON + timedelta(hours=13)}, "executed_at", Code.FILL_IN_FUTURE),
        (
            {"executed_at": datetime(2008, 12, 31, 23, 59, tzinfo=UTC)},
            "executed_at",
            Code.MOMENT_TOO_OLD,
        ),
    ],
)
def test_one_fill_that_makes_no_sense_refuses_the_report(link, fields, field, code) -> None:
    with pytest.raises(TradingRefused) as refused:
        report(link, told(1, "buy", "1", "100"), replace(told(2, "buy", "1", "100"), **fields))

    assert (refused.value.code, refused.value.field) == (code, f"fills.1.{field}")
    assert not Fill.objects.exists()


def test_a_fill_of_many_decimals_leaves_digits_for_those_that_follow(link) -> None:
    fee = Fee(D("1e-27"), "USDT")
    tiny = told(1, "buy", "1e-27", "1." + 17 * "0" + "1", fees=(fee,))
    large = told(2, "buy", "123456789", "61234.5678")

    assert report(link, tiny) == [FillCode.RECORDED]
    assert report(link, large) == [FillCode.RECORDED]
    # Zeros at its end are no decimals of it.
    assert report(link, told(3, "sell", "77." + 30 * "0", "33.33")) == [FillCode.RECORDED]


def test_what_is_recorded_leaves_room_for_what_follows(link) -> None:
    """What is too large for any sum stays, and no later fill of its symbol could be booked."""
    largest = D(17 * "9")

    assert report(link, told(1, "buy", largest, "1")) == [FillCode.RECORDED]
    assert report(link, told(2, "buy", largest, "1")) == [FillCode.RECORDED]
    assert report(link, told(3, "sell", "1", "2")) == [FillCode.RECORDED]


def test_a_clock_that_is_a_little_ahead_is_forgiven(link) -> None:
    soon = clock() + timedelta(minutes=10)

    assert report(link, told(1, "buy", "1", "100", executed_at=soon)) == [FillCode.RECORDED]


def test_a_symbol_that_the_venue_does_not_have_is_refused(link) -> None:
    with pytest.raises(UnknownSymbol) as refused:
        report(link, told(1, "buy", "1", "100"), told(2, "buy", "1", "1", symbol="NO/USDT"))

    assert (refused.value.code, refused.value.field) == (Code.UNKNOWN_SYMBOL, "fills.1.symbol")


@pytest.mark.parametrize("name", ["BTCUSDT.P", "btc/usdt:usdt", "BYBIT:BTCUSDT"])
def test_a_fill_is_recorded_under_the_symbol_that_its_name_means(link, name) -> None:
    (result,) = report_fills(
        link.pk, [told(1, "buy", "1", "100", symbol=name)], actor=None, clock=clock
    )

    assert result.symbol == Fill.objects.get().symbol == BTC


def test_the_rules_are_those_of_its_own_venue(link) -> None:
    make_market(BTC, contract_size=D("0.1"), venue="bybit")
    make_market("ETH/USDT:USDT", venue="bybit")

    report(link, told(1, "buy", "1", "100"))
    with pytest.raises(UnknownSymbol):
        report(link, told(2, "buy", "1", "100", symbol="ETH/USDT:USDT"))

    assert Fill.objects.get().contract_size == D("0.001")


def test_a_symbol_of_the_venue_that_is_written_otherwise_is_refused(link) -> None:
    Market.objects.filter(pk=make_market("BTC/USDT").pk).update(symbol="XYZ:T/USDC")

    with pytest.raises(UnknownSymbol) as refused:
        report(link, told(1, "buy", "1", "100", symbol="XYZ:T/USDC"))

    assert (refused.value.code, refused.value.field) == (Code.UNKNOWN_SYMBOL, "fills.0.symbol")


def test_without_rules_a_linear_fill_is_recorded_and_an_inverse_one_is_not() -> None:
    link = make_link(account=make_account(venue="bybit"), market_type="futures")

    assert report(link, told(1, "buy", "1", "100")) == [FillCode.RECORDED]
    with pytest.raises(UnknownSymbol) as refused:
        report(link, told(2, "buy", "1", "100", symbol="BTC/USD:BTC"))
    assert refused.value.code is Code.MARKETS_NOT_SYNCED


def test_who_does_not_see_the_account_cannot_report(link) -> None:
    with pytest.raises(UnknownAccount):
        report_fills(link.pk, [told(1, "buy", "1", "100")], actor=make_user(), clock=clock)
    with pytest.raises(NotFound):
        report_fills(link.pk + 1, [told(1, "buy", "1", "100")], actor=None, clock=clock)


def test_a_report_costs_the_same_number_of_queries_whatever_it_tells(link) -> None:
    def queries(first: int, count: int) -> int:
        fills = [told(first + number, "buy", "1", "100") for number in range(count)]
        with CaptureQueriesContext(connection) as captured:
            report(link, *fills)
        return len(captured)

    queries(0, 1)

    assert queries(10, 2) == queries(20, 40)


def test_pnl_of_accounts_says_what_open_positions_come_to(link) -> None:
    """Nothing is marked: of what is open nobody knows the worth. A day that is over has none."""
    other = make_link(market_type="futures")
    report(link, told(1, "buy", "1", "100"), told(2, "sell", "1", "130"))
    report(other, told(3, "buy", "1", "100"))

    def of(*links: StrategyAccount, **asked: Any) -> list[tuple[Decimal, Decimal | None]]:
        rows = account_pnl([each.account_id for each in links], **asked)
        return [(row.realized, row.unrealized) for row in rows]

    assert of(link) == [(D(30), D(0))]
    assert of(other) == [(D(0), None)]
    assert of(link, by=["day"]) == [(D(30), None)]
    assert {(row.account, row.unrealized) for row in account_pnl(by=["account"])} == {
        (link.account.name, D(0)),
        (other.account.name, None),
    }


def test_pnl_is_grouped_as_asked(link) -> None:
    make_market("ETH/USDT:USDT")
    other = make_link(account=link.account, market_type="futures")
    report(
        link,
        told(1, "buy", "1", "100", fees=(Fee(D("0.1"), "USDT"), Fee(D("0.01"), "BNB"))),
        told(2, "sell", "1", "130"),
        told(3, "buy", "1", "50", symbol="ETH/USDT:USDT"),
    )
    report(other, told(4, "buy", "1", "100"), told(5, "sell", "1", "90"))

    [whole] = pnl(SymbolDay.objects.all())
    assert (whole.currency, whole.realized, whole.fees) == ("USDT", D("19.9"), D("0.1"))
    assert (whole.fills, whole.trades, whole.fees_unvalued) == (5, 2, {"BNB": D("0.01")})
    assert (whole.strategy, whole.symbol, whole.date) == (None, None, None)

    by_strategy = {
        row.strategy: row.realized for row in pnl(SymbolDay.objects.all(), by=["strategy"])
    }
    assert by_strategy == {link.strategy.key: D("29.9"), other.strategy.key: D(-10)}

    both = pnl(SymbolDay.objects.all(), by=["symbol", "day"], since=date(2026, 3, 10))
    assert [(row.symbol, row.date, row.fills) for row in both] == [
        (BTC, date(2026, 3, 10), 4),
        ("ETH/USDT:USDT", date(2026, 3, 10), 1),
    ]
    assert pnl(SymbolDay.objects.all(), since=date(2026, 3, 11)) == []
    assert pnl(SymbolDay.objects.all(), until=date(2026, 3, 9)) == []


def test_no_unused_cycles_are_searched_while_fills_are_recorded(link):
    seen = []

    def look(**_: Any) -> None:
        seen.append(gc.isenabled())

    fills_recorded.connect(look)
    try:
        report(link, told(1, "buy", "1", "100"))
    finally:
        fills_recorded.disconnect(look)
    assert seen == [False]
    assert gc.isenabled()


def test_fills_of_what_the_strategy_does_not_trade_are_told_to_be_so(link: StrategyAccount) -> None:
    """A symbol without its settle currency is mostly a slip, and another instrument."""
    make_market("BTC/USDT")
    mine = NewFill(
        symbol=BTC, side=Side.BUY, quantity=D(1), price=D(100), executed_at=NOON, order_id="1"
    )

    told = report_fills(link.pk, [mine, replace(mine, symbol="BTC/USDT")], actor=None, clock=clock)

    found = [[warning.code for warning in each.warnings] for each in told]
    assert found == [[], [Code.SYMBOL_OF_OTHER_MARKET]]
    assert sorted(fill.symbol for fill in Fill.objects.all()) == ["BTC/USDT", BTC]
