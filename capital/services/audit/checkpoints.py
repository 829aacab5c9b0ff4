"""Where the audit begins: behind what is archived, and behind what it found correct before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from capital.domain.audit.chain import Ledger, ledger_from_json
from capital.domain.performance.stored import books_as_json, books_from_json
from capital.models import Account, Attribution, AuditCheckpoint, Fill, Flow
from capital.services.audit.replay import BooksPoint
from capital.services.trading.booking.writing import PositionKey
from capital.services.transactions import inside_transaction, outside_transaction

# What is younger is always read again: a fault is most likely looked for there.
READ_AGAIN = timedelta(days=7)


@dataclass
class Progress:
    """The record of one account while it is followed.

    Attributes:
        ledger: The record so far.
        through: Primary key of the last run in it; 0 before the first.
        is_resumed: Whether runs that are in the database are not read again.
        settled: That of the last run that is not to be read again, and the ledger up to it.
        books: From where on its fills are booked again; None for the first one.
        settled_books: From where on they are to be the next time.
    """

    ledger: Ledger
    through: int = 0
    is_resumed: bool = False
    settled: tuple[int, dict[str, Any]] | None = None
    books: BooksPoint | None = None
    settled_books: BooksPoint | None = None

    def settle(self, until: datetime | None = None, *, now: datetime) -> None:
        """Keep the record as it is, where what comes next is young; with None, nothing does."""
        if self.settled is None and self.through and (until is None or until > now - READ_AGAIN):
            self.settled = (self.through, self.ledger.as_json())


def starting_points(account_ids: Sequence[int], *, full: bool) -> dict[int, Progress]:
    """Where to begin with each account, in one query; four where fills were checked before.

    Args:
        account_ids: The accounts.
        full: Whether to read everything that is in the database again.
    """
    points = {key: Progress(Ledger()) for key in account_ids}
    for row in AuditCheckpoint.objects.filter(account_id__in=account_ids):
        is_resumed = not full and row.clean_through > row.archived_through
        if is_resumed:
            ledger, through = row.clean_ledger, row.clean_through
        else:
            ledger, through = row.archived_ledger, row.archived_through
        if through:
            points[row.account_id] = Progress(ledger_from_json(ledger), through, is_resumed)
        if not full and row.clean_books:
            points[row.account_id].books = _point_from_json(row.clean_books)
    for key in _with_late_news(points):
        points[key].books = None
    return points


def _with_late_news(points: Mapping[int, Progress]) -> set[int]:
    """The accounts of which something became known lately of the time before their points."""
    begun = {key: each.books.until for key, each in points.items() if each.books is not None}
    if not begun:
        return set()

    def late(account: str, known: str, happened: str) -> Q:
        parts = [
            Q(**{account: key, f"{known}__gte": until, f"{happened}__lt": until})
            for key, until in begun.items()
        ]
        return Q(*parts, _connector=Q.OR)

    fills = Fill.objects.filter(late("account_id", "recorded_at", "executed_at"))
    flows = Flow.objects.filter(late("account_id", "recorded_at", "occurred_at"))
    attributions = Attribution.objects.filter(late("fill__account_id", "at", "fill__executed_at"))
    return {
        *fills.order_by().values_list("account_id", flat=True).distinct(),
        *flows.order_by().values_list("account_id", flat=True).distinct(),
        *attributions.order_by().values_list("fill__account_id", flat=True).distinct(),
    }


def _point_as_json(point: BooksPoint) -> dict[str, Any]:
    return {
        "until": point.until.isoformat(),
        "books": [
            [key.link_id, key.symbol, key.position_side, books_as_json(books)]
            for key, books in sorted(point.books.items(), key=lambda item: item[0])
        ],
    }


def _point_from_json(stored: Mapping[str, Any]) -> BooksPoint:
    return BooksPoint(
        datetime.fromisoformat(stored["until"]),
        {PositionKey(*key): books_from_json(books) for *key, books in stored["books"]},
    )


@outside_transaction
def remember_clean(records: Mapping[int, Progress]) -> None:
    """Remember how far the records of these accounts are correct.

    Call it outside a transaction: each account is locked by itself, and not for long.

    Args:
        records: By account, after the audit.
    """
    for account_id, record in sorted(records.items()):
        found: dict[str, Any] = {}
        if record.settled is not None:
            found["clean_through"], found["clean_ledger"] = record.settled
        if record.settled_books is not None:
            found["clean_books"] = _point_as_json(record.settled_books)
        if not found:
            continue
        with transaction.atomic():
            # Whoever archives holds this lock, too.
            Account.objects.select_for_update(no_key=True).get(pk=account_id)
            AuditCheckpoint.objects.update_or_create(account_id=account_id, defaults=found)


@inside_transaction
def remember_archived(account_id: int, record: Progress) -> None:
    """Remember the record of runs that are removed now: the audit begins behind them.

    Call it inside the transaction that holds the account's lock and removes them.
    """
    AuditCheckpoint.objects.update_or_create(
        account_id=account_id,
        defaults={
            "archived_through": record.through,
            "archived_ledger": record.ledger.as_json(),
        },
    )
