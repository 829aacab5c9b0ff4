"""A preview that is kept: what a person was shown is applied exactly so, or not at all.

The decision is the same one as everywhere else (``verdicts``, ``batches``). Only the readings
are not read again: the ones that were shown are kept with the plan.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import (
    NothingToAccept,
    PlanExpired,
    PlanStale,
    PlanTooLarge,
    UnknownAccount,
    UnknownPlan,
)
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import (
    Account,
    AllocationPlan,
    AllocationRun,
    DailyAccountSummary,
    PlannedAccount,
    Trigger,
)
from capital.services.access.permissions import (
    ACCEPT_PERMISSION,
    ALLOCATE_PERMISSION,
    FORCE_PERMISSION,
    require_permission,
)
from capital.services.access.visibility import visible_to
from capital.services.accounts.linked import LinkedAccount, load_linked_accounts
from capital.services.allocation.batches import decide_batch, tell
from capital.services.allocation.inputs import last_allocations, rests_on, what_changed
from capital.services.allocation.report import RunReport
from capital.services.allocation.request import (
    AllocationRequest,
    earlier_runs,
    known_ids,
    log_force,
    new_request,
)
from capital.services.allocation.stored import (
    judged_as_json,
    judged_from_json,
    shown_as_json,
    shown_from_json,
)
from capital.services.allocation.verdicts import (
    Circumstances,
    Verdict,
    decide_account,
    load_circumstances,
)
from capital.services.balances.live import LiveAnswers, observe_pools
from capital.services.balances.readings import JudgedReadings, judge_readings, settled_suspects
from capital.services.transactions import outside_transaction

# How long a plan may be looked at until its readings are too old to act on.
VALID_FOR = timedelta(minutes=5)
# A plan is applied in one transaction: all of it as shown, or nothing.
LARGEST_PLAN = 2000
# Of changed accounts, in the sentence of a refusal.
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
    clock: Clock = timezone.now,
) -> AllocationPlan:
    """Decide what ``allocate_capital`` would, and keep it. No capital, run or summary is written.

    Call it outside a transaction: it waits for exchanges.

    Args:
        account_ids: Primary keys; duplicates count once.
        actor: Who asks, and who alone may apply it.
        trigger: What the runs will say asked for them.
        live: False answers from the daily summaries without asking an exchange.
        force: Open positions do not hold an account.
        accept_jump: The balances that are suspect now are accepted: the plan shows them.
        clock: Says what time it is.

    Raises:
        UnknownAccount: An id has no account, or none that the actor may see.
        NotPermitted, ForceNotAllowed: The actor may not ask for that.
        NothingToAccept: No balance of the accounts is suspect.
        PlanTooLarge: More than 2,000 accounts.
    """
    request = new_request(
        trigger, None, clock, actor=actor, live=live, force=force, accept_jump=accept_jump
    )
    ids = known_ids(account_ids)
    _require_rights(actor, ids, request)
    if len(ids) > LARGEST_PLAN:
        raise PlanTooLarge(largest=f"{LARGEST_PLAN:,}", accounts=f"{len(ids):,}")
    linked_accounts = load_linked_accounts(ids)
    answers = observe_pools(
        [(linked.account, linked.pools) for linked in linked_accounts.values()],
        live=live,
        clock=clock,
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
        UnknownPlan: There is none, or it was shown to somebody else.
    """
    try:
        plan = AllocationPlan.objects.get(public_id=UUID(str(public_id)))
    except (AllocationPlan.DoesNotExist, ValueError):
        raise UnknownPlan from None
    if plan.actor_id != (None if actor is None else actor.pk):
        raise UnknownPlan
    return plan


def report_plan(plan: AllocationPlan) -> list[RunReport]:
    """What the plan shows, one report for each account, in two queries."""
    return [
        shown_from_json(planned.account, planned.shown)
        for planned in plan.accounts.select_related("account")
    ]


def runs_of_plan(plan: AllocationPlan) -> list[tuple[Account, AllocationRun | None]]:
    """Each account of the plan with its run; None where none was made. In two queries."""
    accounts = [planned.account for planned in plan.accounts.select_related("account")]
    runs = AllocationRun.objects.filter(account__in=accounts, run_key=plan.run_key)
    made = {run.account_id: run for run in runs}
    return [(account, made.get(account.pk)) for account in accounts]


def expires_at(plan: AllocationPlan) -> datetime:
    """From when on the plan is no longer applied."""
    return plan.created_at + VALID_FOR


@outside_transaction
def apply_plan(
    public_id: UUID | str,
    *,
    actor: AbstractUser | None = None,
    origin: str = "",
    clock: Clock = timezone.now,
) -> list[AllocationRun]:
    """Write what the plan shows: all of it, or nothing where something it rests on changed.

    Call it outside a transaction: the runs that it returns are committed. An account that the
    database refuses gets a run with outcome ``failed`` and never stops the others. Applied again,
    the plan returns its first runs.

    Args:
        public_id: The plan's.
        actor: Who applies it: the one to whom it was shown.
        origin: Where the request came from, for the log of a forced one.
        clock: Says what time it is.

    Returns:
        One run per account, in the order of the plan.

    Raises:
        UnknownPlan: There is none, or it was shown to somebody else.
        PlanExpired: It is older than five minutes.
        PlanStale: Links, weights, states, the reserve, capital, positions, suspects or keys of
            an account are not what they were, or a later run decided. Nothing was done.
        NotPermitted, ForceNotAllowed, UnknownAccount: The actor may not, any more.
    """
    plan = get_plan(public_id, actor=actor)
    request = _request_of(plan, clock)
    planned = {each.account_id: each for each in plan.accounts.select_related("account")}
    ids = list(planned)
    done = earlier_runs(ids, request)
    to_do = [key for key in ids if key not in done]
    if to_do:
        _require_rights(actor, ids, request)
        if clock() > expires_at(plan):
            raise PlanExpired(minutes=str(VALID_FOR // timedelta(minutes=1)))
        if plan.force:
            log_force(actor, to_do, origin)
        results = decide_batch(load_linked_accounts(to_do), _Shown(planned, request).judge, request)
        done |= {key: run for key, run in results.items() if isinstance(run, AllocationRun)}
        AllocationPlan.objects.filter(pk=plan.pk, applied_at=None).update(applied_at=clock())
    return [done[key] for key in ids]


@dataclass(frozen=True)
class _Shown:
    """Judges accounts by what was shown, and refuses where that no longer stands."""

    planned: Mapping[int, PlannedAccount]
    request: AllocationRequest

    def judge(
        self,
        linked_accounts: Mapping[int, LinkedAccount],
        circumstances: Circumstances,
        _now: datetime,
    ) -> list[Verdict]:
        """A verdict for each account. Raises ``PlanStale`` for all that are not as they were."""
        verdicts: list[Verdict] = []
        changes: dict[int, Reason] = {}
        last_runs = last_allocations(list(linked_accounts))
        for key, linked in linked_accounts.items():
            verdict = self._judge_one(linked, circumstances, last_runs[key])
            if isinstance(verdict, Reason):
                changes[key] = verdict
            else:
                verdicts.append(verdict)
        if changes:
            names = [linked_accounts[key].account.name for key in changes]
            more = ["…"] if len(names) > MOST_NAMED else []
            raise PlanStale(changes=changes, accounts=", ".join(names[:MOST_NAMED] + more))
        return verdicts

    def _judge_one(
        self, linked: LinkedAccount, circumstances: Circumstances, last_run: int | None
    ) -> Verdict | Reason:
        key = linked.account.pk
        planned = self.planned[key]
        judged = judged_from_json(planned.readings)
        now = rests_on(
            linked,
            judged,
            has_open_position=key in circumstances.with_open_position,
            last_run=last_run,
        )
        changed = what_changed(planned.rests_on, now, linked=linked, judged=judged)
        if changed is not None:
            return changed
        verdict = decide_account(linked, judged, circumstances, self.request)
        assert verdict.decision is not None, "only the gate decides nothing"
        shown = shown_as_json(verdict.decision, linked.account.currency)
        # A market that changed, or another version of this program.
        same = all(shown[part] == planned.shown[part] for part in ("outcome", "code", "pools"))
        return verdict if same else Reason(Code.DECISION_CHANGED)


def _new_plan(request: AllocationRequest, *, now: datetime) -> AllocationPlan:
    return AllocationPlan(
        actor_id=request.actor_id,
        trigger=request.trigger,
        live=request.live,
        force=request.force,
        accept_jump=request.accept_jump,
        created_at=now,
    )


def _planned_accounts(
    plan: AllocationPlan,
    linked_accounts: Sequence[LinkedAccount],
    answers: LiveAnswers,
    request: AllocationRequest,
) -> list[PlannedAccount]:
    """What the plan shows of each account, unsaved, and what that rests on."""
    ids = [linked.account.pk for linked in linked_accounts]
    circumstances = load_circumstances(ids, request, now=plan.created_at)
    last_runs = last_allocations(ids)
    planned = []
    for linked in linked_accounts:
        key = linked.account.pk
        summary = circumstances.summaries[key].latest
        judged, accepts = _judge(linked, answers, summary, request, now=plan.created_at)
        verdict = decide_account(linked, judged, circumstances, request)
        tell(verdict)
        assert verdict.decision is not None, "only the gate decides nothing"
        planned.append(
            PlannedAccount(
                plan=plan,
                account=linked.account,
                readings=judged_as_json(judged),
                rests_on=rests_on(
                    linked,
                    judged,
                    has_open_position=key in circumstances.with_open_position,
                    last_run=last_runs[key],
                    accepts=accepts,
                ),
                shown=shown_as_json(verdict.decision, linked.account.currency),
            )
        )
    return planned


def _judge(
    linked: LinkedAccount,
    answers: LiveAnswers,
    summary: DailyAccountSummary | None,
    request: AllocationRequest,
    *,
    now: datetime,
) -> tuple[JudgedReadings, list[Pool]]:
    """The readings to decide by, and the pools of which a suspect balance is accepted."""

    def judge(waiting: Mapping[str, Any]) -> JudgedReadings:
        return judge_readings(
            linked.account,
            linked.pools,
            answers,
            summary,
            now=now,
            accept_jump=request.accept_jump,
            waiting=waiting,
        )

    waiting = linked.account.suspect_readings
    judged = judge(waiting)
    if not request.accept_jump:
        return judged, []
    if judged.suspects:
        # The balance is shown before it is accepted, so what was read just now may be, too.
        waiting = settled_suspects(waiting, judged)
        judged = judge(waiting)
    return judged, [Pool(pool) for pool in waiting]


def _request_of(plan: AllocationPlan, clock: Clock) -> AllocationRequest:
    return AllocationRequest(
        trigger=plan.trigger,
        run_key=plan.run_key,
        clock=clock,
        actor_id=plan.actor_id,
        live=plan.live,
        force=plan.force,
        accept_jump=plan.accept_jump,
    )


def _require_rights(
    actor: AbstractUser | None, ids: Sequence[int], request: AllocationRequest
) -> None:
    """The actor may see these accounts and ask for this."""
    if actor is None:
        return
    seen = set(visible_to(actor, Account.objects.filter(pk__in=ids)).values_list("pk", flat=True))
    for key in ids:
        if key not in seen:
            raise UnknownAccount(account=str(key))
    require_permission(actor, ALLOCATE_PERMISSION)
    if request.force:
        require_permission(actor, FORCE_PERMISSION)
    if request.accept_jump:
        require_permission(actor, ACCEPT_PERMISSION)
