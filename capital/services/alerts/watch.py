"""What only looking finds: what has lasted too long, and what is over.

The job ``watch`` looks every minute. It reads what stands on record, asks no exchange, and locks
one trouble at a time. Where nothing is wrong that is two queries.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import (
    Account,
    AlertKind,
    AllocationPool,
    AllocationRun,
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
    NOT_HEARD,
    PARTLY,
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
from capital.services.trading.positions import position_holds
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
    """The exchange answered otherwise; where it is not heard, nobody knows."""
    problems = {code.value for code in KEY_PROBLEMS | NOT_HEARD}
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


def _moves_again(rows: Sequence[Trouble]) -> set[str]:
    """As ``_was_allocated``; where pools are held beside others, once nothing holds them any more.

    Checks go on for the others, and say nothing of those. At most five queries more for such rows.
    """
    partly = {row: row.account_id for row in rows if row.code in PARTLY and row.account_id}
    others = _was_allocated([row for row in rows if row not in partly])
    if not partly:
        return others
    ids = sorted(set(partly.values()))
    newest = AllocationRun.objects.filter(account=OuterRef("pk")).order_by("-created_at", "-pk")
    accounts = Account.objects.filter(pk__in=ids).order_by()
    runs = accounts.annotate(newest=Subquery(newest.values("pk")[:1])).values("newest")
    pools = AllocationPool.objects.filter(run__in=runs, run__code__in=PARTLY)
    held: dict[int, dict[str, str]] = defaultdict(dict)
    for key, pool, code in pools.values_list("run__account", "pool", "code"):
        held[key][pool] = code
    holds = position_holds(ids)
    return others | {
        row.key
        for row, account_id in partly.items()
        if not _is_held(row, held[account_id], holds.get(account_id, {}))
    }


def _is_held(row: Trouble, codes: Mapping[str, str], holds: Mapping[Pool, Reason]) -> bool:
    """Whether a pool that it names still is: by a position; what holds otherwise, until a run.

    Args:
        row: The trouble.
        codes: Of the pools of the account's last run, if that left some of them held.
        holds: The account's pools that an open position holds now.
    """
    named = set(str(row.figures.get("pools", "")).split(", ")) & codes.keys()
    return any(not Code(codes[pool]).is_of_position or Pool(pool) in holds for pool in named)


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
    """Since the last one that was refused for the same, a signal of the strategy was taken."""
    return {row.key for row in rows if _was_taken(row, cause=row.key.rpartition(":")[2])}


def _was_taken(row: Trouble, *, cause: str) -> bool:
    """Whether the newest signal that says anything of this cause was taken, and led to orders.

    Each cause is told by itself: what was refused for another one says nothing of this one.
    """
    signals = WebhookDelivery.objects.filter(
        strategy=row.strategy_id, received_at__gt=row.noticed_at
    ).order_by("-received_at", "-pk")
    taken = signals.filter(refusal__isnull=True, answer__isnull=False)
    newest = taken.select_related("answer").first()
    if newest is None:
        return False
    codes = {size.get("code") for size in newest.answer.body.get("sizes", ())}
    since = signals.filter(refusal__code=cause, received_at__gte=newest.received_at)
    return cause not in codes and not since.exists()


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
        AlertKind.RUN_HELD: _moves_again,
        AlertKind.STOP: _is_lifted,
        AlertKind.LIMIT_NEAR: _is_far,
        AlertKind.SIGNAL_REFUSED: _signal_came,
        AlertKind.FILLS_UNATTRIBUTED: _is_assigned,
        AlertKind.BALANCE_UNEXPLAINED: _is_explained,
        AlertKind.RULES_SUSPECT: _is_accepted,
    }
)
