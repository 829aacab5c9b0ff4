"""What a file of trades says, whatever its form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from capital.domain.reasons import Reason
from capital.services.trading.fills import NewFill


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
    """

    number: int
    fill: NewFill
    strategy: str = ""
    account: str = ""
    funding: Decimal | None = None


@dataclass(frozen=True)
class LineProblem:
    """Why a line cannot be used."""

    number: int
    column: str
    reason: Reason


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
