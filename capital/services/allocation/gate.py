"""Whether a reallocation of an account is due now, and why."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import UnknownAccount
from capital.models import Account
from capital.services.accounts.linked import load_linked_accounts
from capital.services.allocation.inputs import load_inputs
from capital.services.allocation.verdicts import GateAnswer, answer_gate
from capital.services.balances.live import observe_pools
from capital.services.balances.summaries import load_latest
from capital.services.trading.positions import accounts_with_open_positions
from capital.services.transactions import outside_transaction


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
    answer = answer_gate(
        linked,
        answers,
        latest=load_latest([account_id], now=now).get(account_id),
        last=load_inputs([account_id]).get(account_id),
        has_open_position=account_id in accounts_with_open_positions([account_id]),
        now=now,
    )
    return GateStatus(**vars(answer), account=linked.account, observed_at=now)
