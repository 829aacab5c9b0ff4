"""Links of which no fill was ever told, on an account whose other links have books.

They earned nothing, and their capital is a part of what the account began a day with.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from capital.domain.money import EXACT, known_sum
from capital.domain.performance.measures.returns import Day
from capital.models import AllocationEntry, StrategyCapital
from capital.services.balances.summaries import business_date

_ZERO = Decimal(0)


def with_silent(days: Sequence[Day], link_ids: Sequence[int]) -> Sequence[Day]:
    """The days of an account together with the capital of these links. Two queries; none for none.

    Args:
        days: In their order.
        link_ids: Links without books.
    """
    if not link_ids or not days:
        return days
    present = StrategyCapital.objects.filter(strategy_account__in=link_ids)
    capital = known_sum(*present.values_list("allocated_capital", flat=True)) or _ZERO
    changes = _changes(link_ids)
    # Backwards from what they have now.
    found: list[Day] = []
    left = sorted(changes, reverse=True)
    for day in reversed(days):
        while left and left[0] > day.date:
            capital = EXACT.subtract(capital, changes[left.pop(0)])
        added = changes.get(day.date, _ZERO)
        start = EXACT.subtract(capital, added)
        found.append(
            replace(day, start=known_sum(day.start, start), added=known_sum(day.added, added))
        )
    return found[::-1]


def _changes(link_ids: Sequence[int]) -> dict[date, Decimal]:
    """What decisions gave these links on each day, less what they took."""
    changes: dict[date, Decimal] = defaultdict(Decimal)
    entries = AllocationEntry.objects.filter(strategy_account__in=link_ids)
    rows = entries.order_by().values_list("pool__run__created_at", "before", "after")
    for created_at, before, after in rows:
        day = business_date(created_at)
        # One that kept nothing had nothing.
        given = EXACT.subtract(after or _ZERO, before or _ZERO)
        changes[day] = EXACT.add(changes[day], given)
    return changes
