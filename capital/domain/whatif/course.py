"""A course of days: how much each strategy had, and what all of it came to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from capital.domain.money import known_sum
from capital.domain.performance.measures.drawdowns import return_drawdowns
from capital.domain.performance.measures.returns import Day, Measured, Returns
from capital.domain.reasons import Reason

ZERO = Decimal(0)


@dataclass(frozen=True)
class CourseDay:
    """One day of an account; amounts in its currency.

    Attributes:
        start: The equity of its pools as the day began.
        external: What came or went then without having been earned.
        equity: Of its pools at the end.
        capital: By link, what it traded with.
        earned: By link.
        moved: What decisions gave to links and took from them, together.
    """

    date: date
    start: Decimal
    external: Decimal
    equity: Decimal
    capital: Mapping[int, Decimal] = field(default_factory=dict)
    earned: Mapping[int, Decimal] = field(default_factory=dict)
    moved: Decimal = ZERO

    @property
    def daily_return(self) -> Decimal | None:
        """What was earned by what there was; what was taken out was there for a part of the day."""
        earned = total(self.earned.values())
        return Day(self.date, self.start, self.external, earned, ZERO, ZERO).daily_return


@dataclass(frozen=True)
class Course:
    """The days of an account one after another.

    Attributes:
        unknown: By link, on how many days it had capital while nothing says what it would have
            earned.
    """

    days: tuple[CourseDay, ...]
    unknown: Mapping[int, int] = field(default_factory=dict)

    @property
    def earned(self) -> Decimal:
        """By all links."""
        return total(each for day in self.days for each in day.earned.values())

    @property
    def turnover(self) -> Decimal:
        """What decisions gave to links and took from them."""
        return total(day.moved for day in self.days)

    @property
    def allocations(self) -> int:
        """On how many days capital moved."""
        return sum(bool(day.moved) for day in self.days)

    @property
    def total_return(self) -> Measured:
        """The daily returns, chained."""
        return self._returns.total

    @property
    def drawdown(self) -> Measured:
        """The deepest on the chained return; 0 where it never went down."""
        found = return_drawdowns(self._returns)
        return found if isinstance(found, Reason) else found.depth

    def earned_by(self, link_id: int) -> Decimal:
        """By one link."""
        return total(day.earned.get(link_id, ZERO) for day in self.days)

    @property
    def _returns(self) -> Returns:
        found = ((day.date, day.daily_return) for day in self.days)
        return Returns.of((day, each) for day, each in found if each is not None)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return known_sum(*amounts) or ZERO
