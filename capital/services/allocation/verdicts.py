"""One account's verdict: whether anything is to be decided, and what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from capital.domain.allocation.decision import Decision, Outcome, decide, hold
from capital.domain.allocation.gate import DueCheck, Inputs, Thresholds, check_due
from capital.domain.allocation.links import Reserve
from capital.domain.errors import CapitalError
from capital.domain.pools import WalletMode
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.accounts.linked import LinkedAccount
from capital.services.accounts.lookup import wallet_mode_problem
from capital.services.allocation.inputs import inputs_of, load_inputs
from capital.services.allocation.request import AllocationRequest
from capital.services.balances.live import LiveAnswers
from capital.services.balances.readings import JudgedReadings, judge_readings
from capital.services.balances.summaries import Summaries, load_summaries
from capital.services.trading.positions import accounts_with_open_positions


@dataclass(frozen=True)
class Circumstances:
    """What else a verdict rests on, for a batch of accounts."""

    summaries: Mapping[int, Summaries]
    last_inputs: Mapping[int, Inputs]
    with_open_position: frozenset[int]


@dataclass(frozen=True)
class Verdict:
    """What becomes of one account.

    Attributes:
        decision: None where the gate says that nothing is due.
        reason: The decision's, or why nothing is due.
        judged: What was believed and what was not.
        inputs: What the decision rests on; None where nothing was allocated.
    """

    linked: LinkedAccount
    decision: Decision | None
    reason: Reason
    judged: JudgedReadings = field(default_factory=JudgedReadings)
    inputs: Inputs | None = None


def load_circumstances(
    account_ids: Sequence[int],
    request: AllocationRequest,
    *,
    now: datetime,
    lock: bool = False,
) -> Circumstances:
    """In a constant number of queries."""
    return Circumstances(
        summaries=load_summaries(account_ids, now=now, lock=lock),
        last_inputs=load_inputs(account_ids) if request.if_due else {},
        with_open_position=accounts_with_open_positions(account_ids),
    )


def judge_account(
    linked: LinkedAccount,
    answers: LiveAnswers,
    circumstances: Circumstances,
    request: AllocationRequest,
    *,
    now: datetime,
) -> Verdict:
    """Weigh the readings, ask the gate, and decide. It writes nothing."""
    if (refused := _refused(linked.account)) is not None:
        return _decided(linked, refused)
    judged = judge_readings(
        linked.account,
        linked.pools,
        answers,
        circumstances.summaries[linked.account.pk].latest,
        now=now,
        accept_jump=request.accept_jump,
    )
    return decide_account(linked, judged, circumstances, request)


def decide_account(
    linked: LinkedAccount,
    judged: JudgedReadings,
    circumstances: Circumstances,
    request: AllocationRequest,
) -> Verdict:
    """Ask the gate where it is to be asked, and decide by ``judged``. It writes nothing.

    Weights or a wallet mode that cannot be used make it a failed decision.
    """
    account = linked.account
    if (refused := _refused(account)) is not None:
        return _decided(linked, refused)
    inputs = inputs_of(linked, judged.readings)
    has_open_position = account.pk in circumstances.with_open_position
    mode = WalletMode(account.wallet_mode)

    if request.if_due:
        check = ask_gate(linked, inputs, circumstances, has_open_position=has_open_position)
        if has_open_position or not (check.due or judged.suspects):
            return Verdict(linked, None, check.reason, judged)
    elif has_open_position and not request.force:
        decision = hold(linked.links, mode, Reason(Code.OPEN_POSITION))
        return _decided(linked, decision, judged)

    if judged.suspects:
        reason = next(suspect.reason(account, pool) for pool, suspect in judged.suspects.items())
        if request.if_due and judged.are_suspects_recorded:
            # One record of it is enough until something changes.
            return Verdict(linked, None, reason, judged)
        return _decided(linked, hold(linked.links, mode, reason), judged)

    try:
        decision = decide(
            linked.links,
            judged.readings,
            currency=account.currency,
            wallet_mode=mode,
            reserve=Reserve(account.reserve_percent, account.reserve_amount),
        )
    except CapitalError as error:
        return _decided(linked, Decision(Outcome.FAILED, error.reason))
    if request.if_due and _says_nothing_new(account, decision):
        return Verdict(linked, None, decision.reason, judged)
    return _decided(linked, decision, judged, inputs)


def ask_gate(
    linked: LinkedAccount, inputs: Inputs, circumstances: Circumstances, *, has_open_position: bool
) -> DueCheck:
    """Whether a reallocation is due on ``inputs``; the circumstances must be of a gated request."""
    account = linked.account
    return check_due(
        inputs,
        circumstances.last_inputs.get(account.pk),
        has_open_position=has_open_position,
        thresholds=Thresholds(account.min_change_amount, account.min_change_percent),
        currency=account.currency,
    )


def _refused(account: Account) -> Decision | None:
    """What becomes of an account whose balances do not matter."""
    if not account.is_active:
        return Decision(Outcome.SKIPPED, Reason(Code.ACCOUNT_INACTIVE))
    if problem := wallet_mode_problem(account):
        return Decision(Outcome.FAILED, problem)
    return None


def _says_nothing_new(account: Account, decision: Decision) -> bool:
    """Whether the last look found no balance either: one record of it is enough."""
    return (
        decision.reason.code is Code.NO_BALANCE
        and account.last_check_code == Code.NO_BALANCE
        and not any(entry.changed for pool in decision.pools for entry in pool.entries)
    )


def _decided(
    linked: LinkedAccount,
    decision: Decision,
    judged: JudgedReadings | None = None,
    inputs: Inputs | None = None,
) -> Verdict:
    return Verdict(linked, decision, decision.reason, judged or JudgedReadings(), inputs)
