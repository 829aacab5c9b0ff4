"""Whether a reallocation of an account is due now, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import UnknownAccount
from capital.models import Account, DailyAccountSummary
from capital.services.accounts.linked import LinkedAccount, load_linked_accounts
from capital.services.allocation.inputs import load_inputs
from capital.services.allocation.verdicts import GateAnswer, answer_gates
from capital.services.balances.live import observe_pools
from capital.services.balances.summaries import load_latest
from capital.services.trading.positions import position_holds
from capital.services.transactions import outside_transaction

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class GateStatus(GateAnswer):
    """Whether a reallocation of one account is due, and when that was checked."""

    account: Account
    observed_at: datetime


@outside_transaction
def check_gate(account_id: int, *, live: bool = True, clock: Clock = timezone.now) -> GateStatus:
    """Check whether a reallocation is due, as the scheduled job does. Nothing is written.

    Call it outside a transaction.

    Args:
        account_id: The account's primary key.
        live: False uses the daily summary and calls no exchange.
        clock: Gives the current time.

    Raises:
        UnknownAccount: There is no such account.
    """
    linked = load_linked_accounts([account_id]).get(account_id)
    if linked is None:
        raise UnknownAccount(account=str(account_id))
    answers = observe_pools([(linked.account, linked.pools)], live=live, clock=clock)
    now = clock()
    answer = answer_gates(
        {account_id: linked},
        answers,
        latest=load_latest([account_id], now=now),
        last=load_inputs([account_id]),
        holds=position_holds([account_id]),
        now=now,
    )[account_id]
    return GateStatus(**vars(answer), account=linked.account, observed_at=now)


def answers_by_last_reading(
    linked_accounts: Mapping[int, LinkedAccount],
    latest: Mapping[int, DailyAccountSummary],
    *,
    now: datetime,
) -> dict[int, GateAnswer]:
    """The gate's answers on the balances as they were last read, by account; in four queries.

    Args:
        linked_accounts: By primary key.
        latest: The newest summary of each, as far as there is one.
        now: The current time, for the age of the balances.
    """
    ids = list(linked_accounts)
    last_inputs, holds = load_inputs(ids), position_holds(ids)
    return answer_gates(
        linked_accounts, None, latest=latest, last=last_inputs, holds=holds, now=now
    )


def due_by_last_reading(account_ids: Sequence[int], *, now: datetime) -> set[int]:
    """The accounts for which an allocation is due already by what is known of them.

    Six queries for 500 accounts.
    """
    due: set[int] = set()
    for start in range(0, len(account_ids), _AT_ONCE):
        ids = account_ids[start : start + _AT_ONCE]
        answers = answers_by_last_reading(
            load_linked_accounts(ids), load_latest(ids, now=now), now=now
        )
        due |= {key for key, answer in answers.items() if answer.due}
    return due
