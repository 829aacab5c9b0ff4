"""The days of an account without books, from its balances: for the judging of its limits only.

What a balance changed by, less what was put in and taken out, is what was earned: of a pool whose
balance holds all that its strategies own, and once deposits and withdrawals are read. A wallet
balance holds no unrealised PnL, so it tells what was realised only.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from django.utils import timezone

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.limits.judging import NotJudged
from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.measures.returns import Day
from capital.domain.pools import Pool, WalletMode
from capital.models import Account, AskedFor, DailyAccountSummary, Flow, TradingCursor
from capital.services.accounts.lookup import stands_for
from capital.services.balances.summaries import business_date, cached_observation
from strategies.markets import MarketType

_ZERO = Decimal(0)


@dataclass(frozen=True)
class BalanceDays:
    """An account's days by its balances.

    Attributes:
        history: Those before today.
        today: The project's day.
        before: The last balance before today.
        reading: The newest balance, of today.
        flows: What was put in and taken out since ``before``: when, and how much.
        read_until: Until when deposits and withdrawals are read.
    """

    history: Sequence[Day]
    today: date
    before: Observation
    reading: Observation
    flows: Sequence[tuple[datetime, Decimal]]
    read_until: datetime

    def days(self, reading: Observation | None = None) -> list[Day]:
        """All days, the last one until a reading of today; the newest one for None."""
        until = reading or self.reading
        return [*self.history, _day(self.today, self.before, until, self.flows)]


def days_by_balance(
    account: Account, markets: Collection[str], *, now: datetime
) -> BalanceDays | NotJudged:
    """The account's days by its balances, or why they tell of no loss. Three queries.

    Args:
        account: The account.
        markets: What the strategies of its active links trade.
        now: Says which day is today.
    """
    if account.balance_basis == BalanceBasis.FREE.value:
        return NotJudged.BASIS_FREE
    is_unified = account.wallet_mode == WalletMode.UNIFIED.value
    if MarketType.FUTURES.value not in markets or (is_unified and len(set(markets)) > 1):
        return NotJudged.SPOT_HELD
    today, pool = business_date(now), Pool.UNIFIED if is_unified else Pool.FUTURES
    changed = account.readings_since
    if changed is not None and business_date(changed) == today:
        return NotJudged.BASIS_CHANGED
    cursors = TradingCursor.objects.filter(
        account=account, pool=pool.value, asked_for=AskedFor.FLOWS
    )
    spans = list(cursors.values_list("begins_at", "read_until"))
    if not spans:
        return NotJudged.FLOWS_NOT_READ
    begins_at = max(begins for begins, _ in spans)
    since = begins_at if changed is None else max(begins_at, changed)
    readings = _readings(account, pool, since=since, now=now)
    newest = readings.pop(today, None)
    if newest is None or not readings or newest.observed_at <= _last(readings).observed_at:
        return NotJudged.BALANCE_NOT_READ
    flows = _flows(account, pool, since=since)
    dates = sorted(readings)
    history = [
        _day(day, readings[previous], readings[day], flows) for previous, day in pairwise(dates)
    ]
    return BalanceDays(
        history, today, _last(readings), newest, flows, min(until for _, until in spans)
    )


def _last(readings: dict[date, Observation]) -> Observation:
    return readings[max(readings)]


def _readings(
    account: Account, pool: Pool, *, since: datetime, now: datetime
) -> dict[date, Observation]:
    """The last balance of each day after ``since``; without days on which none was read."""
    found: dict[date, Observation] = {}
    rows = DailyAccountSummary.objects.filter(
        account=account, date__gte=business_date(since), date__lte=business_date(now)
    )
    latest = since
    for row in rows.order_by("date"):
        reading = cached_observation(row, pool, now=now)
        if reading is not None and reading.observed_at > latest:
            found[row.date], latest = reading, reading.observed_at
    return found


def _flows(account: Account, pool: Pool, *, since: datetime) -> list[tuple[datetime, Decimal]]:
    """What was put in, and taken out (below zero)."""
    rows = Flow.objects.filter(
        account=account,
        pool=pool.value,
        currency__in={account.currency, *stands_for(account.venue, account.currency)},
        occurred_at__gt=since,
        matched_by__isnull=True,
    )
    return [
        (occurred_at, amount)
        for occurred_at, amount, kind in rows.values_list("occurred_at", "amount", "kind")
        if not FlowKind(kind).is_earned
    ]


def _day(
    day: date, before: Observation, until: Observation, flows: Sequence[tuple[datetime, Decimal]]
) -> Day:
    added = _ZERO
    for occurred_at, amount in flows:
        if before.observed_at < occurred_at <= until.observed_at:
            added = EXACT.add(added, amount)
    change = EXACT.subtract(until.amount, before.amount)
    return Day(day, before.amount, added, EXACT.subtract(change, added), _ZERO, _ZERO)


def observation_of(stored: dict[str, str]) -> Observation:
    """A reading as ``LimitState`` keeps it."""
    return Observation(Decimal(stored["balance"]), datetime.fromisoformat(stored["at"]))


def stored_reading(reading: Observation) -> dict[str, str]:
    """What ``observation_of`` reads."""
    at = reading.observed_at.astimezone(timezone.get_default_timezone())
    return {"at": at.isoformat(), "balance": str(reading.amount)}
