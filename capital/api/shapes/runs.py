"""JSON of allocation runs and of previews."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from capital.domain.money import plain
from capital.domain.reasons import Reason
from capital.models import AllocationRun
from capital.services.allocation import (
    AllocationPreview,
    EntryReport,
    RunReport,
    causes_of,
    report_decision,
    report_not_due,
    report_runs,
    told_steps,
)
from capital.services.sentences import sentence


def runs_as_json(runs: Sequence[AllocationRun]) -> list[dict[str, Any]]:
    """Recorded runs with their pools and entries, in a constant number of queries."""
    return [_as_json(report, run) for report, run in zip(report_runs(runs), runs, strict=True)]


def decision_as_json(report: RunReport, run: AllocationRun | None = None) -> dict[str, Any]:
    """One report: of a recorded run, or of what a run would decide."""
    return _as_json(report, run)


def previews_as_json(previews: Sequence[AllocationPreview]) -> list[dict[str, Any]]:
    """The runs that a request would make, or made if its run key was used before."""
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
        "causes": [] if run is None else [_cause(cause) for cause in causes_of(run.arguments)],
        "run_key": report.run_key,
        "is_forced": run is not None and run.is_forced,
        "created_at": _time(run.created_at) if run and recorded else None,
        "pools": [
            {
                "pool": pool.pool,
                "balance": _text(pool.balance),
                "holdings": _text(pool.holdings),
                "source": pool.source,
                "observed_at": pool.observed_at
                and timezone.localtime(pool.observed_at).isoformat(),
                "reserve": _text(pool.reserve),
                "unallocated": _text(pool.unallocated),
                "code": pool.code,
                "reason": pool.reason,
                "entries": [_entry(entry, report.currency) for entry in pool.entries],
            }
            for pool in report.pools
        ],
    }


def _entry(entry: EntryReport, currency: str) -> dict[str, Any]:
    return {
        "strategy": entry.strategy,
        "weight": plain(entry.weight),
        "before": _text(entry.before),
        "after": _text(entry.after),
        "code": entry.code,
        "how": told_steps(entry.steps, currency),
    }


def _cause(cause: Reason) -> dict[str, Any]:
    return {
        "code": cause.code.value,
        "figures": dict(cause.figures),
        "reason": sentence(cause),
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat()
