"""Which days are read from packed months as a whole, and which rows are read besides.

The sums of a month's trades and symbols are those of all its days: where a period begins or ends
within one, and of days that are not packed, rows are read one by one.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from django.db.models import Q

from capital.domain.performance.measures.periods import Period
from capital.services.trading.packed.symbols import DayKey

# The first and the last day of whole months, which follow each other.
_Range = tuple[date, date]


@dataclass
class Cover:
    """The days of each link and currency that whole months tell of."""

    ranges: dict[DayKey, _Range] = field(default_factory=dict)

    def add(self, key: DayKey, month: date, until: date) -> None:
        """Take a month whole, up to its last packed day. Months come in their order."""
        since, _ = self.ranges.get(key, (month, until))
        self.ranges[key] = since, until

    def has(self, key: DayKey, day: date) -> bool:
        """Whether a whole month tells of the day."""
        found = self.ranges.get(key)
        return found is not None and found[0] <= day <= found[1]

    def rest(self, link_ids: Collection[int]) -> Q:
        """The rows of these links of which none tells, and some more: ``has`` knows which.

        Most links have the same days; only those that have others are named.
        """
        of_currency: dict[str, dict[int, _Range]] = defaultdict(dict)
        for (link_id, currency), found in self.ranges.items():
            of_currency[currency][link_id] = found
        rest = _other_than(sorted(of_currency))
        for currency, ranges in of_currency.items():
            of_range: dict[_Range | None, list[int]] = defaultdict(list)
            for link_id in link_ids:
                of_range[ranges.get(link_id)].append(link_id)
            usual = max(of_range, key=lambda each: len(of_range[each]))
            # Those of whom nothing is packed include all others.
            for each, ids in of_range.items():
                of_some = Q() if each == usual else Q(strategy_account__in=ids)
                if each == usual or usual is not None:
                    for outside in _outside(each):
                        rest |= Q(outside, of_some, currency=currency)
        return rest


def _outside(found: _Range | None) -> list[Q]:
    return [Q()] if found is None else [Q(date__lt=found[0]), Q(date__gt=found[1])]


def _other_than(currencies: Sequence[str]) -> Q:
    """As what is less or greater, which an index finds: hardly ever are there any."""
    if not currencies:
        return Q()
    rest = Q(currency__lt=currencies[0]) | Q(currency__gt=currencies[-1])
    for one, next_one in pairwise(currencies):
        rest |= Q(currency__gt=one, currency__lt=next_one)
    return rest


def is_whole(period: Period, month: date, until: date) -> bool:
    """Whether all packed days of a month are of the period."""
    return (period.since is None or period.since <= month) and until <= period.until


def dated(period: Period) -> Q:
    """The rows of the period."""
    asked = Q(date__lte=period.until)
    return asked if period.since is None else asked & Q(date__gte=period.since)
