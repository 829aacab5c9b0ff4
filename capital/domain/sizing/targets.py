"""A position that is to be held, and the orders that lead there from what is held."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from capital.domain.errors import InvalidOrder
from capital.domain.sizing.orders import HUNDRED, OrderRequest, OrderType, PositionSide, Side


class Target(StrEnum):
    """What is to be held. ``value`` is what is sent."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"

    @classmethod
    def of(cls, size: Decimal) -> "Target":
        """What a signed size is: of it, only the sign counts."""
        if not size:
            return cls.FLAT
        return cls.LONG if size > 0 else cls.SHORT

    @property
    def side(self) -> str:
        """The side of an order that enters it; empty where nothing is entered."""
        sides = {Target.LONG: Side.BUY.value, Target.SHORT: Side.SELL.value}
        return sides.get(self, "")


@dataclass(frozen=True)
class Meant:
    """What a signal means beside the fields of an order.

    Attributes:
        target: What is to be held; None: less of whatever is held.
        share: In percent, what is closed of what does not fit it.
        is_close: Whether it was told to close, not what to hold.
        unused: Names of sizes that were sent, and say nothing of that.
    """

    target: Target | None
    share: Decimal = HUNDRED
    is_close: bool = False
    unused: str = ""


@dataclass(frozen=True)
class TargetRequest:
    """A position to reach in one symbol, or a part of what is held to close.

    Attributes:
        target: What is to be held; None: less of whatever is held.
        order: How it is entered. Where nothing is, how it is closed: ``qty_per`` below zero says
            how much, and the side follows from what is held.
        unused: Names of sizes that were sent, and mean nothing where only something is closed.
    """

    target: Target | None
    order: OrderRequest
    unused: str = ""

    @property
    def symbol(self) -> str:
        """As it was written."""
        return self.order.symbol

    @property
    def problem(self) -> InvalidOrder | None:
        """Why it makes no sense anywhere; None where it does."""
        return self.order.problem

    def check(self) -> None:
        """Refuse what has a ``problem``.

        Raises:
            InvalidOrder: It names the field.
        """
        self.order.check()

    def orders(self, held: Mapping[PositionSide, Decimal]) -> list[OrderRequest]:
        """The orders that lead from what is held to the target, closing first; none: it is there.

        Args:
            held: The quantity of each position in the symbol, signed. What is too small for any
                order is left out.
        """
        mine = {side: quantity for side, quantity in held.items() if quantity and self._is_of(side)}
        against = {side: each for side, each in mine.items() if not self._fits(each)}
        found = [self._closing(side, quantity) for side, quantity in against.items()]
        if self.target in (Target.LONG, Target.SHORT) and len(against) == len(mine):
            found.append(self.order)
        return found

    def _is_of(self, side: PositionSide) -> bool:
        return self.order.position_side in (None, side.value)

    def _fits(self, quantity: Decimal) -> bool:
        return self.target is Target.of(quantity)

    def _closing(self, side: PositionSide, quantity: Decimal) -> OrderRequest:
        is_closing = self.order.is_closing
        is_stop = OrderType(self.order.order_type).is_stop
        return replace(
            self.order,
            side=(Side.SELL if quantity > 0 else Side.BUY).value,
            qty_per=self.order.qty_per if is_closing else -HUNDRED,
            qty=None,
            risk_per=None,
            stake=None,
            stake_of=None,
            stop_price=self.order.stop_price if is_stop else None,
            position_side=None if side is PositionSide.BOTH else side.value,
        )


Asked: TypeAlias = OrderRequest | TargetRequest
"""What may be asked for: an order, or a position."""


def asked_for(fields: Mapping[str, Any], meant: Meant | None = None) -> Asked:
    """What these fields ask for, unchecked.

    Args:
        fields: Those of ``OrderRequest``, numbers as Decimals. What is missing is empty.
        meant: The position, or the close, that is meant; None: an order is.
    """
    given = {"symbol": "", "side": "", **fields}
    if meant is None:
        return OrderRequest(**given)
    if meant.target in (Target.LONG, Target.SHORT):
        return TargetRequest(meant.target, OrderRequest(**{**given, "side": meant.target.side}))
    # The side is that of what is held, which is not known yet.
    closing = OrderRequest(**{**given, "side": Side.SELL.value, "qty_per": -meant.share})
    return TargetRequest(meant.target, closing, meant.unused)
