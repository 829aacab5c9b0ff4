"""Balances and capital of one account over the last 30 days."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.utils import timezone

from capital.domain.clock import Clock
from capital.models import Account, AllocationRun
from capital.services.accounts.held import load_link_capital
from capital.services.overview.currencies import Slice, capital_by_strategy
from capital.services.overview.equity import DayBalances, read_history, start_of
from capital.services.overview.marks import Event, read_jumps, read_marks
from capital.services.overview.runs import RecentRun, recent_runs

RUNS = 10


@dataclass(frozen=True)
class AccountHistory:
    """The history of one account.

    Attributes:
        days: Its balances on each day, the oldest first.
        capital: The present capital of each strategy, the largest first.
        runs: Its last runs, the newest first.
        marks: What made its balance jump on these days, beside what was earned or lost.
    """

    days: Sequence[DayBalances]
    capital: tuple[Slice, ...]
    runs: Sequence[RecentRun]
    marks: Sequence[Event]


def read_account_history(
    account: Account, user: AbstractUser | AnonymousUser, *, clock: Clock = timezone.now
) -> AccountHistory:
    """Balances, capital, marks and the last runs of one account.

    Args:
        account: That the user may see.
        user: Marks are those that this user may look at.
        clock: Decides which day is today.
    """
    now = clock()
    days = read_history(account.pk, now=now)
    since = start_of(days[0].date)
    return AccountHistory(
        days=days,
        marks=[
            *read_marks([account.pk], user, since=since, until=now),
            *read_jumps(account.pk, since=since, until=now),
        ],
        capital=capital_by_strategy(load_link_capital({account.pk: account})),
        runs=recent_runs(AllocationRun.objects.filter(account=account), count=RUNS),
    )
