"""Who besides its owner may see an account: invited, given another role, removed."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from capital.admin.frame.views import asker_of, may_here, render_page, seen_or_404, user_of
from capital.domain.errors import CapitalError
from capital.domain.money import parse_whole
from capital.models import AccessRole, Account, AccountAccess
from capital.services.access import (
    Act,
    change_access,
    give_access,
    may,
    missing_permission,
    remove_access,
)
from capital.services.sentences import sentence

_ACCOUNT_PAGE = "account"


class InviteForm(forms.Form):
    """Whom, and with which role."""

    user = forms.CharField(
        label=gettext_lazy("Username"),
        max_length=150,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Exactly as the user logs in."),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=AccessRole.choices, widget=UnfoldAdminSelectWidget()
    )


class AccessPage:
    """For the accounts' ``ModelAdmin``."""

    def has_share_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may say who sees the account."""
        return may_here(self, request, obj, Act.SHARE)

    @action(  # type: ignore[untyped-decorator]
        permissions=["share"],
        description=gettext_lazy("Access"),
        url_path="access",
        icon="group",
    )
    def access(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say who has access, and change it on POST."""
        account: Account = seen_or_404(self, request, object_id)
        if not may(user_of(request), Act.SHARE, account):
            raise PermissionDenied
        is_invited = request.method == "POST" and "invite" in request.POST
        form = InviteForm(request.POST if is_invited else None)
        if request.method == "POST" and _changed(request, account, form):
            return HttpResponseRedirect(_whence(request, account))
        context = {
            **people_of(request, account),
            "object": account,
            "form": form,
            "back": reverse("admin:capital_account_change", args=[account.pk]),
        }
        title = gettext("Access to %(account)s") % {"account": account.name}
        return render_page(self, request, "accounts/access", title, context)

    def get_urls(self) -> list[Any]:
        """Where somebody gives up what they were given."""
        view = self.admin_site.admin_view(self.give_up)  # type: ignore[attr-defined]
        address, name = "<path:object_id>/access/give-up/", "capital_account_give_up"
        return [path(address, view, name=name), *super().get_urls()]  # type: ignore[misc]

    def give_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Remove the user's own access."""
        account: Account = seen_or_404(self, request, object_id)
        found = account.accesses.filter(user=user_of(request).pk).first()
        if request.method != "POST" or found is None:
            return HttpResponseRedirect(_to_card(account))
        remove_access(found.pk, **asker_of(request))
        said = gettext("You gave up your access to %(account)s.")
        messages.success(request, said % {"account": account.name})
        return HttpResponseRedirect(reverse("admin:index"))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Account | None = None,
    ) -> HttpResponse:
        """With the people, on an account's own page."""
        if obj is not None:
            context |= people_of(request, obj, to=_ACCOUNT_PAGE)
            context["invite"] = InviteForm(auto_id="id_people_%s")
            context["shows_people"] = True
        return super().render_change_form(request, context, add, change, form_url, obj)  # type: ignore[misc,no-any-return]


def _names_of(permissions: Collection[str]) -> dict[str, str]:
    """Permissions as the pages of users and groups call them, in one query; none for none."""
    if not permissions:
        return {}
    codenames = [each.partition(".")[2] for each in permissions]
    found = Permission.objects.filter(codename__in=codenames).select_related("content_type")
    return {f"{each.content_type.app_label}.{each.codename}": str(each) for each in found}


def people_of(request: HttpRequest, account: Account, *, to: str = "") -> dict[str, Any]:
    """Who has access, and what the user may do about it.

    Args:
        request: Of somebody who sees the account.
        account: Whose owner is loaded.
        to: Where a form leads back to: see ``_whence``.
    """
    people = list(account.accesses.select_related("user", "account").order_by("user__username"))
    missing = {access.pk: missing_permission(access) or "" for access in people}
    names = _names_of({*missing.values()} - {""})
    for access in people:
        lacks = missing[access.pk]
        access.missing = names.get(lacks, lacks)  # type: ignore[attr-defined]
    return {
        "account": account,
        "people": people,
        "may_share": may(user_of(request), Act.SHARE, account),
        "roles": AccessRole.choices,
        "access_url": reverse("admin:capital_account_access", args=[account.pk]),
        "give_up_url": reverse("admin:capital_account_give_up", args=[account.pk]),
        "changes": reverse("admin:capital_settingchange_changelist")
        + f"?account__id__exact={account.pk}",
        "to": to,
    }


def _whence(request: HttpRequest, account: Account) -> str:
    """The page whose button it was."""
    if request.POST.get("to") == _ACCOUNT_PAGE:
        return _to_card(account)
    return reverse("admin:capital_account_access", args=[account.pk])


def _to_card(account: Account) -> str:
    return reverse("admin:capital_account_change", args=[account.pk]) + "#people"


def _changed(request: HttpRequest, account: Account, form: InviteForm) -> bool:
    """Do what was asked; false where the form has to be shown again."""
    try:
        if "invite" in request.POST:
            return _invited(request, account, form)
        asked = request.POST.get("remove") or request.POST.get("change") or ""
        found = account.accesses.filter(pk=parse_whole(asked) or 0).first()
        if found is None:
            messages.warning(request, gettext("This access is already gone."))
        elif "remove" in request.POST:
            remove_access(found.pk, **asker_of(request))
            messages.success(request, gettext("Removed: %(user)s.") % {"user": found.user})
        else:
            _give_role(request, found)
    except CapitalError as error:
        messages.error(request, sentence(error.reason))
    return True


def _invited(request: HttpRequest, account: Account, form: InviteForm) -> bool:
    if not form.is_valid():
        return False
    asked = form.cleaned_data
    try:
        give_access(account.pk, username=asked["user"], role=asked["role"], **asker_of(request))
    except ValidationError as error:
        form.add_error("user", error.messages)
        return False
    messages.success(request, gettext("%(user)s has access now.") % {"user": asked["user"]})
    return True


def _give_role(request: HttpRequest, access: AccountAccess) -> None:
    role = request.POST.get(f"role-{access.pk}", "")
    try:
        change_access(access.pk, role=role, **asker_of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, gettext("The role was changed."))
