"""What of a link's capital is in use, reserved and free, as size answers it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from capital.domain.reasons import Code
from capital.models import Position, StrategyAccount, StrategyCapital, TradingCursor
from capital.services.markets.prices import forget_prices
from capital.services.sizing import SizedOrder, size_orders
from capital.services.trading import report_positions
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SWAP = "BTC/USDT:USDT"


@pytest.fixture(autouse=True)
def _no_price_of_another_test() -> None:
    forget_prices()


def hold(link: StrategyAccount, quantity: str, symbol: str = SWAP, **fields: object) -> Position:
    return Position.objects.create(
        strategy_account=link, symbol=symbol, quantity=Decimal(quantity), **fields
    )


def sizes(link: StrategyAccount, *orders, now: datetime = NOW) -> list[SizedOrder]:
    return size_orders([link.pk], list(orders), clock=lambda: now)


def size(link: StrategyAccount, **fields: str) -> SizedOrder:
    (answer,) = sizes(link, order(**{"price": "100", **fields}))
    return answer


@pytest.fixture
def futures() -> StrategyAccount:
    make_market(SWAP, contract_size=Decimal(1), amount_precision=Decimal("0.1"), fetched_at=NOW)
    make_market(
        "ETH/USDT:USDT", contract_size=Decimal(1), amount_precision=Decimal("0.1"), fetched_at=NOW
    )
    return make_link(market_type="futures", capital="10369", leverage=Decimal(2))


@pytest.fixture
def spot() -> StrategyAccount:
    make_market(fetched_at=NOW)
    return make_link(market_type="spot", capital="5000")


def test_what_is_tied_in_positions_is_not_given_out_again(futures) -> None:
    hold(futures, "100", entry_price=Decimal(100))
    hold(futures, "-105.3", "ETH/USDT:USDT", entry_price=Decimal(100))

    answer = size(futures, symbol=SWAP, qty_per="50")

    # 5,000 and 5,265 of margin leave 104, which 2.08 coins at 100 and twice leverage cost.
    assert (answer.in_use, answer.available, answer.reserved) == (10265, 104, 0)
    assert (answer.quantity, answer.budget, answer.bound_by) == (2, 104, "available")
    assert [warning.code for warning in answer.warnings] == [
        Code.CUT_TO_AVAILABLE,
        Code.LEVERAGE_UNCHECKED,
        Code.PRICE_NOT_COMPARED,
    ]


def test_where_nothing_is_known_the_answer_stays_as_it_is_and_says_so(futures) -> None:
    answer = size(futures, symbol=SWAP, qty_per="100")

    assert (answer.in_use, answer.available, answer.budget) == (None, 10369, 10369)


def test_a_report_that_nothing_is_held_makes_it_known(futures) -> None:
    report_positions(futures.pk, [])

    assert size(futures, symbol=SWAP, qty_per="100").in_use == 0


def test_what_was_read_from_the_exchange_makes_it_known(futures) -> None:
    cursor = TradingCursor.objects.create(
        account=futures.account,
        pool="futures",
        asked_for="positions",
        endpoint="positions",
        begins_at=NOW,
        read_until=NOW,
    )
    assert size(futures, symbol=SWAP, qty_per="100").in_use is None

    cursor.asked_at = NOW
    cursor.save()

    assert size(futures, symbol=SWAP, qty_per="100").in_use == 0


def test_a_loss_since_the_decision_is_not_free_and_a_profit_adds_nothing(futures) -> None:
    report_positions(futures.pk, [])
    capital = StrategyCapital.objects.filter(strategy_account=futures)

    capital.update(current_pnl=Decimal("-369"))
    assert size(futures, symbol=SWAP, qty_per="100").available == 10000
    capital.update(current_pnl=Decimal(500))
    assert size(futures, symbol=SWAP, qty_per="100").available == 10369


@pytest.mark.parametrize(
    ("age", "in_use"), [(timedelta(minutes=5), 1200), (timedelta(minutes=5, seconds=1), 1000)]
)
def test_coins_count_at_a_fresh_mark_and_else_at_their_entry(spot, age, in_use) -> None:
    hold(
        spot,
        "10",
        "BTC/USDT",
        entry_price=Decimal(100),
        mark_price=Decimal(120),
        marked_at=NOW - age,
    )

    assert size(spot, qty_per="10").in_use == in_use


def test_without_an_entry_the_market_s_price_says_what_a_position_ties_up(futures, exchange):
    exchange.server.market_place.set_price("BTC/USDT", "200")
    hold(futures, "10")

    assert size(futures, symbol=SWAP, qty_per="1", price="200").in_use == 1000


def test_a_position_that_nobody_can_value_is_said_and_not_counted(futures) -> None:
    hold(futures, "10")

    answer = size(futures, symbol=SWAP, qty_per="100")

    assert (answer.in_use, answer.available, answer.budget) == (None, 10369, 10369)
    assert answer.warnings[-1].code is Code.IN_USE_UNKNOWN
    assert answer.warnings[-1].figures == {"symbols": SWAP}


def test_a_position_in_an_instrument_that_is_gone_counts_by_its_entry(futures) -> None:
    hold(futures, "10", "OLD/USDT:USDT", entry_price=Decimal(100))

    assert size(futures, symbol=SWAP, qty_per="1").in_use == 500


def test_a_gone_instrument_without_an_entry_cannot_be_valued(futures) -> None:
    hold(futures, "10", "OLD/USDT:USDT")

    assert size(futures, symbol=SWAP, qty_per="1").warnings[-1].code is Code.IN_USE_UNKNOWN


def test_a_gone_inverse_contract_cannot_be_valued() -> None:
    make_market("BTC/USD:BTC", contract_size=Decimal(100), fetched_at=NOW)
    link = make_link(account=make_account(currency="BTC"), market_type="futures", capital="1")
    hold(link, "10", "BTC/USD:BTC-200101", entry_price=Decimal(100))

    answer = size(link, symbol="BTC/USD:BTC", qty_per="1", price="50000")

    assert answer.warnings[-1].figures == {"symbols": "BTC/USD:BTC-200101"}


def test_an_inverse_position_ties_up_coins() -> None:
    make_market(
        "BTC/USD:BTC", contract_size=Decimal(100), amount_precision=Decimal(1), fetched_at=NOW
    )
    link = make_link(
        account=make_account(currency="BTC"),
        market_type="futures",
        capital="1",
        leverage=Decimal(2),
    )
    hold(link, "250", "BTC/USD:BTC", entry_price=Decimal(50000))

    # 25,000 dollars at 50,000 are half a coin.
    assert size(link, symbol="BTC/USD:BTC", qty_per="1", price="50000").in_use == Decimal("0.25")


def test_what_is_paid_in_another_currency_stands_apart(futures) -> None:
    hold(futures, "10", "BTC/USD:BTC", entry_price=Decimal(100))

    assert size(futures, symbol=SWAP, qty_per="1").in_use == 0


def test_dust_ties_up_nothing(futures) -> None:
    hold(futures, "0.05", entry_price=Decimal(100))

    assert size(futures, symbol=SWAP, qty_per="1").in_use == 0


def test_orders_of_one_request_are_taken_in_turn_and_a_close_frees_what_it_closes(futures):
    hold(futures, "100", entry_price=Decimal(100))
    hold(futures, "-107.3", "ETH/USDT:USDT", entry_price=Decimal(100))

    first, close, second, third = sizes(
        futures,
        order(symbol=SWAP, qty_per="100", price="100"),
        order(symbol=SWAP, side="sell", qty_per="-50", price="100"),
        order(symbol="ETH/USDT:USDT", side="sell", qty_per="100", price="100"),
        order(symbol="ETH/USDT:USDT", side="sell", qty="0.1", price="100"),
    )

    assert (first.available, first.quantity) == (4, 0)
    assert (close.available, close.quantity) == (4, 50)
    assert (second.available, second.margin) == (2504, 2500)
    assert third.code is Code.ABOVE_AVAILABLE


def test_an_exit_by_a_sell_is_never_cut(futures) -> None:
    hold(futures, "207.38", entry_price=Decimal(100))

    answer = size(futures, symbol=SWAP, side="sell", qty="207.3")

    assert (answer.available, answer.quantity, answer.enlarging) == (0, Decimal("207.3"), 0)


def test_a_flip_opens_with_what_is_left_of_the_capital_and_not_with_what_was_lost(futures) -> None:
    hold(futures, "200", entry_price=Decimal(100))
    StrategyCapital.objects.filter(strategy_account=futures).update(current_pnl=Decimal("-2369"))

    answer = size(futures, symbol=SWAP, side="sell", qty_per="1000")
    largest = size(futures, symbol=SWAP, side="sell", qty="360")

    # 10,000 of 8,000 are in use. 200 close, and 8,000 at twice leverage are 160 more.
    assert (answer.available, answer.code) == (0, Code.BUDGET_ABOVE_LIMIT)
    assert (largest.quantity, largest.enlarging) == (360, 8000)
    assert size(futures, symbol=SWAP, side="sell", qty="360.1").code is Code.ABOVE_AVAILABLE


def test_a_side_of_a_hedged_account_is_enlarged_beside_the_other(futures) -> None:
    hold(futures, "100", position_side="long", entry_price=Decimal(100))
    hold(futures, "-107.38", position_side="short", entry_price=Decimal(100))

    opened = size(futures, symbol=SWAP, side="sell", qty="0.1", position_side="short")
    closed = size(futures, symbol=SWAP, side="sell", qty="100", position_side="long")

    assert opened.code is Code.ABOVE_AVAILABLE
    assert closed.quantity == 100


def test_selling_coins_needs_nothing(spot) -> None:
    hold(spot, "50", "BTC/USDT", entry_price=Decimal(100))

    sold, bought = sizes(
        spot,
        order(side="sell", qty="10", price="100"),
        order(qty_per="100", price="100"),
    )

    assert (sold.quantity, sold.available) == (10, 0)
    assert (bought.available, bought.quantity) == (1000, 10)
