"""Apply a plan exactly as it was shown, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import PlanExpired, PlanStale
from capital.domain.reasons import Code, Reason
from capital.models import AllocationPlan, AllocationRun, PlannedAccount
from capital.services.accounts.linked import LinkedAccount, load_accounts
from capital.services.allocation.batches import decide_batch
from capital.services.allocation.inputs import last_allocations, rests_on, what_changed
from capital.services.allocation.plans import (
    MOST_NAMED,
    VALID_FOR,
    expires_at,
    get_plan,
)
from capital.services.allocation.policies.in_use import load_in_use
from capital.services.allocation.policies.known import Told
from capital.services.allocation.request import (
    AllocationRequest,
    earlier_runs,
    log_force,
    require_rights,
)
from capital.services.allocation.stored import in_use_from_json, judged_from_json, shown_as_json
from capital.services.allocation.verdicts import Circumstances, Verdict, decide_account, known_of
from capital.services.balances.readings import JudgedReadings
from capital.services.transactions import outside_transaction


@outside_transaction
def apply_plan(
    public_id: UUID | str,
    *,
    actor: AbstractUser | None = None,
    origin: str = "",
    clock: Clock = timezone.now,
) -> list[AllocationRun]:
    """Write what the plan shows: all of it, or nothing if something it depends on has changed.

    Call it outside a transaction: the runs that it returns are committed. An account that the
    database refuses gets a run with the outcome ``failed`` and never stops the others. If the plan
    is applied again, it returns its first runs.

    Args:
        public_id: The plan's public id.
        actor: The user who applies it; the plan must have been shown to the same user.
        origin: Where the request came from, for the log of a forced one.
        clock: Gives the current time.

    Returns:
        One run per account, in the order of the plan.

    Raises:
        UnknownPlan: There is none, or it was shown to someone else.
        PlanExpired: It is older than five minutes.
        PlanStale: Links, weights, states, the reserve, capital, positions, suspects or keys of an
            account have changed, or there is a later run. Nothing was done.
        NotPermitted, UnknownAccount: The actor has lost a permission since the plan was made.
    """
    plan = get_plan(public_id, actor=actor)
    request = _request_of(plan, clock)
    planned = {each.account_id: each for each in plan.accounts.select_related("account")}
    ids = list(planned)
    done = earlier_runs(ids, request)
    to_do = [key for key in ids if key not in done]
    if to_do:
        require_rights(actor, ids, request)
        if clock() > expires_at(plan):
            raise PlanExpired(minutes=str(VALID_FOR // timedelta(minutes=1)))
        if plan.force:
            log_force(actor, to_do, origin)
        results = decide_batch(load_accounts(to_do), _Shown(planned, request).judge, request)
        done |= {key: run for key, run in results.items() if isinstance(run, AllocationRun)}
        AllocationPlan.objects.filter(pk=plan.pk, applied_at=None).update(applied_at=clock())
    return [done[key] for key in ids]


@dataclass(frozen=True)
class _Shown:
    """Judges accounts by the stored readings, and refuses a plan that is out of date."""

    planned: Mapping[int, PlannedAccount]
    request: AllocationRequest

    def judge(
        self,
        linked_accounts: Mapping[int, LinkedAccount],
        circumstances: Circumstances,
        now: datetime,
    ) -> list[Verdict]:
        """A verdict for each account. Raises ``PlanStale``, which names all that have changed."""
        verdicts: list[Verdict] = []
        changes: dict[int, Reason] = {}
        last_runs = last_allocations(list(linked_accounts))
        judged = {key: judged_from_json(self.planned[key].readings) for key in linked_accounts}
        # What coins are worth changes with every price: what was shown is applied.
        shown = {key: in_use_from_json(self.planned[key].readings) for key in linked_accounts}
        present = load_in_use(
            linked_accounts, {key: each.readings for key, each in judged.items()}, now=now
        )
        in_use = {
            key: replace(each, positions=present[key].positions) for key, each in shown.items()
        }
        told = known_of(linked_accounts, judged, now=now, in_use=in_use)
        for key, linked in linked_accounts.items():
            verdict = self._judge_one(linked, judged[key], circumstances, last_runs[key], told[key])
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
        self,
        linked: LinkedAccount,
        judged: JudgedReadings,
        circumstances: Circumstances,
        last_run: int | None,
        told: Told,
    ) -> Verdict | Reason:
        key = linked.account.pk
        planned = self.planned[key]
        now = rests_on(
            linked,
            judged,
            held=circumstances.position_holds.get(key, {}),
            positions=told.in_use.positions,
            last_run=last_run,
        )
        changed = what_changed(planned.rests_on, now, linked=linked, judged=judged)
        if changed is not None:
            return changed
        verdict = decide_account(linked, judged, circumstances, self.request, told)
        assert verdict.decision is not None, "only the gate decides nothing"
        shown = shown_as_json(verdict.decision, linked.account.currency)
        # For example, a strategy changed its market, or this is another version of the program.
        same = all(shown[part] == planned.shown[part] for part in ("outcome", "code", "pools"))
        return verdict if same else Reason(Code.DECISION_CHANGED)


def _request_of(plan: AllocationPlan, clock: Clock) -> AllocationRequest:
    return AllocationRequest(
        trigger=plan.trigger,
        run_key=plan.run_key,
        clock=clock,
        actor_id=plan.actor_id,
        live=plan.live,
        force=plan.force,
        accept_jump=plan.accept_jump,
        splits_again=plan.splits_again,
    )
