"""The trails of accepted balances, as the daily summaries keep them, and how old a first one is.

Trails go along with the balances from day to day, so they cost no query of their own.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from capital.domain.balances import Observation
from capital.domain.money import floor_to, parse_amount, plain, quantum_of
from capital.domain.pools import Pool
from capital.domain.trails import Move, Trail
from capital.models import Account, DailyAccountSummary
from capital.services.clocks import steady_clock

_REMEMBERED = 20_000


def stored_trail(account: Account, summary: DailyAccountSummary | None, pool: Pool) -> Trail:
    """A pool's trail, without balances of another basis or wallet; an empty one for none."""
    stored = {} if summary is None else summary.trails.get(pool.value, {})
    first = stored.get("first")
    return Trail(
        tuple(_observation(each) for each in stored.get("hour", ())),
        None if first is None else _observation(first),
    ).since(account.readings_since)


def trail_as_json(trail: Trail, currency: str) -> dict[str, Any]:
    """In the shape of the column: pairs of a time and an amount, floored like the balances."""
    stored: dict[str, Any] = {"hour": [_pair(each, currency) for each in trail.hour]}
    if trail.first is not None:
        stored["first"] = _pair(trail.first, currency)
    return stored


def _pair(observation: Observation, currency: str) -> list[str]:
    amount = floor_to(observation.amount, quantum_of(currency))
    return [observation.observed_at.isoformat(), plain(amount)]


def _observation(pair: Sequence[str]) -> Observation:
    moment, amount = pair
    return Observation(parse_amount(amount), datetime.fromisoformat(moment))


class FirstBalances:
    """The first balances that this process has read, and when. Safe to use from any thread.

    Their confirmation has to wait. Within a process that is measured by the monotonic clock, which
    nobody sets; for what another process read, by the times that are stored.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at: OrderedDict[tuple[int, Pool, datetime], timedelta] = OrderedDict()

    def remember(self, account_id: int, pool: Pool, first: Observation) -> None:
        """``first`` was read now."""
        with self._lock:
            self._read_at[account_id, pool, first.observed_at] = steady_clock()
            while len(self._read_at) > _REMEMBERED:
                self._read_at.popitem(last=False)

    def age(self, account_id: int, pool: Pool, first: Observation, now: datetime) -> timedelta:
        """How long ago ``first`` was read, if it is now ``now``."""
        with self._lock:
            read_at = self._read_at.get((account_id, pool, first.observed_at))
        if read_at is None:
            return now - first.observed_at
        return steady_clock() - read_at

    def forget(self) -> None:
        """Forget everything, as a new process knows nothing; for tests."""
        with self._lock:
            self._read_at.clear()


FIRSTS = FirstBalances()
"""Those of this process."""


Moves = Mapping[Pool, Sequence[Move]]
"""What is known to have come or gone of an account's pools, each once; in any order."""

KnowsMoves = Callable[[Mapping[int, Account], datetime], Mapping[int, Moves]]
"""The same of accounts, by primary key, after a moment."""

# Fills and flows are another subject's, above this one: who knows of them says so here.
_knowing: list[KnowsMoves] = []


def ask_of_moves(knows: KnowsMoves) -> None:
    """From now on ``knows`` is asked, too. Registering it again changes nothing."""
    if knows not in _knowing:
        _knowing.append(knows)


def known_moves(accounts: Mapping[int, Account], since: datetime) -> dict[int, Moves]:
    """What is known to have moved on these accounts after ``since``, by account."""
    found: dict[int, dict[Pool, list[Move]]] = {key: {} for key in accounts}
    for knows in _knowing:
        for key, moves in knows(accounts, since).items():
            for pool, each in moves.items():
                found[key].setdefault(pool, []).extend(each)
    return dict(found)
