"""One recorded run against the rules: do outcome, marks, inputs and pools agree?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.gate import Inputs
from capital.domain.audit.pools import RecordedEntry, RecordedPool, check_pool, check_restored_pool
from capital.domain.balances import Source
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code, Reason
from capital.domain.run_keys import is_run_key


@dataclass(frozen=True)
class RecordedRun:
    """A run, read from its rows or its snapshot.

    Attributes:
        pool_rows: How many rows of pools it has; the pools of a snapshot are not counted.
        inputs: The inputs of the decision; None where they were not recorded.
        reverts: The run that it reverts; None for all others.
    """

    id: int
    account_id: int
    run_key: str
    trigger: str
    actor_id: int | None
    outcome: Outcome
    arguments: Mapping[str, Any]
    is_forced: bool
    has_snapshot: bool
    pool_rows: int
    pools: tuple[RecordedPool, ...]
    inputs: Inputs | None
    reverts: int | None = None


def check_run(run: RecordedRun, *, quantum: Decimal) -> Iterator[Reason]:
    """Every rule that the run breaks by itself; ``Ledger`` checks those between runs."""
    if not is_run_key(run.run_key):
        yield Reason(Code.RUN_KEY_MALFORMED, {"run_key": repr(run.run_key)})
    yield from _check_arguments(run)
    yield from _check_shape(run)
    yield from _check_outcome(run)
    yield from _check_pools_apart(run)
    if run.inputs is not None and run.pools:
        yield from _check_inputs(run, run.inputs)
    reserve = None if run.inputs is None else run.inputs.reserve
    for pool in run.pools:
        if run.reverts is None:
            yield from check_pool(pool, quantum=quantum, reserve=reserve, inputs=run.inputs)
        else:
            yield from check_restored_pool(pool, quantum=quantum, reserve=reserve)


def _check_arguments(run: RecordedRun) -> Iterator[Reason]:
    asked = bool(run.arguments.get("force", False))
    if run.is_forced != asked:
        yield Reason(Code.FORCED_MARK_WRONG, {"marked": str(run.is_forced), "asked": str(asked)})
    # A run of another version may name fewer.
    for name, value in (
        ("trigger", run.trigger),
        ("actor", run.actor_id),
        ("reverts", run.reverts),
    ):
        if name in run.arguments and run.arguments[name] != value:
            yield Reason(Code.ARGUMENTS_CONTRADICTED, {"argument": name})
    if run.arguments.get("live") is False:
        for pool in run.pools:
            if pool.source is Source.LIVE:
                yield Reason(Code.LIVE_THOUGH_CACHED, pool.figures)


def _check_shape(run: RecordedRun) -> Iterator[Reason]:
    """An unchanged run has a snapshot and no rows; others rows, a failed one nothing."""
    figures = {"outcome": run.outcome.value}
    unchanged = run.outcome is Outcome.UNCHANGED
    if unchanged and not run.has_snapshot:
        yield Reason(Code.SNAPSHOT_MISSING, figures)
    if run.has_snapshot and not unchanged:
        yield Reason(Code.SNAPSHOT_UNEXPECTED, figures)
    if run.pool_rows and (unchanged or run.outcome is Outcome.FAILED):
        yield Reason(Code.POOLS_UNEXPECTED, figures)
    divided = run.inputs is not None and bool(run.inputs.links)
    needed = run.outcome is Outcome.APPLIED or (run.outcome is Outcome.SKIPPED and divided)
    if needed and not run.pool_rows:
        yield Reason(Code.POOLS_MISSING, figures)


def _check_outcome(run: RecordedRun) -> Iterator[Reason]:
    """Whether the entries agree with the outcome."""
    contradicts = _CONTRADICTS.get(run.outcome)
    if contradicts is not None and contradicts(run):
        yield Reason(Code.OUTCOME_CONTRADICTED, {"outcome": run.outcome.value})


def _contradicts_applied(run: RecordedRun) -> bool:
    """Nothing changed, or there was no balance. Missing pools are reported elsewhere.

    Beside a pool that is held, idle links release their capital without one.
    """
    is_held = any(entry.code in _HELD for entry in _entries(run))
    return bool(run.pools) and not (_changed(run) and (_with_balance(run) or is_held))


def _contradicts_held(run: RecordedRun) -> bool:
    """There is a balance or an idle link: holding needs neither."""
    return bool(_with_balance(run)) or any(entry.idle for entry in _entries(run))


def _contradicts_skipped(run: RecordedRun) -> bool:
    """An active link changed in a pool with a balance."""
    return any(
        entry.changed and not entry.idle for pool in _with_balance(run) for entry in pool.entries
    )


def _changed(run: RecordedRun) -> bool:
    return any(entry.changed for entry in _entries(run))


def _entries(run: RecordedRun) -> Iterator[RecordedEntry]:
    return (entry for pool in run.pools for entry in pool.entries)


def _with_balance(run: RecordedRun) -> list[RecordedPool]:
    return [pool for pool in run.pools if pool.balance is not None]


# An entry of a pool that stays as it is.
_HELD = (Code.HELD, Code.POOL_KEPT)
# A failed run claims nothing that entries could contradict.
_CONTRADICTS: Mapping[Outcome, Callable[[RecordedRun], bool]] = {
    Outcome.APPLIED: _contradicts_applied,
    Outcome.UNCHANGED: _changed,
    Outcome.HELD: _contradicts_held,
    Outcome.SKIPPED: _contradicts_skipped,
}


def _check_pools_apart(run: RecordedRun) -> Iterator[Reason]:
    """Each link in one pool, its market's own, on its own account; never both wallet modes."""
    names = {pool.pool for pool in run.pools}
    if Pool.UNIFIED in names and len(names) > 1:
        yield Reason(Code.WALLET_MODES_MIXED, {"pools": ", ".join(sorted(names))})
    seen = Counter(entry.link_id for entry in _entries(run) if entry.link_id is not None)
    for link_id, times in sorted(seen.items()):
        if times > 1:
            yield Reason(Code.LINK_REPEATED, {"link": str(link_id)})
    for pool in run.pools:
        for entry in pool.entries:
            if entry.account_id not in (None, run.account_id):
                other = {"account": str(entry.account_id)}
                yield Reason(Code.LINK_OF_ANOTHER_ACCOUNT, {**entry.figures, **other})
            if _is_of_another_pool(entry, pool.pool):
                yield Reason(Code.ACROSS_POOLS, {**entry.figures, **pool.figures})


def _is_of_another_pool(entry: RecordedEntry, pool: Pool) -> bool:
    # Before it held capital, a strategy may have traded another market.
    if entry.market is None or entry.after is None or pool is Pool.UNIFIED:
        return False
    return pool_of(entry.market, WalletMode.SEPARATE) is not pool


def _check_inputs(run: RecordedRun, inputs: Inputs) -> Iterator[Reason]:
    """Whether pools and entries agree with the recorded inputs.

    A revert divides nothing: it takes the links of its inputs over from the run before.
    """
    balances = {pool.pool: pool.total for pool in run.pools if pool.total is not None}
    if run.reverts is not None:
        wrong = [pool.value for pool in balances if balances[pool] != inputs.balances.get(pool)]
    else:
        wrong = _links_contradicted(run, inputs)
        wrong += [pool.value for pool in Pool if balances.get(pool) != inputs.balances.get(pool)]
    if wrong:
        yield Reason(Code.BASIS_CONTRADICTED, {"parts": ", ".join(wrong)})


def _links_contradicted(run: RecordedRun, inputs: Inputs) -> list[str]:
    entries = {entry.link_id: entry for entry in _entries(run)}
    wrong = [
        str(link_id)
        for link_id in sorted(inputs.links)
        if (entry := entries.get(link_id)) is None
        or entry.weight != inputs.links[link_id].weight
        or _idle_contradicted(entry, inputs.links[link_id].idle)
        or _stop_contradicted(entry, stopped=inputs.links[link_id].stopped)
    ]
    wrong += ["?" if key is None else str(key) for key in entries if key not in inputs.links]
    return wrong


def _idle_contradicted(entry: RecordedEntry, idle: Code | None) -> bool:
    """Whether the inputs say otherwise why the link is idle. A pool that is kept keeps all."""
    if entry.code in (*_HELD, Code.WITHIN_BAND):
        return False
    return (entry.code if entry.idle else None) != idle


def _stop_contradicted(entry: RecordedEntry, *, stopped: bool) -> bool:
    """Whether the inputs say otherwise of a stop. Only what is shared tells of one."""
    told = entry.code == Code.SHARE_STOPPED
    return told != stopped and (told or entry.code in (Code.SHARE, Code.SHARE_OF_OWN))
