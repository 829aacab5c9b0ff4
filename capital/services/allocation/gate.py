"""Where an account stands with the gate: is a reallocation due now, and why. It writes nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import UnknownAccount
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, Trigger
from capital.services.accounts.linked import load_linked_accounts
from capital.services.allocation.inputs import inputs_of
from capital.services.allocation.request import AllocationRequest
from capital.services.allocation.verdicts import ask_gate, load_circumstances
from capital.services.balances.live import observe_pools
from capital.services.balances.readings import judge_readings
from capital.services.transactions import outside_transaction


@dataclass(frozen=True)
class GateStatus:
    """What the gate says of one account.

    Attributes:
        due: Whether the schedule would allocate it now.
        reason: The gate's.
        is_held: Whether an open position or a suspect balance holds its capital.
        suspects: Why the balance of a pool is not believed.
        observed_at: When it was judged.
    """

    account: Account
    due: bool
    reason: Reason
    is_held: bool
    suspects: dict[Pool, Reason]
    observed_at: datetime


@outside_transaction
def check_gate(account_id: int, *, live: bool = True, clock: Clock = timezone.now) -> GateStatus:
    """Ask the gate as the schedule does, and change nothing. Call it outside a transaction.

    Args:
        account_id: Whose.
        live: False judges by the daily summary without asking an exchange.
        clock: Says what time it is.

    Raises:
        UnknownAccount: There is none.
    """
    request = AllocationRequest(Trigger.API.value, "", clock, live=live, if_due=True)
    linked = load_linked_accounts([account_id]).get(account_id)
    if linked is None:
        raise UnknownAccount(account=str(account_id))
    account = linked.account
    answers = observe_pools([(account, linked.pools)], live=live, clock=clock)
    now = clock()
    if not account.is_active:
        return GateStatus(
            account,
            due=False,
            reason=Reason(Code.ACCOUNT_INACTIVE),
            is_held=False,
            suspects={},
            observed_at=now,
        )
    circumstances = load_circumstances([account_id], request, now=now)
    judged = judge_readings(
        account, linked.pools, answers, circumstances.summaries[account_id].latest, now=now
    )
    is_open = account_id in circumstances.with_open_position
    check = ask_gate(
        linked, inputs_of(linked, judged.readings), circumstances, has_open_position=is_open
    )
    suspects = {pool: suspect.reason(account, pool) for pool, suspect in judged.suspects.items()}
    held = is_open or bool(suspects)
    return GateStatus(
        account,
        due=check.due and not held,
        reason=next(iter(suspects.values())) if suspects and not is_open else check.reason,
        is_held=held,
        suspects=suspects,
        observed_at=now,
    )
