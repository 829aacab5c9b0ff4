"""What was read of accounts becomes what is known of them: under their locks, and only there.

The one order of work, for whoever read balances: ``lock_observed``, judge, ``learn``; all in one
transaction, which ``batch_then_each`` begins anew for each account where a batch fails.
"""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from capital.models import Account
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.readings import JudgedReadings, settled_suspects
from capital.services.balances.summaries import Summaries, record_observations
from capital.services.transactions import inside_transaction

logger = logging.getLogger(__name__)

_Observed = TypeVar("_Observed")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class LockedAccounts:
    """Accounts whose balances were read, as their rows are under the lock.

    Attributes:
        accounts: Those that still exist.
        changed: The keys of those of which something changed that a reading depends on: what was
            read may be another wallet's.
    """

    accounts: dict[int, Account]
    changed: frozenset[int]

    @property
    def sound(self) -> dict[int, Account]:
        """The accounts of which the readings may be used."""
        return {key: each for key, each in self.accounts.items() if key not in self.changed}


@inside_transaction
def lock_observed(observed: Mapping[int, Account]) -> LockedAccounts:
    """Lock accounts for the rest of the transaction, and compare them with what was read.

    Call it inside a transaction.

    Args:
        observed: The accounts as they were when their balances were read, by primary key.
    """
    locked = lock_accounts(list(observed))
    changed = {
        key
        for key, account in locked.items()
        if account.reading_depends_on != observed[key].reading_depends_on
    }
    return LockedAccounts(locked, frozenset(changed))


@inside_transaction
def learn(
    judged: Mapping[int, JudgedReadings],
    accounts: Mapping[int, Account],
    summaries: Mapping[int, Summaries],
    *,
    now: datetime,
    recorded: AbstractSet[int] = frozenset(),
) -> None:
    """Keep what is believed in today's summaries, and what is suspect on the accounts.

    Call it inside the transaction that holds the accounts' locks. At most two statements for the
    batch.

    Args:
        judged: What was made of each account's readings.
        accounts: The locked rows.
        summaries: The locked summaries; not needed of accounts of which nothing is believed.
        now: The time of the decision.
        recorded: The accounts of which a run of now tells the suspects.
    """
    record_observations(
        {key: each.believed for key, each in judged.items()}, accounts, summaries, now=now
    )
    changed = []
    for key, each in judged.items():
        account = accounts[key]
        settled = settled_suspects(account.suspect_readings, each, are_recorded=key in recorded)
        if settled != account.suspect_readings:
            account.suspect_readings = settled
            changed.append(account)
    if changed:
        Account.objects.bulk_update(changed, ["suspect_readings"])


def batch_then_each(
    observed: Mapping[int, _Observed],
    write: Callable[[Mapping[int, _Observed]], Mapping[int, _Result]],
    write_failed: Callable[[_Observed, Exception], _Result],
    *,
    message: str,
    fatal: tuple[type[Exception], ...] = (),
) -> dict[int, _Result]:
    """Write a batch together; where that fails, each account by itself, with the same readings.

    Args:
        observed: What was read, by account.
        write: Writes some of them in one transaction, and says what came of each.
        write_failed: What came of one that failed by itself as well. It may raise.
        message: For the log where the batch failed, with its ``number`` and ``kind`` of error.
        fatal: Errors that concern the whole batch: they are raised.
    """
    try:
        return dict(write(observed))
    except fatal:
        raise
    except Exception as error:  # noqa: BLE001  # each account meets its own error below
        logger.info(message, {"number": len(observed), "kind": type(error).__name__})
    results: dict[int, _Result] = {}
    for key, each in observed.items():
        try:
            results |= write({key: each})
        except Exception as error:  # noqa: BLE001  # the caller tells errors apart, and logs them
            results[key] = write_failed(each, error)
    return results
