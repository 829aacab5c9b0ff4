"""Links of which no fill was ever told, on an account whose other links have books.

They earned nothing, and their capital is a part of what the account began a day with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from capital.domain.allocation.decision import Outcome
from capital.domain.money import EXACT, known_difference, known_sum
from capital.domain.performance.measures.returns import Day
from capital.models import AllocationEntry, ArchivedRun, StrategyAccount, StrategyCapital
from capital.models.allocations.archived import KEPT_DAYS
from capital.services.balances.summaries import business_date

_ZERO = Decimal(0)
# By link and day; None is not known.
_Changes = dict[tuple[int, date], Decimal | None]


def with_silent(days: Sequence[Day], link_ids: Sequence[int]) -> Sequence[Day]:
    """The days of an account together with the capital of these links.

    Two queries, and one more where runs of some of the days may be in files; none for none. Before
    a run that an earlier version archived, which kept nothing of it, the capital is not known.

    Args:
        days: In their order.
        link_ids: Links without books.
    """
    if not link_ids or not days:
        return days
    rows = StrategyCapital.objects.filter(strategy_account__in=link_ids)
    present = dict(rows.values_list("strategy_account", "allocated_capital"))
    capital = known_sum(_ZERO, *present.values())
    changes = _changes(link_ids)
    if (days[-1].date - days[0].date).days >= KEPT_DAYS:
        _add_archived(changes, present)
    given: dict[date, Decimal | None] = {}
    for (_, of_day), amount in changes.items():
        given[of_day] = known_sum(given.get(of_day, _ZERO), amount)
    # Backwards from what they have now.
    found: list[Day] = []
    left = sorted(given, reverse=True)
    for day in reversed(days):
        while left and left[0] > day.date:
            capital = known_difference(capital, given[left.pop(0)])
        added = given.get(day.date, _ZERO)
        start = known_difference(capital, added)
        found.append(
            replace(day, start=known_sum(day.start, start), added=known_sum(day.added, added))
        )
    return found[::-1]


def _changes(link_ids: Sequence[int]) -> _Changes:
    """What decisions gave these links, less what they took."""
    changes: _Changes = {}
    entries = AllocationEntry.objects.filter(strategy_account__in=link_ids)
    rows = entries.order_by().values_list(
        "strategy_account", "pool__run__created_at", "before", "after"
    )
    for link_id, created_at, before, after in rows:
        # One that kept nothing had nothing.
        given = EXACT.subtract(after or _ZERO, before or _ZERO)
        _count(changes, (link_id, business_date(created_at)), given)
    return changes


def _add_archived(changes: _Changes, present: Mapping[int, Decimal | None]) -> None:
    """Count in what runs gave and took that are in files: of who earned nothing, all they added."""
    accounts = StrategyAccount.objects.filter(pk__in=present).values("account")
    runs = ArchivedRun.objects.filter(account__in=accounts, outcome=Outcome.APPLIED.value)
    first: dict[int, date] = {}
    for decided_at, pnl in runs.order_by("run_id").values_list("decided_at", "pnl"):
        day = business_date(decided_at)
        for link_id in present:
            counted: dict[str, Any] | None = (
                {"added": None} if pnl is None else pnl.get(str(link_id))
            )
            if counted is None:
                continue
            text = counted["added"]
            if text is None and "before" in counted and counted["before"]["since"] is None:
                first.setdefault(link_id, day)
                continue
            _count(changes, (link_id, day), None if text is None else Decimal(text))
    for link_id, day in first.items():
        # It had nothing before it: all that it has, and nothing else gave.
        others = [amount for (of, _), amount in changes.items() if of == link_id]
        _count(
            changes, (link_id, day), known_difference(present[link_id], known_sum(_ZERO, *others))
        )


def _count(changes: _Changes, key: tuple[int, date], amount: Decimal | None) -> None:
    changes[key] = known_sum(changes.get(key, _ZERO), amount)
