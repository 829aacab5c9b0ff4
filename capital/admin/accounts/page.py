"""Accounts: what each has, what is allocated of it, how fresh that is, and what is due."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from capital.admin.accounts.filters import FreshnessFilter, StateFilter, VenueFilter
from capital.admin.accounts.form import (
    CREDENTIALS,
    EDITED_FIELDS,
    IDENTITY_FIELDS,
    RULE_FIELDS,
    AccountForm,
    unproven_text,
)
from capital.admin.accounts.links import LinksInline, NewLinkInline, save_links
from capital.admin.allocation.decisions import POOL_NAMES
from capital.admin.allocation.plans import AllocationPages
from capital.admin.dashboard.histories import AccountHistoryPage
from capital.admin.frame.base import SiteModelAdmin
from capital.admin.frame.cells import FRESHNESS, OUTCOME_COLOUR, badge, bar, figure, lines, since
from capital.admin.frame.edited import Edited
from capital.admin.frame.filters import CurrencyFilter, OwnerFilter
from capital.admin.frame.formats import NOTHING, money, share
from capital.admin.frame.views import user_of
from capital.domain.errors import BudgetLimitNotAllowed
from capital.models import Account
from capital.services.accounts.registry import change_account, create_account, delete_account
from capital.services.overview.accounts import (
    AccountOverview,
    overview_accounts,
    suspect_reasons,
)
from capital.services.sentences import outline_of, sentence

_LINK_PERMISSIONS = tuple(f"capital.{verb}_strategyaccount" for verb in ("add", "change", "delete"))


@admin.register(Account)
class AccountAdmin(AllocationPages, AccountHistoryPage, Edited, SiteModelAdmin):
    """Credentials go in and never come out. Capital is written by allocations only."""

    form = AccountForm
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
    instead_of_deleting = gettext_lazy("Switch it off instead; its history stays.")

    def prepare_rows(self, request: HttpRequest, rows: list[Account]) -> None:
        """One overview for the page."""
        now = timezone.now()
        overviews = overview_accounts(rows, now=now)
        for account in rows:
            account.overview = overviews[account.pk]  # type: ignore[attr-defined]
            account.seen_at = now  # type: ignore[attr-defined]

    # What may be changed

    def may_edit(self, request: HttpRequest) -> bool:
        """Whether the user may change the account itself, and not only its links."""
        return bool(super().has_change_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Also for whoever may change the links on the account's page."""
        links = any(request.user.has_perm(permission) for permission in _LINK_PERMISSIONS)
        return self.may_edit(request) or (links and self.has_view_permission(request, obj))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Account | None = None
    ) -> Sequence[str]:
        """All fields of a page whose links alone may be edited; always what services write."""
        shown = [
            "shown_credentials",
            "shown_connection",
            "shown_check",
            "shown_suspects",
            "created_at",
            "updated_at",
        ]
        if not request.user.is_superuser:
            shown.append("owner")
        if obj is not None and not self.may_edit(request):
            shown += EDITED_FIELDS
        return shown

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> list[Any]:
        """Credentials only for whom they belong to."""
        edits = obj is None or self.may_edit(request)
        may_replace = obj is None or (edits and self.may_replace_credentials(request, obj))
        sections: list[Any] = [
            (
                None,
                {
                    "fields": [
                        ("name", "owner") if obj or request.user.is_superuser else "name",
                        *IDENTITY_FIELDS,
                    ]
                },
            ),
            (
                gettext_lazy("API credentials"),
                {
                    "fields": CREDENTIALS if may_replace else ["shown_credentials"],
                    "description": gettext_lazy(
                        "They are kept encrypted and never shown again. "
                        "A field that is left empty keeps what is stored. "
                        "A private key (PEM) may be pasted as it is."
                    )
                    if may_replace
                    else None,
                },
            ),
            (
                gettext_lazy("Rules"),
                {"fields": RULE_FIELDS},
            ),
        ]
        if obj is not None:
            sections.append(
                (
                    gettext_lazy("State"),
                    {
                        "fields": [
                            "shown_connection",
                            "shown_check",
                            "shown_suspects",
                            ("created_at", "updated_at"),
                        ]
                    },
                )
            )
        return sections

    def may_replace_credentials(self, request: HttpRequest, account: Account) -> bool:
        """The owner or a superuser: other people's keys are nobody's business."""
        return request.user.is_superuser or account.owner_id == request.user.pk

    # What the services do

    def create_row(self, request: HttpRequest, values: dict[str, Any]) -> Account:
        """Of whoever makes it; a superuser may make one for somebody else."""
        owner = values.pop("owner", request.user)
        with _budget_limit_named():
            return create_account(owner=owner, actor=user_of(request), **values)

    def change_row(self, request: HttpRequest, row: Account, values: dict[str, Any]) -> Account:
        """What was changed and no more, under the account's lock."""
        with _budget_limit_named():
            return change_account(row.pk, actor=user_of(request), **values)

    def delete_row(self, row: Account) -> None:
        """An account that was never used."""
        delete_account(row.pk)

    def save_formset(
        self,
        request: HttpRequest,
        form: AccountForm,
        formset: Any,
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        """Each link by its service, under the account's lock."""
        save_links(formset)

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

    # Columns

    @admin.display(description=gettext_lazy("account"), ordering="name")
    def shown_name(self, account: Account) -> Any:
        """Its name, and where it is."""
        state = "" if account.is_active else badge(gettext("switched off"))
        where = f"{account.venue} · {account.currency}"
        return format_html(
            '<span class="font-semibold">{}</span> {}<br>'
            '<span class="font-normal text-font-subtle-light dark:text-font-subtle-dark">{}</span>',
            account.name,
            state,
            where,
        )

    @admin.display(description=gettext_lazy("pools"))
    def shown_pools(self, account: Account) -> Any:
        """Each pool's balance."""
        return lines(
            *(
                figure(f"{POOL_NAMES[pool.pool.value]} {money(pool.balance, account.currency)}")
                for pool in _overview(account).pools
            )
        )

    @admin.display(description=gettext_lazy("total"))
    def shown_total(self, account: Account) -> Any:
        """The sum of what is known."""
        overview = _overview(account)
        text = money(overview.total, account.currency)
        return figure(f"≥ {text}" if overview.total is not None and overview.unknown else text)

    @admin.display(description=gettext_lazy("allocated"))
    def shown_share(self, account: Account) -> Any:
        """How much of it is allocated."""
        overview = _overview(account)
        return bar(
            share(overview.allocated, overview.total), money(overview.allocated, account.currency)
        )

    @admin.display(description=gettext_lazy("balance read"))
    def shown_freshness(self, account: Account) -> Any:
        """When all pools in use were last read, and whether that will do."""
        overview = _overview(account)
        name, colour = FRESHNESS[overview.freshness]
        when = since(overview.read_at, now=account.seen_at)  # type: ignore[attr-defined]
        return lines(
            badge(name, colour),
            when if overview.read_at else "",
            badge(
                gettext("no answer"),
                "danger",
                outline_of(account.connection_code, venue=account.venue),
            )
            if account.connection_code
            else "",
        )

    @admin.display(description=gettext_lazy("due"))
    def shown_due(self, account: Account) -> Any:
        """Whether a reallocation is due, and why."""
        overview = _overview(account)
        if overview.suspects:
            why = " ".join(sentence(reason) for reason in overview.suspects)
            return badge(gettext("suspect"), "danger", why)
        state = badge(gettext("due"), "warning") if overview.due.due else ""
        return lines(
            state,
            format_html('<span class="text-xs">{}</span>', sentence(overview.due.reason)),
        )

    @admin.display(description=gettext_lazy("last decision"))
    def shown_run(self, account: Account) -> Any:
        """What the last run came to, and when."""
        run = _overview(account).last_run
        if run is None:
            return NOTHING
        return lines(
            badge(run.get_outcome_display(), OUTCOME_COLOUR[run.outcome]),
            since(run.created_at, now=account.seen_at),  # type: ignore[attr-defined]
        )

    @admin.display(description=gettext_lazy("API credentials"))
    def shown_credentials(self, account: Account) -> Any:
        """Which are set."""
        return lines(
            *(
                f"{label_for_field(name, Account)}: "
                + (gettext("set") if account.__dict__.get(name) else gettext("not set"))
                for name in CREDENTIALS
            )
        )

    @admin.display(description=gettext_lazy("connection"))
    def shown_connection(self, account: Account) -> str:
        """Why the exchange did not answer at the last sync."""
        if account.connection_code:
            return outline_of(account.connection_code, venue=account.venue)
        return gettext("Nothing was wrong at the last sync.")

    @admin.display(description=gettext_lazy("last check"))
    def shown_check(self, account: Account) -> Any:
        """What the gate or the last decision said, and when."""
        if account.last_checked_at is None:
            return NOTHING
        return lines(
            outline_of(account.last_check_code), since(account.last_checked_at, now=timezone.now())
        )

    @admin.display(description=gettext_lazy("suspect balances"))
    def shown_suspects(self, account: Account) -> Any:
        """Why each waits for a person."""
        return lines(*map(sentence, suspect_reasons(account))) or NOTHING


@contextmanager
def _budget_limit_named() -> Iterator[None]:
    """Say it at the field."""
    try:
        yield
    except BudgetLimitNotAllowed as error:
        raise ValidationError({"max_budget_percent": sentence(error.reason)}) from None


def _overview(account: Account) -> AccountOverview:
    overview: AccountOverview = account.overview  # type: ignore[attr-defined]
    return overview
