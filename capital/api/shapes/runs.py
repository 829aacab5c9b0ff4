"""How the API writes allocation runs and previews of them."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from capital.models import AllocationRun
from capital.services.allocation.allocate import AllocationPreview
from capital.services.allocation.report import RunReport, report_decision, report_not_due
from capital.services.allocation.runs import report_runs


def runs_as_json(runs: Sequence[AllocationRun]) -> list[dict[str, Any]]:
    """Recorded runs with their pools and entries, in a constant number of queries."""
    return [_as_json(report, run) for report, run in zip(report_runs(runs), runs, strict=True)]


def previews_as_json(previews: Sequence[AllocationPreview]) -> list[dict[str, Any]]:
    """The runs that a request would make; where its run key was used, the run that it made."""
    return [_preview(preview) for preview in previews]


def _preview(preview: AllocationPreview) -> dict[str, Any]:
    if preview.run is not None:
        return runs_as_json([preview.run])[0]
    if preview.decision is None:
        return _as_json(report_not_due(preview.account, preview.reason))
    return _as_json(report_decision(preview.account, preview.decision))


def _as_json(report: RunReport, run: AllocationRun | None = None) -> dict[str, Any]:
    recorded = run is not None and run.pk is not None
    return {
        "id": run.pk if run is not None else None,
        "account": report.account_id,
        "account_name": report.account,
        "venue": report.venue,
        "currency": report.currency,
        "trigger": "api" if run is None else run.trigger,
        "actor": run.actor.get_username() if run is not None and run.actor is not None else None,
        "outcome": report.outcome,
        "code": report.code,
        "reason": report.reason,
        "run_key": report.run_key,
        "is_forced": run is not None and run.is_forced,
        "created_at": timezone.localtime(run.created_at).isoformat() if run and recorded else None,
        "pools": [
            {
                "pool": pool.pool,
                "balance": pool.balance,
                "source": pool.source,
                "observed_at": pool.observed_at,
                "reserve": pool.reserve,
                "unallocated": pool.unallocated,
                "code": pool.code,
                "reason": pool.reason,
                "entries": [dict(vars(entry)) for entry in pool.entries],
            }
            for pool in report.pools
        ],
    }
