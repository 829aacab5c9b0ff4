"""Accounts that hold a long and a short position in one symbol."""

from decimal import Decimal

import pytest

from capital.domain.errors import InvalidOrder
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.targets import Meant, Target, asked_for
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


@pytest.mark.parametrize(("position_side", "side"), [("long", "sell"), ("short", "buy")])
@pytest.mark.parametrize("fields", [{"qty_per": "10"}, {"risk_per": "1", "stop_price": "90"}])
def test_an_order_against_its_side_enters_nothing(link, position_side, side, fields) -> None:
    hold(link, long="2", short="-3")

    answer = sized(link, side=side, position_side=position_side, **fields)

    assert (answer.code, answer.quantity) == (Code.SIDE_NOT_ENTRY, 0)
    assert answer.error is not None
    assert answer.error.field == "side"


@pytest.mark.parametrize(
    ("position_side", "side", "held"), [("long", "sell", "2"), ("short", "buy", "-3")]
)
def test_it_leaves_by_a_quantity_whatever_the_capital(link, position_side, side, held) -> None:
    """As a sale on spot does: it costs nothing, and is never cut."""
    link.capital.allocated_capital = Decimal(0)
    link.capital.save()
    hold(link, long="2", short="-3")

    exact = sized(link, side=side, position_side=position_side, qty=held.lstrip("-"))
    more = sized(link, side=side, position_side=position_side, qty="5")

    assert (exact.error, exact.quantity, exact.margin) == (None, Decimal(held.lstrip("-")), 0)
    assert (more.error, more.quantity) == (None, 5)
    [told] = [each for each in more.warnings if each.code is Code.MORE_THAN_HELD]
    assert told.figures["held"] == held
    assert Code.MORE_THAN_HELD not in {each.code for each in exact.warnings}


def test_it_leaves_while_entries_are_stopped(link) -> None:
    """No position was told, so only the side that it names says that it is an exit."""
    late = Reason(Code.SIGNAL_LATE, {"seconds": "90", "limit": "60"})
    leaves = order(symbol=BTC, price="100", side="sell", position_side="long", qty="2")
    enters = order(symbol=BTC, price="100", side="buy", position_side="long", qty="2")

    left, entered = size_orders([link.pk], [leaves, enters], late=late)

    assert (left.error, left.quantity) == (None, 2)
    assert entered.code is Code.SIGNAL_LATE


@pytest.mark.parametrize("held", ["2", "-2"])
def test_a_side_adds_nothing_where_one_position_is_held(link, held) -> None:
    """A template that always says `long` or `short`, where an account holds one position."""
    hold(link, both=held)
    name, against = ("long", "sell") if held == "2" else ("short", "buy")

    closed = sized(link, side=against, qty_per="-100", position_side=name)
    flat = size_orders(
        [link.pk],
        [
            asked_for(
                {"symbol": BTC, "price": Decimal(100), "position_side": name}, Meant(Target.FLAT)
            )
        ],
    )
    flipped = sized(link, side=against, qty="5", position_side=name)

    assert (closed.error, closed.quantity) == (None, 2)
    assert [(each.error, each.side, each.quantity) for each in flat] == [(None, against, 2)]
    # Three of it open a position, which is paid for.
    assert (flipped.quantity, flipped.reduces, flipped.enlarging) == (5, 2, 300)


def test_both_adds_nothing_where_a_long_is_held(link) -> None:
    hold(link, long="2")

    assert sized(link, side="sell", qty_per="-100", position_side="both").quantity == 2


def test_a_position_to_reach_is_not_of_the_other_side(link) -> None:
    hold(link, long="2", short="-3")
    fields = {"symbol": BTC, "price": Decimal(100), "position_side": "short", "qty": Decimal(1)}

    closing, entering = size_orders([link.pk], [asked_for(fields, Meant(Target.LONG))])

    assert (closing.error, closing.side, closing.quantity) == (None, "buy", 3)
    assert (entering.code, entering.error.field) == (Code.SIDE_NOT_ENTRY, "position")
