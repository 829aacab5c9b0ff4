"""A decision as pages show it: its pools, a line and a bar for each strategy, what to expect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy

from capital.admin.frame.cells import OUTCOME_COLOUR, link_to, why_url
from capital.domain.allocation.decision import Outcome
from capital.domain.balances import Source
from capital.domain.money import ROUNDED
from capital.domain.reasons import Code
from capital.models import StrategyAccount
from capital.services.allocation import EntryReport, PoolReport, RunReport, told_steps
from capital.services.labels import POOL_NAMES, SOURCE_NAMES
from strategies.models import Strategy

_SOURCE_COLOUR = {"live": "success", "cached": "warning", "none": "danger"}
_MOMENT = timedelta(microseconds=1)
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
    """One line of a pool's table; amounts in account currency, None where there was none.

    Attributes:
        why_before: Where it is said why it had ``before``; empty where nothing says so.
        why_after: The same of ``after``.
    """

    strategy: Any
    weight: Decimal
    before: Decimal | None
    after: Decimal | None
    change: Decimal | None
    reason: str
    how: str
    why_before: str = ""
    why_after: str = ""


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


@dataclass(frozen=True)
class Linked:
    """What pages know of the strategies of some reports, by their keys.

    Attributes:
        names: Each as pages name it: a link to its page. One that is gone is missing.
        links: The primary key of its link to an account.
    """

    names: Mapping[str, Any]
    links: Mapping[tuple[int, str], int]

    def why(self, account_id: int, key: str, **asked: Any) -> str:
        """Where it is said why it has its capital there; empty where it no longer trades there."""
        link = self.links.get((account_id, key))
        return "" if link is None else why_url(link=link, **asked)


def linked_strategies(reports: Sequence[RunReport]) -> Linked:
    """The strategies of these reports, in two queries."""
    keys = {entry.strategy for report in reports for pool in report.pools for entry in pool.entries}
    links = StrategyAccount.objects.filter(
        strategy__key__in=keys, account__in={report.account_id for report in reports}
    )
    return Linked(
        names={
            strategy.key: link_to(strategy, strategy.name)
            for strategy in Strategy.objects.filter(key__in=keys)
        },
        links={
            (account, key): link
            for account, key, link in links.values_list("account", "strategy__key", "pk")
        },
    )


def pool_tables(
    report: RunReport, *, decided_at: datetime, linked: Linked, run_id: int | None = None
) -> list[PoolTable]:
    """The pools of a report, with names and colours.

    Args:
        report: Of a run, or of what would be one.
        decided_at: When.
        linked: Its strategies; one that is gone is called by its key.
        run_id: The run; None where nothing is decided yet.
    """

    def row(pool: PoolReport, entry: EntryReport) -> EntryRow:
        why = partial(linked.why, report.account_id, entry.strategy)
        return EntryRow(
            strategy=linked.names.get(entry.strategy, entry.strategy),
            weight=entry.weight,
            before=entry.before,
            after=entry.after,
            change=entry.change,
            reason=pool.reason_of(entry),
            how=told_steps(entry.steps, report.currency),
            # A run counts from its very moment on.
            why_before=why() if run_id is None else why(at=(decided_at - _MOMENT).isoformat()),
            why_after="" if run_id is None else why(run=run_id),
        )

    return [
        _pool_table(pool, decided_at, tuple(row(pool, entry) for entry in pool.entries))
        for pool in report.pools
    ]


def _pool_table(pool: PoolReport, decided_at: datetime, entries: tuple[EntryRow, ...]) -> PoolTable:
    source, colour = _source(pool)
    return PoolTable(
        name=POOL_NAMES.get(pool.pool, pool.pool),
        source=source,
        colour=colour,
        balance=pool.balance,
        holdings=pool.holdings,
        observed_at=pool.observed_at,
        age=pool.age_at(decided_at),
        reserve=pool.reserve,
        unallocated=pool.unallocated,
        reason=pool.reason,
        entries=entries,
    )


def _source(pool: PoolReport) -> tuple[Any, str]:
    """Where its balance came from, with its colour; that none was wanted is nothing bad."""
    if pool.is_held:
        return OUTLOOK[Outcome.HELD.value], OUTCOME_COLOUR[Outcome.HELD.value]
    is_none_wanted = pool.source == Source.NONE and not pool.is_unread
    colour = "" if is_none_wanted else _SOURCE_COLOUR.get(pool.source, "")
    return SOURCE_NAMES.get(pool.source, pool.source), colour


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
    linked: Linked,
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
            for table in pool_tables(report, decided_at=decided_at, linked=linked)
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
