"""One daily summary against the rules, and against the day before it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce

from capital.domain.audit.pools import is_whole, shown
from capital.domain.balances import Observation
from capital.domain.money import EXACT, floor_to
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason


@dataclass(frozen=True)
class RecordedSummary:
    """One row. ``balances`` and ``times`` are by pool; the whole stands under ``unified``."""

    id: int
    date: date
    starting: Decimal | None
    balances: Mapping[Pool, Decimal | None]
    times: Mapping[Pool, datetime | None]

    @property
    def ending(self) -> Decimal | None:
        """The whole."""
        return self.balances[Pool.UNIFIED]

    @property
    def is_ours(self) -> bool:
        """Whether this product wrote to it: another program leaves no times."""
        return any(moment is not None for moment in self.times.values())

    @property
    def figures(self) -> dict[str, str]:
        """Which row, for a sentence."""
        return {"summary": str(self.id), "date": self.date.isoformat()}


def check_summary(
    row: RecordedSummary,
    previous: RecordedSummary | None,
    carried: Mapping[Pool, Observation | None],
    *,
    pools: Sequence[Pool] | None,
    quantum: Decimal,
) -> Iterator[Reason]:
    """Every rule that the row breaks. For a row that another program wrote there are few.

    Args:
        row: The day.
        previous: The newest row before it.
        carried: What ``previous`` carries forward to a new day, by pool.
        pools: Those of the account; None where they may have been others then.
        quantum: Of the account's currency.
    """
    if previous is not None and previous.date == row.date:
        yield Reason(Code.SUMMARY_REPEATED, {**row.figures, "other": str(previous.id)})
        return
    if not row.is_ours:
        return
    for pool in Pool:
        balance, moment = row.balances[pool], row.times[pool]
        figures = {**row.figures, "pool": pool.value}
        if balance is None and moment is not None:
            yield Reason(Code.TIME_WITHOUT_BALANCE, figures)
        # Where the whole is a sum, its parts are checked instead.
        judged = moment is not None and pool in (pools or Pool)
        if balance is not None and judged and not is_whole(balance, quantum):
            yield Reason(Code.SUMMARY_NOT_WHOLE, {**figures, "balance": shown(balance)})
    if pools == (Pool.UNIFIED,):
        yield from _check_unified(row, carried)
    elif pools is not None:
        yield from _check_ending(row, pools)
    yield from _check_start(row, previous, quantum)


def _check_unified(
    row: RecordedSummary, carried: Mapping[Pool, Observation | None]
) -> Iterator[Reason]:
    """Of a unified pool we write only the whole; other fields are others', carried forward."""
    for pool in (Pool.SPOT, Pool.FUTURES):
        balance, moment = row.balances[pool], row.times[pool]
        if balance is None or moment is None:
            continue
        carried_on = carried.get(pool)
        if carried_on is None or (carried_on.amount, carried_on.observed_at) != (balance, moment):
            yield Reason(Code.UNIFIED_WITH_PARTS, {**row.figures, "pool": pool.value})


def _check_ending(row: RecordedSummary, pools: Sequence[Pool]) -> Iterator[Reason]:
    amounts = [row.balances[pool] for pool in pools]
    known = [amount for amount in amounts if amount is not None]
    expected = reduce(EXACT.add, known) if len(known) == len(amounts) else None
    if row.ending != expected:
        figures = {"ending": shown(row.ending), "expected": shown(expected)}
        yield Reason(Code.ENDING_WRONG, {**row.figures, **figures})
    elif expected is not None:
        times = [moment for pool in pools if (moment := row.times[pool]) is not None]
        if row.times[Pool.UNIFIED] != min(times, default=None):
            yield Reason(Code.ENDING_TIME_WRONG, row.figures)


def _check_start(
    row: RecordedSummary, previous: RecordedSummary | None, quantum: Decimal
) -> Iterator[Reason]:
    """An unknown start is not an error: another program may have opened the day."""
    if row.starting is None or previous is None:
        return
    ending = previous.ending
    if row.starting == ending or (ending is not None and row.starting == floor_to(ending, quantum)):
        return
    figures = {"starting": shown(row.starting), "ending": shown(ending), "other": str(previous.id)}
    yield Reason(Code.START_WRONG, {**row.figures, **figures})
