"""The daily digest: by currency what there is, was earned, came and went; and what to look at.

It tells of yesterday, and each user only of accounts that they see. Of several currencies nothing
is added up, and what is not known is not zero.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import EXACT, add_to, plain
from capital.domain.performance.measures.periods import Period
from capital.domain.reasons import Code, Reason
from capital.models import (
    Account,
    Alert,
    AlertKind,
    AlertState,
    AlertTarget,
    PoolDay,
    StrategyAccount,
    Trouble,
)
from capital.services.access.visibility import visible_to
from capital.services.alerts.tasks import request_spreading
from capital.services.balances.summaries import business_date, load_latest
from capital.services.performance import performance
from capital.services.transactions import outside_transaction

_DAY = timedelta(days=1)
# The others are in the list of alerts.
_MOST_TROUBLES = 10


@outside_transaction
def write_digests(*, clock: Clock = timezone.now) -> int:
    """Write yesterday's digest for each user who has a target for it and sees an account.

    Call it outside a transaction: each digest has one of its own. Running it again the same day
    writes none.

    Returns:
        How many were written.
    """
    now = clock()
    day, written = business_date(now) - _DAY, 0
    targets = AlertTarget.objects.filter(is_active=True, user__is_active=True)
    users = {
        target.user.pk: target.user
        for target in targets.select_related("user").order_by("user")
        if AlertKind.DIGEST not in target.kinds_off
    }
    for user in users.values():
        details = digest_of(user, day=day, now=now)
        if details is not None:
            written += _write(user, day, details, now)
    return written


def _write(user: User, day: date, details: Mapping[str, Any], now: datetime) -> int:
    reason = Reason(Code.DAILY_DIGEST, {"date": day.isoformat()})
    with transaction.atomic():
        _, is_new = Alert.objects.get_or_create(
            kind=AlertKind.DIGEST,
            key=f"{AlertKind.DIGEST.value}:user={user.pk}:{day.isoformat()}",
            defaults={
                "state": AlertState.TOLD,
                "code": reason.code.value,
                "figures": dict(reason.figures),
                "details": dict(details),
                "addressee": user,
                "at": now,
            },
        )
        if is_new:
            request_spreading()
    return int(is_new)


def digest_of(user: User, *, day: date, now: datetime) -> dict[str, Any] | None:
    """What the user sees of a day; None where they see no account that is in use.

    A constant number of queries.

    Returns:
        JSON: ``date``, ``currencies`` (each with ``currency``, ``accounts``, ``unknown``,
        ``balance``, ``pnl``, ``external``, ``best``, ``worst``; amounts as text, None is unknown),
        ``troubles`` (each with ``subject``, ``code``, ``figures``) and ``more_troubles``.
    """
    accounts = {
        account.pk: account
        for account in visible_to(user, Account.objects.filter(is_active=True)).order_by("pk")
    }
    if not accounts:
        return None
    parts: dict[str, dict[str, Any]] = {}
    for account in accounts.values():
        part = parts.setdefault(account.currency, _empty(account.currency))
        part["accounts"] += 1
    _balances(parts, accounts, now)
    _earned(parts, accounts, day)
    _external(parts, accounts, day)
    troubles = visible_to(
        user, Trouble.objects.filter(over_at=None, told_at__isnull=False)
    ).select_related("account", "strategy", "owner")
    found = list(troubles.order_by("noticed_at", "pk").distinct())
    return {
        "date": day.isoformat(),
        "currencies": [parts[currency] for currency in sorted(parts)],
        "troubles": [
            {"subject": row.subject, "code": row.code, "figures": row.figures}
            for row in found[:_MOST_TROUBLES]
        ],
        "more_troubles": max(0, len(found) - _MOST_TROUBLES),
    }


def _empty(currency: str) -> dict[str, Any]:
    names = ("balance", "pnl", "external", "best", "worst")
    return {"currency": currency, "accounts": 0, "unknown": 0, **dict.fromkeys(names)}


def _balances(
    parts: Mapping[str, dict[str, Any]], accounts: Mapping[int, Account], now: datetime
) -> None:
    """The newest balance of each account; how many are unknown is said beside their sum."""
    latest = load_latest(list(accounts), now=now)
    sums: dict[str, Decimal] = {}
    for key, account in accounts.items():
        balance = latest[key].ending_balance if key in latest else None
        if balance is None:
            parts[account.currency]["unknown"] += 1
        else:
            add_to(sums, account.currency, balance)
    for currency, amount in sums.items():
        parts[currency]["balance"] = _text(amount)


def _earned(parts: dict[str, dict[str, Any]], accounts: Mapping[int, Account], day: date) -> None:
    """PnL of the strategies' days, and which earned most and least. Unknown is not zero.

    What was earned in a currency that no account is kept in stands apart.
    """
    links = StrategyAccount.objects.filter(account__in=list(accounts))
    report = performance(links, period=Period(day, day), with_series=False)
    known: dict[str, list[tuple[Decimal, str]]] = defaultdict(list)
    unknown = set()
    for row in report.rows:
        parts.setdefault(row.currency, _empty(row.currency))
        pnl = row.measures.pnl
        if isinstance(pnl, Decimal):
            known[row.currency].append((pnl, row.group.name))
        else:
            unknown.add(row.currency)
    for currency, found in known.items():
        part = parts[currency]
        if currency not in unknown:
            part["pnl"] = _text(_sum([pnl for pnl, _ in found]))
        if len(found) > 1:
            part["best"], part["worst"] = _named(max(found)), _named(min(found))


def _named(found: tuple[Decimal, str]) -> dict[str, str]:
    return {"strategy": found[1], "pnl": _text(found[0])}


def _text(amount: Decimal) -> str:
    return plain(amount.normalize(EXACT))


def _sum(amounts: Sequence[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _external(
    parts: Mapping[str, dict[str, Any]], accounts: Mapping[int, Account], day: date
) -> None:
    """Deposits, withdrawals and transfers of the day; unknown where one pool's are.

    So they are where an account that was there already was not read at all that day.
    """
    sums: dict[str, Decimal] = {}
    rows = PoolDay.objects.filter(account__in=list(accounts), date=day)
    told = list(rows.order_by().values_list("account_id", "external"))
    unread = accounts.keys() - {account_id for account_id, _ in told}
    unknown = {
        accounts[key].currency for key in unread if business_date(accounts[key].created_at) <= day
    }
    for account_id, external in told:
        currency = accounts[account_id].currency
        if external is None:
            unknown.add(currency)
        else:
            add_to(sums, currency, external)
    for currency in sums.keys() - unknown:
        parts[currency]["external"] = _text(sums[currency])
