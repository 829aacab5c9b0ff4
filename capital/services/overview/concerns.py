"""Why a person should look at an account."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from django.db.models import QuerySet

from capital.domain.allocation.decision import Outcome
from capital.domain.reasons import Code, Reason
from capital.models import Account, AllocationRun
from capital.services.limits.concerns import Losses
from capital.services.overview.accounts import AccountBalances, Freshness
from capital.services.sentences import outline_of, sentence, sentence_of
from capital.services.trading.syncing.problems import trading_problems


class Concern(StrEnum):
    """Why an account needs attention, the most urgent reason first."""

    FAILED = "failed"
    SUSPECT = "suspect"
    STOPPED = "stopped"
    LIMIT = "limit"
    HELD = "held"
    NO_BALANCE = "no_balance"
    NEVER = "never"
    EXPIRED = "expired"
    STALE = "stale"
    TRADES = "trades"


# An account may have as many questions as it has symbols.
_MOST_TOLD = 3
_OF_FRESHNESS = {
    Freshness.NEVER: Concern.NEVER,
    Freshness.EXPIRED: Concern.EXPIRED,
    Freshness.STALE: Concern.STALE,
}
_OF_OUTCOME = {Outcome.FAILED.value: Concern.FAILED, Outcome.HELD.value: Concern.HELD}
# The outcomes of a last run that are a concern.
CONCERNING_OUTCOMES = (Outcome.FAILED, Outcome.HELD)


def with_unread_trades(accounts: QuerySet[Account], *, now: datetime) -> list[int]:
    """Those of which not all that was traded is known, by primary key, in one query.

    Args:
        accounts: To look among.
        now: Decides what is late.
    """
    ids = accounts.order_by().values_list("pk", flat=True)
    return sorted(trading_problems(ids, now=now))


def concerns_of(
    account: Account,
    balances: AccountBalances,
    run: AllocationRun | None,
    trades: Sequence[Reason] = (),
    losses: Losses | None = None,
) -> dict[Concern, str]:
    """The concerns about an account, the most urgent first, each with its sentence.

    For a balance that is too old the sentence is empty: its age is shown instead.

    Args:
        account: The account.
        balances: Its balances.
        run: Its last run; it may be None where the outcome is not in ``CONCERNING_OUTCOMES``.
        trades: Why not all that was traded is known.
        losses: What is stopped of it, and which of its limits are near or not judged.
    """
    found: dict[Concern, str] = {}
    if run is not None and (concern := _OF_OUTCOME.get(run.outcome)):
        found[concern] = sentence_of(run.code, run.figures)
    if balances.suspects:
        found[Concern.SUSPECT] = " ".join(sentence(reason) for reason in balances.suspects)
    if losses is not None and losses.stops:
        found[Concern.STOPPED] = " ".join(losses.stops[:_MOST_TOLD])
    if losses is not None and losses.limits:
        found[Concern.LIMIT] = " ".join(losses.limits[:_MOST_TOLD])
    if account.last_check_code == Code.NO_BALANCE.value:
        found[Concern.NO_BALANCE] = outline_of(account.last_check_code)
    if concern := _OF_FRESHNESS.get(balances.freshness):
        found[concern] = ""
    if trades:
        found[Concern.TRADES] = " ".join(sentence(reason) for reason in trades[:_MOST_TOLD])
    return {concern: found[concern] for concern in Concern if concern in found}
