"""How long ago a first balance was read: what its confirmation has to wait for.

Within a process that is measured by the monotonic clock, which nobody sets; for what another
process read, by the times that are stored.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from time import monotonic_ns

from capital.domain.balances import Observation
from capital.domain.pools import Pool

_REMEMBERED = 20_000


class FirstBalances:
    """The first balances that this process has read, and when. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at: OrderedDict[tuple[int, Pool, datetime], int] = OrderedDict()

    def remember(self, account_id: int, pool: Pool, first: Observation) -> None:
        """``first`` was read now."""
        with self._lock:
            self._read_at[account_id, pool, first.observed_at] = monotonic_ns()
            while len(self._read_at) > _REMEMBERED:
                self._read_at.popitem(last=False)

    def age(self, account_id: int, pool: Pool, first: Observation, now: datetime) -> timedelta:
        """How long ago ``first`` was read, if it is now ``now``."""
        with self._lock:
            read_at = self._read_at.get((account_id, pool, first.observed_at))
        if read_at is None:
            return now - first.observed_at
        return timedelta(microseconds=(monotonic_ns() - read_at) // 1000)

    def forget(self) -> None:
        """Forget everything, as a new process knows nothing; for tests."""
        with self._lock:
            self._read_at.clear()


FIRSTS = FirstBalances()
"""Those of this process."""
