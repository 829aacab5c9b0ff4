"""What each periodic job does."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from capital.domain.allocation.decision import Outcome
from capital.domain.clock import Clock
from capital.domain.reasons import Code
from capital.models import Account, Trigger
from capital.services.allocation import allocate as allocation
from capital.services.balances import days, keys, sync
from capital.services.jobs import pruning, watching
from capital.services.jobs.clusters import oldest_wait
from capital.services.jobs.table import (
    CHECK_KEYS,
    CLOSE_DAY,
    PRUNE,
    REALLOCATE_DUE,
    SEND_DIGEST,
    SYNC_BALANCES,
    SYNC_FILLS,
    SYNC_MARKETS,
    WATCH,
    Slot,
)
from capital.services.limits import end_expired_reservations
from capital.services.markets import rules as markets
from capital.services.trading import explain_balances, marks
from capital.services.trading.days.closing import close_days
from capital.services.trading.packed.backlog import pack_backlog
from capital.services.trading.syncing import sync as trades
from capital.traces import note_trouble

_MAY_WAIT = timedelta(seconds=5)


@dataclass(frozen=True)
class Work:
    """The work of one job.

    Attributes:
        do: Does it for these accounts at this slot, and counts the outcomes. A job that is not
            about accounts gets none.
        is_failure: Whether an outcome means that something failed.
    """

    do: Callable[[Sequence[int], Slot], Counter[str]]
    is_failure: Callable[[str], bool] = lambda _outcome: False


def reallocate(
    account_ids: Sequence[int], *, trigger: str, run_key: str | None, clock: Clock
) -> Counter[str]:
    """Reallocate where it is due. Counts runs by their outcome, the rest by the gate's code."""
    counts: Counter[str] = Counter()
    for result in allocation.reallocate_one_by_one(
        account_ids, trigger=trigger, run_key=run_key, clock=clock
    ):
        if result.run is None or result.run.outcome == Outcome.SKIPPED.value:
            outcome = result.reason.code.value
        else:
            outcome = result.run.outcome
        counts[outcome] += 1
        if _is_no_allocation(outcome):
            note_trouble(result.account.pk, result.account.name, result.reason.code.value)
    return counts


def _is_no_allocation(outcome: str) -> bool:
    return outcome in (Outcome.FAILED.value, Code.NO_BALANCE.value)


def _reallocate_due(account_ids: Sequence[int], slot: Slot) -> Counter[str]:
    trigger = Trigger.COMMAND if slot.intended_at is None else Trigger.SCHEDULE
    return reallocate(account_ids, trigger=trigger, run_key=slot.key, clock=slot.clock)


def _sync_balances(account_ids: Sequence[int], slot: Slot) -> Counter[str]:
    """Store the balances; only then value what is held and explain them: that delays no balance."""
    counts = sync.sync_balances(account_ids, clock=slot.clock)
    marks.mark_positions(account_ids, clock=slot.clock)
    explain_balances(account_ids, clock=slot.clock)
    end_expired_reservations(account_ids, clock=slot.clock)
    return counts


def _may_go_on(slot: Slot) -> bool:
    """Whether no other task waits for a worker; a command waits for none."""
    wait = oldest_wait(now=slot.clock())
    return slot.intended_at is None or wait is None or wait < _MAY_WAIT


def _sync_fills(account_ids: Sequence[int], slot: Slot) -> Counter[str]:
    """Read what was traded; no more accounts are begun while another task waits for a worker."""
    return trades.sync_fills(account_ids, clock=slot.clock, may_go_on=lambda: _may_go_on(slot))


def _close_day(account_ids: Sequence[int], slot: Slot) -> Counter[str]:
    """Open today's summaries, then write yesterday's PnL, and what it explains.

    At last, while no other task waits for a worker, old days are packed that never were.
    """
    counts = days.close_day(account_ids, clock=slot.clock)
    close_days(account_ids, clock=slot.clock)
    explain_balances(account_ids, clock=slot.clock)
    pack_backlog(account_ids, clock=slot.clock, may_go_on=lambda: _may_go_on(slot))
    return counts


def sync_markets(venues: Sequence[str] | None, *, clock: Clock) -> Counter[str]:
    """Fetch the rules of these venues, or of all in use; note the accounts that go without."""
    syncs = markets.sync_markets(venues, clock=clock)
    failed = {sync.venue: sync.problem.code.value for sync in syncs if sync.problem is not None}
    without = Account.objects.filter(pk__in=accounts_on(list(failed))).order_by("pk")
    for account_id, name, venue in without.values_list("pk", "name", "venue"):
        note_trouble(account_id, name, failed[venue])
    return markets.count_syncs(syncs)


def accounts_on(venues: Sequence[str]) -> list[int]:
    """The active accounts on these venues, by primary key."""
    rows = Account.objects.filter(is_active=True, venue__in=venues)
    return list(rows.order_by("pk").values_list("pk", flat=True))


# By the job's name. Every job has its entry.
WORK = {
    SYNC_BALANCES.name: Work(
        _sync_balances,
        is_failure=lambda outcome: outcome not in (sync.LIVE, sync.SUSPECT),
    ),
    REALLOCATE_DUE.name: Work(
        _reallocate_due,
        is_failure=_is_no_allocation,
    ),
    SYNC_FILLS.name: Work(
        _sync_fills,
        is_failure=lambda outcome: outcome not in trades.AS_IT_SHOULD_BE,
    ),
    CLOSE_DAY.name: Work(_close_day),
    SYNC_MARKETS.name: Work(
        lambda _account_ids, slot: sync_markets(None, clock=slot.clock),
        is_failure=lambda outcome: outcome != markets.SYNCED,
    ),
    CHECK_KEYS.name: Work(
        lambda account_ids, slot: keys.inspect_keys(account_ids, clock=slot.clock),
        is_failure=lambda outcome: outcome == "failed",
    ),
    WATCH.name: Work(lambda _account_ids, slot: watching.look(clock=slot.clock)),
    SEND_DIGEST.name: Work(lambda _account_ids, slot: watching.tell_day(clock=slot.clock)),
    PRUNE.name: Work(lambda _account_ids, slot: pruning.prune(clock=slot.clock)),
}
