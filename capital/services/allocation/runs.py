"""Recorded runs, read back as reports."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import prefetch_related_objects

from capital.domain.money import EXACT
from capital.models import AllocationPool, AllocationRun
from capital.services.allocation.policies.kept import steps_from_json
from capital.services.allocation.report import (
    EntryReport,
    PoolReport,
    RunReport,
    reported_amount,
    run_report,
)
from capital.services.allocation.stored import pool_from_json


def report_runs(runs: Sequence[AllocationRun]) -> list[RunReport]:
    """Reports of recorded runs, in order, in a constant number of queries."""
    runs = list(runs)
    prefetch_related_objects(
        [run for run in runs if run.pk is not None and run.snapshot is None],
        "pools__entries__strategy_account__strategy",
    )
    return [
        run_report(
            run.account,
            outcome=run.outcome,
            code=run.code,
            figures=run.figures,
            run_key=run.run_key,
            pools=_recorded_pools(run),
        )
        for run in runs
    ]


def _recorded_pools(run: AllocationRun) -> tuple[PoolReport, ...]:
    if run.pk is None:
        return ()
    if run.snapshot is not None:
        return tuple(pool_from_json(stored) for stored in run.snapshot)
    steps = (run.basis or {}).get("steps", {})
    return tuple(_recorded_pool(pool, run.account.currency, steps) for pool in run.pools.all())


def _recorded_pool(pool: AllocationPool, currency: str, steps: Mapping[str, Any]) -> PoolReport:
    return PoolReport(
        pool=pool.pool,
        balance=Decimal(pool.reading) if pool.reading else None,
        holdings=Decimal(pool.holdings) if pool.holdings else None,
        source=pool.source,
        observed_at=pool.observed_at,
        reserve=reported_amount(pool.reserve, currency),
        unallocated=reported_amount(pool.unallocated, currency),
        code=pool.code,
        figures=pool.figures,
        entries=tuple(
            EntryReport(
                strategy=entry.strategy_account.strategy.key,
                weight=EXACT.normalize(entry.weight),
                before=reported_amount(entry.before, currency),
                after=reported_amount(entry.after, currency),
                code=entry.code,
                steps=steps_from_json(steps.get(str(entry.strategy_account_id), ())),
            )
            for entry in pool.entries.all()
        ),
    )
