"""The days of pools: written while they last, and again where something of them comes late.

A day lasts from the last reading of the day before to its own last one, so days follow each other
without a gap, and what happened after the last reading of a day belongs to the next.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.performance.unexplained import (
    HoldingKey,
    Unexplainable,
)
from capital.domain.pools import Pool
from capital.models import Account, DailyAccountSummary, DayMark, Fill, Flow, PoolDay
from capital.services.accounts.lookup import lock_accounts, pools_of_account, stands_for
from capital.services.balances.summaries import (
    BALANCE_FIELD,
    OBSERVED_FIELD,
    business_date,
)
from capital.services.happened import DaysExplained, say
from capital.services.trading.unexplained.chain import Chain, State, is_equity
from capital.services.trading.unexplained.moved import Moved, Seen, first_new, moved_since
from capital.services.transactions import inside_transaction, outside_transaction

ACCOUNTS_AT_ONCE = 500

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
_WRITTEN = (
    "balance",
    "until",
    "change",
    "fills",
    "flows",
    "realized",
    "coins",
    "fees",
    "funding",
    "external",
    "unrealized",
    "unexplained",
    "code",
    "holdings",
    "fills_until",
    "flows_until",
)
_READ = ("account_id", "date", *BALANCE_FIELD.values(), *OBSERVED_FIELD.values())
_POSITION = ("amount", "grown_to", "paid")
_AMOUNTS = ("change", "fills", "flows", "unrealized")


@outside_transaction
def explain_balances(account_ids: Sequence[int], *, clock: Clock = timezone.now) -> int:
    """Say of each day and pool of these accounts what fills and flows leave unexplained.

    Of today what its last reading tells; of earlier days what came late. Running it again changes
    nothing. A constant number of queries for each batch of accounts. Call it outside a transaction:
    it commits, and releases its locks, after each batch.

    Returns:
        How many days were written.
    """
    ids, written = list(dict.fromkeys(account_ids)), 0
    for start in range(0, len(ids), ACCOUNTS_AT_ONCE):
        with transaction.atomic():
            accounts = lock_accounts(ids[start : start + ACCOUNTS_AT_ONCE])
            written += restate_pool_days(accounts, now=clock())
    return written


@inside_transaction
def restate_pool_days(accounts: Mapping[int, Account], *, now: datetime) -> int:
    """Write the days of these accounts that are new or changed. Call it inside a transaction.

    Args:
        accounts: Locked, by primary key.
        now: Says which day is today.
    """
    seen = Seen.now()
    rows: list[PoolDay] = []
    for group in _groups(accounts, yesterday=business_date(now) - _DAY):
        some = {key: accounts[key] for key in group.account_ids}
        desk = _Desk.load(some, group, now=now)
        rows += [row for key in some for row in desk.days_of(key)]
    for row in rows:
        row.fills_until, row.flows_until = seen.fills, seen.flows
    PoolDay.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account", "pool", "date"],
        update_fields=_WRITTEN,
        batch_size=500,
    )
    if rows:
        say(DaysExplained(rows, accounts), now=now)
    return len(rows)


@dataclass(frozen=True)
class _Group:
    """Accounts whose days are written from one day on.

    Attributes:
        begins: That day; None for their very first.
        bases: The last day before it of each pool.
    """

    account_ids: Sequence[int]
    begins: date | None
    bases: Mapping[tuple[int, str], PoolDay]


def _groups(accounts: Mapping[int, Account], *, yesterday: date) -> list[_Group]:
    """Those of which today is written, those of which more, and those without any day to follow.

    In each the earliest day counts for all: that writes some days again as they are, and takes a
    constant number of queries. Accounts of which nothing is recorded are left out.
    """
    begins = _begins(accounts)
    known = {key: day for key, day in begins.items() if day is not None}
    fresh = [key for key, day in begins.items() if day is None]
    groups = []
    for is_recent in (True, False):
        days = {key: day for key, day in known.items() if (day >= yesterday) is is_recent}
        if days:
            bases = last_pool_days(days, min(days.values()))
            based = {account_id for account_id, _ in bases}
            groups.append(_Group([key for key in days if key in based], min(days.values()), bases))
            fresh += [key for key in days if key not in based]
    groups.append(_Group(sorted(fresh), None, {}))
    return [group for group in groups if group.account_ids]


def _begins(accounts: Mapping[int, Account]) -> dict[int, date | None]:
    """The first day to be written of each account; None for its very first. Without books: none."""
    rows: dict[int, list[PoolDay]] = defaultdict(list)
    for row in last_pool_days(accounts, None).values():
        rows[row.account_id].append(row)
    first = first_new(
        {
            key: Seen(min(row.fills_until for row in of), min(row.flows_until for row in of))
            for key, of in rows.items()
        }
    )
    begins: dict[int, date | None] = {}
    for key, of_account in rows.items():
        day = max(row.date for row in of_account)
        begins[key] = min(day, business_date(first[key])) if key in first else day
    begun = Q(Exists(Fill.objects.filter(account=OuterRef("pk"))))
    begun |= Q(Exists(Flow.objects.filter(account=OuterRef("pk"))))
    others = Account.objects.filter(begun, pk__in=accounts.keys() - rows.keys())
    begins.update(dict.fromkeys(others.order_by("pk").values_list("pk", flat=True)))
    return begins


def last_pool_days(
    account_ids: Collection[int], day: date | None
) -> dict[tuple[int, str], PoolDay]:
    """The last day of each pool before ``day``, or the newest for None, in two queries."""
    days = PoolDay.objects.filter(account=OuterRef("pk"))
    if day is not None:
        days = days.filter(date__lt=day)
    last = {
        f"last_{pool.value}": Subquery(
            days.filter(pool=pool.value).order_by("-date").values("pk")[:1]
        )
        for pool in Pool
    }
    found = Account.objects.filter(pk__in=account_ids).order_by("pk").annotate(**last)
    keys = [key for row in found.values_list(*last) for key in row if key is not None]
    return {(row.account_id, row.pool): row for row in PoolDay.objects.filter(pk__in=keys)}


@dataclass(frozen=True)
class _Desk:
    """Everything from which the days of some accounts follow."""

    accounts: Mapping[int, Account]
    summaries: Mapping[int, Sequence[DailyAccountSummary]]
    bases: Mapping[tuple[int, str], PoolDay]
    moved: Moved
    marks: Mapping[str, Mapping[date, Mapping[str, Decimal]]]
    now: datetime

    @classmethod
    def load(
        cls,
        accounts: Mapping[int, Account],
        group: _Group,
        *,
        now: datetime,
    ) -> "_Desk":
        bases = group.bases
        wanted = [(key, pool.value) for key in accounts for pool in pools_of_account(accounts[key])]
        known = [bases[key].until for key in wanted if key in bases]
        moved = moved_since(accounts, min(known) if len(known) == len(wanted) else None)
        rows = DailyAccountSummary.objects.filter(account__in=accounts).order_by("date")
        if group.begins is not None:
            rows = rows.filter(date__gte=group.begins)
        summaries: dict[int, list[DailyAccountSummary]] = defaultdict(list)
        for row in rows.only(*_READ):
            summaries[row.account_id].append(row)
        before = [bases[key] for key in wanted if key in bases]
        return cls(accounts, summaries, bases, moved, _marks(accounts, before, moved), now)

    def days_of(self, account_id: int) -> list[PoolDay]:
        """The days of all pools of one account."""
        account = self.accounts[account_id]
        first = self.moved.first.get(account_id)
        found: list[PoolDay] = []
        for pool in pools_of_account(account):
            key = account_id, pool.value
            base = self.bases.get(key)
            chain = Chain(
                account=account,
                pool=pool,
                currencies={account.currency, *stands_for(account.venue, account.currency)},
                fills=self.moved.fills.get(key, []),
                flows=self.moved.flows.get(key, []),
                marks=self.marks.get(account.venue, {}),
                # With books on an earlier day, nothing is the first any more.
                first=first if base is None or base.code == Unexplainable.NO_BOOKS.value else None,
                now=self.now,
            )
            state, days = None if base is None else State.of(base), []
            for summary in self.summaries.get(account_id, ()):
                day, state = chain.day(summary, state)
                days.append(day)
            found += _from_the_first(days, first) if base is None else days
        return found


def _from_the_first(days: Sequence[PoolDay], first: datetime | None) -> Sequence[PoolDay]:
    """The days since the books began, and the last one before, with which they begin."""
    begins = None if first is None else business_date(first)
    earlier = [at for at, day in enumerate(days) if begins is None or day.date < begins]
    return days[earlier[-1] :] if earlier else days


def _marks(
    accounts: Mapping[int, Account], bases: Sequence[PoolDay], moved: Moved
) -> dict[str, dict[date, dict[str, Decimal]]]:
    """Marks by venue, date and symbol, where balances hold unrealised PnL, in one query."""
    on_equity = {key for key, account in accounts.items() if is_equity(account)}
    symbols = {
        HoldingKey.of(text).symbol
        for row in bases
        if row.account_id in on_equity
        for text in row.holdings
    }
    symbols |= {
        each.symbol
        for (account_id, _), fills in moved.fills.items()
        if account_id in on_equity
        for each in fills
    }
    found: dict[str, dict[date, dict[str, Decimal]]] = defaultdict(lambda: defaultdict(dict))
    if not symbols:
        return found
    rows = DayMark.objects.filter(
        venue__in={accounts[key].venue for key in on_equity}, symbol__in=symbols
    ).order_by()
    dates = [row.until for row in bases if row.account_id in on_equity]
    if len(dates) == len(bases) and dates:
        rows = rows.filter(date__gte=business_date(min(dates)) - _DAY)
    for row in rows:
        found[row.venue][row.date][row.symbol] = row.price
    return found
