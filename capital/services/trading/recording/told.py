"""Fills as somebody tells them, and what became of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from capital.domain.performance.fills import Fee
from capital.domain.reasons import Reason
from capital.domain.sizing.orders import PositionSide, Side


@dataclass(frozen=True, kw_only=True)
class NewFill:
    """A fill that somebody tells.

    Attributes:
        symbol: ccxt's.
        side: What it did.
        position_side: Which position it belongs to, on an account that holds both.
        quantity: Above zero: base units, contracts on inverse instruments.
        price: Above zero, in the quote currency.
        executed_at: When it was executed.
        fees: All its fees.
        venue_fill_id: The exchange's id of the fill; empty where it is not known.
        order_id: The exchange's id of the order.
        client_order_id: The bot's id of the order.
        liquidity: ``maker``, ``taker``, or empty.
        realized: What the teller says it realised; None where it says nothing.
    """

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    executed_at: datetime
    position_side: PositionSide = PositionSide.BOTH
    fees: tuple[Fee, ...] = ()
    venue_fill_id: str = ""
    order_id: str = ""
    client_order_id: str = ""
    liquidity: str = ""
    realized: Decimal | None = None


class FillCode(StrEnum):
    """What became of a fill that was told. ``value`` is sent."""

    RECORDED = "recorded"
    KNOWN = "known"
    DIFFERS = "differs"
    """It was known with other figures: those stay, and the difference is recorded."""


@dataclass(frozen=True)
class FillResult:
    """What became of one fill.

    Attributes:
        code: Whether it was new.
        fill_id: The row's.
        symbol: ccxt's.
        is_counted: Whether it is in the books. Not so where better rows tell of its order.
        is_attributed: Whether it was a link's when it was recorded.
        warnings: What to know of its symbol.
    """

    code: FillCode
    fill_id: int
    symbol: str
    is_counted: bool = True
    is_attributed: bool = True
    warnings: tuple[Reason, ...] = ()


@dataclass
class FillCounts:
    """What became of many fills.

    Attributes:
        recorded: Those that were new.
        known: Those that were known already.
        differs: Those that were known with other figures, which stay.
    """

    recorded: int = 0
    known: int = 0
    differs: int = 0

    def count(self, results: Iterable[FillResult]) -> None:
        """Add what became of these."""
        for result in results:
            name = result.code.value
            setattr(self, name, getattr(self, name) + 1)
