"""The write side of allocations, in one place: capital and its audit rows, set by set.

Everything here runs inside the transaction that holds the accounts' locks. A faster writer
(COPY, say) can take this module's place; ``benchmarks/reallocate.py`` measures it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from capital.domain.decision import Decision, Outcome
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    StrategyCapital,
)
from capital.services.reports import pool_reports, reading_text


@dataclass(frozen=True)
class DecidedRun:
    """One account's decision, and the run that records it (not saved yet)."""

    account: Account
    decision: Decision
    run: AllocationRun


def new_run(
    account: Account,
    decision: Decision,
    *,
    run_key: str,
    trigger: str,
    actor_id: int | None,
    arguments: dict[str, Any],
    now: datetime,
) -> AllocationRun:
    """The run of a decision, unsaved. An unchanged one carries its pools as a snapshot."""
    snapshot = None
    if decision.outcome is Outcome.UNCHANGED:
        snapshot = [pool.as_json() for pool in pool_reports(decision, account.currency)]
    return AllocationRun(
        account=account,
        run_key=run_key,
        trigger=trigger,
        actor_id=actor_id,
        outcome=decision.outcome.value,
        code=decision.reason.code.value,
        figures=dict(decision.reason.figures),
        arguments=arguments,
        snapshot=snapshot,
        created_at=now,
    )


def write_decisions(decided: Sequence[DecidedRun], *, now: datetime) -> None:
    """Write capital, runs, pools and entries of a batch: one statement for each table."""
    _write_capital(decided, now=now)
    AllocationRun.objects.bulk_create([item.run for item in decided])
    recorded = [
        (item, pool)
        for item in decided
        if item.decision.outcome is not Outcome.UNCHANGED
        for pool in item.decision.pools
    ]
    if not recorded:
        return
    rows = AllocationPool.objects.bulk_create(
        AllocationPool(
            run=item.run,
            pool=pool.reading.pool.value,
            reading=reading_text(pool.reading, item.account.currency),
            source=pool.reading.source.value,
            observed_at=pool.reading.observed_at,
            reserve=pool.reserve,
            unallocated=pool.unallocated,
            code=pool.reason.code.value,
            figures=dict(pool.reason.figures),
        )
        for item, pool in recorded
    )
    AllocationEntry.objects.bulk_create(
        AllocationEntry(
            pool=row,
            strategy_account_id=entry.link.id,
            weight=entry.link.weight,
            before=entry.before,
            after=entry.after,
            code=entry.code.value,
        )
        for row, (_, pool) in zip(rows, recorded, strict=True)
        for entry in pool.entries
    )


def _write_capital(decided: Sequence[DecidedRun], *, now: datetime) -> None:
    rows = [
        StrategyCapital(
            strategy_account_id=entry.link.id, allocated_capital=entry.after, allocated_at=now
        )
        for item in decided
        for pool in item.decision.pools
        for entry in pool.entries
        if entry.changed and entry.after is not None
    ]
    if rows:
        StrategyCapital.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["strategy_account"],
            update_fields=["allocated_capital", "allocated_at"],
        )
