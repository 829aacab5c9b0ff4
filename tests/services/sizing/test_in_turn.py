"""Orders of one request on one symbol: each is sized after what the orders before it make of it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.reasons import Code
from capital.domain.sizing.targets import Meant, Target, asked_for
from capital.models import Position, StrategyAccount
from capital.services.markets.prices import forget_prices
from capital.services.sizing import SizedOrder, size_orders
from tests.domain.sizing.builders import order
from tests.factories import make_link, make_market, make_position

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SWAP = "BTC/USDT:USDT"
# 20-fold up to 10 coins at 100, 5-fold up to 50, and then no more.
BRACKETS = [{"leverage": "20", "max_notional": "1000"}, {"leverage": "5", "max_notional": "5000"}]


@pytest.fixture(autouse=True)
def _no_price_of_another_test() -> None:
    forget_prices()


@pytest.fixture
def link() -> StrategyAccount:
    make_market(
        SWAP,
        amount_precision=Decimal(1),
        leverage_brackets=BRACKETS,
        min_cost=None,
        fetched_at=NOW,
    )
    return make_link(market_type="futures", capital="1000", leverage=Decimal(20))


def sizes(link: StrategyAccount, *orders: Any) -> list[SizedOrder]:
    return size_orders([link.pk], list(orders), clock=lambda: NOW)


def asked(side: str, **fields: str) -> Any:
    return order(symbol=SWAP, side=side, price="100", **fields)


def told(answers: list[SizedOrder]) -> list[tuple[Decimal, Decimal | None]]:
    return [(each.quantity, each.leverage) for each in answers]


@pytest.mark.parametrize(
    "orders",
    [
        [asked("sell", qty_per="-100"), asked("sell", qty_per="5")],
        [asked_for({"symbol": SWAP, "price": Decimal(100), "qty_per": Decimal(5)},
                   Meant(Target.SHORT))],
    ],
)  # fmt: skip
def test_a_position_that_is_closed_first_fills_no_bracket_of_the_next_order(
    link: StrategyAccount, orders: list[Any]
) -> None:
    """50 of capital: 10 coins with 20-fold. The 8 that are closed would have left 2 of them."""
    Position.objects.filter(pk=make_position(link, "8", SWAP).pk).update(entry_price=Decimal(100))

    close, entry = sizes(link, *orders)

    assert (close.quantity, close.reduce_only) == (8, True)
    assert told([entry]) == [(10, 20)]
    assert Code.LEVERAGE_CAPPED not in {each.code for each in entry.warnings}


def test_a_part_that_is_closed_first_leaves_the_rest_in_its_bracket(link: StrategyAccount) -> None:
    Position.objects.filter(pk=make_position(link, "8", SWAP).pk).update(entry_price=Decimal(100))

    _, entry = sizes(link, asked("sell", qty_per="-50"), asked("buy", qty="7"))

    assert told([entry]) == [(7, 5)]
    assert told(sizes(link, asked("sell", qty_per="-50"), asked("buy", qty="6"))[1:]) == [(6, 20)]


@pytest.mark.parametrize("is_known", [True, False])
def test_what_an_order_before_opens_fills_the_brackets(
    link: StrategyAccount, is_known: bool
) -> None:
    if is_known:
        make_position(link, "0", SWAP)

    answers = sizes(link, asked("buy", qty="6"), asked("buy", qty="6"), asked("buy", qty="50"))

    assert told(answers) == [(6, 20), (6, 5), (38, 5)]
    assert answers[2].bound_by == "leverage"


def test_what_is_opened_on_the_other_side_of_a_hedged_account_fills_no_bracket(
    link: StrategyAccount,
) -> None:
    answers = sizes(
        link,
        asked("buy", qty="8", position_side="long"),
        asked("sell", qty="8", position_side="short"),
    )

    assert told(answers) == [(8, 20), (8, 20)]


def test_coins_that_an_order_before_sells_are_not_held_for_the_next(link: StrategyAccount) -> None:
    make_market("BTC/USDT", amount_precision=Decimal(1), fetched_at=NOW)
    spot = make_link(market_type="spot", capital="1000")
    make_position(spot, "5", "BTC/USDT")
    sale = order(symbol="BTC/USDT", side="sell", qty="3", price="100")

    first, second = sizes(spot, sale, sale)

    assert Code.MORE_THAN_HELD not in {each.code for each in first.warnings}
    told = [each.figures["held"] for each in second.warnings if each.code is Code.MORE_THAN_HELD]
    assert told == ["2"]
