"""First steps: exchange, keys, check, strategies, preview. Each step saves what it asks.

Until the keys are there, nothing is stored: what was typed of the exchange goes along in the
address. From then on there is an account, and whoever leaves finds it in the list.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action

from capital.admin.accounts.beginning.forms import VENUE_FIELDS, KeysForm, VenueForm
from capital.admin.accounts.connection import pools_shown
from capital.admin.accounts.form import unproven_text
from capital.admin.allocation.first_steps import READ, Step, steps_at
from capital.admin.frame.views import asker_of, render_page, seen_or_404, user_of
from capital.domain.errors import CapitalError
from capital.domain.reasons import Code
from capital.models import Account
from capital.services.access import Act, may
from capital.services.accounts import change_account, create_account
from capital.services.balances import check_connection
from capital.services.sentences import sentence
from strategies.edits import ChangedMeanwhile


class FirstStepsPages:
    """For the accounts' ``ModelAdmin``: the steps until strategies are chosen."""

    actions_list: Sequence[Any] = ("first_steps",)

    def get_urls(self) -> list[Any]:
        """The steps of an account that is not there yet, and of one that is."""
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        name, of_account = "capital_account_first_", "<path:object_id>/first-steps/"
        return [
            path("first-steps/keys/", view(self.new_keys), name=f"{name}keys"),
            path(of_account, view(self.venue_of), name=f"{name}venue_of"),
            path(f"{of_account}keys/", view(self.keys_of), name=f"{name}keys_of"),
            path(f"{of_account}check/", view(self.check_of), name=f"{name}check_of"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def has_first_steps_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may add accounts."""
        return request.user.has_perm("capital.add_account")

    @action(  # type: ignore[untyped-decorator]
        permissions=["first_steps"],
        description=gettext_lazy("First steps"),
        url_path="first-steps",
        icon="flag",
    )
    def first_steps(self, request: HttpRequest) -> HttpResponse:
        """Which exchange; nothing is stored yet."""
        account = Account(owner=user_of(request))  # type: ignore[misc]
        if request.method != "POST":
            typed = {name: request.GET[name] for name in VENUE_FIELDS if name in request.GET}
            return self._venue(request, VenueForm(instance=account, initial=typed))
        form = VenueForm(request.POST, instance=account)
        if not form.is_valid():
            return self._venue(request, form)
        typed = {name: request.POST[name] for name in VENUE_FIELDS if request.POST.get(name)}
        address = reverse("admin:capital_account_first_keys")
        return HttpResponseRedirect(f"{address}?{urlencode(typed)}")

    def new_keys(self, request: HttpRequest) -> HttpResponse:
        """The keys; with them the account is stored."""
        self._require_adding(request)
        start = f"{reverse('admin:capital_account_first_steps')}?{request.GET.urlencode()}"
        chosen = VenueForm(request.GET, instance=Account(owner=user_of(request)))  # type: ignore[misc]
        if not chosen.is_valid():
            return HttpResponseRedirect(start)
        venue = chosen.cleaned_data["venue"]
        form = KeysForm(venue, None, request.POST or None)
        if request.method == "POST" and form.is_valid():
            values = {**chosen.cleaned_data, **form.typed}
            try:
                account = create_account(
                    owner=user_of(request),  # type: ignore[arg-type]
                    **asker_of(request),
                    **values,
                )
            except ValidationError as error:
                form.add_error(None, error.messages)
            except CapitalError as error:
                form.add_error(None, sentence(error.reason))
            else:
                return HttpResponseRedirect(_after_keys(request, account))
        return self._keys(request, form, venue=venue, back=start)

    def venue_of(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The exchange of an account that is stored."""
        account = self._account(request, object_id, Act.CHANGE_ACCOUNT)
        form = VenueForm(request.POST or None, instance=account)
        if request.method == "POST" and form.is_valid():
            values = {name: form.cleaned_data[name] for name in form.changed_data}
            try:
                if values:
                    change_account(account.pk, **asker_of(request), seen=form.seen(), **values)
            except ValidationError as error:
                form.add_error(None, error.messages)
            except ChangedMeanwhile:
                form.add_error(None, _changed_meanwhile())
            except CapitalError as error:
                form.add_error(None, sentence(error.reason))
            else:
                return HttpResponseRedirect(_after_venue(request, account))
        stored = Account.objects.get(pk=account.pk)
        return self._venue(request, form, stored)

    def keys_of(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Other keys of an account that is stored; an empty field keeps what is there."""
        account = self._account(request, object_id, Act.REPLACE_CREDENTIALS)
        form = KeysForm(account.venue, account, request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                typed: dict[str, Any] = form.typed
                if typed:
                    change_account(account.pk, **asker_of(request), **typed)
            except ValidationError as error:
                form.add_error(None, error.messages)
            except CapitalError as error:
                form.add_error(None, sentence(error.reason))
            else:
                return HttpResponseRedirect(_after_keys(request, account))
        back = reverse("admin:capital_account_first_venue_of", args=[account.pk])
        return self._keys(request, form, venue=account.venue, back=back, account=account)

    def check_of(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the exchange answers to the keys, now."""
        account = self._account(request, object_id, Act.CHECK_CONNECTION)
        report = check_connection(account.pk, actor=user_of(request))
        keys = reverse("admin:capital_account_first_keys_of", args=[account.pk])
        context = {
            "object": account,
            "account": account,
            "report": report,
            "pools": pools_shown(report),
            # Strategies come with the next step.
            "notices": [
                sentence(notice) for notice in report.notices if notice.code != Code.POOL_UNUSED
            ],
            "keys": keys if may(user_of(request), Act.REPLACE_CREDENTIALS, account) else "",
            "onward": _after_check(request, account, was_read=report.sound),
            "steps": steps_at(Step.CHECK, account, user_of(request)),
        }
        return self._step(request, "first_check", gettext("First steps: check"), context)

    def _venue(
        self, request: HttpRequest, form: VenueForm, account: Account | None = None
    ) -> HttpResponse:
        back = reverse("admin:capital_account_changelist")
        context = {
            "form": form,
            "object": account,
            "about": gettext(
                "Where is the account? Currency and wallets may be left empty: then they are what "
                "is usual on that exchange."
            ),
            "back": back if account is None else _page_of(account),
            "back_label": gettext("Cancel"),
            "steps": steps_at(Step.VENUE, account, user_of(request)),
        }
        return self._step(request, "first_form", gettext("First steps: exchange"), context)

    def _keys(
        self,
        request: HttpRequest,
        form: KeysForm,
        *,
        venue: str,
        back: str,
        account: Account | None = None,
    ) -> HttpResponse:
        about = gettext(
            "Make an API key on %(venue)s that can read balances, and cannot withdraw. It is "
            "stored encrypted and never shown again."
        )
        context = {
            "form": form,
            "object": account,
            "about": about % {"venue": venue},
            "notice": unproven_text(venue),
            "back": back,
            "back_label": gettext("Back"),
            "steps": steps_at(Step.KEYS, account, user_of(request)),
        }
        return self._step(request, "first_form", gettext("First steps: API keys"), context)

    def _step(
        self, request: HttpRequest, name: str, title: str, context: dict[str, Any]
    ) -> HttpResponse:
        return render_page(self, request, f"accounts/{name}", title, context)

    def _require_adding(self, request: HttpRequest) -> None:
        if not self.has_first_steps_permission(request):
            raise PermissionDenied

    def _account(self, request: HttpRequest, object_id: str, act: Act) -> Account:
        """Of one that the user sees, and may do this with."""
        self._require_adding(request)
        account: Account = seen_or_404(self, request, object_id)
        if not may(user_of(request), act, account):
            raise PermissionDenied
        return account


def _changed_meanwhile() -> str:
    return gettext("Somebody else changed this account meanwhile. Look again before you save.")


def _page_of(account: Account) -> str:
    return reverse("admin:capital_account_change", args=[account.pk])


def _after_venue(request: HttpRequest, account: Account) -> str:
    """Whoever was given the account may not replace its keys, and goes on behind them."""
    if may(user_of(request), Act.REPLACE_CREDENTIALS, account):
        return reverse("admin:capital_account_first_keys_of", args=[account.pk])
    return _after_keys(request, account)


def _after_keys(request: HttpRequest, account: Account) -> str:
    if may(user_of(request), Act.CHECK_CONNECTION, account):
        return reverse("admin:capital_account_first_check_of", args=[account.pk])
    return _after_check(request, account)


def _after_check(request: HttpRequest, account: Account, *, was_read: bool = False) -> str:
    if may(user_of(request), Act.ADD_LINK, account):
        page = reverse("admin:capital_account_first_strategies_of", args=[account.pk])
        # What was read is stored with the next sync only.
        return f"{page}?{READ}" if was_read else page
    return _page_of(account)
