"""The days of a link: each is what its positions earned, and begins as the one before ended."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from capital.domain.audit.pools import shown
from capital.domain.money import known_sum
from capital.domain.performance.earned import after_costs
from capital.domain.reasons import Code, Reason

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
_SUMS = ("realized", "fees", "funding", "volume")
_COUNTS = ("fills", "trades", "wins", "losses")


@dataclass(frozen=True)
class DayFigures:
    """What was earned on a day. ``realized`` is before fees and funding.

    Attributes:
        fees: Above zero was paid.
        funding: Above zero was received.
        counts: Of fills, trades, wins and losses.
    """

    realized: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    volume: Decimal = _ZERO
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def earned(self) -> Decimal:
        """What was realised, after fees and funding."""
        return after_costs(self.realized, fees=self.fees, funding=self.funding)


@dataclass(frozen=True)
class RecordedDay:
    """One day of one link in one currency. What is None is not known.

    Attributes:
        equity_start: Equity at its start.
        settled_start: The same without unrealised PnL.
        capital_added: What decisions gave beyond what was earned, less what they took.
        unrealized: At its end.
    """

    link_id: int
    date: date
    currency: str
    figures: DayFigures
    equity_start: Decimal | None
    settled_start: Decimal | None
    capital_added: Decimal | None
    unrealized: Decimal | None

    @property
    def named(self) -> dict[str, str]:
        """Which day, for a sentence."""
        return {
            "link": str(self.link_id),
            "date": self.date.isoformat(),
            "currency": self.currency,
        }


def check_link_day(
    row: RecordedDay,
    previous: RecordedDay | None,
    positions: Sequence[DayFigures],
    *,
    is_own: bool,
) -> Iterator[Reason]:
    """Every rule that the day of a link breaks.

    Args:
        row: The day.
        previous: The last one before it of the same link and currency.
        positions: What its positions earned on it, in that currency.
        is_own: Whether it is in the account's currency. Equity is in no other.
    """
    for name, recorded, expected in _compared(row.figures, positions):
        if recorded != expected:
            told = {"what": name, "recorded": _text(recorded), "expected": _text(expected)}
            yield Reason(Code.DAY_NOT_OF_POSITIONS, {**row.named, **told})
            break
    if previous is None:
        return
    missing = previous.date + _DAY
    if missing != row.date:
        yield Reason(Code.DAY_MISSING, {**row.named, "date": missing.isoformat()})
    elif is_own:
        yield from _check_start(row, previous)


def _compared(
    recorded: DayFigures, positions: Sequence[DayFigures]
) -> Iterator[tuple[str, Decimal | int, Decimal | int | None]]:
    """By name, what is recorded and what the positions come to."""
    for name in _SUMS:
        amount = known_sum(*(getattr(each, name) for each in positions))
        yield name, getattr(recorded, name), amount
    for name in _COUNTS:
        yield name, recorded.counts[name], sum(each.counts[name] for each in positions)


def _check_start(row: RecordedDay, previous: RecordedDay) -> Iterator[Reason]:
    """A day begins with what the day before ended with: settled, and with what was unrealised."""
    settled = known_sum(previous.settled_start, previous.capital_added, previous.figures.earned)
    expected = {
        "settled_start": settled,
        "equity_start": known_sum(row.settled_start, previous.unrealized),
    }
    # Before its first decision a link has no capital, and so no equity that is known.
    if row.equity_start is None and previous.equity_start is None and previous.capital_added == 0:
        del expected["equity_start"]
    for name, amount in expected.items():
        recorded = getattr(row, name)
        if recorded != amount:
            told = {"what": name, "recorded": shown(recorded), "expected": shown(amount)}
            yield Reason(Code.DAY_START_WRONG, {**row.named, **told})
            return


@dataclass(frozen=True)
class AccountDay:
    """What the daily summary of an account says was earned. All None: nothing told it yet."""

    summary_id: int
    date: date
    figures: dict[str, Decimal | int | None]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever told of it."""
        return all(figure is None for figure in self.figures.values())


def check_account_day(
    row: AccountDay, expected: dict[str, Decimal | int | None]
) -> Iterator[Reason]:
    """Whether a daily summary is what the account's links come to.

    Args:
        row: What is stored.
        expected: The sums over the links, as the summary's columns keep them.
    """
    for name, amount in expected.items():
        recorded = row.figures[name]
        if recorded != amount:
            told = {"what": name, "recorded": _text(recorded), "expected": _text(amount)}
            named = {"summary": str(row.summary_id), "date": row.date.isoformat()}
            yield Reason(Code.SUMMARY_NOT_OF_LINKS, {**named, **told})
            return


def _text(figure: Decimal | int | None) -> str:
    return str(figure) if isinstance(figure, int) else shown(figure)
