"""What a policy is asked, and what it answers: a claim for each link, and how it came to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from capital.domain.allocation.links import ZERO, Link, Reserve
from capital.domain.allocation.rules import Rules
from capital.domain.money import BOOKED_DECIMALS, EXACT, booked, of_units, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason


class Did(StrEnum):
    """What a step did to one link. ``value`` is stored; its sentence is made where it is shown."""

    SHARE = "share"
    SHARE_BESIDE = "share_beside"
    FIXED = "fixed"
    CUT_SHORT = "cut_short"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    TO_OTHERS = "to_others"
    FROM_OTHERS = "from_others"
    LEFT = "left"
    SCALED = "scaled"
    HALF_COMPOUNDED = "half_compounded"
    NOT_COMPOUNDED = "not_compounded"
    IN_USE = "in_use"
    STOPPED = "stopped"
    OVER_COMMITTED = "over_committed"
    WITHIN_BAND = "within_band"
    BY_VOLATILITY = "by_volatility"
    BY_MEDIAN = "by_median"
    BY_WEIGHT = "by_weight"
    OWN = "own"
    BY_FLOWS = "by_flows"
    UNEXPLAINED = "unexplained"
    LOSS_EXCEEDS = "loss_exceeds"
    CARRIES = "carries"
    NEW = "new"
    GIVES_NEW = "gives_new"
    SET_ASIDE = "set_aside"


class Step(NamedTuple):
    """One thing that was done, with its figures as text."""

    did: Did
    figures: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class LinkFacts:
    """What is known of one link beside its settings, as a decision is made.

    Attributes:
        in_use: What it has in use: its floor.
        drawdown_percent: How far it is below the best that it ever was; None where not known.
        volatility: The deviation of its daily returns; None where there are too few of them.
        days: How many days with a return it has.
        earned: What it earned since its capital was decided; None where that is not known.
        is_new: Whether it took no part in the last decision, and so has nothing of its own.
    """

    in_use: Decimal = ZERO
    drawdown_percent: Decimal | None = None
    volatility: Decimal | None = None
    days: int = 0
    earned: Decimal | None = None
    is_new: bool = False


@dataclass(frozen=True)
class PoolFacts:
    """What is known of one pool beside its balance.

    Attributes:
        balance_then: Its balance when its capital was last decided; None: it never was.
        external: What came or went since then without having been earned.
        earned: What all its links earned since then, those that are gone too.
    """

    balance_then: Decimal | None = None
    external: Decimal = ZERO
    earned: Decimal = ZERO


@dataclass(frozen=True)
class Known:
    """What is known of an account's links, by primary key, and of its pools."""

    links: Mapping[int, LinkFacts] = field(default_factory=dict)
    pools: Mapping[Pool, PoolFacts] = field(default_factory=dict)

    def of(self, link: Link) -> LinkFacts:
        """What is known of one link."""
        return self.links.get(link.id, LinkFacts())


@dataclass(frozen=True)
class Question:
    """One pool, as a policy sees it.

    Attributes:
        links: All its links, by primary key.
        balance: Unrounded.
        reserve: What is kept back of it.
        rule: By what the reserve was reckoned.
    """

    pool: Pool
    links: Sequence[Link]
    balance: Decimal
    reserve: Decimal
    rule: Reserve
    rules: Rules
    known: Known

    @property
    def active(self) -> list[Link]:
        """The links that take part."""
        return [link for link in self.links if link.idle is None]

    @property
    def base(self) -> Decimal:
        """What there is to divide, unrounded; below zero where the balance is."""
        return EXACT.subtract(self.balance, self.reserve)


@dataclass(frozen=True)
class Claims:
    """A policy's answer.

    Attributes:
        amounts: By link, >= 0; in proportion to these the pool is shared.
        are_own: Whether they are amounts of money that belong to the links: then those of idle
            links stay theirs, unallocated, and what is not allocated of a claim is remembered.
        code: Of the entries; ``codes`` are those of single links.
        steps: How each claim came about.
        problem: Why nothing can be claimed: the pool keeps what it has.
    """

    amounts: Mapping[int, Fraction]
    code: Code = Code.SHARE
    are_own: bool = False
    codes: Mapping[int, Code] = field(default_factory=dict)
    steps: Mapping[int, tuple[Step, ...]] = field(default_factory=dict)
    problem: Reason | None = None


Policy = Callable[[Question], Claims]


def told(amount: Fraction | Decimal) -> str:
    """A figure of a step: exact up to 18 decimals, without zeros at its end."""
    if isinstance(amount, Fraction):
        amount = to_decimal(amount)
    return plain(EXACT.plus(booked(amount)))


def to_decimal(amount: Fraction) -> Decimal:
    """The fraction to 18 decimals, half even."""
    units = round(amount * 10**BOOKED_DECIMALS)
    return of_units(units, BOOKED_DECIMALS)
