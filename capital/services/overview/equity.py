"""Balances over time, from the daily summaries.

A day without a summary has the balance of the last day before it that has one. Before an
account's first summary its balance is unknown, which is not zero.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from capital.domain.money import EXACT, known_sum
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.models import Account, DailyAccountSummary, Flow
from capital.services.accounts.lookup import AccountIds
from capital.services.balances.summaries import (
    CachedBalances,
    business_date,
    load_balances_of,
    time_of,
)

DAYS = 30

_Known = TypeVar("_Known")


@dataclass(frozen=True)
class DayBalances:
    """The balances of one account at the end of one day; None where one is unknown."""

    date: date
    spot: Decimal | None = None
    futures: Decimal | None = None
    total: Decimal | None = None


@dataclass(frozen=True)
class DayTotal:
    """The total of some accounts of one currency at the end of one day.

    Attributes:
        total: The sum of the known balances; None where none is known.
        known: Of how many accounts the balance is known.
    """

    date: date
    total: Decimal | None
    known: int


# The balance of each account at the end of each day, by its primary key.
Totals = Mapping[int, Sequence[Decimal | None]]


def calendar(now: datetime) -> list[date]:
    """The last 30 days and today, the oldest first."""
    today = business_date(now)
    return [today - timedelta(days=days_ago) for days_ago in reversed(range(DAYS + 1))]


def read_history(account_id: int, *, now: datetime) -> list[DayBalances]:
    """The balances of one account on each day of ``calendar``, in two queries."""
    days = calendar(now)
    fields = ("spot_balance", "futures_balance", "ending_balance")
    known = {day: balances for _, day, *balances in _read_rows([account_id], days, *fields)}
    nothing: list[Decimal | None] = [None, None, None]
    return [
        DayBalances(day, *balances)
        for day, balances in zip(days, _filled(known, days, nothing), strict=True)
    ]


def read_totals(
    accounts: Collection[int], account_ids: AccountIds | None = None, *, now: datetime
) -> Totals:
    """The balance of each account on each day of ``calendar``, in two queries.

    Args:
        accounts: Primary keys.
        account_ids: The same accounts as a query, where there is one.
        now: Decides which day is today.
    """
    days = calendar(now)
    known: dict[int, dict[date, Decimal | None]] = {key: {} for key in accounts}
    among = list(accounts) if account_ids is None else account_ids
    for account_id, day, ending in _read_rows(among, days, "ending_balance"):
        known[account_id][day] = ending
    return {key: _filled(of_account, days, None) for key, of_account in known.items()}


def read_changes_today(
    latest: Mapping[int, CachedBalances], account_ids: AccountIds, *, now: datetime
) -> dict[int, Decimal]:
    """The change of each account's balance since today began, where both are known.

    Without deposits, withdrawals and what else was put in or taken out of a pool between the
    reading with which the day began and its last one. In two queries at most.

    Args:
        latest: The newest balances of each account.
        account_ids: The same accounts, best as a query.
        now: Decides which day is today.
    """
    today = business_date(now)
    put_in = _put_in(account_ids, since=start_of(today - timedelta(days=DAYS)))
    before = load_balances_of(list(put_in), until=today - timedelta(days=1)) if put_in else {}
    changes = {}
    for key, row in latest.items():
        starting, ending = row.starting_balance, row.ending_balance
        # A day that a clock ahead of this one opened counts as today.
        if row.date < today or starting is None or ending is None:
            continue
        first = before.get(key) if row.date == today else None
        flows = [
            amount for pool, at, amount in put_in.get(key, ()) if _is_between(first, row, pool, at)
        ]
        changes[key] = EXACT.subtract(ending, known_sum(starting, *flows) or Decimal(0))
    return changes


def _is_between(
    first: CachedBalances | None, last: CachedBalances, pool: Pool, at: datetime
) -> bool:
    """Whether the balance of a pool holds what came then, and the one before it does not."""
    since = None if first is None else time_of(first, pool)
    if at < start_of(last.date) if since is None else at <= since:
        return False
    until = time_of(last, pool)
    return until is None or at <= until


def _put_in(
    account_ids: AccountIds, *, since: datetime
) -> dict[int, list[tuple[Pool, datetime, Decimal]]]:
    """What was put in (above zero) or taken out of each account's pools, in its currency."""
    kinds = [kind.value for kind in FlowKind if not kind.is_earned]
    rows = Flow.objects.filter(
        account__in=account_ids, kind__in=kinds, occurred_at__gte=since, matched_by__isnull=True
    ).order_by()
    found: dict[int, list[tuple[Pool, datetime, Decimal]]] = defaultdict(list)
    columns = ("account_id", "account__currency", "currency", "pool", "occurred_at", "amount")
    for key, own, currency, pool, occurred_at, amount in rows.values_list(*columns):
        if currency == own:
            found[key].append((Pool(pool), occurred_at, amount))
    return found


def start_of(day: date) -> datetime:
    """When a day of ``calendar`` begins."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def total_by_day(
    days: Sequence[date], totals: Sequence[Sequence[Decimal | None]]
) -> list[DayTotal]:
    """The sum of several accounts on each day."""
    summed = []
    for day, of_day in zip(days, zip(*totals, strict=True), strict=True):
        known = [amount for amount in of_day if amount is not None]
        summed.append(DayTotal(day, add(known), len(known)))
    return summed


def add(amounts: Iterable[Decimal]) -> Decimal | None:
    """The exact sum; None where there are no amounts, which is not zero."""
    listed = list(amounts)
    return reduce(EXACT.add, listed) if listed else None


def _read_rows(
    account_ids: AccountIds, days: Sequence[date], *fields: str
) -> Iterable[tuple[Any, ...]]:
    """Account, day and fields. The last row before these days is dated the day before them."""
    first, rows = days[0], DailyAccountSummary.objects.order_by()
    within = rows.filter(account_id__in=account_ids, date__gte=first, date__lte=days[-1])
    yield from within.values_list("account_id", "date", *fields)
    # Nothing is carried into a first day that has its own row, as nearly all have.
    earlier = DailyAccountSummary.objects.filter(account=OuterRef("pk"), date__lt=first)
    begun = DailyAccountSummary.objects.filter(account=OuterRef("pk"), date=first)
    newest = (
        Account.objects.filter(~Exists(begun), pk__in=account_ids)
        .order_by()
        .annotate(newest=Subquery(earlier.order_by("-date").values("pk")[:1]))
    )
    day_before = first - timedelta(days=1)
    carried = rows.filter(pk__in=newest.values("newest"))
    for account_id, *values in carried.values_list("account_id", *fields):
        yield account_id, day_before, *values


def _filled(known: Mapping[date, _Known], days: Sequence[date], nothing: _Known) -> list[_Known]:
    """One value for each day; a day without a row has the value of the day before."""
    last = known.get(days[0] - timedelta(days=1), nothing)
    filled = []
    for day in days:
        last = known.get(day, last)
        filled.append(last)
    return filled
