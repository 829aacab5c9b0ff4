"""Answers that size nothing are whole, and figures are of the right link, contract and symbol."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import InvalidOrder
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.targets import Meant, Target, asked_for
from capital.models import Market, Position, StrategyAccount
from capital.services.limits.scopes import Scope
from capital.services.limits.stops import place_stop
from capital.services.markets.prices import forget_prices
from capital.services.sizing.orders import SizedOrder, size_orders
from capital.services.sizing.reserving import Hold, Wish, reserve_orders
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SWAP = "BTC/USDT:USDT"
D = Decimal


def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def swap() -> Market:
    """A contract is 0.01 coins."""
    forget_prices()
    return make_market(SWAP, amount_precision=D(1), contract_size=D("0.01"), fetched_at=NOW)


@pytest.fixture
def link() -> StrategyAccount:
    make_link(capital="7", market_type="futures")
    return make_link(capital="1000", market_type="futures", leverage=D(2))


def hold(link: StrategyAccount, quantity: str, symbol: str = SWAP, **fields: Any) -> None:
    Position.objects.create(
        strategy_account=link,
        symbol=symbol,
        quantity=D(quantity),
        **{"entry_price": D(100), **fields},
    )


def size(link: StrategyAccount, *asked: Any) -> list[SizedOrder]:
    return size_orders([link.pk], asked or [order(symbol=SWAP, price="100")], clock=now)


NOTHING = {
    "quantity": "0",
    "contracts": None,
    "amount": "0",
    "price": None,
    "price_source": None,
    "budget": None,
    "leverage": None,
    "raw_quantity": None,
    "step": None,
    "notional": None,
    "margin": None,
    "fee": None,
    "stake": None,
    "stake_step": None,
    "min_stake": None,
    "max_stake": None,
    "bound_by": "",
}


def told(answer: SizedOrder) -> dict[str, Any]:
    found = answer.as_json()
    return {name: value for name, value in found.items() if found[name] != NOTHING.get(name, ...)}


def test_what_sizes_nothing_says_of_which_link_and_what_is_free_there(
    link: StrategyAccount,
) -> None:
    hold(link, "2")
    of = {"strategy": link.strategy.key, "account": link.account.name, "symbol": SWAP}
    room = {"capital": "1000", "available": "900", "in_use": "100", "reserved": "0"}

    (there,) = size(link, asked_for({"symbol": SWAP, "qty_per": D(9)}, Meant(Target.LONG)))
    (refused,) = size(link, order(symbol=SWAP, qty_per=None, side="sell"))
    (unknown,) = size_orders([0], [order(symbol=SWAP)], clock=now)

    assert told(there) | {"warnings": None} == {
        **of,
        "side": "buy",
        "reduce_only": False,
        **room,
        "code": "already_there",
        "warnings": None,
    }
    assert told(refused) | {"warnings": None} == {
        **of,
        "side": "sell",
        "reduce_only": False,
        **room,
        "code": "quantity_missing",
        "warnings": None,
    }
    assert told(unknown) | {"warnings": None} == {
        "strategy": "",
        "account": "",
        "symbol": SWAP,
        "side": "buy",
        "reduce_only": False,
        "capital": None,
        "available": None,
        "in_use": None,
        "reserved": None,
        "code": "unknown_link",
        "warnings": None,
    }


def test_a_refusal_says_which_field_is_to_blame(link: StrategyAccount) -> None:
    make_market(fetched_at=NOW)
    spot = make_link(capital="1000")
    Position.objects.create(strategy_account=spot, symbol="BTC/USDT", quantity=D(1))
    sale = asked_for({"symbol": "BTC/USDT", "qty": D(1), "price": D(100)}, Meant(Target.SHORT))
    for side, quantity in (("long", "2"), ("short", "-3")):
        hold(link, quantity, position_side=side)

    *_, sold = size(spot, sale)
    (closed,) = size(link, order(symbol=SWAP, side="sell", qty_per="-100", price="100"))
    (never_read,) = size(
        make_link(account=make_account(venue="bybit")), order(symbol=SWAP, qty_per="10")
    )
    with pytest.raises(InvalidOrder) as too_long:
        reserve_orders([link.pk], [Wish(order(symbol=SWAP), Hold(expires_in=3601))], clock=now)

    assert (sold.code, sold.error.field) == (Code.SPOT_SELL_NOT_ENTRY, "position")
    assert (closed.code, closed.error.field) == (Code.CLOSE_SIDE_MISSING, "position_side")
    assert closed.figures == {"symbol": SWAP}
    assert (never_read.code, never_read.error.field) == (Code.MARKETS_NOT_SYNCED, "symbol")
    assert too_long.value.field == "expires_in"
    assert too_long.value.reason.figures == {"seconds": "3601", "most": "3600"}


def test_what_an_order_reduces_and_what_is_in_use_are_in_coins_not_contracts(
    link: StrategyAccount,
) -> None:
    hold(link, "-2")

    (answer,) = size(link, order(symbol=SWAP, qty_per=None, qty="3", price="100"))

    # 2 coins at 100 and twice leverage.
    assert (answer.in_use, answer.available) == (100, 900)
    assert (answer.quantity, answer.contracts, answer.reduces) == (3, 300, 2)


def test_coins_of_another_symbol_are_worth_what_their_exchange_says(exchange: Exchange) -> None:
    for symbol in ("BTC/USDT", "ETH/USDT"):
        make_market(symbol, fetched_at=NOW)
    link = make_link(account=exchange.open_account(wallets={}), capital="20000")
    hold(link, "4", "ETH/USDT", entry_price=None)

    (answer,) = size(link, order(symbol="BTC/USDT", qty_per="10", price="61234.5"))

    # 4 at 2,987.65.
    assert (answer.in_use, answer.available) == (D("11950.6"), D("8049.4"))


def test_what_is_late_enlarges_nothing_and_may_close(link: StrategyAccount) -> None:
    hold(link, "2")
    late = Reason(Code.SIGNAL_LATE, {"seconds": "121", "limit": "120"})
    orders = [
        order(symbol=SWAP, qty_per="10", price="100"),
        order(symbol=SWAP, side="sell", qty_per="-100", price="100"),
    ]

    in_time = size_orders([link.pk], orders, clock=now)
    entry, close = size_orders([link.pk], orders, late=late, clock=now)

    assert [each.code for each in in_time] == [Code.SIZED, Code.SIZED]
    assert (entry.code, entry.figures, entry.quantity) == (late.code, late.figures, 0)
    assert (close.code, close.quantity) == (Code.SIZED, 2)


def test_a_link_that_is_stopped_is_told_the_reason_of_its_own_stop(link: StrategyAccount) -> None:
    other, third = (make_link(capital="1000", market_type="futures") for _ in range(2))
    for each, reason in ((link, "Holidays"), (other, "Broken bot")):
        place_stop(Scope(link_id=each.pk), reason=reason, actor=None, clock=now)

    ids = [link.pk, other.pk, third.pk]
    answers = size_orders(ids, [order(symbol=SWAP, qty_per="10", price="100")], clock=now)

    assert [(each.code, each.figures.get("cause")) for each in answers] == [
        (Code.STOPPED, "Holidays"),
        (Code.STOPPED, "Broken bot"),
        (Code.SIZED, None),
    ]


def test_orders_of_one_request_lower_a_position_once_while_entries_are_stopped(
    link: StrategyAccount,
) -> None:
    """The second sale of two, each of all that is held, would open a short position."""
    hold(link, "2")
    hold(link, "-1", "ETH/USDT:USDT")
    place_stop(Scope(link_id=link.pk), reason="Holidays", actor=None, clock=now)
    make_market("ETH/USDT:USDT", fetched_at=NOW)

    def codes(*quantities: str) -> list[tuple[str, D]]:
        orders = [
            order(symbol=SWAP, side="sell", price="100", **amount(quantity))
            for quantity in quantities
        ]
        bought = order(symbol="ETH/USDT:USDT", qty_per=None, qty="1", price="100")
        *answers, other = size(link, *orders, bought)
        assert (other.code, other.quantity) == (Code.SIZED, 1)
        return [(each.code.value, each.quantity) for each in answers]

    def amount(quantity: str) -> dict[str, Any]:
        is_share = quantity.endswith("%")
        return {
            "qty_per": quantity.removesuffix("%") if is_share else None,
            "qty": None if is_share else quantity,
        }

    assert codes("2", "2") == [("sized", 2), ("stopped", 0)]
    assert codes("0.5", "1.5", "0.01") == [("sized", D("0.5")), ("sized", D("1.5")), ("stopped", 0)]
    assert codes("-100%", "2") == [("sized", 2), ("stopped", 0)]
    assert codes("-50%", "1", "1") == [("sized", 1), ("sized", 1), ("stopped", 0)]
    assert codes("3", "2") == [("stopped", 0), ("sized", 2)]


def test_what_is_too_little_for_an_order_is_lowered_by_none_while_entries_are_stopped(
    link: StrategyAccount,
) -> None:
    """It is let through the stop, and is no entry: nothing can be sent."""
    dust = D("0.0000001")
    hold(link, str(dust))
    place_stop(Scope(link_id=link.pk), reason="Holidays", actor=None, clock=now)

    sold = order(symbol=SWAP, side="sell", price="100", qty_per=None, qty=str(dust))
    answers = size(link, sold, sold)

    assert [(each.code, each.quantity) for each in answers] == [(Code.BELOW_STEP, 0)] * 2


@pytest.mark.parametrize("of", [None, "margin", "notional"])
def test_an_exit_in_money_is_sized_while_entries_are_stopped(
    link: StrategyAccount, of: str | None
) -> None:
    """2 are held, and worth 200 at 100."""
    hold(link, "2")
    place_stop(Scope(link_id=link.pk), reason="Holidays", actor=None, clock=now)

    def codes(*stakes: str, side: str = "sell") -> list[tuple[str, D]]:
        how = {"side": side, "qty_per": None, "stake_of": of, "price": "100", "leverage": "1"}
        answers = size(link, *(order(symbol=SWAP, stake=each, **how) for each in stakes))
        return [(each.code.value, each.quantity) for each in answers]

    assert codes("200") == [("sized", 2)]
    assert codes("201", "200") == [("stopped", 0), ("sized", 2)]
    assert codes("150", "50", "1") == [("sized", D("1.5")), ("sized", D("0.5")), ("stopped", 0)]
    assert codes("1", side="buy") == [("stopped", 0)]
