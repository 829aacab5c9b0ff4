"""Store what was read from exchanges, under the locks of the accounts.

Every caller works in this order, in one transaction: ``lock_observed``, judge, ``learn``. If a
batch fails, ``batch_then_each`` repeats that for each account.
"""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from capital.models import Account
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.owners import owners_after
from capital.services.balances.readings import JudgedReadings, next_trails, settled_suspects
from capital.services.balances.summaries import Summaries, record_observations
from capital.services.happened import SuspectsChanged, say
from capital.services.transactions import inside_transaction

logger = logging.getLogger(__name__)

_Observed = TypeVar("_Observed")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class LockedAccounts:
    """Accounts whose balances were read, as they are under the lock.

    Attributes:
        accounts: Those that still exist.
        changed: The keys of those whose venue, wallet or credentials have changed since then, so
            that the balance may be another wallet's.
    """

    accounts: dict[int, Account]
    changed: frozenset[int]

    @property
    def sound(self) -> dict[int, Account]:
        """The accounts whose readings may be used."""
        return {key: each for key, each in self.accounts.items() if key not in self.changed}


@inside_transaction
def lock_observed(observed: Mapping[int, Account | None]) -> LockedAccounts:
    """Lock accounts for the rest of the transaction, and compare them with what was read.

    Call it inside a transaction.

    Args:
        observed: The accounts as they were when their balances were read, by primary key; None
            where no exchange was asked: there is nothing to compare with.
    """
    locked = lock_accounts(list(observed))
    changed = {
        key
        for key, account in locked.items()
        if (before := observed[key]) is not None
        and account.reading_depends_on != before.reading_depends_on
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
    """Store believed balances in today's summaries, and suspect ones on the accounts.

    Call it inside the transaction that holds the accounts' locks. At most two statements for the
    batch.

    Args:
        judged: The judged readings of each account.
        accounts: The locked rows.
        summaries: The locked summaries; not needed for accounts without a believed balance.
        now: The current time.
        recorded: The accounts whose suspects are recorded by a run that is written now.
    """
    record_observations(
        {key: each.believed for key, each in judged.items()},
        accounts,
        summaries,
        {
            key: next_trails(accounts[key], each, summaries[key].latest)
            for key, each in judged.items()
            if each.believed
        },
        now=now,
    )
    changed, suspected = [], []
    for key, each in judged.items():
        account = accounts[key]
        settled = settled_suspects(account.suspect_readings, each, are_recorded=key in recorded)
        owners = owners_after(account, each.believed)
        if settled != account.suspect_readings or owners != account.venue_owners:
            if settled and settled != account.suspect_readings:
                suspected.append(account)
            account.suspect_readings, account.venue_owners = settled, owners
            changed.append(account)
    if changed:
        Account.objects.bulk_update(changed, ["suspect_readings", "venue_owners"])
    if suspected:
        say(SuspectsChanged(suspected), now=now)


def batch_then_each(
    observed: Mapping[int, _Observed],
    write: Callable[[Mapping[int, _Observed]], Mapping[int, _Result]],
    write_failed: Callable[[int, Exception], _Result],
    *,
    message: str,
    fatal: tuple[type[Exception], ...] = (),
) -> dict[int, _Result]:
    """Write a batch together; if that fails, each account alone, with the same readings.

    Args:
        observed: What was read, by account.
        write: Writes some of them in one transaction, and returns a result for each.
        write_failed: Gives the result of an account that failed alone as well, by its key. It may
            raise.
        message: Logged if the batch fails; it may use ``number`` and ``kind``.
        fatal: Errors that concern the whole batch, and are raised.
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
            results[key] = write_failed(key, error)
    return results
