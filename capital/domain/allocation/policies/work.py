"""A pool while it is divided, and how it is divided in the end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from capital.domain.allocation.links import ZERO, Link
from capital.domain.allocation.policies.contract import Claims, Did, Question, Step, told
from capital.domain.money import EXACT
from capital.domain.reasons import Code, Reason


class Share(NamedTuple):
    """What one link gets.

    Attributes:
        amount: A whole number of quanta.
        code: Of its entry.
        set_aside: What is its own beside it, under a policy that knows of that.
        steps: How it came about.
    """

    amount: Decimal
    code: Code
    set_aside: Decimal = ZERO
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Division:
    """How one pool is divided.

    Attributes:
        reserve: What is kept back.
        shares: By link.
        problem: Why the pool keeps what it has; the rest is empty then.
    """

    reserve: Decimal
    shares: Mapping[int, Share]
    problem: Reason | None = None


@dataclass
class Work:
    """A pool that is being divided.

    Attributes:
        question: What the policy was asked.
        quantum: Of the account's currency.
        floors: What each link has in use, in whole quanta.
        claims: The policy's answer.
        shares: What each link gets, as far as that is settled; exact.
        steps: What was done for each.
        codes: Of the entries.
        kept: What scaling and compounding took away of each claim.
        own: What each link's own is, where others have some of it in use.
    """

    question: Question
    quantum: Decimal
    floors: Mapping[int, Fraction]
    claims: Claims
    shares: dict[int, Fraction] = field(default_factory=dict)
    steps: dict[int, list[Step]] = field(default_factory=dict)
    codes: dict[int, Code] = field(default_factory=dict)
    kept: dict[int, Fraction] = field(default_factory=dict)
    own: dict[int, Fraction] = field(default_factory=dict)

    def own_of(self, link: Link) -> Fraction:
        """What it gets, and what is kept for it; of what is lent to others or by them, its own."""
        if link.id in self.own:
            return self.own[link.id]
        return self.shares[link.id] + self.kept.get(link.id, Fraction(0))

    def note(self, link: Link, did: Did, **figures: Fraction | Decimal) -> None:
        """Keep what was done for a link."""
        shown = {name: told(figure) for name, figure in figures.items()}
        self.steps.setdefault(link.id, []).append(Step(did, shown))

    def cents(self, amount: Fraction) -> Decimal:
        """For a line: rounded half even to the quantum."""
        return EXACT.multiply(Decimal(round(amount / Fraction(self.quantum))), self.quantum)

    def floors_of(self, links: Iterable[Link]) -> Fraction:
        """What these links have in use together."""
        return sum((self.floors[link.id] for link in links), Fraction(0))
