"""A fill is kept once, whoever brings it: which of the rows that tell of one order count.

A row with the exchange's fill id is that fill. A row without one tells of an order as a whole, or
of a part of it, and is provisional: it counts until the order's fills are known by their ids. Where
several told of an order without ids, the best source counts: venue before bot before file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FillSource(StrEnum):
    """Who brought a fill. ``value`` is stored and sent."""

    VENUE = "venue"
    BOT = "bot"
    FILE = "file"
    OPENING = "opening"
    """What was held when the books began."""


_RANKS = {source: rank for rank, source in enumerate(FillSource)}


@dataclass(frozen=True)
class Told:
    """One row that tells of a fill.

    Attributes:
        key: The row's.
        source: Who brought it.
        is_identified: Whether it has the exchange's fill id.
        order_id: The exchange's id of its order; empty where it is not told.
        client_order_id: The bot's id of its order; empty where it is not told.
    """

    key: int
    source: FillSource
    is_identified: bool
    order_id: str = ""
    client_order_id: str = ""

    @property
    def orders(self) -> list[tuple[str, str]]:
        """The names of its order."""
        names = (("order", self.order_id), ("client", self.client_order_id))
        return [(kind, name) for kind, name in names if name]


def counting(rows: Iterable[Told]) -> frozenset[int]:
    """The keys of the rows that count, of all that tell of the orders of one account and symbol.

    Two rows are of one order where they share either of its names, also by way of a third row.
    """
    counted: set[int] = set()
    for order in _by_order(rows):
        identified = [row for row in order if row.is_identified]
        if not identified:
            best = min(_RANKS[row.source] for row in order)
            identified = [row for row in order if _RANKS[row.source] == best]
        counted.update(row.key for row in identified)
    return frozenset(counted)


def _by_order(rows: Iterable[Told]) -> list[list[Told]]:
    orders: dict[tuple[str, str], list[Told]] = {}
    alone: list[list[Told]] = []
    for row in rows:
        known = {id(orders[name]): orders[name] for name in row.orders if name in orders}
        joined = [each for order in known.values() for each in order]
        joined.append(row)
        if not row.orders:
            alone.append(joined)
        for each in joined:
            orders.update(dict.fromkeys(each.orders, joined))
    distinct = {id(order): order for order in orders.values()}
    return [*alone, *distinct.values()]
