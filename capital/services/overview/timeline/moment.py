"""The capital of links at a moment, with the decision that left it so: exact, from entries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from django.db.models import OuterRef, QuerySet, Subquery

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.policies.contract import Did, Step
from capital.domain.clock import Clock
from capital.domain.money import EXACT, ROUNDED, quantum_of
from capital.models import (
    AllocationEntry,
    AllocationRun,
    ArchivedRun,
    AuditCheckpoint,
    StrategyAccount,
)
from capital.services.allocation.policies.kept import steps_from_json
from capital.services.sentences import sentence_of

# Links of one answer: more are a list, and no answer.
MOST_LINKS = 1_000


class Record(StrEnum):
    """What the record says of a link at a moment."""

    DECIDED = "decided"  # A run that is there left it so.
    FOUND = "found"  # The next run found it so; the one that left it is not there.
    NEVER = "never"  # It had no capital yet.
    ARCHIVED = "archived"  # The runs of that time are in files.


@dataclass(frozen=True)
class CapitalAt:
    """The capital of one link at a moment.

    Attributes:
        link: With its strategy and account.
        at: The moment.
        record: How that is known.
        amount: In account currency; None where it had none, or where the record is in files.
        entry: What decided it, with its pool and run; None unless ``record`` is ``DECIDED``.
        reverted_by: The run that took the deciding one back later; None for none.
    """

    link: StrategyAccount
    at: datetime
    record: Record
    amount: Decimal | None
    entry: AllocationEntry | None = None
    reverted_by: AllocationRun | None = None

    @property
    def run(self) -> AllocationRun | None:
        """The deciding run."""
        return None if self.entry is None else self.entry.pool.run

    @property
    def reason(self) -> str:
        """Why, as a sentence in the active language; empty where no decision is on record."""
        if self.entry is None:
            return ""
        return sentence_of(self.entry.code, self.entry.pool.figures)


def read_capital_at(
    links: QuerySet[StrategyAccount], at: datetime, *, most: int = MOST_LINKS
) -> list[CapitalAt]:
    """The capital of these links at a moment, the largest first.

    A decision counts from its very moment on. Queries: constant.

    Args:
        links: Those that the reader may see.
        at: When.
        most: At most so many links.
    """
    rows = list(
        links.select_related("account", "strategy", "capital")
        .annotate(
            last_entry=Subquery(_entries(pool__run__created_at__lte=at).order_by("-pool_id")[:1]),
            next_entry=Subquery(_entries(pool__run__created_at__gt=at).order_by("pool_id")[:1]),
        )
        .order_by("pk")[:most]
    )
    entries = _load([row.last_entry or row.next_entry for row in rows])
    reverts = _reverts([entries[row.last_entry].pool.run_id for row in rows if row.last_entry])
    undecided = {row.account_id for row in rows if row.last_entry is None}
    archived_until = _archived_until(undecided)
    answers = [
        _decided(row, at, entries[row.last_entry], reverts)
        if row.last_entry is not None
        else _undecided(row, at, entries.get(row.next_entry), archived_until)
        for row in rows
    ]
    return sorted(answers, key=lambda each: each.amount or Decimal(0), reverse=True)


def capital_by_run(link: StrategyAccount, run_id: int) -> CapitalAt | None:
    """What one run left a link; None where the run is not of its account.

    A run that changed nothing recorded no entry: the link had then what it had before.
    """
    entry = _entries_of(link).filter(pool__run=run_id).first()
    if entry is None:
        run = AllocationRun.objects.filter(pk=run_id, account=link.account_id).first()
        links = StrategyAccount.objects.filter(pk=link.pk)
        return None if run is None else read_capital_at(links, run.created_at)[0]
    return _decided(link, entry.pool.run.created_at, entry, _reverts([run_id]))


def checked_again(answer: CapitalAt, *, clock: Clock) -> AllocationRun | None:
    """The last run by then that looked again and found nothing to change; None for none."""
    if answer.run is None:
        return None
    runs = AllocationRun.objects.filter(
        account=answer.link.account_id,
        outcome=Outcome.UNCHANGED.value,
        created_at__gte=answer.run.created_at,
        created_at__lte=min(answer.at, clock()),
    )
    return runs.defer("snapshot", "basis", "arguments").order_by("-created_at", "-pk").first()


def steps_of(answer: CapitalAt) -> tuple[Step, ...]:
    """What each step did to it, as its run recorded them."""
    if answer.run is None:
        return ()
    steps = (answer.run.basis or {}).get("steps", {})
    return steps_from_json(steps.get(str(answer.link.pk), ()))


def exact_share(steps: Sequence[Step], amount: Decimal | None, currency: str) -> Decimal | None:
    """What the share came to before it was rounded, to six digits behind the quantum's.

    None where it came out even, or where something else than its share had the last word.
    """
    if not steps or steps[-1].did not in (Did.SHARE, Did.SHARE_BESIDE) or amount is None:
        return None
    figures = {name: Decimal(text) for name, text in steps[-1].figures.items()}
    beside = figures.get("beside", Decimal(0))
    base = EXACT.subtract(EXACT.subtract(figures["balance"], figures["reserve"]), beside)
    exact = ROUNDED.divide(EXACT.multiply(base, figures["claim"]), figures["claims"])
    quantum = quantum_of(currency)
    difference = abs(ROUNDED.subtract(exact, amount))
    if difference == 0 or difference >= quantum:
        return None
    return ROUNDED.quantize(exact, ROUNDED.multiply(quantum, Decimal("0.000001")))


def _entries(**conditions: datetime) -> QuerySet[AllocationEntry, int]:
    rows = AllocationEntry.objects.filter(strategy_account=OuterRef("pk"), **conditions)
    return rows.values_list("pk", flat=True)


def _entries_of(link: StrategyAccount) -> QuerySet[AllocationEntry]:
    rows = AllocationEntry.objects.filter(strategy_account=link)
    return rows.select_related("pool__run__account", "pool__run__actor")


def _load(keys: Collection[int | None]) -> dict[int | None, AllocationEntry]:
    rows = AllocationEntry.objects.filter(pk__in=[key for key in keys if key is not None])
    found = rows.select_related("pool__run__account", "pool__run__actor").order_by()
    if len(keys) > 1:
        # One alone is told with its steps.
        found = found.defer("pool__run__snapshot", "pool__run__basis")
    return {entry.pk: entry for entry in found}


def _reverts(run_ids: Collection[int]) -> dict[int | None, AllocationRun]:
    runs = AllocationRun.objects.filter(reverts__in=set(run_ids)).order_by()
    return {run.reverts_id: run for run in runs.defer("snapshot", "basis", "arguments")}


def _archived_until(account_ids: Collection[int]) -> dict[int, datetime | None]:
    """Of accounts whose first runs are in files: when the last of these was decided."""
    checkpoints = AuditCheckpoint.objects.filter(account__in=account_ids, archived_through__gt=0)
    last = dict(checkpoints.order_by().values_list("account_id", "archived_through"))
    runs = ArchivedRun.objects.filter(account__in=last, run_id__in=last.values()).order_by()
    decided = dict(runs.values_list("account_id", "decided_at"))
    return {account_id: decided.get(account_id) for account_id in last}


def _decided(
    link: StrategyAccount,
    at: datetime,
    entry: AllocationEntry,
    reverts: Mapping[int | None, AllocationRun],
) -> CapitalAt:
    return CapitalAt(link, at, Record.DECIDED, entry.after, entry, reverts.get(entry.pool.run_id))


def _undecided(
    link: StrategyAccount,
    at: datetime,
    following: AllocationEntry | None,
    archived_until: Mapping[int, datetime | None],
) -> CapitalAt:
    """Where no decision until then is there: by what the next one found, or by what it has."""
    held = getattr(link, "capital", None)
    if following is not None:
        amount, since = following.before, None
    elif held is not None:
        amount, since = held.allocated_capital, held.allocated_at
    else:
        amount, since = None, None
    if amount is None:
        return CapitalAt(link, at, Record.NEVER, None)
    if link.account_id in archived_until:
        last = archived_until[link.account_id]
        known_since = since or last
        if known_since is None or at < known_since:
            return CapitalAt(link, at, Record.ARCHIVED, None)
    elif since is not None and at < since:
        return CapitalAt(link, at, Record.NEVER, None)
    return CapitalAt(link, at, Record.FOUND, amount)
