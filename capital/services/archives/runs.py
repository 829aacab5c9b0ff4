"""Which runs of an account can leave the database, and how they do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import models, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from capital.domain.clock import Clock
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    ArchivedRun,
    AuditCheckpoint,
)
from capital.models.columns.append_only import AppendOnlyModel, drop_rows
from capital.services.accounts.lookup import lock_accounts
from capital.services.allocation.inputs import last_allocations
from capital.services.allocation.reverts import changes_of
from capital.services.archives.files import Row, WrittenFile, read_rows, write_file
from capital.services.audit import (
    Progress,
    Violation,
    follow_runs,
    remember_archived,
    starting_points,
    with_pools,
)
from capital.services.transactions import outside_transaction

# Runs of one file: what is in memory at once.
RUNS_AT_ONCE = 5_000
_KEYS_AT_ONCE = 500


# What the files of each kind of row are called.
NAMES: dict[type[AppendOnlyModel], str] = {
    AllocationRun: "runs",
    AllocationPool: "pools",
    AllocationEntry: "entries",
}
# From each kind of row to its run.
_PATHS: dict[type[AppendOnlyModel], str] = {
    AllocationRun: "pk",
    AllocationPool: "run",
    AllocationEntry: "pool__run",
}


@dataclass
class ArchivedRuns:
    """What was archived of one account.

    Attributes:
        files: The files that were written.
        rows: How many rows left the database, by model.
        violations: What the audit found first: then nothing more of the account is archived.
    """

    files: list[WrittenFile] = field(default_factory=list)
    rows: dict[type[models.Model], int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


def first_kept(account_ids: Sequence[int]) -> dict[int, int]:
    """The first run of each account that has to stay, whatever its age; without those of no runs.

    From there on everything stays: the last run that allocated, which the gate compares with; the
    last one that changed capital, which may be reverted; the newest; and what any of these
    reverts. However many accounts there are, it takes three queries.
    """
    runs = AllocationRun.objects.filter(account=OuterRef("pk"))
    last = Account.objects.filter(pk__among=account_ids).values_list(
        "pk", _first_of(runs, "-pk"), _first_of(changes_of(OuterRef("pk")), "-pk")
    )
    allocated = last_allocations(account_ids)
    kept = {}
    for account_id, *needed in last:
        known = [key for key in (*needed, allocated.get(account_id)) if key is not None]
        if known:
            kept[account_id] = min(known)
    reverts = AllocationRun.objects.filter(account__among=account_ids, reverts__isnull=False)
    # A run reverts an earlier one. So where the newest comes first, what it keeps is not met yet.
    for account_id, key, reverted in reverts.order_by("-pk").values_list(
        "account_id", "pk", "reverts_id"
    ):
        if account_id in kept and key >= kept[account_id]:
            kept[account_id] = min(kept[account_id], reverted)
    return kept


def _first_of(runs: "models.QuerySet[AllocationRun]", order: str) -> Subquery:
    return Subquery(runs.order_by(order).values("pk")[:1])


@outside_transaction
def archive_runs(account: Account, *, until: datetime, folder: Path, clock: Clock) -> ArchivedRuns:
    """Write the runs of one account that are older than ``until`` to files, and remove them.

    Call it outside a transaction. Each part is a file for each kind of row, and a transaction; an
    interruption leaves the parts before whole, and the same call goes on.

    Args:
        account: Whose runs.
        until: The first moment that stays.
        folder: Where the months' folders are.
        clock: Gives the current time.

    Raises:
        ArchiveFileDiffers: A file is there that is not of these runs.
        ArchiveNotReadBack: A file cannot be read back.
    """
    done = ArchivedRuns()
    for part in _parts(account.pk, until):
        record = starting_points([account.pk], full=True)[account.pk]
        begun_at = record.through
        broken = follow_runs(account, with_pools(part), record, now=clock())
        if broken:
            done.violations = broken
            return done
        _archive_part(account, part, record, begun_at, folder, done)
    return done


def count_runs(account_ids: Sequence[int], *, until: datetime) -> int:
    """How many runs ``archive_runs`` would archive of them, if the audit finds nothing."""
    return sum(_old_runs(*end).count() for end in _ends(account_ids, until).items())


def _ends(account_ids: Sequence[int], until: datetime) -> dict[int, int]:
    """By account, the first run by primary key that is younger than ``until`` or has to stay."""
    young = AllocationRun.objects.filter(account=OuterRef("pk"), created_at__gte=until)
    first_young = Account.objects.filter(pk__among=account_ids).values_list(
        "pk", _first_of(young, "pk")
    )
    kept = first_kept(account_ids)
    return {
        account_id: kept[account_id] if key is None else min(key, kept[account_id])
        for account_id, key in first_young
        if account_id in kept
    }


def _old_runs(account_id: int, end: int) -> "models.QuerySet[AllocationRun]":
    """Runs by primary key before ``end``: nothing between them stays."""
    runs: models.QuerySet[AllocationRun] = AllocationRun.objects.filter(
        account_id=account_id, pk__lt=end
    )
    return runs.order_by("pk")


def _parts(account_id: int, until: datetime) -> Iterator[list[AllocationRun]]:
    """Runs of one month, at most ``RUNS_AT_ONCE``, as long as there are any."""
    while runs := [
        run for end in _ends([account_id], until).items() for run in _old_runs(*end)[:RUNS_AT_ONCE]
    ]:
        month = month_of(runs[0].created_at)
        part = []
        for run in runs:
            if month_of(run.created_at) != month:
                break
            part.append(run)
        yield part


def month_of(moment: datetime) -> str:
    """The month of a time in the project's zone: ``2026-03``."""
    return f"{timezone.localtime(moment, timezone.get_default_timezone()):%Y-%m}"


def _archive_part(
    account: Account,
    part: Sequence[AllocationRun],
    record: Progress,
    begun_at: int,
    folder: Path,
    done: ArchivedRuns,
) -> None:
    keys = [run.pk for run in part]
    rows = {model: _read(model, path, keys) for model, path in _PATHS.items()}
    month = month_of(part[0].created_at)
    for model, name in NAMES.items():
        path = folder / month / f"{name}-account-{account.pk}-from-{keys[0]}.csv.gz"
        done.files.append(write_file(path, model, rows[model]))
    with transaction.atomic():
        lock_accounts([account.pk])
        checkpoint = AuditCheckpoint.objects.filter(account=account).first()
        if (0 if checkpoint is None else checkpoint.archived_through) != begun_at:
            # Another process was quicker; its files are the same as ours.
            return
        ArchivedRun.objects.bulk_create([_key_of(run) for run in part], batch_size=_KEYS_AT_ONCE)
        remember_archived(account.pk, record)
        # What points at a row goes before it.
        for model in reversed(rows):
            _drop(model, [row[0] for row in rows[model]])
    for model, written in rows.items():
        done.rows[model] = done.rows.get(model, 0) + len(written)


def _read(model: type[AppendOnlyModel], path: str, runs: Sequence[int]) -> list[Row]:
    """The rows of these runs, a few statements' worth of keys at a time."""
    rows: list[Row] = []
    for begin in range(0, len(runs), _KEYS_AT_ONCE):
        some = {f"{path}__in": runs[begin : begin + _KEYS_AT_ONCE]}
        rows += read_rows(model.objects.filter(**some))
    return sorted(rows, key=lambda row: row[0])


def _drop(model: type[AppendOnlyModel], keys: Sequence[int]) -> None:
    gone = sum(
        drop_rows(model, keys[begin : begin + _KEYS_AT_ONCE])
        for begin in range(0, len(keys), _KEYS_AT_ONCE)
    )
    assert gone == len(keys)


def _key_of(run: AllocationRun) -> ArchivedRun:
    return ArchivedRun(
        account_id=run.account_id,
        run_key=run.run_key,
        run_id=run.pk,
        trigger=run.trigger,
        actor_id=run.actor_id,
        outcome=run.outcome,
        code=run.code,
        figures=run.figures,
        arguments=run.arguments,
        pnl=run.pnl or {},
        decided_at=run.created_at,
    )
