"""What decisions added to links on each day: those that are in the database, and those in files."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple, Protocol

from django.utils import timezone

from capital.domain.allocation.decision import Outcome
from capital.domain.money import known_sum
from capital.models import AllocationRun, ArchivedRun, LinkDay
from capital.models.allocations.archived import KEPT_DAYS
from capital.models.queries.compiled import CompiledQuery
from capital.services.balances.summaries import business_date

_ZERO = Decimal(0)
# A link and a day.
_Key = tuple[int, date]


class Added(NamedTuple):
    """What decisions gave to links beyond what they earned, less what they took.

    Attributes:
        by_day: None where that is not known.
        first_decided: The links that were decided for the first time.
    """

    by_day: dict[_Key, Decimal | None]
    first_decided: frozenset[int]


class _Of(Protocol):
    @property
    def account_id(self) -> int: ...

    @property
    def currency(self) -> str: ...


def read_added(
    links: Mapping[int, _Of], recorded: Sequence[LinkDay], *, since: date, today: date
) -> Added:
    """What was added to these links from a day on. One query; two where runs may be in files.

    Args:
        links: All of their accounts.
        recorded: Their days since then, as they were written: they tell what runs added that an
            earlier version archived.
        since: The first day.
        today: Runs of less than ``KEPT_DAYS`` before it are in no file.
    """
    account_ids = list({of.account_id for of in links.values()})
    begins = datetime.combine(since, time.min, tzinfo=timezone.get_default_timezone())
    rows = _RUNS.rows(account_ids, begins)
    untold: set[tuple[int, date]] = set()
    if (today - since).days >= KEPT_DAYS:
        for account_id, decided_at, pnl in _ARCHIVED.rows(account_ids, begins):
            if pnl is None:
                untold.add((account_id, business_date(decided_at)))
            else:
                rows.append((decided_at, pnl))
    found: dict[_Key, Decimal | None] = {}
    first: set[int] = set()
    for created_at, pnl in rows:
        for link_id, counted in pnl.items():
            key = int(link_id), business_date(created_at)
            text = counted["added"]
            found[key] = known_sum(found.get(key, _ZERO), None if text is None else Decimal(text))
            if "before" in counted and counted["before"]["since"] is None:
                first.add(int(link_id))
    if untold:
        found |= _as_recorded(links, recorded, untold)
        first |= {row.strategy_account_id for row in recorded if _is_undecided(row)}
    return Added(found, frozenset(first))


def _as_recorded(
    links: Mapping[int, _Of], recorded: Sequence[LinkDay], untold: set[tuple[int, date]]
) -> Iterator[tuple[_Key, Decimal | None]]:
    """What was added on days of which no run tells any more: not known where no day was written."""
    days = {
        (row.strategy_account_id, row.date): row
        for row in recorded
        if row.currency == links[row.strategy_account_id].currency
    }
    for link_id, of in links.items():
        for account_id, day in untold:
            if account_id == of.account_id:
                row = days.get((link_id, day))
                if row is None or not _is_undecided(row):
                    yield (link_id, day), None if row is None else row.capital_added


def _is_undecided(row: LinkDay) -> bool:
    """Whether a day was written as one of before the first decision about its link."""
    return row.equity_start is None and row.settled_start == 0 and row.capital_added == 0


_RUNS = CompiledQuery(
    lambda account_ids, begins: (
        AllocationRun.objects.filter(
            account__among=account_ids, created_at__gte=begins, pnl__isnull=False
        )
        .order_by("pk")
        .values_list("created_at", "pnl")
    )
)
_ARCHIVED = CompiledQuery(
    lambda account_ids, begins: (
        ArchivedRun.objects.filter(
            account__among=account_ids, decided_at__gte=begins, outcome=Outcome.APPLIED.value
        )
        .order_by("run_id")
        .values_list("account_id", "decided_at", "pnl")
    )
)
