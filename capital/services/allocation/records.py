"""The only writer of allocations: capital and its audit rows, set by set, as tuples.

``benchmarks/reallocate.py`` compares it with a COPY of the same rows.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from django.db import router
from django.db.models import Case, Value, When
from django.utils import timezone

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.allocation.pools import PoolDecision
from capital.domain.balances import holdings_text, reading_text
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    StrategyCapital,
)
from capital.models.columns.copying import made_of
from capital.models.columns.json_text import JsonText
from capital.models.columns.rows import insert_rows, upsert_rows
from capital.services.allocation.causes.told import causes_as_json
from capital.services.allocation.policies.kept import inputs_text, steps_text
from capital.services.allocation.request import AllocationRequest
from capital.services.allocation.stored import pools_text
from capital.services.allocation.verdicts import Verdict
from capital.services.balances.locked import learn
from capital.services.balances.summaries import Summaries
from capital.services.happened import RunsRecorded, say
from capital.services.trading.counting import Counted, count_pnl
from capital.services.transactions import inside_transaction

# The columns of each table in the order in which they are written.
_RUN = (
    "account_id",
    "outcome",
    "code",
    "figures",
    "snapshot",
    "basis",
    "arguments",
    "pnl",
    # What all runs of a request have in common.
    "run_key",
    "trigger",
    "actor_id",
    "is_forced",
    "reverts_id",
    "created_at",
)
# Of these, what is written as ``JsonText``.
_TEXTS = ("snapshot", "basis", "arguments", "pnl")
_POOL = (
    "run_id",
    "pool",
    "reading",
    "holdings",
    "source",
    "observed_at",
    "reserve",
    "unallocated",
    "code",
    "figures",
)
_ENTRY = ("pool_id", "strategy_account_id", "weight", "before", "after", "code")
_CAPITAL = (
    "strategy_account_id",
    "allocated_capital",
    "pnl_since",
    "pnl_counted",
    "unrealized_then",
    "set_aside",
    "current_pnl",
    "allocated_at",
)
_PNL_FIELDS = ("pnl_since", "pnl_counted", "unrealized_then", "current_pnl", "set_aside")


@inside_transaction
def record_verdicts(
    verdicts: Sequence[Verdict],
    request: AllocationRequest,
    summaries: Mapping[int, Summaries],
    *,
    now: datetime,
) -> dict[int, AllocationRun]:
    """Write what follows from a batch of verdicts: balances, checks, capital and runs.

    Call it inside the transaction that holds the accounts' locks. A constant number of statements.

    Args:
        verdicts: One for each account.
        request: What was asked.
        summaries: The locked summaries of the accounts with a believed balance.
        now: The time of the decisions.

    Returns:
        The run of each account for which something was decided.
    """
    learn(
        {verdict.linked.account.pk: verdict.judged for verdict in verdicts},
        {verdict.linked.account.pk: verdict.linked.account for verdict in verdicts},
        summaries,
        now=now,
        recorded={
            verdict.linked.account.pk
            for verdict in verdicts
            if verdict.decision is not None and verdict.reason.code.is_suspicion
        },
    )
    record_checks(verdicts, now=now)
    return record_runs(verdicts, request, now=now)


@inside_transaction
def record_runs(
    verdicts: Sequence[Verdict], request: AllocationRequest, *, now: datetime
) -> dict[int, AllocationRun]:
    """Write capital, runs, pools and entries: one statement for each table.

    Call it inside the transaction that holds the accounts' locks.

    Returns:
        The run of each account for which something was decided.
    """
    decided = [(verdict, verdict.decision) for verdict in verdicts if verdict.decision is not None]
    if not decided:
        return {}
    decisions = [decision for _, decision in decided]
    counted = count_pnl(
        [(verdict.linked, decision) for verdict, decision in decided],
        restores=request.restores,
        now=now,
        known={key: each for verdict in verdicts for key, each in verdict.told.earned.items()},
    )
    _write_capital(decisions, counted, now=now)
    asked, arguments = _asked(request, now=now), _Arguments(request)
    zone = timezone.get_current_timezone()
    rows = [
        (*_run(verdict, decision, arguments, zone), _records_of(decision, counted), *asked)
        for verdict, decision in decided
    ]
    keys = insert_rows(AllocationRun, _RUN, rows)
    _write_pools(keys, decided)
    using = router.db_for_write(AllocationRun)
    runs = [
        _as_instance(key, row, verdict.linked.account, using)
        for key, row, (verdict, _) in zip(keys, rows, decided, strict=True)
    ]
    say(RunsRecorded(runs), now=now)
    return {run.account_id: run for run in runs}


@inside_transaction
def record_checks(verdicts: Sequence[Verdict], *, now: datetime) -> None:
    """Store on each account when it was last checked, and the code of the result.

    Call it inside the transaction that holds the accounts' locks. One statement for the batch.
    """
    by_code: dict[str, list[int]] = {}
    for verdict in verdicts:
        by_code.setdefault(verdict.reason.code.value, []).append(verdict.linked.account.pk)
    if not by_code:
        return
    *others, (usual, _) = sorted(by_code.items(), key=lambda of_code: len(of_code[1]))
    Account.objects.filter(pk__among=[key for keys in by_code.values() for key in keys]).update(
        last_checked_at=now,
        last_check_code=Case(
            *(When(pk__among=keys, then=Value(code)) for code, keys in others),
            default=Value(usual),
        ),
    )


class _Arguments:
    """What runs of a request keep of it; most have the same."""

    def __init__(self, request: AllocationRequest) -> None:
        self._recorded = request.recorded
        self._text = JsonText(json.dumps(self._recorded))

    def of(self, verdict: Verdict) -> JsonText:
        """With the causes of one run."""
        if not verdict.causes:
            return self._text
        return JsonText(json.dumps(self._recorded | causes_as_json(verdict.causes)))


def _run(
    verdict: Verdict, decision: Decision, arguments: _Arguments, zone: tzinfo
) -> tuple[Any, ...]:
    """What the run of a decision says of it. An unchanged one carries its pools as a snapshot."""
    account = verdict.linked.account
    snapshot = None
    if decision.outcome is Outcome.UNCHANGED:
        snapshot = JsonText(pools_text(decision, account.currency, zone))
    return (
        account.pk,
        decision.outcome.value,
        decision.reason.code.value,
        dict(decision.reason.figures),
        snapshot,
        _basis(verdict, decision),
        arguments.of(verdict),
    )


def _asked(request: AllocationRequest, *, now: datetime) -> tuple[Any, ...]:
    """What all runs of a request have in common."""
    return (
        request.run_key,
        request.trigger,
        request.actor_id,
        request.force,
        request.reverts,
        now,
    )


def _as_instance(key: int, row: tuple[Any, ...], account: Account, using: str) -> AllocationRun:
    """A run that was written. Its JSON that is text is read when somebody asks for it."""
    values = {"id": key, **dict(zip(_RUN, row, strict=True))}
    written = {name: values.pop(name) for name in _TEXTS if values[name] is not None}
    run = made_of(AllocationRun, values, using=using)
    run.written = written
    run._state.fields_cache["account"] = account
    return run


def _basis(verdict: Verdict, decision: Decision) -> JsonText | None:
    """The inputs, and what each step did; an unchanged run has the steps in its snapshot."""
    if verdict.inputs is None:
        return None
    steps = "" if decision.outcome is Outcome.UNCHANGED else steps_text(decision)
    return JsonText(inputs_text(verdict.inputs, steps))


def _write_pools(keys: Sequence[int], decided: Sequence[tuple[Verdict, Decision]]) -> None:
    """The pools of these runs, and the entries of each."""
    recorded = [
        (key, verdict.linked.account.currency, pool)
        for key, (verdict, decision) in zip(keys, decided, strict=True)
        if decision.outcome is not Outcome.UNCHANGED
        for pool in decision.pools
    ]
    pool_keys = insert_rows(
        AllocationPool, _POOL, [_pool(key, pool, currency) for key, currency, pool in recorded]
    )
    insert_rows(
        AllocationEntry,
        _ENTRY,
        [
            (key, each.link.id, each.link.weight, each.before, each.after, each.code.value)
            for key, (_, _, pool) in zip(pool_keys, recorded, strict=True)
            for each in pool.entries
        ],
        keyed=False,
    )


def _pool(run_id: int, pool: PoolDecision, currency: str) -> tuple[Any, ...]:
    reading = pool.reading
    return (
        run_id,
        reading.pool.value,
        reading_text(reading, currency),
        holdings_text(reading, currency),
        reading.source.value,
        reading.observed_at,
        pool.reserve,
        pool.unallocated,
        pool.reason.code.value,
        dict(pool.reason.figures),
    )


def _records_of(decision: Decision, counted: Mapping[int, Counted]) -> JsonText | None:
    """What the run of a decision says of the PnL that it counts; None where it counts none."""
    links = [entry.link.id for pool in decision.pools for entry in pool.entries]
    told = [f'"{key}": {counted[key].record}' for key in links if key in counted]
    return JsonText(f"{{{', '.join(told)}}}") if told else None


def _write_capital(
    decisions: Sequence[Decision], counted: Mapping[int, Counted], *, now: datetime
) -> None:
    """Write the capital that changed; of what did not, from when its PnL counts."""
    changed: list[tuple[Any, ...]] = []
    begun: list[tuple[Any, ...]] = []
    for decision in decisions:
        for pool in decision.pools:
            for entry in pool.entries:
                of_link = counted.get(entry.link.id)
                if of_link is None or of_link.stands:
                    continue
                row = of_link.capital
                if entry.changed:
                    changed.append((*row, now))
                else:
                    begun.append((*row, None))
    for rows, columns in ((changed, ("allocated_capital", "allocated_at")), (begun, ())):
        upsert_rows(
            StrategyCapital,
            _CAPITAL,
            rows,
            unique="strategy_account_id",
            update=[*columns, *_PNL_FIELDS],
        )
