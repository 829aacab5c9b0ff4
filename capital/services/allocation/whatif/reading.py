"""The days on record of one account, as a replay takes them; and what they do not tell."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from capital.domain.allocation.gate import Thresholds
from capital.domain.allocation.links import Link
from capital.domain.balances import BalanceBasis
from capital.domain.errors import NothingToReplay
from capital.domain.money import EXACT, ROUNDED, add_to, known_sum, plain, quantum_of
from capital.domain.performance.earned import after_costs
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import Day
from capital.domain.pools import Pool, pool_of
from capital.domain.reasons import Code, Reason
from capital.domain.whatif.record import LinkRecord, PoolRecord, Record
from capital.domain.whatif.replaying import gain_of
from capital.models import Account, Flow, LinkDay, PoolDay
from capital.services.accounts.denomination import Denomination
from capital.services.accounts.linked import LinkedAccount
from capital.services.balances.summaries import business_date
from capital.services.trading.packed.months import COLUMNS, DayRow

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
_PUT_IN = [kind.value for kind in FlowKind if not kind.is_earned]


@dataclass(frozen=True)
class OnRecord:
    """The record, and what is missing in it."""

    record: Record
    missing: tuple[Reason, ...]


def read_record(linked: LinkedAccount, period: Period, *, lookback_days: int) -> OnRecord:
    """What is on record of an account, in three queries.

    Args:
        linked: The account as it is set now.
        period: Which days; only those on record are taken.
        lookback_days: From how long before returns are needed.

    Raises:
        NothingToReplay: No strategy has a day on record in the period.
    """
    rows = _rows_of(linked, period, lookback_days)
    found = [row.date for of_link in rows.values() for row in of_link if _is_in(period, row.date)]
    if not found:
        raise NothingToReplay
    first, last = min(found), max(found)
    days = [first + at * _DAY for at in range((last - first).days + 1)]
    links = [
        each
        for link in linked.links
        if (each := _link_record(link, rows.get(link.id, ()), Period(first, last))) is not None
    ]
    pools, missing = _pools_of(linked, links, days)
    account = linked.account
    record = Record(
        days=days,
        links=links,
        pools=pools,
        **linked.division,
        thresholds=Thresholds(account.min_change_amount, account.min_change_percent),
    )
    return OnRecord(record, (*_without_mark(links), *missing))


def _is_in(period: Period, day: date) -> bool:
    return (period.since is None or day >= period.since) and day <= period.until


def _rows_of(linked: LinkedAccount, period: Period, lookback_days: int) -> dict[int, list[DayRow]]:
    """The days of each link in the account's currency, from before the period on."""
    keys = [link.id for link in linked.links]
    stored = LinkDay.objects.filter(strategy_account__in=keys, date__lte=period.until)
    if period.since is not None:
        # The day before the first one says what was unrealised at its start.
        stored = stored.filter(date__gte=period.since - (lookback_days + 1) * _DAY)
    rows: dict[int, list[DayRow]] = defaultdict(list)
    for each in stored.order_by("strategy_account", "date").values_list(*COLUMNS):
        row = DayRow(*each)
        if row.currency == linked.account.currency:
            rows[row.link_id].append(row)
    return rows


def _link_record(link: Link, rows: Sequence[DayRow], period: Period) -> LinkRecord | None:
    """Its days; None where it has none in the period."""
    days: dict[date, Day] = {}
    returns: list[tuple[date, Decimal]] = []
    worth = rows[0].worth_start if rows else None
    for row in rows:
        start, worth = worth, row.unrealized
        earned = after_costs(row.realized, fees=row.fees, funding=row.funding)
        day = Day(row.date, row.equity_start, row.capital_added, earned, start, worth)
        if _is_in(period, row.date):
            days[row.date] = day
        if (row.fills or row.realized or row.funding or start or worth) and (
            day.daily_return is not None
        ):
            returns.append((row.date, day.daily_return))
    return LinkRecord(link, days, returns) if days else None


def _pools_of(
    linked: LinkedAccount, links: Sequence[LinkRecord], days: Sequence[date]
) -> tuple[dict[Pool, PoolRecord], list[Reason]]:
    """The pools that the links draw on."""
    account, first, last = linked.account, days[0], days[-1]
    mode = linked.division["wallet_mode"]
    balances, unexplained = _pool_days(account, first, last)
    external = _flows(account, first, last)
    is_equity = account.balance_basis == BalanceBasis.EQUITY
    by_pool: dict[Pool, list[LinkRecord]] = defaultdict(list)
    for each in links:
        by_pool[pool_of(each.link.market, mode)].append(each)
    pools, missing = {}, []
    for pool in (each for each in Pool if each in by_pool):
        told = balances.get(pool)
        if told is None:
            missing.append(Reason(Code.REPLAY_WITHOUT_BALANCE, {"pool": pool.value}))
        elif told.date >= first:
            figures = {"pool": pool.value, "date": told.date.isoformat()}
            missing.append(Reason(Code.REPLAY_LATER_BALANCE, figures))
        start = _start(told, by_pool[pool], external[pool], first, is_equity=is_equity)
        pools[pool] = PoolRecord(start, external[pool])
    left = known_sum(*(unexplained.get(pool, _ZERO) for pool in pools)) or _ZERO
    left = ROUNDED.quantize(left, quantum_of(account.currency))
    if left:
        figures = {"amount": plain(left), "currency": account.currency}
        missing.append(Reason(Code.REPLAY_UNEXPLAINED, figures))
    return pools, missing


class _Balance(NamedTuple):
    """A balance of a pool at the end of a day."""

    date: date
    amount: Decimal


def _start(
    told: _Balance | None,
    links: Sequence[LinkRecord],
    external: Mapping[date, Decimal],
    first: date,
    *,
    is_equity: bool,
) -> Decimal:
    """What there was of a pool: its balance with what was unrealised, and its links' equity at
    least, which coins that were bought may be a part of.

    Of the first day on which its balance is known, what was earned and came until then is taken
    off. What decisions gave the links on the first day was there, or came on it.
    """
    rows = [each.days[first] for each in links if first in each.days]
    had = known_sum(*(row.start or _ZERO for row in rows)) or _ZERO
    added = known_sum(*(row.added or _ZERO for row in rows)) or _ZERO
    with_added = EXACT.subtract(EXACT.add(had, added), external.get(first, _ZERO))
    equity = max(had, with_added)
    if told is None:
        return equity
    started, days = told.amount, [(day, row) for each in links for day, row in each.days.items()]
    if told.date < first:
        worth = [row.worth_start for row in rows]
    else:
        worth = [row.worth_end for day, row in days if day == told.date]
        came = [amount for day, amount in external.items() if day <= told.date]
        earned = [gain_of(row) for day, row in days if day <= told.date]
        started = EXACT.subtract(started, known_sum(*came, *earned) or _ZERO)
    if not is_equity:
        unrealized = known_sum(*(each or _ZERO for each in worth)) or _ZERO
        started = EXACT.add(started, unrealized)
    return max(started, equity)


def _pool_days(
    account: Account, first: date, last: date
) -> tuple[dict[Pool, _Balance], dict[Pool, Decimal]]:
    """The balances before the first day, else the first ones that are known, and what nothing
    explains of all changes after it."""
    balances: dict[Pool, _Balance] = {}
    unexplained: dict[Pool, Decimal] = {}
    rows = PoolDay.objects.filter(account=account, date__gte=first - _DAY, date__lte=last)
    for name, day, balance, amount in rows.order_by("date").values_list(
        "pool", "date", "balance", "unexplained"
    ):
        pool = Pool(name)
        if balance is not None:
            balances.setdefault(pool, _Balance(day, balance))
        if day >= first and amount:
            add_to(unexplained, pool, amount)
    return balances, unexplained


def _flows(account: Account, first: date, last: date) -> dict[Pool, dict[date, Decimal]]:
    """What came or went without having been earned, by day."""
    found: dict[Pool, dict[date, Decimal]] = defaultdict(dict)
    money = Denomination.of(account)
    rows = Flow.objects.filter(
        account=account, currency__in=money.currencies, kind__in=_PUT_IN, matched_by__isnull=True
    ).order_by("pk")
    for name, at, amount, currency in rows.values_list("pool", "occurred_at", "amount", "currency"):
        day = business_date(at)
        if first <= day <= last and money.counted(currency, name) == money.currency:
            add_to(found[Pool(name)], day, amount)
    return found


def _without_mark(links: Iterable[LinkRecord]) -> list[Reason]:
    missing = []
    for each in links:
        days = sum(day.pnl is None for day in each.days.values())
        if days:
            figures = {"strategy": each.link.strategy_key, "days": str(days)}
            missing.append(Reason(Code.REPLAY_WITHOUT_MARK, figures))
    return missing
