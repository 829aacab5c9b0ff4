"""Writes the days of links, and what follows from them for their accounts and their capital."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import known_sum
from capital.models import (
    DailyAccountSummary,
    LinkDay,
    StrategyCapital,
)
from capital.models.columns.copying import insert_values
from capital.models.columns.exact import cut_for
from capital.models.columns.rows import upsert_rows
from capital.models.queries.compiled import CompiledRows
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.summaries import business_date
from capital.services.trading.days.since import days_beside, pnl_since, realized_in, unrealized_in
from capital.services.trading.days.sources import COUNTS, SUMS, DaySources
from capital.services.trading.packed.months import pack_days
from capital.services.transactions import inside_transaction, outside_transaction

ACCOUNTS_AT_ONCE = 500

# Days were written: ``account_ids`` and ``now``. Sent inside the transaction that locked them; who
# acts on it is connected in ``capital.signals``.
days_restated = Signal()

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
_FIGURES = (
    "equity_start",
    "settled_start",
    "capital_added",
    "realized",
    *SUMS,
    "fees_unvalued",
    "unrealized",
    *COUNTS,
)
_COLUMNS = ("strategy_account_id", "date", "currency", *_FIGURES)
SUMMED = (
    "realized_pnl",
    "unrealized_pnl",
    "total_trades",
    "winning_trades",
    "losing_trades",
    "total_volume",
    "total_fees",
)


@outside_transaction
def close_days(account_ids: Sequence[int], *, clock: Clock = timezone.now) -> int:
    """Write yesterday as it ended, and begin today, for the links of these accounts.

    Days that were never closed are written as well. Running it again changes nothing. A constant
    number of queries for each batch of accounts. Call it outside a transaction: it commits, and
    releases its locks, after each batch.

    Returns:
        How many accounts were locked.
    """
    ids, closed = list(dict.fromkeys(account_ids)), 0
    for start in range(0, len(ids), ACCOUNTS_AT_ONCE):
        with transaction.atomic():
            accounts = lock_accounts(ids[start : start + ACCOUNTS_AT_ONCE])
            now = clock()
            restate_days(list(accounts), since=business_date(now) - _DAY, now=now)
            closed += len(accounts)
    return closed


@inside_transaction
def restate_days(account_ids: Sequence[int], *, since: date, now: datetime) -> None:
    """Write the days from ``since`` to today of all links with books, and what follows from them.

    Call it inside the transaction that locked the accounts. A constant number of queries.

    Args:
        account_ids: Of all links that are concerned.
        since: The first day that may have changed.
        now: Says which day is today, and how old marks are.
    """
    sources = DaySources.load(account_ids, since=since, now=now)
    if sources is None:
        return
    days = [day for chain in sources.chains() for day in sources.days_of(chain)]
    dropped = _write_days(days, sources, now=now)
    if sources.begins < sources.today:
        pack_days(list(sources.links), today=sources.today, dropped=dropped)
    _write_summaries(days, dropped, sources)
    _write_capital(sources)
    days_restated.send(LinkDay, account_ids=list(account_ids), now=now)


def _write_days(days: Sequence[LinkDay], sources: DaySources, *, now: datetime) -> list[LinkDay]:
    """Write the days that are new or differ; drop, and return, those of which nothing is left."""
    known = {
        (row.strategy_account_id, row.date, row.currency): row
        for row in sources.before
        if row.date >= sources.begins
    }
    changed, new = [], []
    for day in days:
        row = known.pop((day.strategy_account_id, day.date, day.currency), None)
        if row is None:
            new.append(_columns(day))
        elif _figures(row) != _figures(day):
            restated_at = now if day.date < sources.today else None
            changed.append([row.pk, *_columns(day), False, restated_at])
    insert_values(LinkDay, _COLUMNS, new)
    upsert_rows(
        LinkDay,
        ("id", *_COLUMNS, "is_packed", "restated_at"),
        changed,
        unique="id",
        update=(*_FIGURES, "is_packed", "restated_at"),
    )
    if known:
        LinkDay.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
    return list(known.values())


_figures = attrgetter(*_FIGURES)
_columns = attrgetter(*_COLUMNS)


def _write_summaries(
    days: Sequence[LinkDay], dropped: Sequence[LinkDay], sources: DaySources
) -> None:
    """Say in the summaries of the accounts what their links come to; NULL where none tells more."""
    of_account: dict[tuple[int, date], list[LinkDay]] = defaultdict(list)
    for day in dropped:
        of_account[sources.links[day.strategy_account_id].account_id, day.date] = []
    for day in days:
        of = sources.links[day.strategy_account_id]
        if day.currency == of.currency:
            of_account[of.account_id, day.date].append(day)
    accounts = {of.account_id for of in sources.links.values()}
    changed = []
    for row in _SUMMARIES.instances(accounts, sources.begins):
        of_row = of_account.get((row.account_id, row.date))
        if of_row is None:
            continue
        figures = summary_figures(of_row)
        if figures != {name: getattr(row, name) for name in SUMMED}:
            for name, figure in figures.items():
                setattr(row, name, figure)
            changed.append(row)
    DailyAccountSummary.objects.bulk_update(changed, list(SUMMED), batch_size=500)


_SUMMARIES = CompiledRows(
    DailyAccountSummary,
    lambda accounts, begins: DailyAccountSummary.objects.filter(
        account__among=accounts, date__gte=begins
    ).order_by("pk"),
)


def summary_figures(days: Sequence[LinkDay]) -> dict[str, Any]:
    """What a daily summary says of these days of its account's links; NULL without any."""
    if not days:
        return dict.fromkeys(SUMMED)
    counts: Counter[str] = Counter()
    for day in days:
        for name in ("trades", "wins", "losses"):
            counts[name] += getattr(day, name)
    amounts = {
        "realized_pnl": known_sum(*(day.earned for day in days)),
        "unrealized_pnl": known_sum(*(day.unrealized for day in days)),
        "total_volume": known_sum(*(day.volume for day in days)),
        "total_fees": known_sum(*(day.fees for day in days)),
    }
    return {
        **{
            name: None if amount is None else cut_for(DailyAccountSummary, name, amount)
            for name, amount in amounts.items()
        },
        "total_trades": counts["trades"],
        "winning_trades": counts["wins"],
        "losing_trades": counts["losses"],
    }


def _write_capital(sources: DaySources) -> None:
    """Say of each link with books what it earned since its capital was decided."""
    moneys = {key: of.money for key, of in sources.links.items()}
    realized = realized_in(sources.positions, moneys, days_beside(sources.positions, moneys))
    worth = unrealized_in(sources.positions, sources.worth_now, moneys)
    changed = []
    for link_id, capital in sources.capital.items():
        pnl = None
        if link_id in realized:
            pnl = pnl_since(
                capital,
                realized[link_id],
                worth.get(link_id, _ZERO),
                is_equity=sources.is_equity(link_id),
            )
        shown = None if pnl is None else cut_for(StrategyCapital, "current_pnl", pnl)
        if shown != capital.current_pnl:
            capital.current_pnl = shown
            changed.append(capital)
    StrategyCapital.objects.bulk_update(changed, ["current_pnl"], batch_size=500)
