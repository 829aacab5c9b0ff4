"""How the chained return of each went lately, as a sparkline shows it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from django.db.models import QuerySet

from capital.domain.performance.measures.periods import Period
from capital.models import StrategyAccount
from capital.services.performance.groups import Group, Links
from capital.services.performance.returns import Chain, chains_of, curve, merged

# Of a longer period the last days: more are not told apart in so small a picture.
MOST_SPARK_DAYS = 90

# A symbol has no return.
_KEYS = {
    "strategy": "strategy",
    "link": "pk",
    "account": "account",
    "owner": "account__owner",
}


def sparks(
    links: "QuerySet[StrategyAccount]", groups: Collection[Group], *, by: str, period: Period
) -> Mapping[tuple[Group, str], Sequence[Decimal]]:
    """The chained return after each day, of some groups. A constant number of queries: four.

    Args:
        links: Those that the reader may see.
        groups: Of which it is asked.
        by: Of ``GROUPS``; nothing by symbol.
        period: Which days; the last 90 of more.

    Returns:
        By group and currency of its accounts, the oldest day first, as parts: 0.05 is 5 %. Without
        those that have no day with a return.
    """
    if by not in _KEYS or not groups:
        return {}
    chosen = links.filter(**{f"{_KEYS[by]}__in": [group.id for group in groups]})
    first = period.until - timedelta(days=MOST_SPARK_DAYS - 1)
    if period.since is None or period.since < first:
        period = replace(period, since=first)
    of = Links.load(chosen)
    chains: dict[tuple[Group, str], list[Chain]] = defaultdict(list)
    for chain in chains_of(chosen.order_by(), period):
        link = of.rows[chain.link_id]
        if chain.currency == link.currency:
            chains[link.groups[by], chain.currency].append(chain)
    points = {key: curve(merged(of_key)) for key, of_key in chains.items()}
    return {
        key: [point.chained for point in of_key]
        for key, of_key in points.items()
        if any(point.daily_return is not None for point in of_key)
    }
