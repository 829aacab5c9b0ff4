"""Records as a run leaves them, for tests that forge one figure or two."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.gate import Inputs, LinkState
from capital.domain.allocation.links import Reserve
from capital.domain.audit.pools import RecordedEntry, RecordedPool
from capital.domain.audit.runs import RecordedRun
from capital.domain.balances import Source
from capital.domain.money import CENT
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from strategies.markets import MarketType
from tests.domain.builders import NOON

ACCOUNT = 7
NO_RESERVE = Reserve()


def amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def entry(
    link: int | None,
    after: str | None,
    *,
    before: str | None = "same",
    weight: str = "1",
    code: str = "share",
    **fields: Any,
) -> RecordedEntry:
    """What a link got; what it had before is the same where that is left out."""
    return RecordedEntry(
        row=f"row {link}",
        link_id=link,
        weight=Decimal(weight),
        before=amount(after if before == "same" else before),
        after=amount(after),
        code=code,
        **{"account_id": ACCOUNT, "market": MarketType.SPOT, **fields},
    )


def pool(
    balance: str | None,
    *entries: RecordedEntry,
    reserve: str | None = "0",
    unallocated: str | None = "0",
    **fields: Any,
) -> RecordedPool:
    """A pool read live at noon, or not at all."""
    is_known = balance is not None
    return RecordedPool(
        **{
            "row": "1",
            "pool": Pool.SPOT,
            "balance": amount(balance),
            "source": Source.LIVE if is_known else Source.NONE,
            "observed_at": NOON if is_known else None,
            "reserve": amount(reserve) if is_known else None,
            "unallocated": amount(unallocated) if is_known else None,
            "entries": entries,
            **fields,
        }
    )


def inputs_of(*pools: RecordedPool, reserve: Reserve = NO_RESERVE) -> Inputs:
    """Those that go with the pools."""
    return Inputs(
        links={
            each.link_id: LinkState(
                f"strategy-{each.link_id}", each.weight, Code(each.code) if each.idle else None
            )
            for of_pool in pools
            for each in of_pool.entries
            if each.link_id is not None
        },
        reserve=reserve,
        balances={each.pool: each.balance for each in pools if each.balance is not None},
    )


def run(*pools: RecordedPool, **fields: Any) -> RecordedRun:
    """An applied run by the schedule."""
    return RecordedRun(
        **{
            "id": 100,
            "account_id": ACCOUNT,
            "run_key": "schedule:1",
            "trigger": "schedule",
            "actor_id": None,
            "outcome": Outcome.APPLIED,
            "arguments": {"trigger": "schedule", "actor": None, "live": True, "force": False},
            "is_forced": False,
            "has_snapshot": False,
            "pool_rows": len(pools),
            "pools": pools,
            "inputs": inputs_of(*pools),
            **fields,
        }
    )


def codes(reasons: Iterable[Reason]) -> list[str]:
    """The codes that were found. Each sentence can be made of its figures."""
    found = list(reasons)
    assert all(reason.english for reason in found)
    return [reason.code.value for reason in found]


QUANTUM = CENT
