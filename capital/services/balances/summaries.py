"""The daily summary as the cache behind live balances.

A successful live reading updates its own field of today's row, with its time. A new day's row
starts with the other balances *and their times*, so that a pool that cannot be read neither loses
its history nor looks fresh.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import reduce
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from capital.domain.balances import Observation
from capital.domain.money import EXACT, floor_to, quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.models import Account, DailyAccountSummary
from capital.models.queries.compiled import CompiledQuery, CompiledRows
from capital.models.queries.given import Given
from capital.services.accounts.lookup import AccountIds, pools_of_account
from capital.services.balances.log_lines import POOL_WORD, WHOLE_WORD, log_cached
from capital.services.transactions import inside_transaction
from strategies.markets import MarketType

_CLOCK_SKEW = timedelta(minutes=10)
_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)
# Behind these, a moment in another zone may be in no year that there is.
_FIRST, _LAST = date.min + _DAY, date.max - _DAY

# The fields of each pool's balance in a summary, and of the time when it was read.
BALANCE_FIELD = {
    Pool.SPOT: "spot_balance",
    Pool.FUTURES: "futures_balance",
    Pool.UNIFIED: "ending_balance",
}
OBSERVED_FIELD = {
    Pool.SPOT: "spot_observed_at",
    Pool.FUTURES: "futures_observed_at",
    Pool.UNIFIED: "ending_observed_at",
}

_WRITTEN_FIELDS = (
    "starting_balance",
    "ending_balance",
    "spot_balance",
    "futures_balance",
    "spot_observed_at",
    "futures_observed_at",
    "ending_observed_at",
    "trails",
)
_READ_FIELDS = ("account_id", "date", *_WRITTEN_FIELDS)


class CachedBalances(NamedTuple):
    """The balances of one summary and when each was read: a row of which no instance is made."""

    account_id: int
    date: date
    starting_balance: Decimal | None
    ending_balance: Decimal | None
    spot_balance: Decimal | None
    futures_balance: Decimal | None
    spot_observed_at: datetime | None
    futures_observed_at: datetime | None
    ending_observed_at: datetime | None


@dataclass(frozen=True)
class Summaries:
    """The rows of one account that a decision needs; None if there is none.

    Attributes:
        today: Today's row.
        before: The newest row before today: what a new day carries forward.
    """

    today: DailyAccountSummary | None = None
    before: DailyAccountSummary | None = None

    @property
    def latest(self) -> DailyAccountSummary | None:
        """The newest row that is not in the future: the cache."""
        return self.today or self.before


def business_date(now: datetime) -> date:
    """The day of a summary: always in the project's time zone, whatever the reader's is."""
    return timezone.localdate(now, timezone.get_default_timezone())


def _midnights(day: date, zone: tzinfo) -> list[datetime]:
    return [datetime.combine(day, time(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


def begins_of(day: date) -> datetime | None:
    """The first moment of a day; None of the first and the last ones of the calendar."""
    if not _FIRST < day < _LAST:
        return None
    found = _midnights(day, timezone.get_default_timezone())
    # Where clocks skip a midnight, one of the two is of the day before.
    return min(each for each in found if business_date(each) >= day)


def ends_of(day: date) -> datetime | None:
    """The moment after which nothing is of a day; None of the same as ``begins_of``."""
    if not _FIRST < day < _LAST:
        return None
    found = _midnights(day + _DAY, timezone.get_default_timezone())
    return max(each for each in found if business_date(each - _TICK) <= day)


def business_dates() -> Callable[[datetime], date]:
    """``business_date`` for many moments, of which most are on the same day as the one before."""
    zone = timezone.get_default_timezone()
    day, begins, ends = date.min, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)

    def day_of(moment: datetime) -> date:
        nonlocal day, begins, ends
        if not begins <= moment < ends:
            day = business_date(moment)
            # A midnight may come twice or not at all, where clocks are changed at it.
            begins, ends = max(_midnights(day, zone)), min(_midnights(day + _DAY, zone))
        return day

    return day_of


def get_cached_daily_balance(
    account_id: int, market_type: MarketType | str | None = None
) -> Decimal | None:
    """The balance in the newest daily summary.

    Args:
        account_id: The account's primary key.
        market_type: The market whose balance is wanted; on an account with a unified wallet both
            markets share the whole. None gives the whole: the ending balance, else the starting
            balance.

    Returns:
        None if there is no summary (or no such account); zero if the field is NULL. Allocation
        itself never acts on a NULL field.

    Raises:
        ValueError: ``market_type`` is unknown.
    """
    market = None if market_type is None else MarketType(market_type)
    summary = (
        DailyAccountSummary.objects.filter(
            account_id=account_id, date__lte=business_date(timezone.now())
        )
        .select_related("account")
        .order_by("-date")
        .first()
    )
    if summary is None:
        return None
    if market is None:
        word = WHOLE_WORD
        stored = summary.ending_balance
        if stored is None:
            stored = summary.starting_balance
    else:
        pool = pool_of(market, WalletMode(summary.account.wallet_mode))
        word = POOL_WORD[pool]
        stored = getattr(summary, BALANCE_FIELD[pool])
    amount: Decimal = Decimal(0) if stored is None else stored
    log_cached(account_id, word, amount)
    return amount


def load_summaries(
    account_ids: Sequence[int], *, now: datetime, lock: bool = False
) -> dict[int, Summaries]:
    """The rows of a batch in two queries, driven from Account: see ``benchmarks/``.

    Args:
        account_ids: Primary keys.
        now: The current time, which says what day is today.
        lock: Lock the rows until the end of the transaction.
    """
    today = business_date(now)
    # Another machine's clock may already be past midnight: the day that it opened counts as today.
    latest = business_date(now + _CLOCK_SKEW)

    keys = {
        account_id: of_account
        for account_id, *of_account in _NEWEST_KEYS.rows(account_ids, today, latest)
    }
    wanted = [key for of_account in keys.values() for key in of_account if key is not None]
    rows = {row.pk: row for row in (_LOCKED if lock else _SUMMARIES).instances(wanted)}
    return {
        account_id: Summaries(*(rows.get(key) for key in of_account))
        for account_id, of_account in keys.items()
    }


def _newest_keys(account_ids: Given, today: Given, latest: Given) -> QuerySet[Account, Any]:
    """Of each account the newest row of today, and the newest before it."""

    def newest(**of_date: Given) -> Subquery:
        rows = DailyAccountSummary.objects.filter(account=OuterRef("pk"), **of_date)
        return Subquery(rows.order_by("-date").values("pk")[:1])

    return (
        Account.objects.filter(pk__among=account_ids)
        .annotate(today=newest(date__gte=today, date__lte=latest), before=newest(date__lt=today))
        .order_by()
        .values_list("pk", "today", "before")
    )


def _of_keys(keys: Given) -> "QuerySet[DailyAccountSummary, DailyAccountSummary]":
    return DailyAccountSummary.objects.order_by("pk").filter(pk__among=keys)


_NEWEST_KEYS = CompiledQuery(_newest_keys)
_SUMMARIES = CompiledRows(DailyAccountSummary, _of_keys)
_LOCKED = CompiledRows(DailyAccountSummary, lambda keys: _of_keys(keys).select_for_update())


def load_latest(account_ids: AccountIds, *, now: datetime) -> dict[int, DailyAccountSummary]:
    """The cache of each account, in one query, for a caller that writes nothing.

    The same as ``load_summaries(...)[account_id].latest``, with only the balances and their times.
    Accounts without a row are left out.
    """
    rows = _newest_rows(account_ids, until=business_date(now + _CLOCK_SKEW))
    return {row.account_id: row for row in rows.only(*_READ_FIELDS)}


def load_balances(account_ids: AccountIds, *, now: datetime) -> dict[int, CachedBalances]:
    """The same for a caller that shows the balances of every account and judges none."""
    return load_balances_of(account_ids, until=business_date(now + _CLOCK_SKEW))


def load_balances_of(account_ids: AccountIds, *, until: date) -> dict[int, CachedBalances]:
    """The same as they stood at the end of a day: of the newest row until then."""
    rows = _newest_rows(account_ids, until=until).values_list(*CachedBalances._fields)
    return {row[0]: CachedBalances(*row) for row in rows}


def _newest_rows(
    account_ids: AccountIds, *, until: date
) -> "QuerySet[DailyAccountSummary, DailyAccountSummary]":
    newest = DailyAccountSummary.objects.filter(account=OuterRef("pk"), date__lte=until)
    keys = (
        Account.objects.filter(pk__in=account_ids)
        .order_by()
        .annotate(newest=Subquery(newest.order_by("-date").values("pk")[:1]))
    )
    return DailyAccountSummary.objects.filter(pk__in=keys.values("newest")).order_by()


def time_of(row: CachedBalances, pool: Pool) -> datetime | None:
    """When a pool's balance was read, or of another wallet mode's the whole; None: not told."""
    told: datetime | None = getattr(row, OBSERVED_FIELD[pool])
    return row.ending_observed_at if told is None else told


def cached_observation(
    summary: DailyAccountSummary | CachedBalances | None, pool: Pool, *, now: datetime
) -> Observation | None:
    """A pool's cached balance; None if there is no summary or its field is NULL.

    A balance without a time counts as read at the end of its date, but not later than now.
    """
    if summary is None:
        return None
    amount = getattr(summary, BALANCE_FIELD[pool])
    if amount is None:
        return None
    observed_at = getattr(summary, OBSERVED_FIELD[pool])
    if observed_at is None:
        midnight = datetime.combine(
            summary.date + timedelta(days=1), time.min, tzinfo=timezone.get_default_timezone()
        )
        observed_at = min(midnight, now)
    return Observation(amount, observed_at)


@inside_transaction
def record_observations(
    observed: Mapping[int, Mapping[Pool, Observation]],
    accounts: Mapping[int, Account],
    summaries: Mapping[int, Summaries],
    trails: Mapping[int, Mapping[str, Any]],
    *,
    now: datetime,
) -> None:
    """Write what was read into today's summaries, in one statement for the batch.

    Call it inside the transaction that holds the accounts' locks.

    Args:
        observed: The believed balances of each account.
        accounts: The locked rows.
        summaries: The locked summaries.
        trails: The trails of each account's pools after that, in the shape of the column.
        now: The current time.
    """
    rows = [
        _todays_row(
            accounts[account_id],
            summaries[account_id],
            of_account,
            now=now,
            trails=trails.get(account_id, {}),
        )
        for account_id, of_account in observed.items()
        if of_account
    ]
    if rows:
        DailyAccountSummary.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "date"],
            update_fields=_WRITTEN_FIELDS,
        )


@inside_transaction
def open_days(
    accounts: Mapping[int, Account], summaries: Mapping[int, Summaries], *, now: datetime
) -> Counter[str]:
    """Open today's summary of each account that has an earlier one. See ``days.close_day``.

    Call it inside the transaction that holds the accounts' locks.
    """
    counts: Counter[str] = Counter()
    rows = []
    for account_id, account in accounts.items():
        of_account = summaries[account_id]
        if of_account.today is not None:
            counts["open"] += 1
        elif of_account.before is None:
            counts["no_history"] += 1
        else:
            counts["opened"] += 1
            rows.append(_todays_row(account, of_account, {}, now=now))
    # Another process that opened the day in the meantime wrote the same.
    DailyAccountSummary.objects.bulk_create(rows, ignore_conflicts=True)
    return counts


def _todays_row(
    account: Account,
    summaries: Summaries,
    observed: Mapping[Pool, Observation],
    *,
    now: datetime,
    trails: Mapping[str, Any] = MappingProxyType({}),
) -> DailyAccountSummary:
    """Today's row: what was known before, and what was read now."""
    today, before = summaries.today, summaries.before
    quantum = quantum_of(account.currency)
    date_of_row = business_date(now) if today is None else today.date
    row = DailyAccountSummary(account=account, date=date_of_row)
    known = {} if summaries.latest is None else summaries.latest.trails
    row.trails = {**known, **trails}
    for pool in Pool:
        _carry(row, pool, summaries, quantum=quantum, now=now)
    if today is not None and today.starting_balance is not None:
        row.starting_balance = today.starting_balance
    elif before is not None and before.ending_balance is not None:
        row.starting_balance = floor_to(before.ending_balance, quantum)
    for pool, observation in observed.items():
        _observe(row, pool, observation, quantum=quantum, now=now)
    _settle_ending(row, account)
    if row.starting_balance is None and before is None:
        row.starting_balance = row.ending_balance
    return row


def _carry(
    row: DailyAccountSummary, pool: Pool, summaries: Summaries, *, quantum: Decimal, now: datetime
) -> None:
    """Take a pool's balance and its time from today's row, else from the newest one before it."""
    today = summaries.today
    # Another program may have opened today's row without the balances.
    if today is not None and getattr(today, BALANCE_FIELD[pool]) is not None:
        setattr(row, BALANCE_FIELD[pool], getattr(today, BALANCE_FIELD[pool]))
        setattr(row, OBSERVED_FIELD[pool], getattr(today, OBSERVED_FIELD[pool]))
    elif (carried := cached_observation(summaries.before, pool, now=now)) is not None:
        # Another program may have written it, unrounded.
        setattr(row, BALANCE_FIELD[pool], floor_to(carried.amount, quantum))
        setattr(row, OBSERVED_FIELD[pool], carried.observed_at)


def _observe(
    row: DailyAccountSummary,
    pool: Pool,
    observation: Observation,
    *,
    quantum: Decimal,
    now: datetime,
) -> None:
    """Take a pool's balance from a reading, unless the row has a later one."""
    known = getattr(row, OBSERVED_FIELD[pool])
    # A time in the future is a mistake and must not block later readings.
    if known is None or known <= observation.observed_at or known > now:
        setattr(row, BALANCE_FIELD[pool], floor_to(observation.amount, quantum))
        setattr(row, OBSERVED_FIELD[pool], observation.observed_at)


def _settle_ending(row: DailyAccountSummary, account: Account) -> None:
    """Set the ending balance: the sum of the pools, or NULL while one of them is NULL."""
    pools = pools_of_account(account)
    if pools == (Pool.UNIFIED,):
        return
    amounts = [getattr(row, BALANCE_FIELD[pool]) for pool in pools]
    if any(amount is None for amount in amounts):
        row.ending_balance = row.ending_observed_at = None
        return
    row.ending_balance = reduce(EXACT.add, amounts)
    # The sum is as old as its oldest part. A part without a time counts as of the day's end.
    times = [getattr(row, OBSERVED_FIELD[pool]) for pool in pools]
    row.ending_observed_at = min((moment for moment in times if moment is not None), default=None)
