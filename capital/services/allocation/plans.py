"""A stored preview, to be applied exactly as it was shown, or not at all.

The decision is made as everywhere else (``verdicts``, ``batches``). The balances are not read
again: those that were shown are stored with the plan. ``applying`` applies it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import (
    NothingToAccept,
    PlanTooLarge,
    UnknownPlan,
)
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.exchange.contract import OnAccount
from capital.models import (
    Account,
    AllocationPlan,
    AllocationRun,
    DailyAccountSummary,
    PlannedAccount,
    Trigger,
)
from capital.services.access.visibility import visible_to
from capital.services.accounts.linked import LinkedAccount, load_linked_accounts
from capital.services.allocation.batches import tell
from capital.services.allocation.inputs import last_allocations, rests_on
from capital.services.allocation.policies.known import Told
from capital.services.allocation.report import RunReport
from capital.services.allocation.request import (
    AllocationRequest,
    known_ids,
    new_request,
    require_rights,
)
from capital.services.allocation.stored import (
    judged_as_json,
    jumps_from_json,
    shown_as_json,
    shown_from_json,
)
from capital.services.allocation.verdicts import (
    Circumstances,
    decide_account,
    known_of,
    load_circumstances,
    unless_money_moved,
)
from capital.services.balances.live import LiveAnswers, observe_again, observe_pools
from capital.services.balances.readings import (
    JudgedReadings,
    judge_all,
    judge_readings,
    settled_suspects,
)
from capital.services.balances.suspects import waiting_reasons
from capital.services.balances.trails import Moves
from capital.services.transactions import outside_transaction

# After this time the readings of a plan are too old to act on.
VALID_FOR = timedelta(minutes=5)
# A plan is applied in one transaction: all of it as shown, or nothing.
LARGEST_PLAN = 2000
# How many changed accounts a refusal names.
MOST_NAMED = 10


@outside_transaction
def make_plan(
    account_ids: Iterable[int],
    *,
    actor: AbstractUser | None = None,
    trigger: str = Trigger.ADMIN,
    live: bool = True,
    force: bool = False,
    accept_jump: bool = False,
    splits_again: bool = False,
    clock: Clock = timezone.now,
    on_account: OnAccount | None = None,
) -> AllocationPlan:
    """Decide as ``allocate_capital`` does, and store that as a plan. No capital is written.

    Call it outside a transaction: it waits for exchanges.

    Args:
        account_ids: Primary keys; duplicates count once.
        actor: The user who asks; nobody else may apply the plan.
        trigger: The trigger of the runs that come of it.
        live: False uses the daily summaries and asks no exchange.
        force: Open positions do not hold an account.
        accept_jump: Accept the balances that are suspect now; the plan shows them.
        splits_again: Divide the pools by weight once, whatever the accounts' policies.
        clock: Gives the current time.
        on_account: Told of each account whose exchange answered; it must not wait.

    Raises:
        UnknownAccount: An id has no account, or none that the actor may see.
        NotPermitted, ForceNotAllowed: The actor may not ask for that.
        NothingToAccept: No balance of the accounts is suspect.
        PlanTooLarge: More than 2,000 accounts.
    """
    request = new_request(
        trigger,
        None,
        clock,
        actor=actor,
        live=live,
        force=force,
        accept_jump=accept_jump,
        splits_again=splits_again,
    )
    ids = known_ids(account_ids)
    require_rights(actor, ids, request)
    if len(ids) > LARGEST_PLAN:
        raise PlanTooLarge(largest=f"{LARGEST_PLAN:,}", accounts=f"{len(ids):,}")
    linked_accounts = load_linked_accounts(ids)
    answers = observe_pools(
        [(linked.account, linked.pools) for linked in linked_accounts.values()],
        live=live,
        clock=clock,
        on_account=on_account,
    )
    plan = _new_plan(request, now=clock())
    planned = _planned_accounts(plan, [linked_accounts[key] for key in ids], answers, request)
    if accept_jump and not any(each.rests_on["accepts"] for each in planned):
        raise NothingToAccept(account=", ".join(each.account.name for each in planned))
    with transaction.atomic():
        plan.save(force_insert=True)
        PlannedAccount.objects.bulk_create(planned)
    return plan


def get_plan(public_id: UUID | str, *, actor: AbstractUser | None) -> AllocationPlan:
    """The plan that was shown to this actor.

    Raises:
        UnknownPlan: There is no such plan, it was shown to somebody else, or the actor may no
            longer see one of its accounts.
    """
    try:
        plan = AllocationPlan.objects.get(public_id=UUID(str(public_id)))
    except (AllocationPlan.DoesNotExist, ValueError):
        raise UnknownPlan from None
    if plan.actor_id != (None if actor is None else actor.pk):
        raise UnknownPlan
    if actor is not None:
        # What was seen yesterday need not be seen today, and a plan shows all of its accounts.
        planned = Account.objects.filter(plans__plan=plan)
        if visible_to(actor, planned).count() < planned.count():
            raise UnknownPlan
    return plan


def report_plan(plan: AllocationPlan) -> list[RunReport]:
    """What the plan shows, one report for each account, in two queries."""
    return [
        shown_from_json(planned.account, planned.shown)
        for planned in plan.accounts.select_related("account")
    ]


def jumps_of_plan(plan: AllocationPlan) -> Iterator[tuple[str, Reason]]:
    """Which balances the plan accepts, by the account's name, and how far they jumped from where.

    In one query.
    """
    planned = plan.accounts.order_by("account__name", "pk")
    for name, jumps in planned.values_list("account__name", "shown__jumps"):
        # A plan that was made before they were kept has none.
        yield from ((name, why) for why in jumps_from_json(jumps or ()))


def runs_of_plan(plan: AllocationPlan) -> list[tuple[Account, AllocationRun | None]]:
    """Each account of the plan with its run; None if it has none. In two queries."""
    accounts = [planned.account for planned in plan.accounts.select_related("account")]
    runs = AllocationRun.objects.filter(account__in=accounts, run_key=plan.run_key)
    runs = runs.select_related("account")
    made = {run.account_id: run for run in runs}
    return [(account, made.get(account.pk)) for account in accounts]


def expires_at(plan: AllocationPlan) -> datetime:
    """The time after which the plan can no longer be applied."""
    return plan.created_at + VALID_FOR


def _new_plan(request: AllocationRequest, *, now: datetime) -> AllocationPlan:
    return AllocationPlan(
        actor_id=request.actor_id,
        trigger=request.trigger,
        live=request.live,
        force=request.force,
        accept_jump=request.accept_jump,
        splits_again=request.splits_again,
        created_at=now,
    )


def _planned_accounts(
    plan: AllocationPlan,
    linked_accounts: Sequence[LinkedAccount],
    answers: LiveAnswers,
    request: AllocationRequest,
) -> list[PlannedAccount]:
    """What the plan shows for each account and what that depends on, unsaved."""
    ids = [linked.account.pk for linked in linked_accounts]
    circumstances = load_circumstances(ids, request, now=plan.created_at)
    last_runs = last_allocations(ids)
    answers = _settled(linked_accounts, answers, circumstances, request, now=plan.created_at)
    planned = []
    for linked, judged, accepts, told in _judged(
        linked_accounts, answers, circumstances, request, now=plan.created_at
    ):
        key = linked.account.pk
        verdict = decide_account(linked, judged, circumstances, request, told)
        tell(verdict)
        assert verdict.decision is not None, "only the gate decides nothing"
        planned.append(
            PlannedAccount(
                plan=plan,
                account=linked.account,
                readings=judged_as_json(judged, told.in_use),
                rests_on=rests_on(
                    linked,
                    judged,
                    held=circumstances.position_holds.get(key, {}),
                    positions=told.in_use.positions,
                    last_run=last_runs[key],
                    accepts=[Pool(pool) for pool in accepts],
                ),
                shown=shown_as_json(
                    verdict.decision,
                    linked.account.currency,
                    jumps=waiting_reasons(linked.account, accepts),
                ),
            )
        )
    return planned


def _settled(
    linked_accounts: Sequence[LinkedAccount],
    answers: LiveAnswers,
    circumstances: Circumstances,
    request: AllocationRequest,
    *,
    now: datetime,
) -> LiveAnswers:
    """The answers, by a second reading where money may have moved between pools meanwhile."""
    again = []
    for linked, judged, _, told in _judged(
        linked_accounts, answers, circumstances, request, now=now
    ):
        latest = circumstances.summaries[linked.account.pk].latest
        verdict = decide_account(linked, judged, circumstances, request, told)
        if unless_money_moved(verdict, latest, now=now).reads_again:
            again.append((linked.account, linked.pools))
    return {**answers, **observe_again(again, clock=request.clock)} if again else answers


def _judged(
    linked_accounts: Sequence[LinkedAccount],
    answers: LiveAnswers,
    circumstances: Circumstances,
    request: AllocationRequest,
    *,
    now: datetime,
) -> list[tuple[LinkedAccount, JudgedReadings, Mapping[str, Any], Told]]:
    """Each account with its readings, the suspect balances that are accepted, and more."""
    by_key = {linked.account.pk: linked for linked in linked_accounts}
    accepts: dict[int, Mapping[str, Any]] = {}

    def judge(key: int, moves: Moves) -> JudgedReadings:
        latest = circumstances.summaries[key].latest
        judged, accepts[key] = _judge(by_key[key], answers, latest, request, moves, now=now)
        return judged

    accounts = {key: linked.account for key, linked in by_key.items()}
    judged = judge_all(accounts, judge, now=now)
    told = known_of(by_key, judged, now=now)
    return [(linked, judged[key], accepts[key], told[key]) for key, linked in by_key.items()]


def _judge(
    linked: LinkedAccount,
    answers: LiveAnswers,
    summary: DailyAccountSummary | None,
    request: AllocationRequest,
    moves: Moves,
    *,
    now: datetime,
) -> tuple[JudgedReadings, Mapping[str, Any]]:
    """The readings to decide by, and the suspect balances that are accepted, as in the column."""

    def judge(waiting: Mapping[str, Any]) -> JudgedReadings:
        return judge_readings(
            linked.account,
            linked.pools,
            answers,
            summary,
            now=now,
            accept_jump=request.accept_jump,
            confirms=True,
            waiting=waiting,
            moves=moves,
        )

    waiting = linked.account.suspect_readings
    judged = judge(waiting)
    if not request.accept_jump:
        return judged, {}
    if judged.suspects:
        # The plan shows the balance before it is accepted, so one that was just read may be, too.
        waiting = settled_suspects(waiting, judged)
        judged = judge(waiting)
    return judged, waiting
