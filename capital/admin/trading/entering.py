"""What a person enters by hand: a flow, its opposite, and what was held when books began."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from capital.admin.frame.cells import instant, link_to
from capital.admin.frame.formats import NOTHING, change
from capital.admin.frame.navigation import listing
from capital.admin.frame.views import ONCE, form_key, render_page, seen_or_404, user_of
from capital.admin.trading.entry_forms import FlowForm, OpeningForm, ReverseForm
from capital.domain.errors import CapitalError
from capital.models import Fill, Flow
from capital.services.access import (
    Act,
    Answer,
    claim_request,
    keep_answer,
    may,
    release_claim,
)
from capital.services.sentences import sentence
from capital.services.trading import can_reverse, reverse_flow


class FlowPages:
    """For the flows' ``ModelAdmin``: enter one, and take one back."""

    actions_list = ["enter"]
    actions_detail = ["reverse"]

    def has_enter_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may enter flows at all; on which accounts, the form says."""
        return request.user.has_perm(Act.CHANGE_FLOWS.permission)

    def has_reverse_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of a flow that a person entered and that counts; its key is what the theme asks with."""
        flow = obj if isinstance(obj, Flow) or obj is None else self._flow(request, obj)
        if flow is None:
            return request.user.has_perm(Act.CHANGE_FLOWS.permission)
        return may(user_of(request), Act.CHANGE_FLOWS, flow.account) and can_reverse(flow)

    @action(  # type: ignore[untyped-decorator]
        permissions=["enter"],
        description=gettext_lazy("Add a deposit or withdrawal"),
        url_path="enter",
        icon="add",
        variant=ActionVariant.PRIMARY,
    )
    def enter(self, request: HttpRequest) -> HttpResponse:
        """A deposit, a withdrawal, a transfer, or what was earned without a fill."""
        texts = {
            "title": gettext("Add a deposit or withdrawal"),
            "about": gettext(
                "Money that came or went without a fill, where the exchange does not tell of it. "
                "It changes no balance. If the exchange tells of it later, its row counts instead."
            ),
            "act": gettext("Add"),
            "done": gettext("The deposit or withdrawal was added."),
            "back": listing("flow"),
        }
        return _entered(self, request, FlowForm, texts, self._page_of)

    @action(  # type: ignore[untyped-decorator]
        permissions=["reverse"],
        description=gettext_lazy("Reverse"),
        url_path="reverse",
        icon="undo",
    )
    def reverse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, and record the opposite."""
        flow: Flow = seen_or_404(self, request, object_id)
        form = ReverseForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            note = form.cleaned_data["note"]
            try:
                opposite = reverse_flow(flow.pk, note=note, actor=user_of(request))
            except CapitalError as error:
                messages.error(request, sentence(error.reason))
                return HttpResponseRedirect(self._page_of(flow))
            messages.success(request, gettext("The opposite was recorded: both stay in the list."))
            return HttpResponseRedirect(self._page_of(opposite))
        context = {
            "form": form,
            "facts": _facts(flow),
            "about": gettext(
                "Nothing is deleted. The opposite is recorded at the same moment, so that days and "
                "books stand as if it had never been entered."
            ),
            "act": gettext("Reverse"),
            "back": self._page_of(flow),
        }
        return render_page(
            self, request, "trading/enter", gettext("Reverse a deposit or withdrawal"), context
        )

    def _flow(self, request: HttpRequest, object_id: Any) -> Flow | None:
        found: Flow | None = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        return found

    def _page_of(self, flow: Flow) -> str:
        address: str = self.url_of("change", flow.pk)  # type: ignore[attr-defined]
        return address


class OpeningPages:
    """For the fills' ``ModelAdmin``: enter what was held when the books began."""

    def has_opening_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whether the user may at all; on which accounts, the form says."""
        return request.user.has_perm(Act.ASSIGN_FILLS.permission)

    @action(  # type: ignore[untyped-decorator]
        permissions=["opening"],
        description=gettext_lazy("Enter an opening position"),
        url_path="opening",
        icon="flag",
    )
    def enter_opening(self, request: HttpRequest) -> HttpResponse:
        """A position from before the first fill that is known."""
        texts = {
            "title": gettext("Enter an opening position"),
            "about": gettext(
                "A position from before the first fill that is known: without it, what is sold "
                "later would look like a short position. It changes no balance, and stays for good."
            ),
            "act": gettext("Enter"),
            "done": gettext("The opening position was entered."),
            "back": listing("fill"),
        }
        return _entered(self, request, OpeningForm, texts, self._page_of_fill)

    def _page_of_fill(self, fill: Fill) -> str:
        address: str = self.url_of("change", fill.pk)  # type: ignore[attr-defined]
        return address


def _entered(
    page: Any,
    request: HttpRequest,
    form_class: Callable[..., Any],
    texts: Mapping[str, str],
    page_of: Callable[[Any], str],
) -> HttpResponse:
    """The form; where it is sent and not refused, the page of what it entered."""
    user = user_of(request)
    initial = {"account": request.GET.get("account", ""), "symbol": request.GET.get("symbol", "")}
    form = form_class(user, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            address, is_new = _once(request, lambda: page_of(form.enter(user)))
        except (CapitalError, ValidationError) as error:
            form.refuse(error)
        else:
            if is_new:
                messages.success(request, texts["done"])
            else:
                messages.info(request, gettext("This was entered once, though sent twice."))
            return HttpResponseRedirect(address)
    context = {**texts, "form": form, ONCE: uuid4()}
    return render_page(page, request, "trading/enter", texts["title"], context)


def _once(request: HttpRequest, enter: Callable[[], str]) -> tuple[str, bool]:
    """Where what was entered is shown, and whether this request entered it.

    What is entered stays for good. A form that is sent twice, by two clicks, enters it once; after
    a change of what was typed it is another one.
    """
    names = sorted(set(request.POST) - {"csrfmiddlewaretoken"})
    typed = [(name, request.POST.getlist(name)) for name in names]
    digest = sha256(repr((request.path, typed)).encode()).hexdigest()
    claim = claim_request(f"form:{user_of(request).pk}", f"{form_key(request)} {digest}", digest)
    if claim.answer is not None:
        return claim.answer.body, False
    try:
        # Whoever dies leaves both, or neither.
        with transaction.atomic():
            address = enter()
            keep_answer(claim, Answer(HTTPStatus.FOUND, "text/plain", address))
    except BaseException:
        release_claim(claim)
        raise
    return address, True


def _facts(flow: Flow) -> list[tuple[Any, Any]]:
    strategy = flow.strategy_account and flow.strategy_account.strategy
    return [
        (gettext("Account"), link_to(flow.account, flow.account.name)),
        (gettext("Kind"), flow.get_kind_display()),
        (gettext("Pool"), flow.get_pool_display()),
        (gettext("Amount"), change(flow.amount, flow.currency)),
        (gettext("Time"), instant(flow.occurred_at)),
        (gettext("Strategy"), strategy.name if strategy else NOTHING),
        (gettext("Symbol"), flow.symbol or NOTHING),
        (gettext("Reason"), flow.note or NOTHING),
    ]
