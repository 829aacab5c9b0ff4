"""The only writer of allocations: capital and its audit rows, set by set.

A faster writer (such as COPY) can replace this module; ``benchmarks/reallocate.py`` measures it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, Value, When

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.balances import holdings_text, reading_text
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    StrategyCapital,
)
from capital.services.allocation.causes.told import causes_as_json
from capital.services.allocation.policies.kept import inputs_as_json, steps_as_json
from capital.services.allocation.request import AllocationRequest
from capital.services.allocation.stored import pools_as_json
from capital.services.allocation.verdicts import Verdict
from capital.services.balances.locked import learn
from capital.services.balances.summaries import Summaries
from capital.services.happened import RunsRecorded, say
from capital.services.trading.counting import Counted, count_pnl
from capital.services.transactions import inside_transaction

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
    decided = [
        (verdict.decision, _new_run(verdict, verdict.decision, request, now=now))
        for verdict in verdicts
        if verdict.decision is not None
    ]
    if not decided:
        return {}
    counted = count_pnl(
        [(run.account, decision) for decision, run in decided],
        restores=request.restores,
        now=now,
        known={key: each for verdict in verdicts for key, each in verdict.told.earned.items()},
    )
    for decision, run in decided:
        run.pnl = _records_of(decision, counted)
    _write_capital([decision for decision, _ in decided], counted, now=now)
    AllocationRun.objects.bulk_create([run for _, run in decided])
    _write_pools(decided)
    say(RunsRecorded([run for _, run in decided]), now=now)
    return {run.account_id: run for _, run in decided}


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
    Account.objects.filter(pk__in=[key for keys in by_code.values() for key in keys]).update(
        last_checked_at=now,
        last_check_code=Case(
            *(When(pk__in=keys, then=Value(code)) for code, keys in sorted(by_code.items()))
        ),
    )


def _new_run(
    verdict: Verdict, decision: Decision, request: AllocationRequest, *, now: datetime
) -> AllocationRun:
    """The run of a decision, unsaved. An unchanged one carries its pools as a snapshot."""
    account = verdict.linked.account
    snapshot = None
    if decision.outcome is Outcome.UNCHANGED:
        snapshot = pools_as_json(decision, account.currency)
    return AllocationRun(
        account=account,
        run_key=request.run_key,
        trigger=request.trigger,
        actor_id=request.actor_id,
        outcome=decision.outcome.value,
        code=decision.reason.code.value,
        figures=dict(decision.reason.figures),
        arguments=request.recorded | causes_as_json(verdict.causes),
        snapshot=snapshot,
        basis=_basis(verdict, decision),
        is_forced=request.force,
        reverts_id=request.reverts,
        created_at=now,
    )


def _basis(verdict: Verdict, decision: Decision) -> dict[str, Any] | None:
    """The inputs, and what each step did; an unchanged run has the steps in its snapshot."""
    if verdict.inputs is None:
        return None
    inputs = inputs_as_json(verdict.inputs)
    steps = {} if decision.outcome is Outcome.UNCHANGED else steps_as_json(decision)
    return inputs | {"steps": steps} if steps else inputs


def _write_pools(decided: Sequence[tuple[Decision, AllocationRun]]) -> None:
    recorded = [
        (run, pool)
        for decision, run in decided
        if decision.outcome is not Outcome.UNCHANGED
        for pool in decision.pools
    ]
    if not recorded:
        return
    rows = AllocationPool.objects.bulk_create(
        AllocationPool(
            run=run,
            pool=pool.reading.pool.value,
            reading=reading_text(pool.reading, run.account.currency),
            holdings=holdings_text(pool.reading, run.account.currency),
            source=pool.reading.source.value,
            observed_at=pool.reading.observed_at,
            reserve=pool.reserve,
            unallocated=pool.unallocated,
            code=pool.reason.code.value,
            figures=dict(pool.reason.figures),
        )
        for run, pool in recorded
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


def _records_of(decision: Decision, counted: Mapping[int, Counted]) -> dict[str, Any] | None:
    """What the run of a decision says of the PnL that it counts; None where it counts none."""
    links = [entry.link.id for pool in decision.pools for entry in pool.entries]
    return {str(key): counted[key].record for key in links if key in counted} or None


def _write_capital(
    decisions: Sequence[Decision], counted: Mapping[int, Counted], *, now: datetime
) -> None:
    """Write the capital that changed; of what did not, from when its PnL counts."""
    changed: list[StrategyCapital] = []
    begun: list[StrategyCapital] = []
    for decision in decisions:
        for pool in decision.pools:
            for entry in pool.entries:
                if entry.link.id not in counted:
                    continue
                row = counted[entry.link.id].capital
                if entry.changed:
                    row.allocated_at = now
                (changed if entry.changed else begun).append(row)
    for rows, columns in ((changed, ["allocated_capital", "allocated_at"]), (begun, [])):
        if rows:
            StrategyCapital.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["strategy_account"],
                update_fields=[*columns, *_PNL_FIELDS],
            )
