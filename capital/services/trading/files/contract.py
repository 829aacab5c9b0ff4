"""What a file of trades says, whatever its form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from capital.domain.reasons import Reason
from capital.services.trading.recording.told import NewFill


@dataclass(frozen=True, kw_only=True)
class TradeLine:
    """One line of a file.

    Attributes:
        number: Where it stands, for messages: the line of a table, the order of a database.
        fill: What was executed.
        strategy: As the file names it; empty where it names none.
        account: As the file names it; empty where it names none.
        funding: What was settled in funding with it, in the settle currency: above zero was
            received. None where the file does not say.
        is_opening: Whether it says what was held before the first fill, and at which entry.
    """

    number: int
    fill: NewFill
    strategy: str = ""
    account: str = ""
    funding: Decimal | None = None
    is_opening: bool = False


@dataclass(frozen=True)
class LineProblem:
    """Why a line cannot be used."""

    number: int
    column: str
    reason: Reason


@dataclass(frozen=True)
class ProblemLines:
    """Lines that cannot be used for one and the same reason.

    Attributes:
        numbers: In rising order.
        column: Of all of them.
        reason: Why.
    """

    numbers: Sequence[int]
    column: str
    reason: Reason

    @property
    def ranges(self) -> str:
        """As a person writes them: ``3, 7–9``."""
        found: list[list[int]] = []
        for number in self.numbers:
            if found and number == found[-1][-1] + 1:
                found[-1][1:] = [number]
            else:
                found.append([number])
        return ", ".join("–".join(map(str, each)) for each in found)


def alike_problems(problems: Iterable[LineProblem]) -> list[ProblemLines]:
    """Equal problems of several lines as one, in the order of their first lines."""
    found: dict[tuple[object, ...], list[LineProblem]] = {}
    for each in problems:
        figures = tuple(sorted((name, str(figure)) for name, figure in each.reason.figures.items()))
        found.setdefault((each.column, each.reason.code, figures), []).append(each)
    return [
        ProblemLines(sorted({each.number for each in alike}), alike[0].column, alike[0].reason)
        for alike in found.values()
    ]


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What the maker of a file says that was realised in one currency, and why ours differs.

    ``stated - fees_of_open - fees_counted_twice`` is what ours comes to.

    Attributes:
        stated: What it says.
        fees_of_open: Entry fees of what is still open. It counts a fee when the trade closes, we
            count it when it is paid.
        fees_counted_twice: By how much it overstates what was realised, because a fee that was
            taken off the coin is counted again at its rate.
    """

    stated: Decimal
    fees_of_open: Decimal
    fees_counted_twice: Decimal


@dataclass(frozen=True, kw_only=True)
class TradeFile:
    """What a file says.

    Attributes:
        lines: Those that can be used, in the order of the file.
        problems: Why the others cannot.
        venue: ccxt's id of the exchange where all of it was traded; empty where it is not told.
        explained: By settle currency; empty where the file states no result.
        unsettled: By settle currency, the funding of open trades that no order has settled yet. It
            changes with every hour, so it is in no line.
        may_lack_last: Whether what was written last may be in a second file (SQLite's ``-wal``).
    """

    lines: tuple[TradeLine, ...]
    problems: tuple[LineProblem, ...] = ()
    venue: str = ""
    explained: Mapping[str, Explained] = field(default_factory=dict)
    unsettled: Mapping[str, Decimal] = field(default_factory=dict)
    may_lack_last: bool = False
