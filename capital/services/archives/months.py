"""Months of runs and deliveries leave the database for files, once these were read back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import ArchiveTooRecent
from capital.models import Account
from capital.models.allocations.archived import KEPT_DAYS
from capital.services.archives.deliveries import archive_deliveries, count_deliveries
from capital.services.archives.files import WrittenFile
from capital.services.archives.runs import NAMES, archive_runs, count_runs
from capital.services.audit import Violation
from capital.services.balances.summaries import business_date
from capital.services.transactions import outside_transaction
from strategies.models import Strategy


@dataclass
class ArchiveReport:
    """What left the database, or would.

    Attributes:
        until: The first day that stays: the first of a month.
        rows: How many ``runs``, ``pools``, ``entries`` and ``deliveries``.
        files: The files that were written.
        violations: By account, what the audit found in runs that were to be archived; of such an
            account nothing behind them was.
    """

    until: date
    rows: Counter[str] = field(default_factory=Counter)
    files: list[WrittenFile] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


@outside_transaction
def archive(
    before: date,
    folder: Path,
    *,
    account_ids: Sequence[int] | None = None,
    dry_run: bool = False,
    clock: Clock = timezone.now,
) -> ArchiveReport:
    """Write the months before a date to files, read them back, and remove the rows.

    Call it outside a transaction: each part has its own, so that an interruption loses nothing and
    the same call goes on. What stays is said at ``first_kept``, and the key of every run and the
    id of every delivery: used again, they are not processed again.

    Args:
        before: Months that end before this day are archived.
        folder: Has, or gets, a folder for each month.
        account_ids: Only the runs of these accounts, and no deliveries; None for everything.
        dry_run: Count only. Runs that have to stay in spite of the audit are counted, too.
        clock: Gives the current time.

    Raises:
        ArchiveTooRecent: The last of these months ended less than ``KEPT_DAYS`` ago.
        ArchiveFileDiffers: A file is there that is not of these rows.
        ArchiveNotReadBack: A file cannot be read back.
    """
    until = before.replace(day=1)
    latest = business_date(clock()) - timedelta(days=KEPT_DAYS)
    if until > latest:
        raise ArchiveTooRecent(days=str(KEPT_DAYS), latest=latest.isoformat())
    report = ArchiveReport(until)
    # Where the site is ahead of UTC, the first day of the calendar begins before it.
    begin = max(until, date.min + timedelta(days=1))
    moment = datetime.combine(begin, time.min, tzinfo=timezone.get_default_timezone())
    accounts = Account.objects.order_by("pk")
    if account_ids is not None:
        accounts = accounts.filter(pk__in=account_ids)
    strategies = Strategy.objects.order_by("pk") if account_ids is None else ()
    if dry_run:
        ids = list(accounts.values_list("pk", flat=True))
        report.rows["runs"] += count_runs(ids, until=moment)
        for strategy in strategies:
            report.rows["deliveries"] += count_deliveries(strategy, until=moment)
        return report
    for account in accounts:
        done = archive_runs(account, until=moment, folder=folder, clock=clock)
        report.files += done.files
        report.violations += done.violations
        for model, name in NAMES.items():
            report.rows[name] += done.rows.get(model, 0)
    for strategy in strategies:
        deliveries = archive_deliveries(strategy, until=moment, folder=folder)
        report.files += deliveries.files
        report.rows["deliveries"] += deliveries.count
    return report
