"""What an import did, or would do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from capital.domain.money import EXACT
from capital.services.trading.files import Explained, LineProblem, TradeLine
from capital.services.trading.recording.told import FillCode, FillCounts, FillResult

_ZERO = Decimal(0)


@dataclass(frozen=True)
class ImportedLine:
    """What became of one line.

    Attributes:
        line: As the file has it.
        strategy: The key of its strategy.
        result: Whether it was new, and whether it is in the books.
    """

    line: TradeLine
    strategy: str
    result: FillResult

    @property
    def code(self) -> FillCode:
        """Whether it was new."""
        return self.result.code

    @property
    def is_provisional(self) -> bool:
        """Whether it counts only until the exchange's own fills of its order are known."""
        is_named = self.line.is_opening or bool(self.line.fill.venue_fill_id)
        return not is_named and self.result.is_counted


@dataclass
class ImportedLink(FillCounts):
    """What became of the lines of one link.

    Attributes:
        strategy: Its key.
        fundings: Payments of funding that were new.
        provisional: Lines that count only until the exchange's own fills are known.
        uncounted: Lines of orders that better rows tell of: they stand beside them.
    """

    strategy: str = ""
    fundings: int = 0
    provisional: int = 0
    uncounted: int = 0


@dataclass
class ImportedSum:
    """What the file's fills come to by themselves, in one currency.

    Attributes:
        realized: After fees and funding.
        fees: Above zero was paid.
        funding: Above zero was received.
        fees_unvalued: By currency, the fees whose worth nobody knows.
        explained: What the maker of the file says instead, and why; None where it says nothing.
        unsettled: Funding of open trades that is in no line yet.
    """

    realized: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    fees_unvalued: dict[str, Decimal] = field(default_factory=dict)
    explained: Explained | None = None
    unsettled: Decimal = _ZERO

    @property
    def unexplained(self) -> Decimal:
        """By how much ours differs from what the file states, beyond what is explained."""
        said = self.explained
        if said is None:
            return _ZERO
        expected = EXACT.subtract(said.stated, said.fees_of_open)
        expected = EXACT.subtract(expected, said.fees_counted_twice)
        return EXACT.subtract(self.realized, expected)

    @property
    def difference(self) -> list[tuple[Decimal, Any]]:
        """What leads from what the file states to ours, each part with why it is."""
        said = self.explained
        if said is None:
            return []
        parts = [
            (
                EXACT.minus(said.fees_of_open),
                _("entry fees of open trades, which it counts when the trade closes"),
            ),
            (
                EXACT.minus(said.fees_counted_twice),
                _("fees taken off the coin, which it counts again at their rate"),
            ),
            (self.unexplained, _("not explained")),
        ]
        return [(amount, why) for amount, why in parts if amount]


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        problems: Why lines cannot be used. Where there is one, nothing was recorded.
        links: What became of the others, by link.
        lines: What became of each of them, in the order of the file.
        sums: By settle currency.
        is_recorded: Whether it was written.
    """

    problems: tuple[LineProblem, ...] = ()
    links: tuple[ImportedLink, ...] = ()
    lines: tuple[ImportedLine, ...] = ()
    sums: Mapping[str, ImportedSum] = field(default_factory=dict)
    is_recorded: bool = False
