"""The last decisions, each with its reason in the reader's language."""

from dataclasses import dataclass

from django.db.models import QuerySet

from capital.models import AllocationRun
from capital.services.sentences import sentence_of


@dataclass(frozen=True)
class RecentRun:
    """A run, and its reason in the reader's language."""

    run: AllocationRun
    reason: str


def recent_runs(runs: QuerySet[AllocationRun], *, count: int) -> list[RecentRun]:
    """The newest ``count`` of these runs, in one query, the newest first."""
    newest = runs.select_related("account", "actor").defer("snapshot", "basis", "arguments")
    return [
        RecentRun(run, sentence_of(run.code, run.figures))
        for run in newest.order_by("-created_at", "-pk")[:count]
    ]
