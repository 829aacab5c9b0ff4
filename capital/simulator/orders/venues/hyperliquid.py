"""Hyperliquid: assets are numbers, those of spot pairs from 10,000 on; the wallet signs."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least
from capital.simulator.orders.wallets import signer_of
from capital.simulator.refusals import Problem
from capital.simulator.signatures import KeyHolder, SignatureScheme, SignedRequest
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, whole
from capital.simulator.trading.venues.hyperliquid import TRADING
from capital.simulator.venues.hyperliquid import REFUSALS, SCHEME, says

_COINS = [one.name for one in TRADING["hyperliquid"].instruments if not one.is_spot]
_FIRST_PAIR = 10_000
_REFUSES = refusing(
    unknown=(200, "Order has invalid asset.", ""),
    small=(200, "Order must have minimum value of $10.", ""),
    poor=(200, "Insufficient margin to place order.", ""),
    flat=(200, "Reduce only order would increase position.", ""),
)


def _read(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /exchange``: an order at the market is one that is cancelled where it would rest."""
    (order,) = asked["action"]["orders"]
    number = int(order["a"])
    if number >= _FIRST_PAIR:
        name = f"@{number - _FIRST_PAIR}"
    else:
        name = _COINS[number] if number < len(_COINS) else ""
    is_market = order["t"].get("limit", {}).get("tif") in ("Ioc", "FrontendMarket")
    return PlacedOrder(
        name,
        "buy" if order["b"] else "sell",
        base=Decimal(order["s"]),
        price=None if is_market else Decimal(order["p"]),
        client_order_id=order.get("c", ""),
        reduces=order.get("r", False),
    )


def _ok(statuses: list[Any]) -> Any:
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}


def _placed(order: Order, _now: int) -> Any:
    ids = {"oid": whole(order.order_id)}
    if order.client_order_id:
        ids["cloid"] = order.client_order_id
    if order.fill is None:
        return _ok([{"resting": ids}])
    told = {**ids, "totalSz": plain(order.filled), "avgPx": plain(order.average)}
    return _ok([{"filled": told}])


_STATES = {State.OPEN: "open", State.FILLED: "filled", State.CANCELLED: "canceled"}


def _status(asked: Asked) -> Any:
    """``orderStatus``: at what price it was filled is not told."""
    oid = asked.text("oid")
    order = asked.order(lambda _: True, oid, oid)
    if order is None:
        return {"status": "unknownOid"}
    told = {
        "coin": order.instrument.name,
        "side": "B" if order.is_buy else "A",
        "limitPx": plain(order.price or order.average),
        "sz": plain(order.left),
        "oid": whole(order.order_id),
        "timestamp": order.at_milliseconds,
        "triggerCondition": "N/A",
        "isTrigger": False,
        "triggerPx": "0.0",
        "isPositionTpsl": False,
        "reduceOnly": order.reduces,
        "orderType": "Market" if order.is_market else "Limit",
        "origSz": plain(order.quantity),
        "tif": "FrontendMarket" if order.is_market else "Gtc",
        "cloid": order.client_order_id or None,
    }
    found = {
        "order": told,
        "status": _STATES[order.state],
        "statusTimestamp": order.at_milliseconds,
    }
    return {"status": "order", "order": found}


def _signer(request: SignedRequest) -> str | None:
    try:
        return signer_of(json.loads(request.body))
    except ValueError:
        return None


def _no_problem(_request: SignedRequest, _holder: KeyHolder) -> Problem | None:
    return None


_WALLET = SignatureScheme(claimed_key=_signer, problem=_no_problem)


def _is_order(request: SignedRequest) -> bool:
    return '"orders"' in request.body


ORDERS = {
    "hyperliquid": Ordering(
        (
            Placing(
                "/exchange",
                _read,
                _placed,
                _WALLET,
                REFUSALS,
                _REFUSES,
                body=lambda code, _text, _now: _ok([{"error": code}]),
                accepts=_is_order,
            ),
        ),
        (Question("/info", _status, SCHEME, REFUSALS, "POST", accepts=says("orderStatus")),),
        Least(cost={InstrumentKind.SPOT: Decimal(10), InstrumentKind.LINEAR: Decimal(10)}),
    )
}
