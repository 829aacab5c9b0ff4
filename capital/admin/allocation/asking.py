"""Asking for a preview once a form, with a look at who has answered."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from capital.admin.frame.formats import money
from capital.admin.frame.views import ONCE, form_key, render_page, user_of
from capital.domain.errors import CapitalError
from capital.domain.money import parse_whole
from capital.models import Trigger
from capital.services.access import Act
from capital.services.allocation import (
    AccountAsked,
    due_accounts,
    find_request,
    make_plan_once,
    who_answered,
)
from capital.services.labels import POOL_NAMES
from capital.services.sentences import sentence

LIST = "admin:capital_account_changelist"


def ask_for_plan(
    request: HttpRequest, account_ids: Iterable[int], *, back: str, **how: Any
) -> HttpResponse:
    """Make the preview of a form, or find the one that was made of it, and lead there.

    Args:
        request: Its POST has the form's key.
        account_ids: As ``make_plan`` takes them.
        back: Where to go where nothing comes of it; the reason is a message there.
        **how: As ``make_plan`` takes them.
    """
    try:
        return lead_to_plan(request, account_ids, **how)
    except CapitalError as error:
        messages.error(request, sentence(error.reason))
        return _lead(request, back)


def lead_to_plan(request: HttpRequest, account_ids: Iterable[int], **how: Any) -> HttpResponse:
    """As ``ask_for_plan``, but raises ``CapitalError`` where nothing comes of it."""
    key = form_key(request)
    asked = make_plan_once(key, account_ids, actor=user_of(request), trigger=Trigger.ADMIN, **how)
    if asked.plan is None:
        return _lead(request, reverse("admin:capital_account_plan_asked", args=[key]))
    return _lead(request, reverse("admin:capital_account_plan", args=[asked.plan.public_id]))


def asked_already(request: HttpRequest) -> bool:
    """Whether a preview was asked for with this form before: what it saves is saved already."""
    return ONCE in request.POST and (
        find_request(form_key(request), actor=user_of(request)) is not None
    )


def _lead(request: HttpRequest, address: str) -> HttpResponse:
    """To a page; a script that waits for the answer goes there itself."""
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"url": address})
    return HttpResponseRedirect(address)


class AskingPages:
    """For the accounts' ``ModelAdmin``: buttons above the list, and the page that waits."""

    list_before_template = "capital/allocation/allocate_bar.html"

    def get_urls(self) -> list[Any]:
        """Before the pages of an account."""
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path(
                "plans/asked/<uuid:key>/", view(self.asked_view), name="capital_account_plan_asked"
            ),
            path("allocate-selected/", view(self.selected_view), name="capital_account_selected"),
            path("allocate-due/", view(self.due_view), name="capital_account_due"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With a key for what is asked from this page."""
        may_allocate = self.has_allocate_permission(request)  # type: ignore[attr-defined]
        shown = {"once": uuid4(), "may_allocate": may_allocate}
        return super().changelist_view(request, {**shown, **(extra_context or {})})  # type: ignore[misc,no-any-return]

    def selected_view(self, request: HttpRequest) -> HttpResponse:
        """A preview of the accounts that were ticked; or of all that the list finds."""
        self._require_allocating(request)
        if request.method != "POST":
            return HttpResponseRedirect(reverse(LIST))
        found = self.get_changelist_instance(request).get_queryset(request)  # type: ignore[attr-defined]
        if request.POST.get("select_across") != "1":
            ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
            found = found.filter(pk__in=[each for each in map(parse_whole, ticked) if each])
        ids = list(found.values_list("pk", flat=True))
        # Back to the same page of the same list.
        back = f"{reverse(LIST)}?{request.GET.urlencode()}".rstrip("?")
        if not ids:
            messages.warning(
                request,
                gettext("No account is selected. Tick accounts, or allocate all that are due."),
            )
            return _lead(request, back)
        return ask_for_plan(request, ids, back=back)

    def due_view(self, request: HttpRequest) -> HttpResponse:
        """A preview of all accounts of which the list says that they are due."""
        self._require_allocating(request)
        if request.method != "POST":
            return HttpResponseRedirect(reverse(LIST))
        ids = due_accounts(user_of(request))
        if not ids:
            messages.info(request, gettext("No account is due."))
            return _lead(request, reverse(LIST))
        return ask_for_plan(request, ids, back=reverse(LIST))

    def asked_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Each account as its exchange answers; then the preview."""
        user = user_of(request)
        asked = find_request(key, actor=user)
        done = ""
        if asked is None:
            # It failed, or was never sent. What was wrong is a message of whoever asked first.
            done = "" if "parts" in request.GET else reverse(LIST)
        elif asked.plan is not None:
            done = reverse("admin:capital_account_plan", args=[asked.plan.public_id])
        if done and "parts" not in request.GET:
            return HttpResponseRedirect(done)
        rows = [] if asked is None else who_answered(asked, actor=user)
        context = {
            "rows": [_row(each) for each in rows],
            "answered": sum(bool(each.pools) for each in rows),
            "failed": sum(any(pool.reason for pool in each.pools) for each in rows),
            "done": done,
            "live_from": f"{request.path}?parts=1",
            "live_every": 1,
            "live_at": timezone.now(),
            "back": reverse(LIST),
        }
        if "parts" in request.GET:
            return TemplateResponse(request, "capital/allocation/asked_parts.html", context)
        title = gettext("Allocate capital: waiting for exchanges")
        return render_page(self, request, "allocation/asked", title, context)

    def _require_allocating(self, request: HttpRequest) -> None:
        if not request.user.has_perm(Act.ALLOCATE.permission):
            raise PermissionDenied


def _row(asked: AccountAsked) -> dict[str, Any]:
    """An account as the page shows it: silent, read, or with what is wrong."""
    currency = asked.account.currency
    return {
        "account": asked.account,
        "amounts": [
            f"{POOL_NAMES[pool.pool]} {money(pool.amount, currency)}"
            for pool in asked.pools
            if not pool.reason
        ],
        "reasons": list(dict.fromkeys(pool.reason for pool in asked.pools if pool.reason)),
        "is_silent": not asked.pools,
    }
