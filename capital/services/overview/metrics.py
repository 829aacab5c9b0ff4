"""What monitoring asks for: figures of every account and job at one moment, for programs.

They come from the database, so every process of every server tells the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import add_to
from capital.domain.pools import Pool
from capital.models import (
    Account,
    Alert,
    AlertDelivery,
    StrategyCapital,
    WebhookDelivery,
)
from capital.models.queries.isolation import repeatable_read
from capital.services.accounts.lookup import pools_of_account
from capital.services.balances.summaries import cached_observation, load_latest
from capital.services.jobs.health import Health, check_health

# So far back webhook deliveries are counted.
DELIVERIES_WITHIN = timedelta(hours=1)
_CREDENTIALS = ("api_key", "api_secret", "api_passphrase")


@dataclass(frozen=True)
class AccountMetrics:
    """One active account.

    Attributes:
        id: Its primary key.
        name: Its name.
        venue: Its exchange.
        ages: How old the balance of each pool is; without pools that were never read.
        connection_code: Why its exchange could not be read at the last sync; empty where it could.
        check_code: What the last due check answered; empty before the first one.
    """

    id: int
    name: str
    venue: str
    ages: Mapping[Pool, timedelta]
    connection_code: str
    check_code: str


@dataclass(frozen=True)
class StrategyKey:
    """By what the capital of a strategy is told: whose it is, its key, and in which currency."""

    owner: str
    strategy: str
    currency: str


@dataclass(frozen=True)
class Metrics:
    """All of it.

    Attributes:
        accounts: The active ones.
        capital: Of each strategy in each currency, over its accounts.
        health: Of jobs, clusters and the queue, and of how many accounts cannot be read.
        deliveries: Signals of the last hour, by what became of them: ``answered``, ``refused`` or
            ``unanswered``.
        alerts_waiting: Alerts that nobody handed out yet.
        messages_waiting: Messages of alerts that are not sent yet.
    """

    accounts: Sequence[AccountMetrics]
    capital: Mapping[StrategyKey, Decimal]
    health: Health
    deliveries: Mapping[str, int]
    alerts_waiting: int
    messages_waiting: int


def read_metrics(*, clock: Clock = timezone.now) -> Metrics:
    """Read all of it at one point in time, in a constant number of queries.

    Args:
        clock: Decides how old things are.
    """
    with repeatable_read():
        now = clock()
        return Metrics(
            accounts=_accounts(now),
            capital=_capital(),
            health=check_health(clock=lambda: now),
            deliveries=_deliveries(now),
            alerts_waiting=Alert.objects.filter(spread_at=None).count(),
            messages_waiting=AlertDelivery.objects.filter(due_at__isnull=False).count(),
        )


def _accounts(now: datetime) -> list[AccountMetrics]:
    active = Account.objects.filter(is_active=True)
    latest = load_latest(active.order_by().values_list("pk", flat=True), now=now)
    return [
        AccountMetrics(
            account.pk,
            account.name,
            account.venue,
            {
                pool: now - reading.observed_at
                for pool in pools_of_account(account)
                if (reading := cached_observation(latest.get(account.pk), pool, now=now))
                is not None
            },
            account.connection_code,
            account.last_check_code,
        )
        for account in active.defer(*_CREDENTIALS).order_by("pk")
    ]


def _capital() -> dict[StrategyKey, Decimal]:
    rows = StrategyCapital.objects.order_by().values_list(
        "strategy_account__strategy__owner__username",
        "strategy_account__strategy__key",
        "strategy_account__account__currency",
        "allocated_capital",
    )
    found: dict[StrategyKey, Decimal] = {}
    for owner, strategy, currency, amount in rows:
        add_to(found, StrategyKey(owner, strategy, currency), amount)
    return found


def _deliveries(now: datetime) -> dict[str, int]:
    rows = WebhookDelivery.objects.filter(received_at__gt=now - DELIVERIES_WITHIN)
    accepted = rows.filter(refusal__isnull=True)
    return {
        "answered": accepted.filter(answer__isnull=False).count(),
        "refused": rows.filter(refusal__isnull=False).count(),
        "unanswered": accepted.filter(answer__isnull=True).count(),
    }
