"""Where a simulated venue takes orders, and what it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from capital.domain.pools import Pool
from capital.simulator.orders.order import Order, PlacedOrder, Trouble
from capital.simulator.orders.taking import Least
from capital.simulator.refusals import Refusal, Refusals
from capital.simulator.signatures import SignatureScheme, SignedRequest
from capital.simulator.trading.question import Question


@dataclass(frozen=True)
class Placing:
    """One endpoint that takes orders.

    Attributes:
        path: Of the URL; ``{…}`` stands for one part of it.
        read: What the request means, from its path, query and body; a list in the body is
            ``orders``.
        answer: To an order that was taken, at the venue's time in Unix milliseconds.
        scheme: How its requests are signed.
        refusals: How it says no to who asks.
        refuses: How it says no to an order.
        method: Of HTTP.
        pool: Whose faults stand on it; None: those of the account's first pool.
        body: Of such a no, where it differs from that of other refusals: from its code, its
            sentence and the time.
        accepts: Tells it from other endpoints at the same path; None where there are none.
    """

    path: str
    read: Callable[[Mapping[str, Any]], PlacedOrder]
    answer: Callable[[Order, int], Any]
    scheme: SignatureScheme
    refusals: Refusals
    refuses: Mapping[Trouble, Refusal]
    method: str = "POST"
    pool: Pool | None = None
    body: Callable[[int | str, str, int], Any] | None = None
    accepts: Callable[[SignedRequest], bool] | None = None

    def refused(self, trouble: Trouble, now_milliseconds: int) -> tuple[int, Any]:
        """Status and body of a no."""
        refusal = self.refuses[trouble]
        make = self.body or self.refusals.body
        return refusal.status, make(refusal.code, refusal.text, now_milliseconds)


@dataclass(frozen=True)
class Ordering:
    """How one simulated venue takes orders.

    Attributes:
        placings: Where they are placed.
        questions: Where they are told of, one by one.
        least: How small they may be.
    """

    placings: Sequence[Placing]
    questions: Sequence[Question]
    least: Least = field(default_factory=Least)


def refusing(
    *,
    unknown: tuple[int, int | str, str],
    small: tuple[int, int | str, str],
    poor: tuple[int, int | str, str],
    flat: tuple[int, int | str, str],
) -> Mapping[Trouble, Refusal]:
    """Status, code and sentence of each trouble.

    Args:
        unknown: There is no such market.
        small: The order is too small.
        poor: There is too little money.
        flat: It may only reduce a position, and there is none.
    """
    return {
        Trouble.UNKNOWN_MARKET: Refusal(*unknown),
        Trouble.TOO_SMALL: Refusal(*small),
        Trouble.TOO_LITTLE_MONEY: Refusal(*poor),
        Trouble.NOTHING_TO_REDUCE: Refusal(*flat),
    }
