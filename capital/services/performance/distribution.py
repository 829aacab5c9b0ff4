"""How the returns of trades are distributed: how many lost a little, and how many a lot."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from capital.domain.money import EXACT
from capital.models import Trade

# Parts of what was entered: 0.01 is 1 %.
_BOUNDS = tuple(Decimal(each) for each in ("0.01", "0.02", "0.05", "0.1"))


@dataclass(frozen=True)
class Bin:
    """Trades of like return on their entries.

    Attributes:
        sign: -1 of those that lost, 1 of those that won, 0 of those that did neither.
        above: How much was lost or won at least, and more than that; 0 of the smallest.
        most: How much at most; None of the largest.
        trades: How many.
    """

    sign: int
    above: Decimal
    most: Decimal | None
    trades: int


def trade_returns(trades: "QuerySet[Trade]") -> Sequence[Bin]:
    """From the largest losses to the largest wins, each bin also where it is empty. One query.

    Args:
        trades: As ``ended_trades`` finds them. Those with worthless entries have no return.
    """
    counts: Counter[tuple[int, int]] = Counter()
    for realized, entered in trades.order_by().values_list("realized", "entry_value"):
        if entered:
            sign = (realized > 0) - (realized < 0)
            counts[sign, _size(realized.copy_abs(), entered) if sign else 0] += 1
    edges = list(zip((Decimal(0), *_BOUNDS), (*_BOUNDS, None), strict=True))
    sizes = list(enumerate(edges))
    return [
        *(Bin(-1, *edge, counts[-1, size]) for size, edge in reversed(sizes)),
        Bin(0, Decimal(0), Decimal(0), counts[0, 0]),
        *(Bin(1, *edge, counts[1, size]) for size, edge in sizes),
    ]


def _size(amount: Decimal, entered: Decimal) -> int:
    """Which bin an amount is in, without a division."""
    return sum(amount > EXACT.multiply(bound, entered) for bound in _BOUNDS)
