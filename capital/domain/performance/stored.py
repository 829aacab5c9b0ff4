"""How books are kept as JSON between two fills: amounts as text, times as ISO 8601."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from capital.domain.money import plain
from capital.domain.performance.pnl import Books
from capital.domain.performance.positions import Position
from capital.domain.performance.trades import Trade
from capital.domain.sizing.instruments import InstrumentKind

AMOUNTS_OF_TRADE = ("entered", "entry_value", "exited", "exit_value", "realized", "fees", "funding")


def books_as_json(books: Books) -> dict[str, Any]:
    """What ``books_from_json`` reads back."""
    position = books.position
    return {
        "amount": plain(position.amount),
        "grown_to": plain(position.grown_to),
        "paid": plain(position.paid),
        "earned": plain(books.earned),
        "trade": None if books.trade is None else _trade_as_json(books.trade),
    }


def books_from_json(stored: Mapping[str, Any]) -> Books:
    """The books of ``books_as_json``."""
    position = Position(*(Decimal(stored[name]) for name in ("amount", "grown_to", "paid")))
    trade = stored["trade"]
    return Books(
        position, Decimal(stored["earned"]), None if trade is None else _trade_from_json(trade)
    )


def _trade_as_json(trade: Trade) -> dict[str, Any]:
    return {
        "is_long": trade.is_long,
        "kind": trade.kind.value,
        "opened_at": trade.opened_at.isoformat(),
        "fills": trade.fills,
        "is_complete": trade.is_complete,
        **{name: plain(getattr(trade, name)) for name in AMOUNTS_OF_TRADE},
    }


def _trade_from_json(stored: Mapping[str, Any]) -> Trade:
    amounts: dict[str, Any] = {name: Decimal(stored[name]) for name in AMOUNTS_OF_TRADE}
    return Trade(
        is_long=stored["is_long"],
        kind=InstrumentKind(stored["kind"]),
        opened_at=datetime.fromisoformat(stored["opened_at"]),
        fills=stored["fills"],
        is_complete=stored["is_complete"],
        **amounts,
    )
