"""Stops of entries: the list, and the pages that place and lift one, each with a reason."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy, ngettext
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import badge, instant, lines
from capital.admin.frame.filters import OneOfFilter
from capital.admin.frame.formats import NOTHING
from capital.admin.frame.stops import stops_shown, why_shown
from capital.admin.frame.views import render_page, seen_or_404, user_of
from capital.domain.errors import CapitalError
from capital.models import Account, Stop, StrategyAccount
from capital.services.access import Act, allowed_to, visible_to
from capital.services.limits import (
    LONGEST_REASON,
    Scope,
    lift_stop,
    links_resumed_by,
    may_lift,
    may_stop,
    may_stop_everybody,
    place_stop,
    scope_name,
    stops_beside,
    who_stopped,
    widest_scopes,
)
from capital.services.sentences import sentence

_SCOPE_NAME = {
    "everybody": gettext_lazy("everybody"),
    "owner": gettext_lazy("all of my accounts"),
}


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        help_text=gettext_lazy("It is shown to whoever asks why nothing is ordered."),
    )


class StopForm(ReasonForm):
    """Whom to stop, and why."""

    field_order = ("scope", "reason")
    scope = forms.ChoiceField(
        label=gettext_lazy("Stop entries of"), widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, choices: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope: Any = self.fields["scope"]
        scope.choices = choices


class InForceFilter(OneOfFilter):
    """In force, or lifted."""

    title = gettext_lazy("status")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext("in force")), ("no", gettext("lifted"))]

    def chosen(self, queryset: QuerySet[Stop], asked: str) -> QuerySet[Stop]:
        """The stops that are so."""
        return queryset.filter(lifted_at__isnull=asked == "yes")


@admin.register(Stop)
class StopAdmin(RecordAdmin):
    """Written once, and lifted once."""

    nothing_yet = gettext_lazy(
        "No entries have been stopped. Stop all entries is in the header of every page; one "
        "account or one strategy is stopped on its page."
    )
    list_display = ["shown_time", "shown_scope", "shown_state", "shown_reason", "shown_actor"]
    list_display_links = ["shown_time"]
    list_filter = [InForceFilter]
    list_filter_submit = True
    list_select_related = [
        "account",
        "owner",
        "actor",
        "lifted_by",
        "strategy_account__strategy",
        "strategy_account__account",
    ]
    ordering = ["-pk"]
    fields = [
        ("shown_scope", "shown_state"),
        "shown_reason",
        ("shown_time", "shown_actor"),
        ("shown_lifted_at", "shown_lifted_by"),
        "lifted_reason",
    ]
    readonly_fields = [
        "shown_scope",
        "shown_state",
        "shown_reason",
        "shown_time",
        "shown_actor",
        "shown_lifted_at",
        "shown_lifted_by",
    ]
    actions_list = ["place"]
    actions_detail = ["lift"]

    # Who may

    def has_place_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may stop anything."""
        return request.user.has_perm(Act.STOP_ENTRIES.permission)

    def has_lift_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may lift this stop, which is in force; without one, any."""
        if obj is None:
            return request.user.has_perm(Act.LIFT_STOP.permission)
        stop = obj if isinstance(obj, Stop) else self.get_object(request, str(obj))
        if stop is None:
            # Not found, as the page itself will say.
            return request.user.has_perm(Act.LIFT_STOP.permission)
        return may_lift(request.user, stop)

    # What is done

    @action(  # type: ignore[untyped-decorator]
        permissions=["place"],
        description=gettext_lazy("Stop entries"),
        url_path="place",
        icon="front_hand",
    )
    def place(self, request: HttpRequest) -> HttpResponse:
        """Ask whom and why, and stop on POST."""
        choices = _choices(request)
        form = StopForm(choices, request.POST or None, initial={"scope": request.GET.get("scope")})
        if request.method == "POST" and form.is_valid():
            try:
                stop, is_new = place_stop(
                    _scope(form.cleaned_data["scope"]),
                    reason=form.cleaned_data["reason"],
                    actor=user_of(request),
                )
            except CapitalError as error:
                form.add_error(None, sentence(error.reason))
            else:
                said = gettext("New entries of %(name)s are stopped.")
                if not is_new:
                    said = gettext("New entries of %(name)s were stopped already.")
                messages.success(request, said % {"name": scope_name(stop)})
                return HttpResponseRedirect(self.url_of("change", stop.pk))
        context = {"form": form, "is_lifting": False, "back": self.url_of("changelist")}
        return render_page(self, request, "limits/stop", gettext("Stop new entries"), context)

    def get_urls(self) -> list[Any]:
        """The page behind the button in every header."""
        page = self.admin_site.admin_view(self.stop_all)
        return [path("all/", page, name="capital_stop_all"), *super().get_urls()]

    def stop_all(self, request: HttpRequest) -> HttpResponse:
        """Say what a stop of all entries does and does not, and stop on POST."""
        scopes = {_scope_code(scope): scope for scope in widest_scopes(request.user)}
        if not scopes:
            raise PermissionDenied
        choices = [(code, str(_SCOPE_NAME[code])) for code in scopes]
        first = {"scope": choices[0][0], "reason": gettext("Stopped by hand: all entries.")}
        form = StopForm(choices, request.POST or None, initial=first)
        if len(choices) == 1:
            form.fields["scope"].widget = forms.HiddenInput()
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            scope = scopes[form.cleaned_data["scope"]]
            _, is_new = place_stop(scope, reason=reason, actor=user_of(request))
            # That it is stopped is said by the bar above every page.
            if not is_new:
                messages.info(request, gettext("It was stopped already."))
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            "form": form,
            "is_all": True,
            "scope_shown": choices[0][1] if len(choices) == 1 else "",
            "back": reverse("admin:index"),
        }
        return render_page(self, request, "limits/stop", gettext("Stop all entries"), context)

    @action(  # type: ignore[untyped-decorator]
        permissions=["lift"],
        description=gettext_lazy("Lift"),
        url_path="lift",
        icon="play_arrow",
    )
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, and lift on POST."""
        stop: Stop = seen_or_404(self, request, object_id)
        if not may_lift(request.user, stop):
            raise PermissionDenied
        is_wide = stop.everybody or stop.owner_id is not None
        first = {"reason": gettext("Resumed what was running.")} if is_wide else {}
        form = ReasonForm(request.POST or None, initial=first)
        if request.method == "POST" and form.is_valid():
            try:
                reason = form.cleaned_data["reason"]
                lift_stop(stop.pk, reason=reason, actor=user_of(request))
            except CapitalError as error:
                form.add_error(None, sentence(error.reason))
            else:
                messages.success(request, gettext("The stop was lifted."))
                after = reverse("admin:index") if is_wide else self.url_of("change", stop.pk)
                return HttpResponseRedirect(after)
        context = {
            "object": stop,
            "stop": stop,
            "name": scope_name(stop),
            "why": why_shown(stop),
            "form": form,
            "is_lifting": True,
            "is_wide": is_wide,
            "resumed": _resumed(stop),
            "stays": stops_shown(visible_to(request.user, stops_beside(stop)), user_of(request)),
            "back": self.url_of("change", stop.pk),
        }
        title = gettext("Resume exactly what was running") if is_wide else gettext("Lift the stop")
        return render_page(self, request, "limits/stop", title, context)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """No button where it is lifted."""
        actions: list[Any] = super().get_actions_detail(request, object_id)
        stop = self.get_object(request, str(object_id))
        return actions if stop is not None and stop.is_open else []

    # What is shown

    @admin.display(description=gettext_lazy("entries stopped at"), ordering="at")
    def shown_time(self, stop: Stop) -> str:
        return instant(stop.at)

    @admin.display(description=gettext_lazy("stopped"))
    def shown_scope(self, stop: Stop) -> str:
        """Whom it stops."""
        return scope_name(stop)

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, stop: Stop) -> Any:
        """In force, or when and by whom it was lifted."""
        if stop.is_open:
            return badge(gettext("in force"), "danger")
        return lines(badge(gettext("lifted")), instant(stop.lifted_at))

    @admin.display(description=gettext_lazy("reason"))
    def shown_reason(self, stop: Stop) -> str:
        """A person's words, or the limit that was reached."""
        return why_shown(stop)

    @admin.display(description=gettext_lazy("stopped by"))
    def shown_actor(self, stop: Stop) -> str:
        """Who, or that a limit did."""
        return who_stopped(stop)

    @admin.display(description=gettext_lazy("lifted at"))
    def shown_lifted_at(self, stop: Stop) -> str:
        return NOTHING if stop.lifted_at is None else instant(stop.lifted_at)

    @admin.display(description=gettext_lazy("lifted by"))
    def shown_lifted_by(self, stop: Stop) -> str:
        """Who lifted it."""
        if stop.is_open:
            return NOTHING
        return stop.lifted_by.get_username() if stop.lifted_by else gettext("command line")


def _resumed(stop: Stop) -> str:
    """How many links run again, in a sentence."""
    count = links_resumed_by(stop)
    return ngettext(
        "%(count)s strategy link takes new entries again.",
        "%(count)s strategy links take new entries again.",
        count,
    ) % {"count": count}


def _scope_code(scope: Scope) -> str:
    return "everybody" if scope.everybody else "owner"


def _choices(request: HttpRequest) -> list[tuple[str, str]]:
    """Whom this user may stop; the one of the address first."""
    user = user_of(request)
    found: list[tuple[str, str]] = []
    asked, _, key = request.GET.get("scope", "").partition("-")
    if asked == "link" and key.isdecimal():
        links = StrategyAccount.objects.select_related("strategy", "account")
        link = visible_to(user, links).filter(pk=int(key)).first()
        if link is not None and may_stop(user, link.account):
            found.append((f"link-{link.pk}", f"{gettext('strategy link')} {link}"))
    accounts = Account.objects.order_by("name", "pk")
    found += [
        (f"account-{account.pk}", f"{gettext('account')} {account}")
        for account in allowed_to(user, Act.STOP_ENTRIES, accounts)
    ]
    if accounts.filter(owner=user.pk).exists():
        found.append((f"owner-{user.pk}", gettext("all of my accounts")))
    if may_stop_everybody(user):
        found.append(("everybody", gettext("everybody")))
    return found


def _scope(chosen: str) -> Scope:
    """A choice of ``_choices``."""
    kind, _, key = chosen.partition("-")
    match kind:
        case "link":
            return Scope(link_id=int(key))
        case "account":
            return Scope(account_id=int(key))
        case "owner":
            return Scope(owner_id=int(key))
    return Scope(everybody=True)
