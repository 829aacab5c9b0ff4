"""Links: which strategy trades on which account, with what weight."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.forms import PaginationInlineFormSet

from capital.admin.accounts.bounds import told_bounds
from capital.admin.accounts.form import LIMIT_FIELDS
from capital.admin.frame.base import SiteModelAdmin, SiteTabularInline
from capital.admin.frame.cells import bar, figure, lines, link_to, why
from capital.admin.frame.editable import Editable, EditableForm, stale_rows, take_over
from capital.admin.frame.filters import VisibleFilter
from capital.admin.frame.formats import money, ratio
from capital.admin.frame.stale import StaleRows
from capital.admin.frame.views import asker_of, user_of
from capital.admin.limits.panel import PANEL, LimitsPanel
from capital.domain.allocation.rules import PolicyName
from capital.domain.errors import CapitalError
from capital.domain.pools import Pool
from capital.models import Account, StrategyAccount
from capital.services.access import Act, may
from capital.services.accounts import change_link, create_link, delete_link, link_notice
from capital.services.allocation import previewed_next
from capital.services.labels import POOL_NAMES
from capital.services.overview import (
    Running,
    pool_shares,
    positions_when_off,
    running_links,
)
from capital.services.sentences import sentence
from strategies.edits import ChangedMeanwhile, Seen

SWITCH_OFF = gettext_lazy("Deactivate the strategy link instead. Its history is kept.")


class KeepingFormSet(PaginationInlineFormSet):  # type: ignore[misc]  # unfold has no types
    """Refuses to delete a link that has held capital, in one sentence."""

    def clean(self) -> None:
        """Ask for every link whose box is ticked, before Django names everything on it."""
        page = LinkAdmin(StrategyAccount, admin.site)
        deleted = [form.instance for form in self.initial_forms if self._should_delete_form(form)]
        refusals = [page.deletion_refusal([link]) for link in deleted]
        if any(refusals):
            raise ValidationError([refusal for refusal in refusals if refusal])
        super().clean()


class _OfAccount:
    """Rows on an account's page: who may edit them is said by the user's role on the account."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, Act.ADD_LINK, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, Act.CHANGE_LINK, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, Act.DELETE_LINK, obj)


def _may(request: HttpRequest, act: Act, account: Account | None) -> bool:
    """On a page without an account, of which it will be decided when there is one."""
    if account is None:
        return request.user.has_perm(act.permission)
    return may(request.user, act, account)


class LinksInline(_OfAccount, SiteTabularInline):
    """The links that an account has. Their weights change in the editor, where money is seen."""

    model = StrategyAccount
    form = EditableForm
    formset = KeepingFormSet
    fields = [
        "shown_strategy",
        "shown_weight",
        "shown_share",
        "shown_capital",
        "leverage",
        "max_symbols",
        "is_active",
    ]
    readonly_fields = ["shown_strategy", "shown_weight", "shown_share", "shown_capital"]
    verbose_name_plural = gettext_lazy("Strategies on this account")
    template_after = "capital/accounts/links_off.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrategyAccount]:
        """With what the rows show."""
        return super().get_queryset(request).select_related("strategy", "account", "capital")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """New ones have a table of their own, in which a strategy is chosen."""
        return False

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Weigh the links of the account's pools."""
        # Each request has an inline of its own.
        self.shares = {} if obj is None else pool_shares(obj)
        may_switch = obj is not None and self.has_change_permission(request, obj)
        self.losing = losses_of(obj) if obj is not None and may_switch else []
        self.holding = holdings_of(obj) if obj is not None and may_switch else []
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.stale = stale_rows(request, StrategyAccount)
        return formset

    @admin.display(description=gettext_lazy("strategy"))
    def shown_strategy(self, link: StrategyAccount) -> Any:
        """Its name, which leads to the link's page; its market; and what limits its capital."""
        market = link.strategy.get_market_type_display()
        limits = " · ".join(told_bounds(link))
        return lines(
            link_to(link, link.strategy.name),
            f"{link.strategy.key} · {market}",
            limits and format_html('<span class="desk-muted desk-small">{}</span>', limits),
        )

    @admin.display(description=gettext_lazy("weight"))
    def shown_weight(self, link: StrategyAccount) -> Any:
        return figure(ratio(link.weight))

    @admin.display(description=gettext_lazy("share of pool"))
    def shown_share(self, link: StrategyAccount) -> Any:
        """What its weight comes to among the active links of its pool; and of what, if not all."""
        share = bar(self.shares.get(link.pk))
        if link.pk not in self.shares or link.account.policy != PolicyName.OWN_PROFIT:
            return share
        note = gettext("of deposits and withdrawals only")
        return lines(share, format_html('<span class="desk-muted desk-small">{}</span>', note))

    @admin.display(description=gettext_lazy("capital"))
    def shown_capital(self, link: StrategyAccount) -> Any:
        return _capital(link)


@dataclass(frozen=True)
class PoolLosses:
    """What switching links off takes away, in one pool: said while it is not yet saved.

    Attributes:
        pool: Its name.
        links: The links that have capital: primary key, strategy and amount.
        running: The primary keys of all that run in it, with spaces between them.
    """

    pool: Any
    links: Sequence[tuple[int, str, str]]
    running: str


def losses_of(account: Account) -> list[PoolLosses]:
    """Of each pool of the account in which a link that runs has capital."""
    by_pool: dict[Pool, list[Running]] = defaultdict(list)
    for link in running_links(account):
        by_pool[link.pool].append(link)
    return [
        PoolLosses(
            pool=POOL_NAMES[pool],
            links=[
                (link.link_id, link.strategy, money(link.capital, account.currency))
                for link in links
                if link.capital
            ],
            running=" ".join(str(link.link_id) for link in links),
        )
        for pool, links in by_pool.items()
        if any(link.capital for link in links)
    ]


def holdings_of(account: Account) -> list[tuple[int, str, str]]:
    """Of each link that holds something: its primary key, its strategy, and what that means."""
    held: dict[tuple[int, str], list[str]] = defaultdict(list)
    for each in positions_when_off(account):
        held[each.link_id, each.strategy].append(each.symbol)
    told = gettext(
        "Switched off, it gets no order size any more, not even to close its open positions: "
        "%(positions)s. Stop its new entries instead until they are closed."
    )
    return [
        (key, name, told % {"positions": ", ".join(symbols)})
        for (key, name), symbols in held.items()
    ]


class NewLinkInline(_OfAccount, SiteTabularInline):
    """Another strategy for an account: of those that the user may see."""

    model = StrategyAccount
    fields = ["strategy", "weight", "leverage", "max_symbols", "is_active"]
    autocomplete_fields = ["strategy"]
    verbose_name = gettext_lazy("strategy")
    verbose_name_plural = gettext_lazy("Add strategies")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Those that are there have a table of their own."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Those that are there have a table of their own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Those that are there have a table of their own."""
        return False


def _told_when_off(link: StrategyAccount) -> Iterator[str]:
    """What switching it off takes away, and what could not be closed any more."""
    capital = getattr(link, "capital", None)
    if capital is not None and capital.allocated_capital:
        yield gettext(
            "Switched off, its capital of %(amount)s goes to zero with the reallocation "
            "that follows. What the account lets it keep stays, and nothing is sold."
        ) % {"amount": money(capital.allocated_capital, link.account.currency)}
    yield from (told for key, _, told in holdings_of(link.account) if key == link.pk)


@admin.register(StrategyAccount)
class LinkAdmin(LimitsPanel, Editable, SiteModelAdmin):
    """One link by itself, for who wants to see them across accounts."""

    nothing_yet = gettext_lazy(
        "No strategy trades on an account yet. New strategy, on the page of an account, puts "
        "one there."
    )
    form = EditableForm
    list_display = [
        "shown_strategy",
        "shown_account",
        "shown_weight",
        "shown_capital",
        "shown_leverage",
        "is_active",
    ]
    list_filter = [
        ("account", VisibleFilter),
        ("strategy", VisibleFilter),
        ("is_active", BooleanRadioFilter),
    ]
    list_filter_submit = True
    list_select_related = ["strategy", "account", "capital"]
    search_fields = ["strategy__name", "strategy__key", "account__name"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("strategy", "account"),
                    ("weight", "leverage", "max_symbols"),
                    "symbols",
                    "is_active",
                ]
            },
        ),
        (
            gettext_lazy("Limits of its capital"),
            {
                "fields": [
                    ("fixed_amount", "priority"),
                    ("min_amount", "max_amount", "max_percent"),
                    ("compounding", "base_capital"),
                    "drawdown_scaling",
                ]
            },
        ),
        (gettext_lazy("Limits of loss"), {"fields": LIMIT_FIELDS}),
    ]
    actions_detail = ["stop_entries"]
    autocomplete_fields = ["strategy", "account"]
    instead_of_deleting = SWITCH_OFF

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrategyAccount]:
        """With what names a link."""
        return super().get_queryset(request).select_related("strategy", "account", "capital")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the user's role on its account allows."""
        return _may(request, Act.CHANGE_LINK, obj and obj.account)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the user's role on its account allows."""
        return _may(request, Act.DELETE_LINK, obj and obj.account)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A link stays where it is; another one is made instead."""
        if obj is None:
            return []
        return ["strategy", "account", _weight_for(request, obj), *PANEL]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """What stops it, and how much of its limits is used, where it is there."""
        (none, first), *others, (title, limits) = super().get_fieldsets(request, obj)
        if obj is not None:
            fields = [
                (_weight_for(request, obj), *row[1:]) if row[0] == "weight" else row
                for row in first["fields"]
            ]
            first = {**first, "fields": fields}
        others = [(none, first), *others]
        shown = PANEL if obj is not None else ()
        return [*others, (title, {**limits, "fields": [*limits["fields"], *shown]})]

    def get_form(
        self,
        request: HttpRequest,
        obj: StrategyAccount | None = None,
        change: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        **kwargs: Any,
    ) -> Any:
        """With what becomes of its capital beside its switch, before that is saved."""
        form = super().get_form(request, obj, change, **kwargs)
        told = "" if obj is None or not obj.is_active else " ".join(_told_when_off(obj))
        if told and "is_active" in form.base_fields:
            # A help text is shown as HTML.
            form.base_fields["is_active"].help_text = escape(told)
        return form

    def create_row(self, request: HttpRequest, values: dict[str, Any]) -> StrategyAccount:
        """Capital stays as it is until somebody saw what would move."""
        with previewed_next():
            link = create_link(**asker_of(request), **values)
        tell_of(request, link)
        tell_next(request, link.account)
        return link

    def change_row(
        self, request: HttpRequest, row: StrategyAccount, values: dict[str, Any], seen: Seen
    ) -> StrategyAccount:
        """Its weight, its leverage, its state."""
        return change_link(row.pk, **asker_of(request), seen=seen, **values)

    def delete_row(self, request: HttpRequest, row: StrategyAccount) -> None:
        """A link that never held capital."""
        delete_link(row.pk, **asker_of(request))

    @admin.display(description=gettext_lazy("strategy"), ordering="strategy__name")
    def shown_strategy(self, link: StrategyAccount) -> str:
        return link.strategy.name

    @admin.display(description=gettext_lazy("account"), ordering="account__name")
    def shown_account(self, link: StrategyAccount) -> str:
        """Its name and where it is."""
        return str(link.account)

    @admin.display(description=gettext_lazy("weight"), ordering="weight")
    def shown_weight(self, link: StrategyAccount) -> Any:
        return figure(ratio(link.weight))

    @admin.display(description=gettext_lazy("weight"))
    def edited_weight(self, link: StrategyAccount) -> Any:
        """With the way to where it is edited, beside those that it is relative to."""
        url = reverse("admin:capital_account_weights", args=[link.account_id])
        return format_html(
            '{} · <a class="text-link" href="{}">{}</a>',
            ratio(link.weight),
            url,
            gettext("Change weights"),
        )

    @admin.display(description=gettext_lazy("leverage"), ordering="leverage")
    def shown_leverage(self, link: StrategyAccount) -> Any:
        return figure(ratio(link.leverage))

    @admin.display(description=gettext_lazy("capital"))
    def shown_capital(self, link: StrategyAccount) -> Any:
        return _capital(link)


def save_links(request: HttpRequest, formset: Any) -> None:
    """Remove, change and enter the links of an account's page, each by its service.

    Raises:
        ValidationError: A rule is broken; it names the link.
        StaleRows: Somebody else changed links since the page was opened.
    """
    asker = asker_of(request)
    formset.save(commit=False)
    for link in formset.deleted_objects:
        with _named(link):
            delete_link(link.pk, **asker)
    stale = []
    seen = {form.instance.pk: form.seen() for form in formset.initial_forms}
    for link, names in formset.changed_objects:
        values = {name: getattr(link, name) for name in names}
        try:
            with _named(link):
                saved = change_link(link.pk, **asker, seen=seen[link.pk], **values)
            take_over(link, saved)
        except ChangedMeanwhile as error:
            stale.append(error)
    if stale:
        raise StaleRows(stale)
    for link in formset.new_objects:
        with _named(link):
            names = NewLinkInline.fields
            values = {name: getattr(link, name) for name in names}
            with previewed_next():
                saved = create_link(account=link.account, **asker, **values)
        take_over(link, saved)
        tell_of(request, saved)
    if formset.new_objects:
        tell_next(request, formset.new_objects[0].account)


def tell_next(request: HttpRequest, account: Account) -> None:
    """Capital did not move for what is new: say so, with the way to see what would."""
    text = gettext(
        "Capital stays as it is until somebody allocates, or until the next scheduled check."
    )
    if not may(user_of(request), Act.ALLOCATE, account):
        messages.info(request, text)
        return
    address = reverse("admin:capital_account_allocate_capital", args=[account.pk])
    link = format_html('<a class="text-link" href="{}">{}</a>', address, gettext("Preview"))
    messages.info(request, format_html("{} {}", text, link))


def tell_of(request: HttpRequest, link: StrategyAccount) -> None:
    """Say at once that a link goes across owners."""
    if notice := link_notice(link):
        messages.warning(request, sentence(notice))


@contextmanager
def _named(link: StrategyAccount) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ValidationError([f"{link}: {message}" for message in error.messages]) from None
    except CapitalError as error:
        raise ValidationError(f"{link}: {sentence(error.reason)}") from None


def _capital(link: StrategyAccount) -> Any:
    capital = getattr(link, "capital", None)
    if capital is None:
        return figure(money(None, link.account.currency))
    return figure(why(money(capital.allocated_capital, link.account.currency), link=link.pk))


def _weight_for(request: HttpRequest, link: StrategyAccount) -> str:
    """The weight with the way to where it is edited, for who may edit it."""
    is_editor = _may(request, Act.CHANGE_LINK, link.account)
    return "edited_weight" if is_editor else "shown_weight"
