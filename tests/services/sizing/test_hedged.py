"""Accounts that hold a long and a short position in one symbol."""

from decimal import Decimal

import pytest

from capital.domain.errors import InvalidOrder
from capital.domain.reasons import Code
from capital.models import Position, StrategyAccount
from capital.services.sizing.orders import SizedOrder, size_orders
from tests.domain.sizing.builders import order
from tests.factories import make_link, make_market

pytestmark = pytest.mark.django_db

BTC = "BTC/USDT:USDT"


@pytest.fixture
def link() -> StrategyAccount:
    make_market(BTC, contract_size=Decimal(1), amount_precision=Decimal("0.1"), amount_unit="base")
    return make_link(capital="1000", market_type="futures", max_symbols=1)


def hold(link: StrategyAccount, **sides: str) -> None:
    for side, quantity in sides.items():
        Position.objects.create(
            strategy_account=link, symbol=BTC, position_side=side, quantity=Decimal(quantity)
        )


def sized(link: StrategyAccount, **fields: str) -> SizedOrder:
    [answer] = size_orders([link.pk], [order(symbol=BTC, price="100", **fields)])
    return answer


def test_closing_names_the_side_while_both_are_open(link) -> None:
    hold(link, long="2", short="-3")

    answer = sized(link, side="sell", qty_per="-100")

    assert isinstance(answer.error, InvalidOrder)
    assert (answer.code, answer.quantity) == (Code.CLOSE_SIDE_MISSING, 0)


@pytest.mark.parametrize(
    ("position_side", "side", "quantity"), [("long", "sell", "2"), ("short", "buy", "3")]
)
def test_the_named_side_is_closed(link, position_side, side, quantity) -> None:
    hold(link, long="2", short="-3")

    answer = sized(link, side=side, qty_per="-100", position_side=position_side)

    assert answer.quantity == Decimal(quantity)


def test_a_side_that_is_flat_cannot_be_closed(link) -> None:
    hold(link, long="2")

    answer = sized(link, side="buy", qty_per="-100", position_side="short")

    assert answer.quantity == 0
    assert answer.error is not None


def test_the_only_open_side_needs_no_name(link) -> None:
    hold(link, short="-3")

    assert sized(link, side="buy", qty_per="-100").quantity == 3


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_both_sides_of_a_symbol_are_one_symbol(link, side) -> None:
    """``max_symbols`` is 1, and this one is held."""
    hold(link, long="2", short="-3")

    assert sized(link, side=side, qty_per="10").quantity > 0


def test_an_unknown_side_is_refused(link) -> None:
    assert sized(link, side="sell", qty_per="10", position_side="up").code == (
        Code.UNKNOWN_POSITION_SIDE
    )
