"""Balances and capital of one account, or of one strategy, over the last 30 days."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import itemgetter

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    StrategyAccount,
)
from capital.services.access.visibility import visible_to
from capital.services.balances.summaries import business_date
from capital.services.overview.currencies import Slice, capital_by_strategy, read_capital
from capital.services.overview.equity import DayBalances, calendar, read_history
from capital.services.overview.runs import RecentRun, recent_runs
from strategies.models import Strategy

RUNS = 10
# Of two machines; far more than what a cluster works with.
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True)
class AccountHistory:
    """The history of one account.

    Attributes:
        days: Its balances on each day, the oldest first.
        capital: The present capital of each strategy, the largest first.
        runs: Its last runs, the newest first.
    """

    days: Sequence[DayBalances]
    capital: tuple[Slice, ...]
    runs: Sequence[RecentRun]


@dataclass(frozen=True)
class LinkHistory:
    """The capital of one link at the end of each day; None before its first allocation."""

    account: str
    amounts: Sequence[Decimal | None]


@dataclass(frozen=True)
class StrategyHistory:
    """The history of one strategy.

    Attributes:
        days: The oldest first.
        currencies: Its links by currency; the one with most capital today first.
    """

    days: Sequence[date]
    currencies: dict[str, list[LinkHistory]]


def read_account_history(account: Account, *, clock: Clock = timezone.now) -> AccountHistory:
    """Balances, capital and the last runs of one account."""
    now = clock()
    return AccountHistory(
        days=read_history(account.pk, now=now),
        capital=capital_by_strategy(read_capital({account.pk: account})),
        runs=recent_runs(AllocationRun.objects.filter(account=account), count=RUNS),
    )


def read_strategy_history(
    strategy: Strategy, user: AbstractUser | AnonymousUser, *, clock: Clock = timezone.now
) -> StrategyHistory:
    """The strategy's capital on the accounts that the user may see, in four queries.

    Between two runs capital stays as the first of them left it.
    """
    days = calendar(clock())
    links = visible_to(user, StrategyAccount.objects.filter(strategy=strategy))
    rows = links.order_by("account__name", "pk").values_list(
        "pk",
        "account__name",
        "account__currency",
        "capital__allocated_capital",
        "capital__allocated_at",
    )
    changes = _read_changes(links, since=_midnight(days[0]))
    currencies: dict[str, list[LinkHistory]] = defaultdict(list)
    for key, account, currency, held, allocated_at in rows:
        amounts = _by_day(days, changes[key], held, allocated_at)
        currencies[currency].append(LinkHistory(account, amounts))
    for histories in currencies.values():
        histories.sort(key=lambda each: -(each.amounts[-1] or Decimal(0)))
    return StrategyHistory(days, dict(sorted(currencies.items(), key=lambda each: -len(each[1]))))


@dataclass(frozen=True)
class _Change:
    """What one run made of a link's capital, and on which day."""

    date: date
    before: Decimal | None
    after: Decimal | None


def _read_changes(links: QuerySet[StrategyAccount], *, since: datetime) -> dict[int, list[_Change]]:
    # By link, and from where in the record that time begins: it is in the order of decisions, but
    # for machines whose clocks differ. By time alone a database reads the pools of all years.
    first = AllocationRun.objects.filter(created_at__gte=since - _CLOCKS_DIFFER)
    run = first.order_by("created_at", "pk").values_list("pk", flat=True).first()
    pools = AllocationPool.objects.filter(run__gte=run or 0).order_by("run_id")
    pool = pools.values_list("pk", flat=True).first()
    if run is None or pool is None:
        return defaultdict(list)
    entries = AllocationEntry.objects.filter(
        strategy_account__in=links.order_by().values("pk"),
        pool__gte=pool,
        pool__run__gte=run,
        pool__run__created_at__gte=since,
    )
    # Ordered here: a database that is to order by primary key reads all entries there are.
    rows = entries.order_by().values_list(
        "pk", "strategy_account_id", "pool__run__created_at", "before", "after"
    )
    changes: dict[int, list[_Change]] = defaultdict(list)
    for _, key, created_at, before, after in sorted(rows.iterator(), key=itemgetter(0)):
        changes[key].append(_Change(business_date(created_at), before, after))
    return changes


def _by_day(
    days: Sequence[date],
    changes: Sequence[_Change],
    held: Decimal | None,
    allocated_at: datetime | None,
) -> list[Decimal | None]:
    """The capital at the end of each day."""
    if not changes:
        # Nothing was decided on these days, so the present capital is also that of before.
        first = None if allocated_at is None else business_date(allocated_at)
        return [held if first is None or day >= first else None for day in days]
    amounts: list[Decimal | None] = []
    amount, position = changes[0].before, 0
    for day in days:
        while position < len(changes) and changes[position].date <= day:
            amount = changes[position].after
            position += 1
        amounts.append(amount)
    return amounts


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
