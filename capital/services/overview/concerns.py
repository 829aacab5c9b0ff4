"""What is wrong with an account: why a person should look at it."""

from enum import StrEnum

from capital.domain.allocation.decision import Outcome
from capital.domain.reasons import Code
from capital.models import Account, AllocationRun
from capital.services.overview.accounts import AccountBalances, Freshness
from capital.services.sentences import outline_of, sentence, sentence_of


class Concern(StrEnum):
    """Why an account needs a look. The order is the order of urgency."""

    FAILED = "failed"
    SUSPECT = "suspect"
    HELD = "held"
    NO_BALANCE = "no_balance"
    NEVER = "never"
    EXPIRED = "expired"
    STALE = "stale"


_OF_FRESHNESS = {
    Freshness.NEVER: Concern.NEVER,
    Freshness.EXPIRED: Concern.EXPIRED,
    Freshness.STALE: Concern.STALE,
}
_OF_OUTCOME = {Outcome.FAILED.value: Concern.FAILED, Outcome.HELD.value: Concern.HELD}
# The outcomes of a last decision that are a concern.
CONCERNING_OUTCOMES = (Outcome.FAILED, Outcome.HELD)


def concerns_of(
    account: Account, balances: AccountBalances, run: AllocationRun | None
) -> dict[Concern, str]:
    """What is wrong with an account, the most urgent first, each with its sentence.

    The sentence of a balance's age is empty: the age says it.

    Args:
        account: Whose.
        balances: What it has.
        run: Its last decision; None will do where the outcome is none of ``CONCERNING_OUTCOMES``.
    """
    found: dict[Concern, str] = {}
    if run is not None and (concern := _OF_OUTCOME.get(run.outcome)):
        found[concern] = sentence_of(run.code, run.figures)
    if balances.suspects:
        found[Concern.SUSPECT] = " ".join(sentence(reason) for reason in balances.suspects)
    if account.last_check_code == Code.NO_BALANCE.value:
        found[Concern.NO_BALANCE] = outline_of(account.last_check_code)
    if concern := _OF_FRESHNESS.get(balances.freshness):
        found[concern] = ""
    return {concern: found[concern] for concern in Concern if concern in found}
