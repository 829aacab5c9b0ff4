"""Allocation runs: the newest of all, the last of each account, and what each moved."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery

from capital.domain.allocation.decision import Outcome
from capital.domain.money import EXACT
from capital.models import Account, AllocationEntry, AllocationRun
from capital.services.accounts.lookup import AccountIds
from capital.services.allocation.causes.told import StrategyNames
from capital.services.sentences import sentence_of

_NOTHING = Decimal(0)


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


@dataclass(frozen=True)
class Move:
    """The capital of one strategy, changed by a run: in account currency."""

    strategy: str
    strategy_id: int
    link_id: int
    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        """Above zero where it got more."""
        return EXACT.subtract(self.after, self.before)


@dataclass(frozen=True)
class Moves:
    """What a run moved.

    Attributes:
        moves: Those whose capital changed, the largest change first.
        reverted_by: The run that took it back; None for none.
        left: What all of its strategies have afterwards; None where it recorded none.
    """

    moves: Sequence[Move] = field(default_factory=tuple)
    reverted_by: int | None = None
    left: Decimal | None = None

    @property
    def moved(self) -> Decimal:
        """How much money changed hands: the larger of what came and what went."""
        came = went = _NOTHING
        for move in self.moves:
            if move.change > 0:
                came = EXACT.add(came, move.change)
            else:
                went = EXACT.subtract(went, move.change)
        return max(came, went)

    @property
    def is_to_zero(self) -> bool:
        """Whether it left nobody any capital, where somebody had some."""
        return bool(self.moves) and self.left == 0


@dataclass(frozen=True)
class RecentRun:
    """A run, what it moved, its reason and what it follows from: as the reader's sentences."""

    run: AllocationRun
    reason: str
    moves: Moves
    causes: Sequence[str] = ()

    @property
    def took_all(self) -> bool:
        """Whether it left nobody any capital, though nothing was allocated: all are paused."""
        return self.run.outcome == Outcome.SKIPPED and self.moves.is_to_zero


def recent_runs(runs: QuerySet[AllocationRun], *, count: int) -> list[RecentRun]:
    """The newest ``count`` of these runs, in four queries, the newest first."""
    newest = runs.select_related("account", "actor").defer("snapshot", "basis")
    found = list(newest.order_by("-created_at", "-pk")[:count])
    moves = moves_of([run.pk for run in found])
    names = StrategyNames.of_records(found)
    return [
        RecentRun(run, sentence_of(run.code, run.figures), moves[run.pk], names.causes(run))
        for run in found
    ]


def moves_of(run_ids: Collection[int]) -> dict[int, Moves]:
    """What each of these runs moved, in two queries."""
    entries = AllocationEntry.objects.filter(pool__run__in=run_ids).order_by("pk")
    rows = entries.values_list(
        "pool__run",
        "strategy_account__strategy__name",
        "strategy_account__strategy",
        "strategy_account",
        "before",
        "after",
    )
    moves: dict[int, list[Move]] = defaultdict(list)
    left: dict[int, Decimal] = {}
    for run_id, strategy, strategy_id, link_id, before, after in rows:
        move = Move(strategy, strategy_id, link_id, before or _NOTHING, after or _NOTHING)
        left[run_id] = EXACT.add(left.get(run_id, _NOTHING), move.after)
        if move.change:
            moves[run_id].append(move)
    reverts = AllocationRun.objects.filter(reverts__in=run_ids).order_by()
    reverted = dict(reverts.values_list("reverts", "pk"))
    return {
        key: Moves(
            sorted(moves[key], key=lambda move: abs(move.change), reverse=True),
            reverted.get(key),
            left.get(key),
        )
        for key in run_ids
    }
