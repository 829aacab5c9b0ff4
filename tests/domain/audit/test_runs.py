"""One recorded run: outcome, marks, arguments, inputs and pools agree, or it is found."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.links import Reserve
from capital.domain.audit.pools import RecordedPool
from capital.domain.audit.runs import RecordedRun, check_run
from capital.domain.balances import Source
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from strategies.markets import MarketType
from tests.domain.audit.builders import ACCOUNT, QUANTUM, codes, entry, inputs_of, pool, run

FUTURES = {"market": MarketType.FUTURES}

SPOT = pool(
    "300",
    entry(1, "100", before="90"),
    entry(2, "200", weight="2"),
    entry(3, "0", code="strategy_paused"),
)
SWAPS = pool("50", entry(4, "50", **FUTURES), pool=Pool.FUTURES)
UNREAD = pool(None, entry(1, "10", code="kept"), entry(3, "0", code="strategy_archived"))
APPLIED = run(SPOT, SWAPS)
SKIPPED = run(UNREAD, outcome=Outcome.SKIPPED)
HELD = run(pool(None, entry(1, "10", code="held")), outcome=Outcome.HELD, inputs=None)
SAME = replace(SPOT, entries=tuple(replace(each, before=each.after) for each in SPOT.entries))
UNCHANGED = run(SAME, outcome=Outcome.UNCHANGED, has_snapshot=True, pool_rows=0)
FAILED = run(outcome=Outcome.FAILED, inputs=None)
UNIFIED = run(replace(SPOT, pool=Pool.UNIFIED))
REVERT = run(
    pool("300", entry(1, "90", before="100", code="restored"), unallocated="210"),
    trigger="revert",
    arguments={"trigger": "revert", "actor": 5, "reverts": 99},
    actor_id=5,
    reverts=99,
)


def found(of: RecordedRun) -> list[str]:
    return codes(check_run(of, quantum=QUANTUM))


SOUND: dict[str, RecordedRun] = {
    "applied": APPLIED,
    "skipped": SKIPPED,
    "skipped, and an idle link gave up its capital": run(
        pool(None, entry(1, "10", code="kept"), entry(3, "0", before="9", code="strategy_paused")),
        outcome=Outcome.SKIPPED,
    ),
    "skipped, for the account is off": run(outcome=Outcome.SKIPPED, inputs=None),
    "skipped, for it has no link": run(outcome=Outcome.SKIPPED, inputs=inputs_of()),
    "held": HELD,
    "unchanged": UNCHANGED,
    "failed": FAILED,
    "unified": UNIFIED,
    "revert": REVERT,
    "forced": replace(APPLIED, is_forced=True, arguments={"force": True}),
    "of a version that named fewer arguments": replace(APPLIED, arguments={}),
    "without its inputs": replace(APPLIED, inputs=None),
    "from the cache": run(replace(SPOT, source=Source.CACHED), arguments={"live": False}),
    "from the cache, though live was asked for": run(replace(SPOT, source=Source.CACHED)),
    "of a strategy that traded another market before": run(
        pool(None, entry(1, None, code="kept", **FUTURES)), outcome=Outcome.SKIPPED
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_run_breaks_no_rule(name: str) -> None:
    assert found(SOUND[name]) == []


def with_entry(number: int, **fields: Any) -> RecordedPool:
    entries = list(SPOT.entries)
    entries[number] = replace(entries[number], **fields)
    return replace(SPOT, entries=tuple(entries))


def inputs(**fields: Any) -> Callable[[], RecordedRun]:
    return lambda: replace(APPLIED, inputs=replace(inputs_of(SPOT, SWAPS), **fields))


def _other_weight() -> RecordedRun:
    links = dict(inputs_of(SPOT, SWAPS).links)
    links[1] = links[1]._replace(weight=Decimal(9))
    return inputs(links=links)()


def _other_state() -> RecordedRun:
    links = dict(inputs_of(SPOT, SWAPS).links)
    links[3] = links[3]._replace(idle=None)
    return inputs(links=links)()


def _link_too_many() -> RecordedRun:
    links = dict(inputs_of(SPOT, SWAPS).links)
    links[9] = links[1]._replace(strategy_key="strategy-9")
    return inputs(links=links)()


def _link_too_few() -> RecordedRun:
    links = dict(inputs_of(SPOT, SWAPS).links)
    del links[4]
    return inputs(links=links)()


FORGED: dict[str, tuple[RecordedRun | Callable[[], RecordedRun], list[str]]] = {
    "empty key": (replace(APPLIED, run_key=""), ["run_key_malformed"]),
    "key of two lines": (replace(APPLIED, run_key="a\nb"), ["run_key_malformed"]),
    "key of 201": (replace(APPLIED, run_key="k" * 201), ["run_key_malformed"]),
    # Arguments
    "forced, but nobody asked": (replace(APPLIED, is_forced=True), ["forced_mark_wrong"]),
    "asked, but not forced": (replace(APPLIED, arguments={"force": True}), ["forced_mark_wrong"]),
    "another trigger": (replace(APPLIED, trigger="api"), ["arguments_contradicted"]),
    "another actor": (replace(APPLIED, actor_id=5), ["arguments_contradicted"]),
    "another run to revert": (replace(REVERT, reverts=98), ["arguments_contradicted"]),
    "live, but nobody asked": (
        replace(APPLIED, arguments={"live": False}),
        ["live_though_cached"] * 2,
    ),
    # Shape
    "unchanged without a snapshot": (replace(UNCHANGED, has_snapshot=False), ["snapshot_missing"]),
    "applied with a snapshot": (replace(APPLIED, has_snapshot=True), ["snapshot_unexpected"]),
    "held with a snapshot": (replace(HELD, has_snapshot=True), ["snapshot_unexpected"]),
    "unchanged with rows": (replace(UNCHANGED, pool_rows=1), ["pools_unexpected"]),
    "failed with rows": (replace(FAILED, pool_rows=1), ["pools_unexpected"]),
    "applied without rows": (run(inputs=None), ["pools_missing"]),
    "skipped without rows": (
        run(outcome=Outcome.SKIPPED, inputs=inputs_of(UNREAD)),
        ["pools_missing"],
    ),
    # Outcome
    "applied, but nothing changed": (run(SAME), ["outcome_contradicted"]),
    "applied without a balance": (
        run(pool(None, entry(3, "0", before="9", code="strategy_paused"))),
        ["outcome_contradicted"],
    ),
    "unchanged, but something changed": (
        replace(UNCHANGED, pools=(SPOT,)),
        ["outcome_contradicted"],
    ),
    "held with a balance": (
        replace(HELD, pools=(replace(SAME, entries=SAME.entries[:2]),)),
        ["outcome_contradicted"],
    ),
    "held with an idle link": (
        replace(HELD, pools=(pool(None, entry(3, "0", code="strategy_paused")),)),
        ["outcome_contradicted"],
    ),
    "skipped, but an active link changed": (
        replace(APPLIED, outcome=Outcome.SKIPPED),
        ["outcome_contradicted"],
    ),
    # Pools apart
    "unified beside another": (
        run(UNIFIED.pools[0], pool(None, pool=Pool.FUTURES)),
        ["wallet_modes_mixed"],
    ),
    "another beside unified": (run(SPOT, pool(None, pool=Pool.UNIFIED)), ["wallet_modes_mixed"]),
    "link in two pools": (
        run(SPOT, pool("0", entry(1, "0", market=None), pool=Pool.FUTURES), inputs=None),
        ["link_repeated"],
    ),
    "another account's link": (
        run(with_entry(0, account_id=ACCOUNT + 1)),
        ["link_of_another_account"],
    ),
    "futures in the spot pool": (run(with_entry(0, **FUTURES)), ["across_pools"]),
    "nothing of futures in the spot pool": (run(with_entry(2, **FUTURES)), ["across_pools"]),
    # Inputs
    "another weight": (_other_weight, ["basis_contradicted"]),
    "another state": (_other_state, ["basis_contradicted"]),
    "a link too many": (_link_too_many, ["basis_contradicted"]),
    "a link too few": (_link_too_few, ["basis_contradicted"]),
    "another balance": (
        inputs(balances={Pool.SPOT: Decimal(301), Pool.FUTURES: Decimal(50)}),
        ["basis_contradicted"],
    ),
    "a balance too few": (inputs(balances={Pool.SPOT: Decimal(300)}), ["basis_contradicted"]),
    "a balance too many": (
        replace(SKIPPED, inputs=replace(inputs_of(UNREAD), balances={Pool.SPOT: Decimal(1)})),
        ["basis_contradicted"],
    ),
    "another balance of a revert": (
        replace(REVERT, inputs=replace(inputs_of(), balances={Pool.SPOT: Decimal(301)})),
        ["basis_contradicted"],
    ),
    "another reserve": (
        inputs(reserve=Reserve(amount=Decimal(1))),
        ["reserve_wrong"] * 2,
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_run_is_found_and_nothing_else(name: str) -> None:
    forged, expected = FORGED[name]

    assert found(forged() if callable(forged) else forged) == expected


def test_contradicted_inputs_are_named() -> None:
    (reason,) = check_run(_link_too_many(), quantum=QUANTUM)
    (balance,) = check_run(inputs(balances={Pool.SPOT: Decimal(300)})(), quantum=QUANTUM)

    assert (reason.figures, balance.figures) == ({"parts": "9"}, {"parts": "futures"})

    (few,) = check_run(_link_too_few(), quantum=QUANTUM)
    assert few.figures == {"parts": "4"}
    gone = replace(SPOT, entries=tuple(replace(each, link_id=None) for each in SPOT.entries))
    told = check_run(run(gone, inputs=replace(inputs_of(SPOT), links={})), quantum=QUANTUM)
    (nameless,) = (each for each in told if each.code is Code.BASIS_CONTRADICTED)
    assert nameless.figures == {"parts": "?"}


def test_a_revert_keeps_back_what_its_inputs_say() -> None:
    kept = replace(inputs_of(*REVERT.pools), reserve=Reserve(amount=Decimal(10)))

    assert found(replace(REVERT, inputs=kept)) == ["reserve_wrong"]
    held_back = replace(REVERT.pools[0], reserve=Decimal(10), unallocated=Decimal(200))
    assert found(replace(REVERT, pools=(held_back,), inputs=kept)) == []
