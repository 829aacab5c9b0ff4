"""What is wrong is told once, again when it changes, and once when it is over.

A ``Trouble`` is a row for each thing that can be wrong. Whoever finds something wrong notes it here
as often as it likes; an ``Alert`` is written, in the same transaction, where there is news.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from capital.domain.reasons import Reason
from capital.models import Alert, AlertKind, AlertState, Trouble
from capital.models.alerts.alerts import about_of
from capital.services.alerts.tasks import request_spreading
from capital.services.transactions import inside_transaction

_AT_ONCE = timedelta()
# PostgreSQL compares each row of a statement with all that it writes: of ten thousand at once, for
# half a minute.
_WRITTEN_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class About:
    """What something is about: at most one of these. None of them: the installation."""

    account_id: int | None = None
    strategy_id: int | None = None
    owner_id: int | None = None
    venue: str = ""
    for_everybody: bool = False

    @property
    def columns(self) -> dict[str, Any]:
        """As the rows have it."""
        return {
            "account_id": self.account_id,
            "strategy_id": self.strategy_id,
            "owner_id": self.owner_id,
            "venue": self.venue,
            "for_everybody": self.for_everybody,
        }

    @property
    def word(self) -> str:
        """For a key."""
        given = [f"{name}={value}" for name, value in self.columns.items() if value]
        return given[0] if given else "installation"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Something that is wrong.

    Attributes:
        kind: What kind of thing.
        about: What it is about.
        reason: Its sentence.
        part: What of it, where several things of a kind may be wrong with it.
        mark: When it changes, it is told again; the code always counts.
        name: What has it is called, where that is not what it is about.
        after: It is told only once it has lasted so long: it may pass by itself.
    """

    kind: AlertKind
    about: About
    reason: Reason
    part: str = ""
    mark: str = ""
    name: str = ""
    after: timedelta = field(default=_AT_ONCE)

    @property
    def key(self) -> str:
        """Of its trouble."""
        return key_of(self.kind, self.about, self.part)

    @property
    def full_mark(self) -> str:
        """What makes it another trouble."""
        return f"{self.reason.code.value} {self.mark}".strip()[:200]


def key_of(kind: AlertKind, about: About, part: str = "") -> str:
    """The key of what is wrong."""
    return f"{kind.value}:{about.word}:{part}"[:200]


@inside_transaction
def note(seen: Sequence[Seen], *, now: datetime) -> list[Alert]:
    """Note what is wrong, and write an alert for each that is new, or another than before.

    Call it inside a transaction: the one in which it was found. Two processes that find the same
    tell it once. At most four statements.

    Returns:
        The alerts that were written.
    """
    by_key = {each.key: each for each in seen}
    if not by_key:
        return []
    # Over before it began: the row is there to be locked, whoever was first.
    blank = [
        Trouble(
            key=key,
            kind=each.kind,
            code=each.reason.code.value,
            figures=dict(each.reason.figures),
            noticed_at=now,
            over_at=now,
            name=each.name[:200],
            **each.about.columns,
        )
        # In one order, so that two of these never wait for each other.
        for key, each in sorted(by_key.items())
    ]
    Trouble.objects.bulk_create(blank, ignore_conflicts=True)
    rows = Trouble.objects.select_for_update().filter(key__in=list(by_key)).order_by("key")
    changed, alerts = [], []
    for row in rows:
        each = by_key[row.key]
        state = _take(row, each, now)
        if state is None and row.told_at is not None:
            continue
        changed.append(row)
        if state is not None:
            alerts.append(_alert(row, state, now))
    _write(changed, alerts)
    return alerts


def _take(row: Trouble, seen: Seen, now: datetime) -> AlertState | None:
    """Take what was seen into the row. Returns what there is to tell; None for nothing."""
    if row.over_at is not None:
        row.over_at = row.told_at = None
        row.noticed_at = now
    was_told, is_other = row.told_at is not None, row.mark != seen.full_mark
    if was_told and not is_other:
        return None
    row.code, row.figures, row.mark = (
        seen.reason.code.value,
        dict(seen.reason.figures),
        seen.full_mark,
    )
    row.after_seconds = int(seen.after.total_seconds())
    if not was_told and not _has_lasted(row, now):
        return None
    row.told_at = now
    return AlertState.CHANGED if was_told else AlertState.BEGAN


def _has_lasted(row: Trouble, now: datetime) -> bool:
    return now - row.noticed_at >= timedelta(seconds=row.after_seconds)


@inside_transaction
def tell_lasting(keys: Collection[str], *, now: datetime) -> list[Alert]:
    """Tell what was noted and not told, and has lasted long enough by now.

    Call it inside a transaction. No query for none.
    """
    if not keys:
        return []
    waiting = Trouble.objects.select_for_update().filter(
        key__in=list(keys), over_at=None, told_at=None
    )
    rows = [row for row in waiting.order_by("key") if _has_lasted(row, now)]
    for row in rows:
        row.told_at = now
    alerts = [_alert(row, AlertState.BEGAN, now) for row in rows]
    _write(rows, alerts)
    return alerts


@inside_transaction
def settle(over: Mapping[str, Reason | None], *, now: datetime) -> list[Alert]:
    """What these say is over: told where it was told that it began.

    Call it inside a transaction: the one in which it ended, or was found to have. No query for
    none.

    Args:
        over: By key, the sentence that says so; None for what was said when it began.
        now: When.
    """
    if not over:
        return []
    rows = list(
        Trouble.objects.select_for_update().filter(key__in=list(over), over_at=None).order_by("key")
    )
    for row in rows:
        row.over_at = now
        reason = over[row.key]
        if reason is not None:
            row.code, row.figures = reason.code.value, dict(reason.figures)
    alerts = [_alert(row, AlertState.OVER, now) for row in rows if row.told_at is not None]
    _write(rows, alerts)
    return alerts


def settle_each(keys: Collection[str], *, now: datetime) -> int:
    """The same, each in a transaction of its own, so that nobody waits for two at once."""
    told = 0
    for key in sorted(keys):
        with transaction.atomic():
            told += len(settle({key: None}, now=now))
    return told


def _alert(row: Trouble, state: AlertState, now: datetime) -> Alert:
    return Alert(
        kind=row.kind,
        state=state,
        code=row.code,
        figures=row.figures,
        key=row.key,
        at=now,
        **about_of(row),
    )


def _write(rows: Sequence[Trouble], alerts: Sequence[Alert]) -> None:
    if rows:
        columns = [
            *("code", "figures", "mark", "noticed_at", "after_seconds", "told_at", "over_at")
        ]
        Trouble.objects.bulk_update(rows, columns, batch_size=_WRITTEN_AT_ONCE)
    if alerts:
        Alert.objects.bulk_create(alerts)
        request_spreading()
