"""Reverting an allocation, with a preview first."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from capital.admin.allocation.decisions import decision_card, linked_strategies
from capital.admin.frame.views import origin_of, render_page, user_of
from capital.domain.errors import RevertRefused
from capital.models import CHANGES_CAPITAL, AllocationRun
from capital.services.access import Act, may
from capital.services.allocation import StrategyNames, preview_revert, revert_run
from capital.services.sentences import sentence_of


class RevertPages:
    """For the ``ModelAdmin`` of allocations: revert one, with a preview first."""

    actions_detail: Sequence[Any] = ["revert"]

    def has_revert_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may revert this allocation; without one, any."""
        if obj is None:
            return request.user.has_perm(Act.REVERT.permission)
        run = obj if isinstance(obj, AllocationRun) else self.get_object(request, str(obj))  # type: ignore[attr-defined]
        if run is None:
            # Not found, as the page itself will say.
            return request.user.has_perm(Act.REVERT.permission)
        return may(request.user, Act.REVERT, run.account)

    @action(  # type: ignore[untyped-decorator]
        permissions=["revert"],
        description=gettext_lazy("Revert"),
        url_path="revert",
        icon="undo",
        variant=ActionVariant.DANGER,
    )
    def revert(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what every strategy would have again, and do it on POST."""
        run: AllocationRun | None = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if run is None:
            raise Http404
        card, refusal = None, ""
        try:
            if request.method == "POST":
                made = revert_run(run.pk, actor=user_of(request), origin=origin_of(request))
                messages.success(request, sentence_of(made.code, made.figures))
                return HttpResponseRedirect(
                    reverse("admin:capital_allocationrun_change", args=[made.pk])
                )
            report = preview_revert(run.pk, actor=user_of(request))
            linked = linked_strategies([report])
            card = decision_card(report, decided_at=timezone.now(), linked=linked)
        except RevertRefused as error:
            refusal = StrategyNames.of([error.reason]).sentence(error.reason, timezone.now())
        context = {
            "object": run,
            "run": run,
            "card": card,
            "refusal": refusal,
            "back": reverse("admin:capital_allocationrun_change", args=[run.pk]),
        }
        title = gettext("Revert allocation #%(run)s") % {"run": run.pk}
        return render_page(self, request, "allocation/revert", title, context)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """No button where nothing was changed, or it was reverted already."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        run = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        if (
            run is not None
            and run.outcome in CHANGES_CAPITAL
            and not AllocationRun.objects.filter(reverts=run).exists()
        ):
            return actions
        return [each for each in actions if each.path != "revert"]
