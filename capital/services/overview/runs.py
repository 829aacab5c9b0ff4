"""The last allocation runs: the newest of all, and the last of each account."""

from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from capital.domain.allocation.decision import Outcome
from capital.models import Account, AllocationRun
from capital.services.accounts.lookup import AccountIds
from capital.services.sentences import sentence_of


@dataclass(frozen=True)
class RecentRun:
    """A run, and its reason as a sentence in the reader's language."""

    run: AllocationRun
    reason: str


def recent_runs(runs: QuerySet[AllocationRun], *, count: int) -> list[RecentRun]:
    """The newest ``count`` of these runs, in one query, the newest first."""
    newest = runs.select_related("account", "actor").defer("snapshot", "basis", "arguments")
    return [
        RecentRun(run, sentence_of(run.code, run.figures))
        for run in newest.order_by("-created_at", "-pk")[:count]
    ]


def last_runs(account_ids: AccountIds, *outcomes: Outcome) -> dict[int, AllocationRun]:
    """The last run of each account, in one query.

    The query is driven from ``Account``, which is much faster: see ``benchmarks/``.

    Args:
        account_ids: The accounts.
        outcomes: Only accounts whose last run had one of these; where none is given, all.
    """
    newest = AllocationRun.objects.filter(account=OuterRef("pk")).order_by("-created_at", "-pk")
    keys = (
        Account.objects.filter(pk__in=account_ids)
        .order_by()
        .annotate(last_run=Subquery(newest.values("pk")[:1]))
    )
    runs = AllocationRun.objects.filter(pk__in=keys.values("last_run")).order_by()
    if outcomes:
        runs = runs.filter(outcome__in=[outcome.value for outcome in outcomes])
    return {run.account_id: run for run in runs.defer("snapshot", "basis", "arguments")}
