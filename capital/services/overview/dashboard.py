"""All accounts of a user at a glance, in one call and a constant number of queries.

Amounts are per currency and never summed across currencies. Only active accounts count, and only
those that the user may see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.reasons import Reason
from capital.models import Account, AllocationRun, StrategyAccount
from capital.models.queries.isolation import repeatable_read
from capital.services.access.visibility import visible_to
from capital.services.accounts.held import load_link_capital
from capital.services.balances.summaries import load_balances
from capital.services.balances.turns.waiting import (
    ReadingTime,
    minutes_of_a_round,
    read_in_turns,
    reading_times,
)
from capital.services.jobs.health import Health, check_health
from capital.services.limits.concerns import Losses, losses_of, wide_stops
from capital.services.overview.accounts import AccountBalances, balances_of_accounts
from capital.services.overview.concerns import CONCERNING_OUTCOMES, Concern, concerns_of
from capital.services.overview.currencies import CurrencyOverview, overview_currencies
from capital.services.overview.earnings import Earnings, read_earnings
from capital.services.overview.equity import (
    calendar,
    read_changes_today,
    read_totals,
    start_of,
)
from capital.services.overview.marks import read_marks
from capital.services.overview.rates import CombinedTotal, combine_totals
from capital.services.overview.runs import RecentRun, last_runs, recent_runs
from capital.services.trading.syncing.problems import trading_problems
from strategies.models import Strategy

RECENT_RUNS = 8
# What is asked of each account. A thousand whole rows would be the slowest part of the page.
_NEEDED = (
    "owner_id",
    "name",
    "venue",
    "currency",
    "wallet_mode",
    "balance_basis",
    "is_active",
    "reserve_percent",
    "reserve_amount",
    "max_cache_age_hours",
    "connection_code",
    "last_check_code",
    "suspect_readings",
)


@dataclass(frozen=True)
class AccountConcern:
    """An account that needs attention, and why: see ``concerns_of``."""

    account: Account
    overview: AccountBalances
    concerns: Mapping[Concern, str]


@dataclass(frozen=True)
class FirstSteps:
    """Which of the first steps of a new user are done.

    Attributes:
        own_account: The first account that the user owns, by primary key; None without one.
    """

    has_account: bool
    has_strategy: bool
    has_link: bool
    has_run: bool
    own_account: int | None = None

    @property
    def are_done(self) -> bool:
        """Whether all are done."""
        return self.has_account and self.has_strategy and self.has_link and self.has_run


@dataclass(frozen=True)
class Dashboard:
    """Everything that the first page shows.

    Attributes:
        currencies: The one worth most first, where rates are known; then those with most accounts.
        concerns: The most urgent first.
        accounts: How many accounts are active.
        accounts_off: How many are not.
        runs: The last runs, the newest first.
        health: Of jobs and clusters. It is the same for everyone, and apart from error texts it
            has no amounts.
        steps: What a new user has done already.
        reported: The total of all currencies in CAPITAL_REPORTING_CURRENCY; None where that is
            not set, or there are no accounts.
        seen_at: The time for which all this holds.
        in_turns: The venues on which these accounts are too many to be read with every sync.
        minutes_of_a_round: In how many minutes each of these accounts is read once.
        earnings: What was earned today, and what of it does not fit.
        stops: What stops everybody, or all accounts of an owner, each with its reason.
    """

    currencies: list[CurrencyOverview]
    concerns: list[AccountConcern]
    accounts: int
    accounts_off: int
    runs: list[RecentRun]
    health: Health
    steps: FirstSteps
    reported: CombinedTotal | None
    seen_at: datetime
    in_turns: list[ReadingTime]
    minutes_of_a_round: int
    earnings: Earnings
    stops: list[str]


def read_dashboard(user: AbstractUser, *, clock: Clock = timezone.now) -> Dashboard:
    """What this user may see, read at one point in time.

    Args:
        user: The user who looks at the dashboard.
        clock: Decides which day is today, and what is stale.
    """
    with repeatable_read():
        now = clock()
        visible = visible_to(user, Account.objects.only(*_NEEDED))
        every = list(visible.order_by("name", "pk"))
        accounts = {account.pk: account for account in every if account.is_active}
        ids = visible.filter(is_active=True).order_by().values_list("pk", flat=True)
        capital, latest = load_link_capital(accounts, ids), load_balances(ids, now=now)
        overviews = balances_of_accounts(accounts, capital, latest, now=now)
        times = reading_times(accounts.values())
        recent = recent_runs(visible_to(user, AllocationRun.objects.all()), count=RECENT_RUNS)
        currencies = overview_currencies(
            accounts,
            overviews,
            capital,
            changes=read_changes_today(latest, ids, now=now),
            days=calendar(now),
            totals=read_totals(accounts, ids, now=now),
            marks=read_marks(ids, user, since=start_of(calendar(now)[0]), until=now),
        )
        reported = _reported(currencies)
        return Dashboard(
            currencies=_largest_first(currencies, reported),
            concerns=_concerns(
                accounts,
                overviews,
                last_runs(ids, *CONCERNING_OUTCOMES),
                trading_problems(ids, now=now),
                losses_of(ids),
            ),
            stops=wide_stops({account.owner_id for account in every}),
            accounts=len(accounts),
            accounts_off=len(every) - len(accounts),
            runs=recent,
            health=check_health(clock=lambda: now),
            steps=FirstSteps(
                has_account=bool(every),
                has_strategy=visible_to(user, Strategy.objects.all()).exists(),
                has_link=visible_to(user, StrategyAccount.objects.all()).exists(),
                has_run=bool(recent),
                own_account=min(
                    (each.pk for each in every if each.owner_id == user.pk), default=None
                ),
            ),
            reported=reported,
            seen_at=now,
            in_turns=read_in_turns(times),
            minutes_of_a_round=minutes_of_a_round(times),
            earnings=read_earnings(accounts, ids, now=now),
        )


def _reported(currencies: Sequence[CurrencyOverview]) -> CombinedTotal | None:
    """The total in the reporting currency, in one query for the rates."""
    currency = settings.CAPITAL_REPORTING_CURRENCY
    if not currency or not currencies:
        return None
    total = combine_totals(currency, {each.currency: each.total for each in currencies})
    # A currency has a total also where some of its balances are unknown.
    is_partial = total.is_partial or any(each.unknown for each in currencies)
    return replace(total, is_partial=is_partial)


def _largest_first(
    currencies: Sequence[CurrencyOverview], reported: CombinedTotal | None
) -> list[CurrencyOverview]:
    """By what they are worth; what has no rate stays in its order, behind."""
    worths = {} if reported is None else reported.worths
    return sorted(
        currencies,
        key=lambda each: (each.currency not in worths, -worths.get(each.currency, Decimal(0))),
    )


def _concerns(
    accounts: Mapping[int, Account],
    overviews: Mapping[int, AccountBalances],
    runs: Mapping[int, AllocationRun],
    trades: Mapping[int, Sequence[Reason]],
    losses: Mapping[int, Losses],
) -> list[AccountConcern]:
    found = [
        AccountConcern(account, overviews[key], concerns)
        for key, account in accounts.items()
        if (
            concerns := concerns_of(
                account, overviews[key], runs.get(key), trades.get(key, ()), losses.get(key)
            )
        )
    ]
    urgency = list(Concern)
    return sorted(found, key=lambda each: min(urgency.index(one) for one in each.concerns))
