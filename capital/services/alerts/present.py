"""What is wrong now, for whoever looks: troubles are what is told, and what is over is left out."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractUser, AnonymousUser

from capital.domain.reasons import Code
from capital.models import AlertKind, Trouble
from capital.services.access.visibility import VisibleKeys
from capital.services.alerts.rules import is_silence
from capital.services.alerts.watch import ended_of

_OPEN = VisibleKeys(lambda: Trouble.objects.filter(over_at=None))
# Only the job that looks for these says that they are over.
_LOOKED_FOR = frozenset({AlertKind.JOB_LATE, AlertKind.CLUSTER_SILENT})


def present_troubles(
    user: AbstractUser | AnonymousUser,
    *,
    now: datetime,
    account_id: int | None = None,
) -> list[Trouble]:
    """What is wrong of what the user sees, the oldest first, with account, strategy and owner.

    One query where nothing is wrong, another one where something is, and at most one more for each
    kind that is.

    Args:
        user: Who looks.
        now: Fills may still find their strategy: they are told once that has lasted.
        account_id: Only of this account.
    """
    keys = _OPEN.of(user)
    if not keys:
        return []
    rows = Trouble.objects.filter(pk__in=keys)
    if account_id is not None:
        rows = rows.filter(account=account_id)
    by_kind: dict[AlertKind, list[Trouble]] = defaultdict(list)
    for row in rows.select_related("account", "strategy", "owner").order_by("noticed_at", "pk"):
        by_kind[AlertKind(row.kind)].append(row)
    found = [row for kind, of_kind in by_kind.items() for row in _lasting(kind, of_kind, now)]
    return sorted(found, key=lambda row: (row.noticed_at, row.pk))


def _lasting(kind: AlertKind, rows: list[Trouble], now: datetime) -> Iterator[Trouble]:
    if kind is AlertKind.POOL_UNREADABLE:
        over = {row.key for row in rows if not _is_unreadable(row)}
    else:
        over = set() if kind in _LOOKED_FOR else ended_of(kind, rows)
    for row in rows:
        is_early = now - row.noticed_at < timedelta(seconds=row.after_seconds)
        waits = kind is AlertKind.FILLS_UNATTRIBUTED and row.told_at is None and is_early
        if row.key not in over and not waits:
            yield row


def _is_unreadable(row: Trouble) -> bool:
    account = row.account
    if account is None or not account.is_active:
        return False
    return is_silence(Code.get(account.connection_code))
