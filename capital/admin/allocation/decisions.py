"""A decision as pages show it: its pools, a line and a bar for each strategy, what to expect."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy

from capital.admin.frame.cells import OUTCOME_COLOUR, link_to
from capital.domain.allocation.decision import Outcome
from capital.domain.money import ROUNDED
from capital.domain.reasons import Code
from capital.services.allocation import PoolReport, RunReport, told_steps
from capital.services.labels import POOL_NAMES, SOURCE_NAMES
from strategies.models import Strategy

_SOURCE_COLOUR = {"live": "success", "cached": "warning", "none": "danger"}
_TENTH = Decimal("0.1")
_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
# What becomes of an account when a decision that is shown is applied.
OUTLOOK = {
    Outcome.APPLIED.value: gettext_lazy("will change"),
    Outcome.UNCHANGED.value: gettext_lazy("no change"),
    Outcome.SKIPPED.value: gettext_lazy("skipped"),
    Outcome.HELD.value: gettext_lazy("on hold"),
    Outcome.FAILED.value: gettext_lazy("will fail"),
}
# Their sentences say what has happened; the table says what will.
_TOLD_BY_THE_TABLE = (Code.ALLOCATED, Code.UNCHANGED, Code.REVERTED)


@dataclass(frozen=True)
class EntryRow:
    """One line of a pool's table; amounts in account currency, None where there was none."""

    strategy: Any
    weight: Decimal
    before: Decimal | None
    after: Decimal | None
    change: Decimal | None
    reason: str
    how: str


@dataclass(frozen=True)
class PoolTable:
    """One pool of a run as its page shows it."""

    name: Any
    source: Any
    colour: str
    balance: Decimal | None
    holdings: Decimal | None
    observed_at: datetime | None
    age: timedelta | None
    reserve: Decimal | None
    unallocated: Decimal | None
    reason: str
    entries: tuple[EntryRow, ...]


def linked_strategies(reports: Iterable[RunReport]) -> dict[str, Any]:
    """By its key, each strategy of these reports as pages name it: a link to its page."""
    keys = {entry.strategy for report in reports for pool in report.pools for entry in pool.entries}
    return {
        strategy.key: link_to(strategy, strategy.name)
        for strategy in Strategy.objects.filter(key__in=keys)
    }


def pool_tables(
    report: RunReport, *, decided_at: datetime, strategies: Mapping[str, Any]
) -> list[PoolTable]:
    """The pools of a report, with names and colours.

    Args:
        report: Of a run, or of what would be one.
        decided_at: When.
        strategies: What to call each strategy, by key; one that is gone is called by its key.
    """
    return [_pool_table(pool, report.currency, decided_at, strategies) for pool in report.pools]


def _pool_table(
    pool: PoolReport, currency: str, decided_at: datetime, strategies: Mapping[str, Any]
) -> PoolTable:
    return PoolTable(
        name=POOL_NAMES.get(pool.pool, pool.pool),
        source=SOURCE_NAMES.get(pool.source, pool.source),
        colour=_SOURCE_COLOUR.get(pool.source, ""),
        balance=pool.balance,
        holdings=pool.holdings,
        observed_at=pool.observed_at,
        age=pool.age_at(decided_at),
        reserve=pool.reserve,
        unallocated=pool.unallocated,
        reason=pool.reason,
        entries=tuple(
            EntryRow(
                strategy=strategies.get(entry.strategy, entry.strategy),
                weight=entry.weight,
                before=entry.before,
                after=entry.after,
                change=entry.change,
                reason=pool.reason_of(entry),
                how=told_steps(entry.steps, currency),
            )
            for entry in pool.entries
        ),
    )


@dataclass(frozen=True)
class EntryLine:
    """One strategy of a pool, with a bar: what it has and keeps, and what comes or goes.

    Attributes:
        kept: In percent of the pool's largest capital, before or after.
        moved: The same, of what comes or goes.
    """

    row: EntryRow
    kept: Decimal
    moved: Decimal


@dataclass(frozen=True)
class PoolCard:
    """One pool of a decision."""

    table: PoolTable
    lines: tuple[EntryLine, ...]


@dataclass(frozen=True)
class DecisionCard:
    """One account's decision before it is applied."""

    report: RunReport
    outlook: Any
    colour: str
    reason: str
    decided_at: datetime
    pools: tuple[PoolCard, ...]
    is_bad: bool = False


def decision_card(
    report: RunReport,
    *,
    decided_at: datetime,
    strategies: Mapping[str, Any],
    is_bad: bool = False,
) -> DecisionCard:
    """A decision that is not applied yet; ``is_bad`` where it fails. See ``pool_tables``."""
    return DecisionCard(
        report=report,
        outlook=OUTLOOK[report.outcome],
        colour=OUTCOME_COLOUR[report.outcome],
        reason="" if report.code in _TOLD_BY_THE_TABLE else report.reason,
        decided_at=decided_at,
        pools=tuple(
            PoolCard(table, _lines(table.entries))
            for table in pool_tables(report, decided_at=decided_at, strategies=strategies)
        ),
        is_bad=is_bad,
    )


def _lines(rows: Sequence[EntryRow]) -> tuple[EntryLine, ...]:
    held = [(row.before or _ZERO, row.after or _ZERO) for row in rows]
    largest = max((amount for each in held for amount in each), default=_ZERO)
    return tuple(
        EntryLine(
            row=row,
            kept=_width(min(amounts), largest),
            moved=_width(abs(amounts[1] - amounts[0]), largest),
        )
        for row, amounts in zip(rows, held, strict=True)
    )


def _width(amount: Decimal, largest: Decimal) -> Decimal:
    """For a style: in percent, one decimal."""
    if largest <= 0:
        return _ZERO
    return ROUNDED.divide(ROUNDED.multiply(amount, _HUNDRED), largest).quantize(_TENTH)
