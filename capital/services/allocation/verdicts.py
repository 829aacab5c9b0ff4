"""One account's verdict: whether anything is to be decided, and what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from capital.domain.allocation.decision import Decision, Outcome, decide, hold
from capital.domain.allocation.gate import Inputs, Thresholds, check_pools, target_change
from capital.domain.allocation.rules import PolicyName
from capital.domain.allocation.transfers import may_be_a_transfer
from capital.domain.balances import Source
from capital.domain.errors import CapitalError
from capital.domain.money import amount_text
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, DailyAccountSummary
from capital.services.accounts.linked import LinkedAccount
from capital.services.accounts.lookup import wallet_mode_problem
from capital.services.allocation.inputs import decided_before, inputs_of, load_inputs
from capital.services.allocation.policies.in_use import InUse, load_in_use
from capital.services.allocation.policies.known import NOTHING_TOLD, Told, load_known
from capital.services.allocation.request import AllocationRequest
from capital.services.balances.live import LiveAnswers
from capital.services.balances.readings import (
    JudgedReadings,
    cached_in_basis,
    judge_all,
    judge_readings,
)
from capital.services.balances.summaries import Summaries, load_summaries
from capital.services.balances.suspects import stored_suspects, suspects_problem
from capital.services.balances.trails import Moves
from capital.services.trading.positions import Holds, position_holds


@dataclass(frozen=True)
class Circumstances:
    """What verdicts need from the database, for a batch of accounts."""

    summaries: Mapping[int, Summaries]
    last_inputs: Mapping[int, Inputs]
    position_holds: Mapping[int, Holds]


@dataclass(frozen=True)
class Verdict:
    """The result for one account.

    Attributes:
        decision: None if nothing is due.
        reason: The decision's reason, or why nothing is due.
        judged: Which balances are believed and which are not.
        inputs: The inputs of the decision; None if nothing was allocated.
        told: What the policy had to know.
        reads_again: Nothing is decided yet: money may have moved between the account's pools while
            they were read, so both are to be read once more.
        why_due: What a due check found; None where none was asked for.
        causes: What it follows from, where that was looked up.
    """

    linked: LinkedAccount
    decision: Decision | None
    reason: Reason
    judged: JudgedReadings = field(default_factory=JudgedReadings)
    inputs: Inputs | None = None
    reads_again: bool = False
    told: Told = NOTHING_TOLD
    why_due: Reason | None = None
    causes: Sequence[Reason] = ()


@dataclass(frozen=True)
class GateAnswer:
    """Whether a reallocation of one account is due.

    Attributes:
        due: Whether the scheduled job would split its pools now.
        reason: Why, or why not.
        is_held: Whether all of its capital is on hold: by open positions, a suspect balance, or
            because it is not known what strategies have in use.
        suspects: Why the balance of a pool is not believed.
        held: Why the capital of a pool stays as it is, where another one's moves.
    """

    due: bool
    reason: Reason
    is_held: bool = False
    suspects: Mapping[Pool, Reason] = field(default_factory=dict)
    held: Holds = field(default_factory=dict)


def load_circumstances(
    account_ids: Sequence[int],
    request: AllocationRequest,
    *,
    now: datetime,
    lock: bool = False,
) -> Circumstances:
    """What verdicts on these accounts need, in a constant number of queries."""
    holds = {} if request.force else position_holds(account_ids)
    # What a held pool was decided on before is kept for when it no longer is.
    wanted = account_ids if request.if_due else sorted(holds)
    return Circumstances(
        summaries=load_summaries(account_ids, now=now, lock=lock),
        last_inputs=load_inputs(wanted) if wanted else {},
        position_holds=holds,
    )


def judge_accounts(
    linked_accounts: Mapping[int, LinkedAccount],
    answers: LiveAnswers,
    circumstances: Circumstances,
    request: AllocationRequest,
    *,
    now: datetime,
) -> list[Verdict]:
    """Judge the readings, ask the gate, and decide. It writes nothing."""

    def judge(key: int, moves: Moves) -> JudgedReadings:
        linked = linked_accounts[key]
        return judge_readings(
            linked.account,
            linked.pools,
            answers,
            circumstances.summaries[key].latest,
            now=now,
            accept_jump=request.accept_jump,
            confirms=request.is_of_a_person,
            moves=moves,
        )

    judged = judge_all(_usable(linked_accounts), judge, now=now)
    told = known_of(linked_accounts, judged, now=now)
    return [
        decide_account(linked, judged.get(key, JudgedReadings()), circumstances, request, told[key])
        for key, linked in linked_accounts.items()
    ]


def known_of(
    linked_accounts: Mapping[int, LinkedAccount],
    judged: Mapping[int, JudgedReadings],
    *,
    now: datetime,
    in_use: Mapping[int, InUse] | None = None,
    by_books: bool = False,
) -> dict[int, Told]:
    """What their policies have to know, for accounts whose balances are judged.

    What counts of holdings is added to their readings.

    Args:
        linked_accounts: By primary key.
        judged: Their judged balances.
        now: The current time.
        in_use: What their links have in use, where that is settled already.
        by_books: As for ``load_in_use``.
    """
    readings = {key: judged[key].readings if key in judged else {} for key in linked_accounts}
    if in_use is None:
        in_use = load_in_use(linked_accounts, readings, now=now, by_books=by_books)
    for key, each in judged.items():
        if in_use[key].holdings:
            each.readings = readings[key] = in_use[key].counted_in(readings[key])
    told = load_known(linked_accounts, readings, in_use, now=now)
    unknown = [key for key, each in told.items() if each.in_use.unknown]
    for key, last in (load_inputs(unknown) if unknown else {}).items():
        told[key] = replace(told[key], last=last)
    return told


def decide_account(
    linked: LinkedAccount,
    judged: JudgedReadings,
    circumstances: Circumstances,
    request: AllocationRequest,
    told: Told,
) -> Verdict:
    """Check whether it is due, if the request is ``if_due``, and decide. It writes nothing.

    Unusable weights or an impossible wallet mode make it a failed decision.
    """
    if (refused := _refused(linked.account)) is not None:
        return _decided(linked, refused)
    if request.splits_again:
        linked = replace(linked, splits_again=True)
    key = linked.account.pk
    holds = circumstances.position_holds.get(key, {})
    last = circumstances.last_inputs.get(key)
    if not request.if_due:
        waits = _why_suspect(linked, judged) or _why_it_waits(linked, judged)
        if waits is not None and not _is_all_held(linked, _held_pools(linked, told, holds)):
            return _held(linked, judged, waits)
        return _divided(linked, judged, told, holds, last)
    answer = ask_gate(linked, judged, told, last=last, holds=holds)
    if answer.due:
        verdict = replace(_divided(linked, judged, told, holds, last), why_due=answer.reason)
        return _without_decision(verdict) if _says_nothing_new(verdict) else verdict
    # A suspect balance is recorded once, until something changes; what else holds is not.
    is_of_suspect = answer.is_held and answer.reason.code.is_suspicion
    if is_of_suspect and not judged.are_suspects_recorded:
        return _held(linked, judged, answer.reason)
    return Verdict(linked, None, answer.reason, judged)


def unless_money_moved(
    verdict: Verdict, latest: DailyAccountSummary | None, *, now: datetime
) -> Verdict:
    """The verdict; or, if it rests on pools between which money may have moved, to read again.

    Args:
        verdict: By the first reading of the account.
        latest: Its newest summary, with the last accepted balances.
        now: The current time.
    """
    decision = verdict.decision
    if decision is None or decision.outcome not in (Outcome.APPLIED, Outcome.UNCHANGED):
        return verdict
    account = verdict.linked.account
    if not may_money_have_moved(account, verdict.judged, latest, now=now):
        return verdict
    reason = Reason(Code.POOLS_READ_APART, {"venue": account.venue})
    return Verdict(verdict.linked, None, reason, reads_again=True)


def may_money_have_moved(
    account: Account, judged: JudgedReadings, latest: DailyAccountSummary | None, *, now: datetime
) -> bool:
    """Whether the live balances look as if money moved between pools while they were read."""
    live = {
        pool: reading.amount
        for pool, reading in judged.readings.items()
        if reading.source is Source.LIVE and reading.amount is not None
    }
    before = {
        pool: accepted.amount
        for pool in live
        if (accepted := cached_in_basis(account, latest, pool, now=now)) is not None
    }
    thresholds = Thresholds(account.min_change_amount, account.min_change_percent)
    return may_be_a_transfer(before, live, thresholds=thresholds)


def ask_gate(
    linked: LinkedAccount,
    judged: JudgedReadings,
    told: Told,
    *,
    last: Inputs | None,
    holds: Holds,
) -> GateAnswer:
    """Whether the account's pools are to be split now, and why. The only such decision.

    Args:
        linked: The account with its links.
        judged: Its judged balances.
        told: What its policy has to know.
        last: The inputs of its last run that allocated; None if there was none.
        holds: Which pools an open position holds, and why.
    """
    account = linked.account
    if (refused := _refused(account)) is not None:
        return GateAnswer(due=False, reason=refused.reason)
    held = _held_pools(linked, told, holds)
    why = _why_suspect(linked, judged)
    if _is_all_held(linked, held):
        why = next(iter(held.values()))
    if why is not None:
        suspects = {pool: each.reason(account, pool) for pool, each in judged.suspects.items()}
        return GateAnswer(due=False, reason=why, is_held=True, suspects=suspects, held=held)
    if (waits := _why_it_waits(linked, judged)) is not None:
        return GateAnswer(due=False, reason=waits, held=held)
    thresholds = Thresholds(account.min_change_amount, account.min_change_percent)
    check = check_pools(
        inputs_of(linked, judged.readings),
        last,
        pool_of=linked.pool_of,
        held=held.keys(),
        thresholds=thresholds,
        currency=account.currency,
    )
    if not check.due:
        changed = _target_change(linked, judged, told, held, last)
        if changed is not None:
            return GateAnswer(due=True, reason=changed, held=held)
    return GateAnswer(due=check.due, reason=check.reason, held=held)


def _held_pools(linked: LinkedAccount, told: Told, holds: Holds) -> Holds:
    """The pools of the account whose capital stays as it is, and why."""
    why = {**told.in_use.unknown, **holds}
    if not why:
        return {}  # as of most accounts
    pools = set(linked.pool_of.values())
    return {pool: why[pool] for pool in Pool if pool in pools and pool in why}


def _is_all_held(linked: LinkedAccount, held: Holds) -> bool:
    return bool(held) and held.keys() >= set(linked.pool_of.values())


def _target_change(
    linked: LinkedAccount,
    judged: JudgedReadings,
    told: Told,
    held: Holds,
    last: Inputs | None,
) -> Reason | None:
    """Which link's capital is too far from what it would get; None for none, and by weight."""
    if linked.rules.policy is PolicyName.WEIGHTS:
        return None
    decision = _divided(linked, judged, told, held, None).decision
    assert decision is not None, "what is divided is decided"
    account = linked.account
    thresholds = Thresholds(account.min_change_amount, account.min_change_percent)
    return target_change(decision, thresholds, last=last, currency=account.currency)


def answer_gates(
    linked_accounts: Mapping[int, LinkedAccount],
    answers: LiveAnswers | None,
    *,
    latest: Mapping[int, DailyAccountSummary],
    last: Mapping[int, Inputs],
    holds: Mapping[int, Holds],
    now: datetime,
) -> dict[int, GateAnswer]:
    """The gate's answers for a caller that decides nothing: judge the readings, then ask.

    Args:
        linked_accounts: By primary key.
        answers: Their exchanges' answers; None for the cached balances, suspect ones included.
        latest: The newest summary of each, as far as there is one.
        last: As for ``ask_gate``, with ``holds``.
        holds: The pools that open positions hold, by account.
        now: The current time, for the age of the cache.
    """

    def judge(key: int, moves: Moves) -> JudgedReadings:
        linked, of_account = linked_accounts[key], answers
        if of_account is None:
            waiting = stored_suspects(linked.account.suspect_readings)
            of_account = {(key, pool): each for pool, each in waiting.items()}
        return judge_readings(
            linked.account, linked.pools, of_account, latest.get(key), now=now, moves=moves
        )

    judged = judge_all(_usable(linked_accounts), judge, now=now)
    # What a wallet held when it was read last is not stored with its balance.
    told = known_of(linked_accounts, judged, now=now, by_books=answers is None)
    return {
        key: ask_gate(
            linked,
            judged.get(key, JudgedReadings()),
            told[key],
            last=last.get(key),
            holds=holds.get(key, {}),
        )
        for key, linked in linked_accounts.items()
    }


def _usable(linked_accounts: Mapping[int, LinkedAccount]) -> dict[int, Account]:
    """The accounts whose balances are judged at all."""
    return {
        key: linked.account
        for key, linked in linked_accounts.items()
        if _refused(linked.account) is None
    }


def _refused(account: Account) -> Decision | None:
    """The decision for an account that is inactive or unusable, whatever its balances are."""
    if not account.is_active:
        return Decision(Outcome.SKIPPED, Reason(Code.ACCOUNT_INACTIVE))
    if problem := wallet_mode_problem(account) or suspects_problem(account):
        return Decision(Outcome.FAILED, problem)
    return None


def _why_suspect(linked: LinkedAccount, judged: JudgedReadings) -> Reason | None:
    """Which balance is not believed, so that the account is on hold; None for none."""
    for pool, suspect in judged.suspects.items():
        return suspect.reason(linked.account, pool)
    return None


def _why_it_waits(linked: LinkedAccount, judged: JudgedReadings) -> Reason | None:
    """Which first balance is to be confirmed before anything is decided; None for none."""
    account = linked.account
    for pool, first in judged.unconfirmed.items():
        return Reason(
            Code.BALANCE_UNCONFIRMED,
            {
                "account_id": str(account.pk),
                "venue": account.venue,
                "currency": account.currency,
                "pool": pool.value,
                "observed": amount_text(first.amount, account.currency),
            },
        )
    return None


def _held(linked: LinkedAccount, judged: JudgedReadings, why: Reason) -> Verdict:
    return _decided(linked, hold(linked.links, linked.division["wallet_mode"], why), judged)


def _divided(
    linked: LinkedAccount,
    judged: JudgedReadings,
    told: Told,
    holds: Holds,
    last: Inputs | None,
) -> Verdict:
    """Divide the pools that are free among their links; what is held keeps what it has."""
    held = _held_pools(linked, told, holds)
    try:
        decision = decide(
            linked.links,
            judged.readings,
            **linked.division,
            rules=linked.rules,
            known=told.known,
            held=held,
        )
    except CapitalError as error:
        return _decided(linked, Decision(Outcome.FAILED, error.reason))
    if decision.outcome is Outcome.HELD:
        return _decided(linked, decision, judged)
    divided = {pool.reading.pool: pool.reading for pool in decision.pools}
    begun = {pool.reading.pool for pool in decision.pools if pool.begins_anew}
    settled = {**told.before, **{pool: told.settled[pool] for pool in begun & told.settled.keys()}}
    before = decided_before(linked, last or told.last, held)
    inputs = inputs_of(linked, divided, told.known, settled, told.before, before)
    return _decided(linked, decision, judged, inputs, told)


def _says_nothing_new(verdict: Verdict) -> bool:
    """Whether the last check could not divide either, for the same reason: it is recorded once."""
    decision = verdict.decision
    return (
        decision is not None
        and decision.reason.code.is_told_once
        and verdict.linked.account.last_check_code == decision.reason.code
        and not any(entry.changed for pool in decision.pools for entry in pool.entries)
    )


def _without_decision(verdict: Verdict) -> Verdict:
    return Verdict(verdict.linked, None, verdict.reason, verdict.judged)


def _decided(
    linked: LinkedAccount,
    decision: Decision,
    judged: JudgedReadings | None = None,
    inputs: Inputs | None = None,
    told: Told = NOTHING_TOLD,
) -> Verdict:
    judged = JudgedReadings() if judged is None else judged
    return Verdict(linked, decision, decision.reason, judged, inputs, told=told)
