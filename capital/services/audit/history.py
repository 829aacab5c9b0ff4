"""Recorded runs, a page at a time, as the audit's rules read them: from rows or snapshots."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import InvalidOperation

from django.db.models import Q, QuerySet

from capital.domain.allocation.decision import Outcome
from capital.domain.audit.pools import RecordedEntry, RecordedPool
from capital.domain.audit.runs import RecordedRun
from capital.domain.balances import Source
from capital.domain.errors import CapitalError
from capital.domain.money import parse_amount
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import AllocationEntry, AllocationPool, AllocationRun
from capital.services.allocation.policies.kept import inputs_from_json
from capital.services.allocation.stored import recorded_pool_from_json
from strategies.markets import MarketType

# What malformed JSON may raise.
_UNREADABLE = (
    AttributeError,
    CapitalError,
    InvalidOperation,
    KeyError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class RunRows:
    """One run with its pools and entries. Entries are by pool, in the order of links."""

    run: AllocationRun
    pools: list[AllocationPool] = field(default_factory=list)
    entries: dict[int, list[RecordedEntry]] = field(default_factory=dict)


def behind(through: Mapping[int, int]) -> QuerySet[AllocationRun]:
    """The runs of these accounts behind a run of each; 0 is before the first."""
    whole = [account_id for account_id, key in through.items() if not key]
    parts = [Q(account_id=account_id, pk__gt=key) for account_id, key in through.items() if key]
    runs: QuerySet[AllocationRun] = AllocationRun.objects.filter(
        Q(Q(account_id__in=whole), *parts, _connector=Q.OR)
    )
    return runs


def load_run_rows(through: Mapping[int, int], *, after: int, limit: int) -> list[RunRows]:
    """The next runs in order of primary key, which is the order of decision, in three queries.

    Args:
        through: By account, the last run that is not to be read.
        after: The last run that was read, of whichever account.
        limit: How many at most.
    """
    return with_pools(behind(through).filter(pk__gt=after).order_by("pk")[:limit])


def with_pools(runs: Iterable[AllocationRun]) -> list[RunRows]:
    """The runs with their pools and entries, in two queries more."""
    loaded = {run.pk: RunRows(run) for run in runs}
    owner = {}
    for pool in AllocationPool.objects.filter(run_id__in=list(loaded)).order_by("pk"):
        loaded[pool.run_id].pools.append(pool)
        loaded[pool.run_id].entries[pool.pk] = []
        owner[pool.pk] = loaded[pool.run_id]
    entries = AllocationEntry.objects.filter(pool__run_id__in=list(loaded))
    for key, pool_id, link_id, weight, before, held, code, account_id, market in entries.order_by(
        "pool_id", "strategy_account_id"
    ).values_list(
        "pk",
        "pool_id",
        "strategy_account_id",
        "weight",
        "before",
        "after",
        "code",
        "strategy_account__account_id",
        "strategy_account__strategy__market_type",
    ):
        entry = RecordedEntry(
            row=str(key),
            link_id=link_id,
            weight=weight,
            before=before,
            after=held,
            code=code,
            account_id=account_id,
            market=MarketType(market),
        )
        owner[pool_id].entries[pool_id].append(entry)
    return list(loaded.values())


def recorded_run(rows: RunRows) -> RecordedRun | Reason:
    """The run as the rules read it, or the reason why it cannot be read."""
    run = rows.run
    try:
        inputs = None if run.basis is None else inputs_from_json(run.basis)
        if run.snapshot is None or rows.pools:
            pools = [_from_row(pool, rows.entries[pool.pk]) for pool in rows.pools]
        else:
            pools = [recorded_pool_from_json(stored, inputs) for stored in run.snapshot]
        arguments = dict(run.arguments)
    except _UNREADABLE as error:
        figures = {"row": f"run {run.pk}", "kind": type(error).__name__}
        return Reason(Code.RECORD_UNREADABLE, figures)
    return RecordedRun(
        id=run.pk,
        account_id=run.account_id,
        run_key=run.run_key,
        trigger=run.trigger,
        actor_id=run.actor_id,
        outcome=Outcome(run.outcome),
        arguments=arguments,
        is_forced=run.is_forced,
        has_snapshot=run.snapshot is not None,
        pool_rows=len(rows.pools),
        pools=tuple(pools),
        inputs=inputs,
        reverts=run.reverts_id,
    )


def _from_row(pool: AllocationPool, entries: Sequence[RecordedEntry]) -> RecordedPool:
    return RecordedPool(
        row=str(pool.pk),
        pool=Pool(pool.pool),
        balance=parse_amount(pool.reading) if pool.reading else None,
        source=Source(pool.source),
        observed_at=pool.observed_at,
        reserve=pool.reserve,
        unallocated=pool.unallocated,
        entries=tuple(entries),
        holdings=parse_amount(pool.holdings) if pool.holdings else None,
    )
