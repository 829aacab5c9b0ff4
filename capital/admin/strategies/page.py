"""Strategies: what each is, and what it holds across accounts, by currency."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.translation import gettext, gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from capital.admin.frame.base import SiteModelAdmin
from capital.admin.frame.cells import badge, figure, instant, lines, why
from capital.admin.frame.editable import Editable, EditableForm
from capital.admin.frame.filters import OwnerFilter
from capital.admin.frame.formats import NOTHING, money
from capital.admin.frame.views import asker_of, render_page, shows_owner, user_of
from capital.admin.limits.panel import StopsPanel
from capital.admin.performance.detail import StrategyPerformancePage
from capital.admin.sheets import SheetPages
from capital.admin.strategies.answers import refusal_text
from capital.admin.strategies.losses import told_holdings, told_losses
from capital.admin.strategies.names import told_names
from capital.admin.strategies.overview import StrategyOverviewPage
from capital.admin.strategies.webhook import WebhookPages
from capital.domain.errors import CapitalError
from capital.services.access import may_change
from capital.services.accounts import (
    change_strategy,
    create_strategy,
    delete_strategy,
    set_status,
)
from capital.services.desks import strategy_sheet
from capital.services.limits import may_stop_all, stops_of_strategy
from capital.services.overview import (
    StrategyOverview,
    capital_when_idle,
    count_accounts,
    overview_strategies,
    positions_when_archived,
)
from capital.services.sentences import sentence
from capital.services.webhooks import recent_refusals
from strategies.edits import Seen
from strategies.models import Strategy, StrategyStatus

_MOST_SHOWN = 100
_COLOUR = {
    StrategyStatus.ACTIVE: "success",
    StrategyStatus.PAUSED: "warning",
    StrategyStatus.ARCHIVED: "",
}


@admin.register(Strategy)
class StrategyAdmin(
    SheetPages,
    StopsPanel,
    WebhookPages,
    StrategyPerformancePage,
    StrategyOverviewPage,
    Editable,
    SiteModelAdmin,
):
    """Pausing and archiving go through the services; reallocation follows."""

    class Media:
        # The second teaches the first one Korean.
        js = ("admin/js/urlify.js", "capital/controls/hangul.js")

    nothing_yet = gettext_lazy(
        "No strategy yet. Add one here, or on the page of the account on which it trades."
    )
    form = EditableForm
    sheet = staticmethod(strategy_sheet)
    sheet_permission = "strategies.add_strategy"
    actions_list = ("import_table",)
    list_after_template = "capital/live/list.html"
    actions = ["pause", "activate", "archive"]
    actions_detail = ["performance", "webhook"]
    list_display = ["shown_name", "shown_market", "shown_status", "shown_accounts", "shown_capital"]
    list_display_links = ["shown_name"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("market_type", ChoicesDropdownFilter),
        ("owner", OwnerFilter),
    ]
    list_filter_submit = True
    search_fields = ["name", "key"]
    ordering = ["name", "pk"]
    autocomplete_fields = ["owner"]
    instead_of_deleting = gettext_lazy("Archive it instead. Its history is kept.")

    def prepare_rows(self, request: HttpRequest, rows: list[Strategy]) -> None:
        """One overview for the page, of the accounts that the user may see."""
        overviews = overview_strategies([strategy.pk for strategy in rows], request.user)
        for strategy in rows:
            strategy.overview = overviews[strategy.pk]  # type: ignore[attr-defined]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its owner's to do; others see it with the accounts that it trades on."""
        return bool(super().has_change_permission(request, obj)) and (
            obj is None or may_change(request.user, obj)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its owner's to do."""
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or may_change(request.user, obj)
        )

    def get_fieldsets(self, request: HttpRequest, obj: Strategy | None = None) -> list[Any]:
        """What it is, and who it belongs to."""
        owner = "owner" if request.user.is_superuser else "shown_owner"
        owned = shows_owner(request, None if obj is None else obj.owner)
        refused = self.refusals_of(request, obj)
        stops: list[Any] = []
        is_stopped = False
        if obj is not None and request.user.has_perm("capital.view_stop"):
            stops = [(None, {"fields": ["shown_stops"]})]
            is_stopped = self.stops_of(obj).exists()
        return [
            *(stops if is_stopped else []),
            (
                None,
                {
                    "fields": [
                        ("name", "key"),
                        ("market_type", "status"),
                        "order_tag",
                        "description",
                        *([owner] if owned else []),
                    ]
                },
            ),
            *([] if is_stopped else stops),
            *([(gettext_lazy("Refused signals"), {"fields": [refused]})] if refused else []),
        ]

    def refusals_of(self, request: HttpRequest, obj: Strategy | None) -> str:
        """The field that shows the last refused signals; empty where there are none to show."""
        if obj is None or not request.user.has_perm("capital.view_webhookdelivery"):
            return ""
        obj.refusals = recent_refusals(obj, user=user_of(request))  # type: ignore[attr-defined]
        return "shown_refusals" if obj.refusals else ""  # type: ignore[attr-defined]

    def stops_of(self, row: Strategy) -> Any:
        """What stops it on any account that the user may see."""
        return stops_of_strategy(row.pk, row.shown_to)  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("in the last 7 days"))
    def shown_refusals(self, strategy: Strategy) -> Any:
        """When each came, and why it was refused."""
        return lines(
            *(
                format_html(
                    '<a class="text-link" href="{}">{}</a> {}',
                    reverse("admin:capital_webhookdelivery_change", args=[delivery.pk]),
                    instant(delivery.received_at),
                    refusal_text(delivery),
                )
                for delivery in strategy.refusals  # type: ignore[attr-defined]
            )
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Strategy | None = None
    ) -> Sequence[str]:
        """Who it belongs to is a superuser's to say."""
        return [
            "shown_refusals",
            "shown_stops",
            "shown_owner",
            *([] if request.user.is_superuser else ["owner"]),
        ]

    @admin.display(description=gettext_lazy("owner"))
    def shown_owner(self, strategy: Strategy) -> str:
        """A name: others may not open the user's page."""
        return str(strategy.owner.get_username())

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Strategy | None = None
    ) -> dict[str, Sequence[str]]:
        """A new one's key follows its name; programs know the key, so it does not later."""
        return {"key": ("name",)} if obj is None else {}

    def create_row(self, request: HttpRequest, values: dict[str, Any]) -> Strategy:
        """Of whoever makes it; a superuser may make one for somebody else."""
        return create_strategy(**{"owner": user_of(request), **asker_of(request), **values})

    def change_row(
        self, request: HttpRequest, row: Strategy, values: dict[str, Any], seen: Seen
    ) -> Strategy:
        """What was changed and no more; and what programs have to do about it."""
        before = Strategy.objects.filter(pk=row.pk).only("key", "order_tag").first()
        changed = change_strategy(row.pk, **asker_of(request), seen=seen, **values)
        for told in told_names(before or changed, changed):
            self.message_user(request, told, messages.WARNING)
        return changed

    def get_form(
        self,
        request: HttpRequest,
        obj: Strategy | None = None,
        change: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        **kwargs: Any,
    ) -> Any:
        """With what becomes of its capital beside its status, before that is saved."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is not None and "status" in form.base_fields:
            losing = told_losses(capital_when_idle([obj.pk], request.user))
            held = told_holdings(positions_when_archived([obj.pk], request.user))
            if told := " ".join(filter(None, (losing, held))):
                # A help text is shown as HTML, and people name their accounts.
                form.base_fields["status"].help_text = escape(told)
        return form

    def delete_row(self, request: HttpRequest, row: Strategy) -> None:
        """A strategy that was never linked."""
        delete_strategy(row.pk, **asker_of(request))

    # Actions: each is a POST of the list's form

    @admin.action(permissions=["change"], description=gettext_lazy("Pause"))
    def pause(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> HttpResponse | None:
        """Out of allocation for now."""
        return self._idle(request, queryset, StrategyStatus.PAUSED)

    @admin.action(permissions=["change"], description=gettext_lazy("Activate"))
    def activate(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> None:
        """Into allocation."""
        self._change(request, queryset, StrategyStatus.ACTIVE)

    @admin.action(permissions=["change"], description=gettext_lazy("Archive"))
    def archive(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> HttpResponse | None:
        """Out of allocation for good."""
        return self._idle(request, queryset, StrategyStatus.ARCHIVED)

    def _idle(
        self, request: HttpRequest, queryset: QuerySet[Strategy], status: StrategyStatus
    ) -> HttpResponse | None:
        """Say first which capital goes to zero, and change on the second POST."""
        chosen = list(queryset.values_list("pk", flat=True))
        is_pause = status is StrategyStatus.PAUSED
        losing = capital_when_idle(chosen, request.user)
        held = "" if is_pause else told_holdings(positions_when_archived(chosen, request.user))
        if not (losing or held) or "confirmed" in request.POST:
            self._change(request, queryset, status)
            return None
        title = gettext("Archive")
        if losing:
            title = (
                gettext("Pause: capital goes to zero")
                if is_pause
                else gettext("Archive: capital goes to zero")
            )
        context = {
            "held": held,
            "losing": losing[:_MOST_SHOWN],
            "more": max(0, len(losing) - _MOST_SHOWN),
            "is_pool_empty": any(each.is_last for each in losing),
            "chosen": chosen,
            "action": request.POST["action"],
            "do": gettext("Pause") if is_pause else gettext("Archive"),
            "back": self.url_of("changelist"),
            "may_stop_all": may_stop_all(request.user),
        }
        return render_page(self, request, "strategies/idle", title, context)

    def _change(
        self, request: HttpRequest, queryset: QuerySet[Strategy], status: StrategyStatus
    ) -> None:
        try:
            changed = set_status(queryset.values_list("pk", flat=True), status, **asker_of(request))
        except CapitalError as error:
            self.message_user(request, sentence(error.reason), messages.ERROR)
            return
        for strategy in changed:
            self.log_change(request, strategy, [{"changed": {"fields": ["status"]}}])
        if not changed:
            message = gettext(
                "Nothing was changed: the selected strategies already have this status."
            )
            self.message_user(request, message, messages.WARNING)
            return
        accounts = count_accounts([strategy.pk for strategy in changed], request.user)
        what = ngettext(
            "%(count)s strategy is now %(status)s.",
            "%(count)s strategies are now %(status)s.",
            len(changed),
        ) % {"count": len(changed), "status": changed[0].get_status_display()}
        follows = (
            ngettext(
                "A reallocation of %(count)s account was requested.",
                "A reallocation of %(count)s accounts was requested.",
                accounts,
            )
            % {"count": accounts}
            if accounts
            else gettext("No account trades them, so no capital changes.")
        )
        self.message_user(request, f"{what} {follows}", messages.SUCCESS)

    # Columns

    @admin.display(description=gettext_lazy("strategy"), ordering="name")
    def shown_name(self, strategy: Strategy) -> Any:
        """Its name, and what programs call it."""
        return format_html(
            '<span class="font-semibold">{}</span><br><span class="font-normal '
            'text-font-subtle-light dark:text-font-subtle-dark">{}</span>',
            strategy.name,
            strategy.key,
        )

    @admin.display(description=gettext_lazy("market type"), ordering="market_type")
    def shown_market(self, strategy: Strategy) -> str:
        """Spot or futures."""
        return strategy.get_market_type_display()

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def shown_status(self, strategy: Strategy) -> Any:
        """As a badge."""
        return badge(strategy.get_status_display(), _COLOUR[StrategyStatus(strategy.status)])

    @admin.display(description=gettext_lazy("accounts"))
    def shown_accounts(self, strategy: Strategy) -> Any:
        """On how many it trades."""
        return figure(str(_overview(strategy).accounts))

    @admin.display(description=gettext_lazy("capital"))
    def shown_capital(self, strategy: Strategy) -> Any:
        """What it holds in each currency; currencies are not added up."""
        held = _overview(strategy).capital
        return (
            lines(
                *(
                    figure(why(money(amount, currency), strategy=strategy.pk, currency=currency))
                    for currency, amount in held.items()
                )
            )
            if held
            else NOTHING
        )


def _overview(strategy: Strategy) -> StrategyOverview:
    overview: StrategyOverview = strategy.overview  # type: ignore[attr-defined]
    return overview
