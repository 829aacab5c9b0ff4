"""One order through ccxt, from the question how large it may be to the report of what was filled.

    python ccxt_order.py 3 "BTC/USDT:USDT" buy 50

orders with half of the capital that link 3 has. In the environment: ``CAPITAL`` and ``TOKEN``
(scope ``size``) of your Capital, ``EXCHANGE`` (ccxt's name), ``API_KEY`` and ``API_SECRET`` of the
exchange, with ``API_PASSWORD`` where it has one. Copy ``capital_client.py`` beside this file.

What may go wrong, and what happens then:

- **The order is refused**: what was held for it is released.
- **Nobody knows whether it was placed** (a timeout): it is looked for by its own id, and never sent
  twice. If that fails as well, what is held stays held until it expires, and you are told.
- **It is filled in part**, or not in time: what was filled is reported, and the rest stays held for
  as long as the order is open.
"""

import os
import secrets
import sys
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import ccxt
from capital_client import Capital, Conflict, Link

PATIENCE_SECONDS = 30


def order(
    capital: Capital, exchange: Any, link: Link, symbol: str, side: str, **how: Any
) -> dict[str, Any] | None:
    """Size, hold, order and report. The order as ccxt tells it; None where there was none.

    ``how`` is as in ``Capital.size``: ``qty_per="50"``, ``order_type="LIMIT"``, ``price="60000"`` …
    """
    own_id = new_order_id(exchange)
    held = capital.reserve(link, symbol, side, client_order_id=own_id, **how)
    kind = how.get("order_type", "MARKET").lower()
    return carry_out(capital, exchange, link, held.size, kind, own_id, held.id)


def carry_out(
    capital: Capital,
    exchange: Any,
    link: Link,
    size: Any,
    kind: str,
    own_id: str,
    held_id: int | None,
) -> dict[str, Any] | None:
    """Place an order that was sized, see it filled and report it."""
    if not size.is_order:
        print(f"Nothing to order: {size.code} {[each.reason for each in size.warnings]}")
        return None
    try:
        placed = place(exchange, size, kind, own_id)
    except (ccxt.NetworkError, ccxt.BadResponse):
        print(f"Not known whether {own_id} was placed: look at the exchange before you go on.")
        raise
    except ccxt.BaseError:
        if held_id is not None:
            capital.release(held_id)
        raise
    if held_id is not None:
        capital.placed(held_id, placed["id"])
    done = wait(exchange, placed["id"], size.symbol)
    report(capital, exchange, link, size, done, own_id)
    if done["status"] != "open" and held_id is not None:
        # What was not filled: the rest of the money, or of an order that was cancelled.
        with suppress(Conflict):
            capital.release(held_id)
    return done


def place(exchange: Any, size: Any, kind: str, own_id: str) -> dict[str, Any]:
    """Place the order once. ``amount`` is what ``create_order`` takes at this exchange.

    The price goes along with a market order, too: some exchanges buy spot for an amount of money.
    """
    params: dict[str, Any] = {"clientOrderId": own_id}
    if size.reduce_only:
        params["reduceOnly"] = True
    try:
        placed = exchange.create_order(
            size.symbol, kind, size.side, float(size.amount), float(size.price), params
        )
    except (ccxt.RequestTimeout, ccxt.ExchangeNotAvailable):
        placed = found(exchange, size.symbol, own_id)
        if placed is None:
            raise
    if placed.get("status") == "rejected":
        raise ccxt.InvalidOrder(f"{exchange.id} rejected the order: {placed['info']}")
    return dict(placed)


def found(exchange: Any, symbol: str, own_id: str) -> dict[str, Any] | None:
    """The order by its own id, among those that rest and those that ended."""
    for ask in ("fetchOpenOrders", "fetchClosedOrders", "fetchOrders"):
        if exchange.has.get(ask):
            for each in getattr(exchange, exchange.un_camel_case(ask))(symbol):
                if each.get("clientOrderId") == own_id:
                    return dict(each)
    return None


def wait(exchange: Any, order_id: str, symbol: str) -> dict[str, Any]:
    """The order when it has ended, or as it is when patience has."""
    params = {"acknowledged": True} if exchange.id == "bybit" else {}
    given_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        told = exchange.fetch_order(order_id, symbol, params)
        if told["status"] in ("closed", "canceled", "expired", "rejected"):
            return dict(told)
        if time.monotonic() > given_up_at:
            print(f"{order_id} is still open; report its fills later.")
            return dict(told)
        time.sleep(1)


def report(
    capital: Capital, exchange: Any, link: Link, size: Any, done: dict[str, Any], own_id: str
) -> None:
    """Tell Capital what was filled: by its fills where the exchange lists them, else as a whole."""
    fills = [fill_of(size, each, own_id) for each in trades_of(exchange, size.symbol, done["id"])]
    whole = as_a_whole(size, done, own_id)
    told = sum(each["quantity"] for each in fills)
    if whole is not None and told < whole["quantity"] * Decimal("0.999"):
        # Some are not listed yet. Once they are reported by their ids, only they count.
        fills = [whole]
    for answer in capital.report_fills(link, fills):
        print(f"{answer.symbol}: {answer.code}")


def trades_of(exchange: Any, symbol: str, order_id: str) -> list[dict[str, Any]]:
    """The fills of an order, one by one, where the exchange lists them."""
    since = exchange.milliseconds() - 3_600_000
    try:
        trades = exchange.fetch_my_trades(symbol, since)
    except ccxt.BaseError as error:
        print(f"No fills could be read ({type(error).__name__}): the order is told as a whole.")
        return []
    # What ccxt cannot read of a fill is None: it does not count as one.
    return [each for each in trades if each["order"] == order_id and each["amount"]]


def fill_of(size: Any, trade: dict[str, Any], own_id: str) -> dict[str, Any]:
    """One of ccxt's trades, as Capital reads it."""
    return {
        "symbol": size.symbol,
        "side": trade["side"],
        "quantity": quantity_of(size, trade["amount"]),
        "price": Decimal(str(trade["price"])),
        "fees": fees_of(trade),
        "executed_at": trade["datetime"],
        "venue_fill_id": str(trade["id"]),
        "order_id": str(trade["order"]),
        "client_order_id": own_id,
    }


def as_a_whole(size: Any, done: dict[str, Any], own_id: str) -> dict[str, Any] | None:
    """What was filled of an order, as one row; it counts until its fills are reported."""
    # Bithumb's is read by ccxt as nothing.
    filled = Decimal(str(done["filled"] or 0))
    filled = filled or Decimal(done["info"].get("executed_volume") or 0)
    if not filled:
        return None
    return {
        "symbol": size.symbol,
        "side": size.side,
        "quantity": quantity_of(size, filled),
        "price": Decimal(str(done["average"] or size.price)),
        "fees": fees_of(done),
        "executed_at": done["datetime"],
        "order_id": str(done["id"]),
        "client_order_id": own_id,
    }


def quantity_of(size: Any, amount: Any) -> Decimal:
    """An amount as ccxt counts it, in what Capital counts: coins, or inverse contracts."""
    if size.contracts is None:
        return Decimal(str(amount))
    return Decimal(str(amount)) * size.quantity / size.amount


def fees_of(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What was paid, above zero, each in its own currency."""
    fees = told.get("fees") or [told.get("fee") or {}]
    return [
        {"amount": Decimal(str(fee["cost"])), "currency": fee["currency"]}
        for fee in fees
        # Some exchanges say nothing of fees; as text, nothing is a word.
        if fee.get("cost") not in (None, "", "None") and fee.get("currency")
    ]


def new_order_id(exchange: Any) -> str:
    """An id that every exchange takes: some want a number, Hyperliquid one of 128 bits."""
    number = secrets.randbelow(9 * 10**14) + 10**14
    return f"0x{number:032x}" if exchange.id == "hyperliquid" else str(number)


def exchange_from_environment() -> Any:
    """ccxt's exchange, with numbers as text: a float would lose digits."""
    exchange = getattr(ccxt, os.environ["EXCHANGE"])(
        {
            "apiKey": os.environ["API_KEY"],
            "secret": os.environ["API_SECRET"],
            "password": os.environ.get("API_PASSWORD"),
        }
    )
    exchange.number = str
    exchange.load_markets()
    return exchange


def main() -> None:
    """One market order, from the command line."""
    link, symbol, side, percent = sys.argv[1:]
    order(
        Capital.from_environment(),
        exchange_from_environment(),
        int(link),
        symbol,
        side,
        qty_per=percent,
    )


if __name__ == "__main__":
    main()
