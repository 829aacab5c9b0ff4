"""Allocating with the figures seen first.

Each page is a form that is shown, one service call, and where to go next. Whatever changes
something is a POST; the buttons on accounts only lead here.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from capital.admin.allocation.asking import LIST, AskingPages, ask_for_plan, lead_to_plan
from capital.admin.allocation.bulk import accounts_shown, is_bad, results_shown
from capital.admin.allocation.decisions import (
    OUTLOOK,
)
from capital.admin.allocation.first_steps import Step, StepShown, steps_at
from capital.admin.allocation.options import Options, OptionsForm
from capital.admin.frame.cells import OUTCOME_COLOUR
from capital.admin.frame.views import (
    may_here,
    origin_of,
    render_page,
    seen_or_404,
    user_of,
)
from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.rules import PolicyName
from capital.domain.errors import (
    CapitalError,
    NothingToAccept,
    PlanExpired,
    PlanStale,
    UnknownPlan,
)
from capital.models import Account, AllocationPlan
from capital.services.access import Act, may
from capital.services.allocation import (
    MOST_NAMED,
    RunReport,
    StrategyNames,
    apply_plan,
    expires_at,
    get_plan,
    jumps_of_plan,
    report_plan,
)
from capital.services.sentences import sentence


@admin.action(permissions=["allocate"], description=gettext_lazy("Allocate capital"))
def allocate_capital(
    _pages: Any, request: HttpRequest, queryset: QuerySet[Account]
) -> HttpResponse | None:
    """Ask the exchanges, and show what would be decided."""
    ids = list(queryset.values_list("pk", flat=True))
    if not ids:
        # Somebody else's, or gone since the list was shown.
        messages.warning(request, gettext("None of the selected accounts was found."))
        return None
    return ask_for_plan(request, ids, back=request.get_full_path())


class AllocationPages(AskingPages):
    """For the accounts' ``ModelAdmin``: select, see first, apply."""

    actions: Sequence[Any] = [allocate_capital]

    def get_urls(self) -> list[Any]:
        """The pages of a plan, before those of an account."""
        site = self.admin_site  # type: ignore[attr-defined]
        return [
            path(
                "plans/<uuid:public_id>/",
                site.admin_view(self.plan_view),
                name="capital_account_plan",
            ),
            path(
                "plans/<uuid:public_id>/result/",
                site.admin_view(self.plan_result_view),
                name="capital_account_plan_result",
            ),
            *super().get_urls(),
        ]

    def has_allocate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may allocate the account; without one, whether any."""
        return may_here(self, request, obj, Act.ALLOCATE)

    @action(  # type: ignore[untyped-decorator]
        permissions=["allocate"],
        description=gettext_lazy("Allocate capital"),
        url_path="allocate",
        icon="account_balance_wallet",
        variant=ActionVariant.PRIMARY,
    )
    def allocate_capital(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose how, then see first."""
        account = seen_or_404(self, request, object_id)
        if not may(user_of(request), Act.ALLOCATE, account):
            raise PermissionDenied
        title = gettext("Allocate capital: %(account)s") % {"account": account.name}
        return self._choose(request, account, title)

    @action(  # type: ignore[untyped-decorator]
        permissions=["allocate"],
        description=gettext_lazy("Split again by weight"),
        url_path="split-again",
        icon="pie_chart",
    )
    def split_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What it does and gives up; then see first, as for any allocation."""
        account = seen_or_404(self, request, object_id)
        if not may(user_of(request), Act.ALLOCATE, account):
            raise PermissionDenied
        title = gettext("Split again by weight: %(account)s") % {"account": account.name}
        return self._choose(request, account, title, splits_again=True)

    def _choose(
        self, request: HttpRequest, account: Account, title: str, *, splits_again: bool = False
    ) -> HttpResponse:
        """How to allocate; on POST the preview."""
        # An alert of a suspect balance leads here, to accept it.
        asked = {"accept_jump": "accept_jump" in request.GET}
        form = OptionsForm(user_of(request), request.POST or None, initial=asked)
        if request.method == "POST" and form.is_valid():
            return ask_for_plan(
                request,
                [account.pk],
                back=request.get_full_path(),
                splits_again=splits_again,
                **form.options,
            )
        return self._page(
            request,
            "allocation/allocate",
            title,
            object=account,
            form=form,
            once=uuid4(),
            split_notice=split_notice(account.policy) if splits_again else "",
            back=reverse("admin:capital_account_change", args=[account.pk]),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """No button to split again where every allocation does that."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        account = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        if account is None or account.policy != PolicyName.WEIGHTS:
            return actions
        return [each for each in actions if each.path != "split-again"]

    def plan_view(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """What would be decided: apply it, look again, or leave it."""
        if "_apply" in request.POST:
            return self._apply(request, public_id)
        plan = _plan_or_404(request, public_id)
        if request.method == "POST":
            return self._look_again(request, plan)
        reports = report_plan(plan)
        shown = accounts_shown(request, plan, reports)
        if "part" in request.GET and shown["all_url"]:
            return TemplateResponse(request, "capital/allocation/bulk_details.html", shown)
        form = OptionsForm(
            user_of(request),
            initial={
                "cached": not plan.live,
                "force": plan.force,
                "accept_jump": plan.accept_jump,
            },
        )
        return self._page(
            request,
            "allocation/plan",
            gettext("Split again by weight: preview")
            if plan.splits_again
            else gettext("Allocate capital: preview"),
            plan=plan,
            steps=_first_steps(request, reports, is_live=plan.live),
            jumps=_jumps(plan),
            moves_nothing=_moves_nothing(plan, reports),
            split_notices=_split_notices(plan),
            expires_at=expires_at(plan),
            **shown,
            outlooks=_counted(reports),
            form=form,
            once=uuid4(),
            # What was chosen, and where a choice would help.
            shows_options=plan.force
            or plan.accept_jump
            or not plan.live
            or any(report.is_suspicious for report in reports),
            result=reverse("admin:capital_account_plan_result", args=[plan.public_id]),
            **_back_from([report.account_id for report in reports]),
        )

    def plan_result_view(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """What became of each account, with a link to its run."""
        plan = _plan_or_404(request, public_id)
        return self._page(
            request,
            "allocation/plan_result",
            gettext("Allocate capital: result"),
            plan=plan,
            **results_shown(request, plan),
            **_back_from(list(plan.accounts.values_list("account_id", flat=True))),
        )

    def _apply(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        try:
            runs = apply_plan(public_id, actor=user_of(request), origin=origin_of(request))
        except UnknownPlan:
            raise Http404 from None
        except (PlanStale, PlanExpired) as error:
            return self._refuse(request, _plan_or_404(request, public_id), error)
        except CapitalError as error:
            messages.error(request, sentence(error.reason))
            return HttpResponseRedirect(reverse("admin:capital_account_changelist"))
        failed = sum(run.outcome == Outcome.FAILED.value for run in runs)
        if failed:
            text = gettext("%(failed)s of %(number)s accounts failed.")
            messages.warning(request, text % {"failed": failed, "number": len(runs)})
        else:
            messages.success(request, gettext("Applied exactly as shown in the preview."))
        return HttpResponseRedirect(reverse("admin:capital_account_plan_result", args=[public_id]))

    def _refuse(
        self, request: HttpRequest, plan: AllocationPlan, error: PlanStale | PlanExpired
    ) -> HttpResponse:
        """Say why at the top of a fresh preview."""
        messages.error(request, sentence(error.reason))
        if isinstance(error, PlanStale):
            names = dict(plan.accounts.values_list("account_id", "account__name"))
            changes = list(islice(error.changes.items(), MOST_NAMED))
            called = StrategyNames.of(reason for _, reason in changes)
            for key, reason in changes:
                told = called.sentence(reason, timezone.now())
                messages.warning(request, f"{names[key]}: {told}")
        options = Options(live=plan.live, force=plan.force, accept_jump=plan.accept_jump)
        return self._new_plan(request, plan, options)

    def _look_again(self, request: HttpRequest, plan: AllocationPlan) -> HttpResponse:
        form = OptionsForm(user_of(request), request.POST)
        # Checkboxes that are all optional cannot be wrong.
        assert form.is_valid()
        return self._new_plan(request, plan, form.options)

    def _new_plan(
        self, request: HttpRequest, plan: AllocationPlan, options: Options
    ) -> HttpResponse:
        """The same accounts, as things are now."""
        ids = list(plan.accounts.values_list("account_id", flat=True))
        again = plan.splits_again
        try:
            return lead_to_plan(request, ids, splits_again=again, **options)
        except NothingToAccept as error:
            # The exchange says otherwise again: what was to be accepted is gone.
            messages.warning(request, sentence(error.reason))
            options["accept_jump"] = False
        except CapitalError as error:
            messages.error(request, sentence(error.reason))
            return HttpResponseRedirect(reverse(LIST))
        return ask_for_plan(request, ids, back=reverse(LIST), splits_again=again, **options)

    def _page(
        self, request: HttpRequest, name: str, title: str, **context: Any
    ) -> TemplateResponse:
        return render_page(self, request, name, title, context)


def split_notice(policy: str) -> str:
    """What a split again gives up under a policy, and how it goes on after it."""
    match policy:
        case PolicyName.OWN_PROFIT:
            return gettext(
                "Every strategy gets its share of the whole pool by weight, once. What each earned "
                "until now is no longer its own: what paused strategies kept goes to the others, "
                "too. From here on each keeps what it earns."
            )
        case PolicyName.INVERSE_VOLATILITY:
            return gettext(
                "Every strategy gets its share of the whole pool by weight, once. The next "
                "allocation that is due divides by volatility again."
            )
    return gettext("Every strategy gets its share of the whole pool by weight.")


def _first_steps(
    request: HttpRequest, reports: Sequence[RunReport], *, is_live: bool
) -> Sequence[StepShown]:
    """The bar of first steps over the preview that ends them: nothing was allocated there yet."""
    account_ids = [report.account_id for report in reports]
    rows = Account.objects.filter(pk__in=account_ids[:1], runs=None)
    # Without a strategy, the step before was not taken.
    account = rows.exclude(strategy_accounts=None).first()
    if account is None or len(account_ids) > 1 or not may(user_of(request), Act.ADD_LINK, account):
        return ()
    was_read = is_live and not is_bad(reports[0], is_live=True)
    return steps_at(Step.PREVIEW, account, user_of(request), was_read=was_read)


def _moves_nothing(plan: AllocationPlan, reports: Sequence[RunReport]) -> bool:
    """Whether applying would only be recorded: nothing is accepted, given up or changed."""
    if plan.accept_jump or plan.splits_again:
        return False
    return not any(report.moves_capital for report in reports)


def _jumps(plan: AllocationPlan) -> list[str]:
    """The first balances that the plan accepts, and how far they jumped from where."""
    if not plan.accept_jump or plan.applied_at is not None:
        return []
    return [f"{name}: {sentence(why)}" for name, why in islice(jumps_of_plan(plan), MOST_NAMED)]


def _split_notices(plan: AllocationPlan) -> list[str]:
    """What the plan gives up, once for each policy of its accounts."""
    if not plan.splits_again:
        return []
    policies = plan.accounts.order_by("account__policy").values_list("account__policy", flat=True)
    return [split_notice(policy) for policy in dict.fromkeys(policies)]


def _counted(reports: Sequence[RunReport]) -> list[tuple[Any, str, int, str]]:
    """How many accounts of each outlook: label, colour, number and outcome."""
    counts = Counter(report.outcome for report in reports)
    return [
        (OUTLOOK[each], OUTCOME_COLOUR[each], counts[each], each)
        for each in (outcome.value for outcome in Outcome)
        if counts[each]
    ]


def _back_from(account_ids: Sequence[int]) -> dict[str, str]:
    """Where a plan is left to, and what that is called: the account, or the list of them."""
    if len(account_ids) == 1:
        page = reverse("admin:capital_account_change", args=account_ids)
        return {"back": page, "back_text": gettext("Back to the account")}
    return {"back": reverse(LIST), "back_text": gettext("Back to the accounts")}


def _plan_or_404(request: HttpRequest, public_id: UUID) -> AllocationPlan:
    try:
        return get_plan(public_id, actor=user_of(request))
    except UnknownPlan:
        raise Http404 from None
