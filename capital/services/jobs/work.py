"""What each periodic job does."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from capital.domain.allocation.decision import Outcome
from capital.domain.clock import Clock
from capital.models import Trigger
from capital.services.allocation import allocate as allocation
from capital.services.balances import days, sync
from capital.services.jobs import pruning
from capital.services.markets import rules as markets

if TYPE_CHECKING:
    from capital.services.jobs.table import Slot


def _sync_balances(account_ids: Sequence[int], slot: "Slot") -> Counter[str]:
    return sync.sync_balances(account_ids, clock=slot.clock)


def _reallocate_due(account_ids: Sequence[int], slot: "Slot") -> Counter[str]:
    trigger = Trigger.COMMAND if slot.intended_at is None else Trigger.SCHEDULE
    return reallocate(account_ids, trigger=trigger, run_key=slot.key, clock=slot.clock)


def _close_day(account_ids: Sequence[int], slot: "Slot") -> Counter[str]:
    return days.close_day(account_ids, clock=slot.clock)


def _prune(_account_ids: Sequence[int], slot: "Slot") -> Counter[str]:
    return pruning.prune(clock=slot.clock)


def _sync_markets(_account_ids: Sequence[int], slot: "Slot") -> Counter[str]:
    return markets.count_syncs(markets.sync_markets(clock=slot.clock))


def reallocate(
    account_ids: Sequence[int], *, trigger: str, run_key: str | None, clock: Clock
) -> Counter[str]:
    """Reallocate where it is due; runs by their outcome, the rest by the gate's code."""
    counts: Counter[str] = Counter()
    for result in allocation.reallocate_where_due(
        account_ids, trigger=trigger, run_key=run_key, clock=clock
    ):
        if result.run is None or result.run.outcome == Outcome.SKIPPED.value:
            counts[result.reason.code.value] += 1
        else:
            counts[result.run.outcome] += 1
    return counts
