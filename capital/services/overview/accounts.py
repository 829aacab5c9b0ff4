"""Balances, capital, freshness and state of accounts, for the pages that show them.

Every function takes a batch and makes a constant number of queries. Nothing is written, and no
exchange is asked: balances are those of the daily summaries, which the jobs keep up to date.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import reduce

from django.conf import settings
from django.db.models import QuerySet

from capital.domain.money import EXACT
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, AllocationRun, DailyAccountSummary
from capital.models.queries.isolation import repeatable_read
from capital.services.accounts.held import LinkCapital, load_link_capital
from capital.services.accounts.linked import load_linked_accounts
from capital.services.accounts.lookup import pools_of_account
from capital.services.alerts.rules import is_silence
from capital.services.allocation.gate import answers_by_last_reading
from capital.services.allocation.verdicts import GateAnswer
from capital.services.allocation.weights.editing import shares_by_weight
from capital.services.balances.summaries import (
    CachedBalances,
    cached_observation,
    load_balances,
    load_latest,
)
from capital.services.balances.suspects import suspect_reasons
from capital.services.overview.runs import last_runs

_ZERO = Decimal(0)
# The columns on which the freshness of an account depends.
_FRESHNESS_NEEDS = (
    "venue",
    "wallet_mode",
    "currency",
    "balance_basis",
    "max_cache_age_hours",
    "connection_code",
)
_MINUTE = timedelta(minutes=1)


class Freshness(StrEnum):
    """How old the balances are that an account's active strategies depend on."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"
    NEVER = "never"


@dataclass(frozen=True)
class PoolOverview:
    """One pool of an account.

    Attributes:
        pool: Which pool.
        balance: The last one that was accepted; None where it was never read.
        observed_at: When the exchange had this balance.
        allocated: The capital of its links together.
        in_use: Whether it has an active link.
    """

    pool: Pool
    balance: Decimal | None
    observed_at: datetime | None
    allocated: Decimal
    in_use: bool


@dataclass(frozen=True)
class AccountBalances:
    """The balances and the capital of one account.

    Attributes:
        pools: The account's pools, spot first.
        total: The sum of the known balances; None where none is known.
        unknown: The pools without a known balance.
        allocated: The capital of its strategies together.
        read_at: When the oldest balance in use was read; None where one never was.
        freshness: How old that is.
        suspects: Why each suspect balance waits for a person.
    """

    pools: tuple[PoolOverview, ...]
    total: Decimal | None
    unknown: tuple[Pool, ...]
    allocated: Decimal
    read_at: datetime | None
    freshness: Freshness
    suspects: tuple[Reason, ...]


@dataclass(frozen=True)
class AccountOverview(AccountBalances):
    """One account, with its last run and what the gate says now.

    Attributes:
        due: What the gate says of the balances as they were last read, suspect ones included.
        last_run: The last run; None where there was none.
    """

    due: GateAnswer
    last_run: AllocationRun | None


def overview_accounts(accounts: Iterable[Account], *, now: datetime) -> dict[int, AccountOverview]:
    """Balances, capital, last run and the gate's answer of each account, by primary key."""
    by_id = {account.pk: account for account in accounts}
    linked_accounts = load_linked_accounts(list(by_id), accounts=by_id)
    latest = load_latest(list(by_id), now=now)
    due = answers_by_last_reading(linked_accounts, latest, now=now)
    runs = last_runs(list(linked_accounts))
    return {
        key: AccountOverview(
            **vars(
                _balances(
                    linked.account,
                    [
                        (linked.pool_of[link.id], link.idle is None, link.capital)
                        for link in linked.links
                    ],
                    latest.get(key),
                    now=now,
                )
            ),
            due=due[key],
            last_run=runs.get(key),
        )
        for key, linked in linked_accounts.items()
    }


def balances_of_accounts(
    accounts: Mapping[int, Account],
    capital: Iterable[LinkCapital],
    latest: Mapping[int, CachedBalances],
    *,
    now: datetime,
) -> dict[int, AccountBalances]:
    """Balances and capital of each account, by primary key, without a query.

    For pages that show every account: the gate and the last runs would cost most.

    Args:
        accounts: By primary key.
        capital: Of all their links.
        latest: The newest balances of each, as far as there are any.
        now: The time to which the age of balances is measured.
    """
    held = _by_account(capital)
    return {
        key: _balances(account, held[key], latest.get(key), now=now)
        for key, account in accounts.items()
    }


def freshness_of(accounts: QuerySet[Account], *, now: datetime) -> dict[int, Freshness]:
    """The freshness of each account, as ``overview_accounts`` has it, for a filter."""
    needed = accounts.order_by().select_related(None).only(*_FRESHNESS_NEEDS)
    ids = accounts.order_by().values_list("pk", flat=True)
    with repeatable_read():
        by_id = {account.pk: account for account in needed}
        held = _by_account(load_link_capital(by_id, ids))
        latest = load_balances(ids, now=now)
    return {
        key: _freshness(account, _pools(account, held[key], latest.get(key), now=now), now=now)[1]
        for key, account in by_id.items()
    }


def pool_shares(account: Account) -> dict[int, Decimal]:
    """The share of its pool that the weight of each active link gives it, in percent."""
    linked = load_linked_accounts([account.pk], accounts={account.pk: account})
    return shares_by_weight(linked[account.pk])


def stale_after() -> timedelta:
    """The age from which a balance is stale: several readings in a row failed."""
    return max(10 * _MINUTE, 3 * settings.CAPITAL_SYNC_MINUTES * _MINUTE)


# Of each link: its pool, whether it takes part, and its capital.
_Held = Sequence[tuple[Pool, bool, Decimal | None]]


def _by_account(capital: Iterable[LinkCapital]) -> Mapping[int, _Held]:
    held: dict[int, list[tuple[Pool, bool, Decimal | None]]] = defaultdict(list)
    for link in capital:
        held[link.account_id].append((link.pool, link.takes_part, link.amount))
    return held


def _balances(
    account: Account,
    held: _Held,
    latest: DailyAccountSummary | CachedBalances | None,
    *,
    now: datetime,
) -> AccountBalances:
    pools = _pools(account, held, latest, now=now)
    known = [pool.balance for pool in pools if pool.balance is not None]
    read_at, freshness = _freshness(account, pools, now=now)
    return AccountBalances(
        pools=pools,
        total=reduce(EXACT.add, known) if known else None,
        unknown=tuple(pool.pool for pool in pools if pool.balance is None),
        allocated=reduce(EXACT.add, (pool.allocated for pool in pools), _ZERO),
        read_at=read_at,
        freshness=freshness,
        suspects=suspect_reasons(account) if account.suspect_readings else (),
    )


def _pools(
    account: Account,
    held: _Held,
    latest: DailyAccountSummary | CachedBalances | None,
    *,
    now: datetime,
) -> tuple[PoolOverview, ...]:
    pools = []
    for pool in pools_of_account(account):
        observation = cached_observation(latest, pool, now=now)
        amounts = [amount for of, _, amount in held if of is pool and amount]
        pools.append(
            PoolOverview(
                pool=pool,
                balance=observation.amount if observation else None,
                observed_at=observation.observed_at if observation else None,
                allocated=reduce(EXACT.add, amounts, _ZERO),
                in_use=any(takes_part for of, takes_part, _ in held if of is pool),
            )
        )
    return tuple(pools)


def _freshness(
    account: Account, pools: Sequence[PoolOverview], *, now: datetime
) -> tuple[datetime | None, Freshness]:
    """Of the oldest balance in use; where no pool is in use, of the oldest of all."""
    judged = [pool for pool in pools if pool.in_use] or pools
    times = [pool.observed_at for pool in judged]
    known = [time for time in times if time is not None]
    if not known or len(known) < len(times):
        return None, Freshness.NEVER
    read_at = min(known)
    age = now - read_at
    if age > account.max_cache_age:
        return read_at, Freshness.EXPIRED
    is_late = age > stale_after() or is_silent(account)
    return read_at, Freshness.STALE if is_late else Freshness.FRESH


def is_silent(account: Account) -> bool:
    """Whether the exchange did not answer at the last sync: nothing of it is fresh then."""
    code = Code.get(account.connection_code)
    return code is not None and (code.is_about_key or is_silence(code))
