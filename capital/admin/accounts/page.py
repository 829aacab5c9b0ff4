"""Accounts: who may change what of them, and the services that do it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from capital.admin.accounts.access import AccessPage
from capital.admin.accounts.beginning import FirstStepsPages, StrategiesPages
from capital.admin.accounts.columns import AccountColumns
from capital.admin.accounts.connection import ConnectionPage, KeepPage
from capital.admin.accounts.filters import FreshnessFilter, StateFilter, VenueFilter
from capital.admin.accounts.form import (
    CREDENTIALS,
    EDITED_FIELDS,
    IDENTITY_FIELDS,
    LIMIT_FIELDS,
    POLICY_FIELDS,
    RULE_FIELDS,
    AccountForm,
    unproven_text,
)
from capital.admin.accounts.links import LinksInline, NewLinkInline, save_links
from capital.admin.accounts.positions import PositionOwnerPage
from capital.admin.accounts.weights import WeightsPage
from capital.admin.allocation.plans import AllocationPages
from capital.admin.dashboard.histories import AccountHistoryPage
from capital.admin.frame.base import SiteModelAdmin
from capital.admin.frame.editable import Editable
from capital.admin.frame.filters import CurrencyFilter, OwnerFilter
from capital.admin.frame.views import asker_of, shows_owner
from capital.admin.limits.panel import PANEL, LimitsPanel
from capital.admin.performance.detail import AccountPerformancePage
from capital.admin.performance.report import PERMISSION
from capital.admin.performance.whatif import WhatIfPage, what_if_link
from capital.admin.sheets import SheetPages
from capital.domain.errors import BudgetLimitNotAllowed
from capital.models import Account
from capital.services.access import Act, may
from capital.services.accounts import change_account, create_account, delete_account
from capital.services.desks import account_sheet
from capital.services.sentences import sentence
from strategies.edits import Seen

_LINKS = (Act.CHANGE_LINK, Act.ADD_LINK, Act.DELETE_LINK)
_STATE: Any = ["shown_connection", "shown_check", "shown_suspects", ("created_at", "updated_at")]


@admin.register(Account)
class AccountAdmin(
    SheetPages,
    AccountColumns,
    FirstStepsPages,
    StrategiesPages,
    WeightsPage,
    AllocationPages,
    ConnectionPage,
    KeepPage,
    AccessPage,
    AccountPerformancePage,
    WhatIfPage,
    PositionOwnerPage,
    LimitsPanel,
    AccountHistoryPage,
    Editable,
    SiteModelAdmin,
):
    """Credentials go in and never come out. Capital is written by allocations only."""

    nothing_yet = gettext_lazy(
        "No account yet. First steps leads from an exchange to a first allocation."
    )
    form = AccountForm
    sheet = staticmethod(account_sheet)
    sheet_permission = "capital.add_account"
    actions_list = ("first_steps", "import_table")
    list_after_template = "capital/live/list.html"
    actions_detail = [
        "allocate_capital",
        "split_again",
        "new_strategy",
        "performance",
        "check_connection",
        "access",
        "stop_entries",
    ]
    inlines = [LinksInline, NewLinkInline]
    list_display = [
        "shown_name",
        "shown_pools",
        "shown_total",
        "shown_share",
        "shown_freshness",
        "shown_due",
        "shown_run",
    ]
    list_display_links = ["shown_name"]
    list_filter = [
        VenueFilter,
        CurrencyFilter,
        ("owner", OwnerFilter),
        StateFilter,
        FreshnessFilter,
    ]
    list_filter_submit = True
    list_select_related = ["owner"]
    search_fields = ["name", "venue", "currency"]
    ordering = ["name", "pk"]
    autocomplete_fields = ["owner"]
    instead_of_deleting = gettext_lazy("Deactivate it instead. Its history is kept.")

    # What may be changed

    def may_edit(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Whether the user may change the account itself, and not only its links."""
        return _may(request, obj, Act.CHANGE_ACCOUNT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Also for whoever may change the links on the account's page."""
        if self.may_edit(request, obj):
            return True
        links = any(_may(request, obj, act) for act in _LINKS)
        return links and bool(self.has_view_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The owner's to do."""
        return _may(request, obj, Act.DELETE_ACCOUNT)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Account | None = None
    ) -> Sequence[str]:
        """All fields of a page whose links alone may be edited; always what services write."""
        shown = ["shown_credentials", "shown_owner", *flatten(_STATE), *PANEL]
        if not request.user.is_superuser:
            shown.append("owner")
        if obj is not None and not self.may_edit(request, obj):
            shown += EDITED_FIELDS
        return shown

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> list[Any]:
        """Credentials only for whom they belong to."""
        may_replace = obj is None or may(request.user, Act.REPLACE_CREDENTIALS, obj)
        # A field that is only shown would lead to the user's page, which others may not open.
        owner = "owner" if request.user.is_superuser else "shown_owner"
        sections: list[Any] = [
            (
                None,
                {
                    "fields": [
                        ("name", owner)
                        if shows_owner(request, None if obj is None else obj.owner)
                        else "name",
                        *IDENTITY_FIELDS,
                    ]
                },
            ),
            (gettext_lazy("API credentials"), _credentials(may_replace=may_replace)),
            (gettext_lazy("Allocation and order settings"), {"fields": RULE_FIELDS}),
            (gettext_lazy("Allocation policy"), _policy(request, obj)),
            (
                gettext_lazy("Limits of loss"),
                {"fields": [*LIMIT_FIELDS, *(PANEL if obj is not None else ())]},
            ),
        ]
        if obj is not None:
            sections.append((gettext_lazy("Status"), {"fields": _STATE}))
        return sections

    # What the services do

    def create_row(self, request: HttpRequest, values: dict[str, Any]) -> Account:
        """Of whoever makes it; a superuser may make one for somebody else."""
        owner = values.pop("owner", request.user)
        with _budget_limit_named():
            return create_account(owner=owner, **asker_of(request), **values)

    def change_row(
        self, request: HttpRequest, row: Account, values: dict[str, Any], seen: Seen
    ) -> Account:
        """What was changed and no more, under the account's lock."""
        with _budget_limit_named():
            return change_account(row.pk, **asker_of(request), seen=seen, **values)

    def delete_row(self, request: HttpRequest, row: Account) -> None:
        """An account that was never used."""
        delete_account(row.pk, **asker_of(request))

    def save_formset(
        self,
        request: HttpRequest,
        form: AccountForm,
        formset: Any,
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        """Each link by its service, under the account's lock."""
        save_links(request, formset)

    def save_related(
        self,
        request: HttpRequest,
        form: AccountForm,
        formsets: Any,
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        """The links; then nothing can be refused any more, and notices are told."""
        super().save_related(request, form, formsets, change)
        if "venue" in form.changed_data and (notice := unproven_text(form.instance.venue)):
            self.message_user(request, notice, messages.WARNING)


def _may(request: HttpRequest, account: Account | None, act: Act) -> bool:
    """On the account; where none is meant yet, whether on any that may be the user's."""
    if account is None:
        return request.user.has_perm(act.permission)
    return may(request.user, act, account)


def _policy(request: HttpRequest, account: Account | None) -> dict[str, Any]:
    """With a way to see what another policy would have done."""
    section: dict[str, Any] = {"fields": POLICY_FIELDS}
    if account is not None and request.user.has_perm(PERMISSION):
        section["description"] = what_if_link(account)
    return section


def _credentials(*, may_replace: bool) -> dict[str, Any]:
    if not may_replace:
        return {"fields": ["shown_credentials"]}
    return {
        "fields": CREDENTIALS,
        "description": gettext_lazy(
            "Stored encrypted and never shown again. Leave a field empty to keep the stored "
            "value. A private key (PEM) can be pasted as it is."
        ),
    }


@contextmanager
def _budget_limit_named() -> Iterator[None]:
    """Say it at the field."""
    try:
        yield
    except BudgetLimitNotAllowed as error:
        raise ValidationError({"max_budget_percent": sentence(error.reason)}) from None
