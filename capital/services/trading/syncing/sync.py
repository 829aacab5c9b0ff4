"""``sync_fills``: read what was traded on many accounts, each a bounded amount at a time.

Nothing else waits for it: its requests take a fifth of an exchange's minute, and only what balances
leave; it ends after half a minute, and what is left goes first the next time.
"""

import logging
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.reasons import Reason
from capital.exchange.gateway import get_spare_gateway, get_trading_gateway
from capital.exchange.moments import Moment
from capital.models import Account, TradingCursor
from capital.services.trading.syncing.account import (
    FILLS,
    FLOWS,
    OPENINGS,
    SYNCED,
    AccountReading,
    Asking,
)
from capital.services.transactions import outside_transaction
from capital.traces import note_trouble, told

logger = logging.getLogger(__name__)

FAILED, WAITING = "failed", "waiting"
AS_IT_SHOULD_BE = frozenset({SYNCED, WAITING, FILLS, FLOWS, OPENINGS})

# As long as an other job may have to wait for this worker.
_SECONDS = timedelta(seconds=30)
# With less time than this left, an exchange is not asked any more.
_LEAST = timedelta(seconds=3)
_ACCOUNTS_AT_ONCE = 8
_NEVER = datetime.min.replace(tzinfo=UTC)


@outside_transaction
def sync_fills(
    account_ids: Sequence[int],
    *,
    clock: Clock = timezone.now,
    seconds: timedelta = _SECONDS,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Read the fills and flows of these accounts from their exchanges, and record them.

    Call it outside a transaction: it waits for the exchanges. It may be repeated, stopped at any
    time, and run twice at once: what is recorded is recorded with the cursor from which the next
    one goes on.

    Args:
        account_ids: Those that waited longest go first. Inactive and unknown ones are left out.
        clock: Says what time it is.
        seconds: After so long no more is asked.
        may_go_on: Whether another account may be begun.

    Returns:
        How many accounts were ``synced``, how many ``failed`` or have one or more questions that
        failed (by the code of the first), and how many are ``waiting`` for the next time; how many
        ``fills`` and ``flows`` are new.
    """
    until = _moment_in(seconds)
    instruments: dict[str, Any] = {}
    trading, wallets = get_trading_gateway(until=until), get_spare_gateway(until=until)
    waiting = _longest_waiting_first(account_ids)
    sync = _Sync(until)
    with sync.threads():
        while True:
            while waiting and sync.has_room and until.left > _LEAST and may_go_on():
                account = Account.objects.filter(pk=waiting.popleft(), is_active=True).first()
                if account is not None:
                    sync.begin(AccountReading(account, trading, wallets, instruments, clock))
            if not sync.running:
                break
            sync.go_on()
    sync.counts[WAITING] += len(waiting)
    return +sync.counts


def _moment_in(span: timedelta) -> Moment:
    """By the clock that nobody sets."""
    return Moment(time.monotonic() + span.total_seconds())


class _Sync:
    """The accounts that are being read, and what came of the others."""

    def __init__(self, until: Moment) -> None:
        self.until = until
        self.counts: Counter[str] = Counter()
        self.running: dict[Future[Any], tuple[AccountReading, Asking]] = {}
        self._pool = ThreadPoolExecutor(_ACCOUNTS_AT_ONCE, thread_name_prefix="sync-fills")

    def threads(self) -> "_Threads":
        """The threads in which exchanges are waited for, while the context lasts."""
        return _Threads(self._pool)

    @property
    def has_room(self) -> bool:
        """Whether another account can be read at the same time."""
        return len(self.running) < _ACCOUNTS_AT_ONCE

    def begin(self, reading: AccountReading) -> None:
        """Read an account, until it waits for the first answer."""
        asking = reading.asking()
        self._advance(reading, asking, lambda: next(asking))

    def go_on(self) -> None:
        """Record the answers that are there, and ask for what is next."""
        done, _ = wait(self.running, return_when=FIRST_COMPLETED)
        for future in done:
            reading, asking = self.running.pop(future)
            error = future.exception()
            if error is not None:
                self._advance(reading, asking, lambda: asking.throw(error))  # noqa: B023
            else:
                answer = future.result()
                self._advance(reading, asking, lambda: asking.send(answer))  # noqa: B023

    def _advance(self, reading: AccountReading, asking: Asking, step: Callable[[], Any]) -> None:
        """One account's failure is its own: the others go on."""
        try:
            ask = step()
        except StopIteration:
            self._end(reading)
        except Exception as error:  # noqa: BLE001  # its text may hold a secret
            logger.error(
                "The fills of account %s could not be read (%s):\n%s",
                told(reading.account.pk, reading.account.name),
                type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
            )
            self.counts += reading.counts
            self.counts[FAILED] += 1
            self._note(reading, FAILED)
        else:
            if self.until.left > _LEAST:
                self.running[self._pool.submit(copy_context().run, ask)] = (reading, asking)
            else:
                asking.close()
                self._end(reading, is_done=False)

    def _end(self, reading: AccountReading, *, is_done: bool = True) -> None:
        self.counts += reading.counts
        first: Reason | None = next(iter(reading.failures.values()), None)
        if first is not None:
            self.counts[first.code.value] += 1
            self._note(reading, first.code.value)
        else:
            self.counts[SYNCED if is_done else WAITING] += 1

    @staticmethod
    def _note(reading: AccountReading, code: str) -> None:
        note_trouble(reading.account.pk, reading.account.name, code)


class _Threads:
    """Does not wait for threads whose answers nobody takes any more."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _longest_waiting_first(account_ids: Sequence[int]) -> deque[int]:
    """These accounts, first those that were never read, then whoever was longest ago; one query."""
    ids = list(dict.fromkeys(account_ids))
    asked = TradingCursor.objects.filter(account__in=ids, asked_at__isnull=False)
    # The latest one of each account is the last, and stays.
    last = dict(asked.order_by("asked_at").values_list("account", "asked_at"))
    return deque(sorted(ids, key=lambda key: (last.get(key, _NEVER), key)))
