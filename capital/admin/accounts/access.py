"""Who besides its owner may see an account: invited, given another role, removed."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from capital.admin.frame.views import asker_of, may_here, render_page, seen_or_404, user_of
from capital.domain.errors import CapitalError
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
            return HttpResponseRedirect(reverse("admin:capital_account_access", args=[account.pk]))
        accesses = account.accesses.select_related("user").order_by("user__username")
        context = {
            "object": account,
            "account": account,
            "form": form,
            "roles": AccessRole.choices,
            "accesses": [(access, missing_permission(access)) for access in accesses],
            "changes": reverse("admin:capital_settingchange_changelist")
            + f"?account__id__exact={account.pk}",
            "back": reverse("admin:capital_account_change", args=[account.pk]),
        }
        title = gettext("Access to %(account)s") % {"account": account.name}
        return render_page(self, request, "accounts/access", title, context)


def _changed(request: HttpRequest, account: Account, form: InviteForm) -> bool:
    """Do what was asked; false where the form has to be shown again."""
    try:
        if "invite" in request.POST:
            return _invited(request, account, form)
        asked = request.POST.get("remove") or request.POST.get("change") or ""
        found = account.accesses.filter(pk=int(asked)).first() if asked.isdecimal() else None
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
