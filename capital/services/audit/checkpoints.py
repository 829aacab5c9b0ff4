"""Where the audit begins: behind what is archived, and behind what it found correct before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from capital.domain.audit.chain import Ledger, ledger_from_json
from capital.models import Account, AuditCheckpoint
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
    """

    ledger: Ledger
    through: int = 0
    is_resumed: bool = False
    settled: tuple[int, dict[str, Any]] | None = None

    def settle(self, until: datetime | None = None, *, now: datetime) -> None:
        """Keep the record as it is, where what comes next is young; with None, nothing does."""
        if self.settled is None and self.through and (until is None or until > now - READ_AGAIN):
            self.settled = (self.through, self.ledger.as_json())


def starting_points(account_ids: Sequence[int], *, full: bool) -> dict[int, Progress]:
    """Where to begin with each account, in one query.

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
    return points


@outside_transaction
def remember_clean(found: Mapping[int, tuple[int, dict[str, Any]]]) -> None:
    """Remember how far the records of these accounts are correct.

    Call it outside a transaction: each account is locked by itself, and not for long.

    Args:
        found: By account, what ``Progress.settled`` was.
    """
    for account_id, (run_id, ledger) in sorted(found.items()):
        with transaction.atomic():
            # Whoever archives holds this lock, too.
            Account.objects.select_for_update(no_key=True).get(pk=account_id)
            AuditCheckpoint.objects.update_or_create(
                account_id=account_id,
                defaults={"clean_through": run_id, "clean_ledger": ledger},
            )


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
