"""What only looking finds: what has lasted too long, and what is over.

The job ``watch`` looks every minute. It reads what stands on record, asks no exchange, and locks
one trouble at a time. Where nothing is wrong that is two queries.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.reasons import Code
from capital.models import (
    Account,
    AlertKind,
    Fill,
    LimitState,
    Market,
    PoolDay,
    Stop,
    Trouble,
    WebhookDelivery,
)
from capital.services.alerts.rules import (
    KEY_PROBLEMS,
    day_part,
    is_silence,
    is_unexplained,
    near_part,
    unreadable,
)
from capital.services.alerts.troubles import (
    About,
    Seen,
    key_of,
    note,
    settle_each,
    tell_lasting,
)
from capital.services.trading.whose import unattributed_fills
from capital.services.transactions import outside_transaction


@outside_transaction
def watch(operations: Sequence[Seen], *, clock: Clock = timezone.now) -> Counter[str]:
    """Look at what stands on record, and tell what is wrong and what is over.

    Call it outside a transaction: each trouble that is over has one of its own.

    Args:
        operations: Which jobs are late and which clusters are silent.
        clock: Says what time it is.

    Returns:
        How many alerts ``began`` and how many are ``over``.
    """
    now = clock()
    counts: Counter[str] = Counter()
    seen = [*operations, *_unreadable_accounts()]
    with transaction.atomic():
        counts["began"] += len(note(seen, now=now))
    known = {each.key for each in seen}
    by_kind: dict[AlertKind, list[Trouble]] = defaultdict(list)
    for row in Trouble.objects.filter(over_at=None).select_related("account").order_by("key"):
        if row.key not in known:
            by_kind[AlertKind(row.kind)].append(row)
    over, lasting = [], []
    for kind, rows in by_kind.items():
        ended = ended_of(kind, rows)
        over += [row.key for row in rows if row.key in ended]
        lasting += [row.key for row in rows if row.key not in ended and row.told_at is None]
    counts["over"] += settle_each(over, now=now)
    with transaction.atomic():
        counts["began"] += len(tell_lasting(lasting, now=now))
    return counts


def _unreadable_accounts() -> list[Seen]:
    """Active accounts whose exchange gives no balance. One query."""
    rows = Account.objects.filter(is_active=True).exclude(connection_code="").order_by("pk")
    found = []
    for account in rows:
        code = Code.get(account.connection_code)
        if code is not None and is_silence(code):
            found.append(unreadable(account, code))
    return found


_Ended = Callable[[Sequence[Trouble]], set[str]]


def ended_of(kind: AlertKind, rows: Sequence[Trouble]) -> set[str]:
    """The keys of those that are over; also where the account is switched off."""
    off = {row.key for row in rows if row.account is not None and not row.account.is_active}
    rule = _ENDS.get(kind)
    return off if rule is None else off | rule(rows)


def _all(rows: Sequence[Trouble]) -> set[str]:
    """What was looked for and not found."""
    return {row.key for row in rows}


def _key_works(rows: Sequence[Trouble]) -> set[str]:
    problems = {code.value for code in KEY_PROBLEMS}
    return {
        row.key
        for row in rows
        if row.account is None or row.account.connection_code not in problems
    }


def _is_believed(rows: Sequence[Trouble]) -> set[str]:
    """The pool has no suspect balance any more."""
    return {
        row.key
        for row in rows
        if row.account is None or row.figures.get("pool") not in row.account.suspect_readings
    }


def _was_allocated(rows: Sequence[Trouble]) -> set[str]:
    """The last check came to something else."""
    return {
        row.key for row in rows if row.account is None or row.account.last_check_code != row.code
    }


def _is_lifted(rows: Sequence[Trouble]) -> set[str]:
    """Those that somebody lifted around the services."""
    stops = {int(row.key.rpartition(":")[2]): row.key for row in rows}
    kept = set(Stop.objects.open().filter(pk__in=stops).values_list("pk", flat=True))
    return {key for pk, key in stops.items() if pk not in kept}


def _is_far(rows: Sequence[Trouble]) -> set[str]:
    """Limits that are not near any more, or were removed."""
    accounts = [row.account_id for row in rows]
    states = LimitState.objects.filter(
        Q(account__in=accounts) | Q(strategy_account__account__in=accounts),
        warned_at__isnull=False,
    ).select_related("strategy_account")
    near = set()
    for state in states:
        link = state.strategy_account
        account_id = state.account_id if link is None else link.account_id
        part = near_part(state.kind, state.strategy_account_id)
        near.add(key_of(AlertKind.LIMIT_NEAR, About(account_id=account_id), part))
    return {row.key for row in rows} - near


def _signal_came(rows: Sequence[Trouble]) -> set[str]:
    """Since the last refusal that was told, a signal of the strategy was taken."""
    found = set()
    for row in rows:
        taken = WebhookDelivery.objects.filter(
            strategy=row.strategy_id, refusal__isnull=True, received_at__gt=row.noticed_at
        )
        if taken.exists():
            found.add(row.key)
    return found


def _is_assigned(rows: Sequence[Trouble]) -> set[str]:
    accounts = [row.account_id for row in rows]
    left = unattributed_fills(Fill.objects.filter(account__in=accounts))
    open_ones = set(left.values_list("account_id", flat=True).distinct())
    return {row.key for row in rows if row.account_id not in open_ones}


def _is_explained(rows: Sequence[Trouble]) -> set[str]:
    accounts = {row.account_id: row.account for row in rows if row.account is not None}
    dates = [row.figures.get("date") for row in rows]
    days = PoolDay.objects.filter(account__in=accounts, date__in=dates)
    missing = set()
    for day in days:
        account = accounts[day.account_id]
        if is_unexplained(day, account):
            about = About(account_id=account.pk)
            part = day_part(day.pool, day.date)
            missing.add(key_of(AlertKind.BALANCE_UNEXPLAINED, about, part))
    return {row.key for row in rows} - missing


def _is_accepted(rows: Sequence[Trouble]) -> set[str]:
    """No rules of the instrument wait any more."""
    waiting = Market.objects.filter(
        venue__in={row.venue for row in rows}, pending_rules__isnull=False
    ).values_list("venue", "symbol")
    keys = {
        key_of(AlertKind.RULES_SUSPECT, About(venue=venue), symbol) for venue, symbol in waiting
    }
    return {row.key for row in rows} - keys


# How each kind ends. The others end by an event.
_ENDS: Mapping[AlertKind, _Ended] = MappingProxyType(
    {
        AlertKind.POOL_UNREADABLE: _all,
        AlertKind.JOB_LATE: _all,
        AlertKind.CLUSTER_SILENT: _all,
        AlertKind.KEY_REFUSED: _key_works,
        AlertKind.SUSPECT_BALANCE: _is_believed,
        AlertKind.RUN_FAILED: _was_allocated,
        AlertKind.RUN_HELD: _was_allocated,
        AlertKind.STOP: _is_lifted,
        AlertKind.LIMIT_NEAR: _is_far,
        AlertKind.SIGNAL_REFUSED: _signal_came,
        AlertKind.FILLS_UNATTRIBUTED: _is_assigned,
        AlertKind.BALANCE_UNEXPLAINED: _is_explained,
        AlertKind.RULES_SUSPECT: _is_accepted,
    }
)
