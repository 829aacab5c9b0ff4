"""Balances for a caller that has to answer by a deadline, whatever the number of accounts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from capital.domain.balances import Observation
from capital.domain.clock import Clock
from capital.domain.pools import Pool
from capital.exchange.moments import Moment
from capital.models import Account
from capital.services.balances.live import LiveAnswers, observe_pools
from capital.services.balances.readings import cached_in_basis
from capital.services.balances.summaries import load_latest
from capital.services.transactions import outside_transaction

# A balance that was read less long ago counts as live where many accounts are to be answered.
RECENT_FOR = timedelta(minutes=1)
# So many accounts are asked in any case: no more than a venue answers within a moment.
ASKED_ANYWAY = 10

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@outside_transaction
def observe_in_time(
    wanted: Sequence[tuple[Account, Sequence[Pool]]],
    *,
    until: Moment,
    live: bool = True,
    clock: Clock = timezone.now,
) -> LiveAnswers:
    """Read the wanted pools of each account, and have an answer for each by the deadline.

    Of more than ten accounts, only those are asked whose balance was read more than a minute ago,
    or whose exchange could not be read since; whoever waited longest goes first. For the others
    the balance of less than a minute ago stands, with its own time. One more query then.

    Call it outside a transaction: it waits for exchanges.

    Args:
        wanted: Accounts, each once, with the pools to read.
        until: When all of them are to be answered.
        live: As for ``observe_pools``.
        clock: Gives the current time.
    """
    if len(wanted) <= ASKED_ANYWAY or not (live and settings.CAPITAL_LIVE_BALANCES):
        return observe_pools(wanted, live=live, clock=clock, until=until)
    now = clock()
    known = _known([account for account, _ in wanted], now=now)
    recent: dict[tuple[int, Pool], Observation] = {}
    asked = []
    for account, pools in wanted:
        of_account = known[account.pk]
        if all(_is_recent(account, pool, of_account, now) for pool in pools):
            recent |= {(account.pk, pool): of_account[pool] for pool in pools}
        else:
            asked.append((account, pools))
    asked.sort(key=lambda each: _waits_since(each[1], known[each[0].pk]))
    return {**recent, **observe_pools(asked, clock=clock, until=until)}


def _known(accounts: Sequence[Account], *, now: datetime) -> dict[int, dict[Pool, Observation]]:
    """What the newest summary of each account holds."""
    latest = load_latest([account.pk for account in accounts], now=now)
    return {
        account.pk: {
            pool: cached
            for pool in Pool
            if (cached := cached_in_basis(account, latest.get(account.pk), pool, now=now))
            is not None
        }
        for account in accounts
    }


def _is_recent(
    account: Account, pool: Pool, known: Mapping[Pool, Observation], now: datetime
) -> bool:
    """Whether the exchange need not be asked again: it was healthy, and nothing is suspect."""
    if account.connection_code or pool.value in account.suspect_readings or pool not in known:
        return False
    return timedelta() <= now - known[pool].observed_at < RECENT_FOR


def _waits_since(pools: Sequence[Pool], known: Mapping[Pool, Observation]) -> tuple[bool, datetime]:
    """Sorts by the oldest balance of the pools, those without one first."""
    times = [known[pool].observed_at for pool in pools if pool in known]
    is_known = len(times) == len(pools) and bool(times)
    return is_known, min(times, default=_LONG_AGO)
