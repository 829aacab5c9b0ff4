"""The one place that says that something happened which somebody may want to hear of.

A subject says what happened, inside the transaction in which it happened. Who listens is connected
in ``capital.signals``: the rules of ``services.alerts``. Saying it costs no query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.dispatch import Signal

from capital.domain.reasons import Reason
from capital.models import (
    Account,
    AllocationRun,
    LimitState,
    PoolDay,
    Stop,
    WebhookDelivery,
)
from capital.services.transactions import inside_transaction

# Sent with ``event``, one of those below, and ``now``.
happened = Signal()


@dataclass(frozen=True)
class RunsRecorded:
    """Allocations were recorded."""

    runs: Sequence[AllocationRun]


@dataclass(frozen=True)
class ConnectionsChanged:
    """These accounts can be read again (None), or cannot, for another reason than before.

    Attributes:
        reasons: By account.
        accounts: Those that cannot, as they are now.
    """

    reasons: Mapping[int, Reason | None]
    accounts: Mapping[int, Account] = field(default_factory=dict)


@dataclass(frozen=True)
class SuspectsChanged:
    """Balances of these accounts are on hold, or no longer."""

    accounts: Sequence[Account]


@dataclass(frozen=True)
class StopPlaced:
    """Entries were stopped, by a person or by a limit."""

    stop: Stop


@dataclass(frozen=True)
class StopLifted:
    """A stop was lifted."""

    stop: Stop


@dataclass(frozen=True)
class LimitNear:
    """Of a limit 80 % is used, and was not when it was judged before.

    Attributes:
        state: As it is judged now.
        account_id: The account that has the limit, or whose link has it.
        name: What has it is called.
        reason: Its sentence.
    """

    state: LimitState
    account_id: int
    name: str
    reason: Reason


@dataclass(frozen=True)
class SignalRefused:
    """A call of a strategy's webhook was refused.

    Attributes:
        delivery: The call.
        cause: Why, where the call was accepted and it leads to no order: the code of its sizes.
    """

    delivery: WebhookDelivery
    cause: str = ""


@dataclass(frozen=True)
class RulesChanged:
    """Instrument rules of a venue wait for a person, each with what changed."""

    venue: str
    changes: Mapping[str, str]


@dataclass(frozen=True)
class FillsRecorded:
    """Fills were recorded of which this many belong to no strategy."""

    account_id: int
    unattributed: int


@dataclass(frozen=True)
class DaysExplained:
    """It was written what fills and flows leave unexplained of these days."""

    rows: Sequence[PoolDay]
    accounts: Mapping[int, Account]


@dataclass(frozen=True)
class KeyInspected:
    """An exchange said what the key of an account may do."""

    account: Account
    can_withdraw: bool


@dataclass(frozen=True)
class Audited:
    """What is stored of these accounts was checked; those in ``broken`` break rules."""

    account_ids: Sequence[int]
    broken: Mapping[int, Sequence[Reason]]


Event = (
    RunsRecorded
    | ConnectionsChanged
    | SuspectsChanged
    | StopPlaced
    | StopLifted
    | LimitNear
    | SignalRefused
    | RulesChanged
    | FillsRecorded
    | DaysExplained
    | KeyInspected
    | Audited
)


@inside_transaction
def say(event: Event, *, now: datetime) -> None:
    """Say that something happened. Call it inside the transaction in which it does."""
    happened.send(type(event), event=event, now=now)
