"""Markets: each venue's own rules, by which orders are rounded. The same for everybody."""

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy, pgettext
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, DropdownFilter

from capital.admin.frame.base import ReadOnly, SitePage
from capital.admin.frame.cells import badge, figure, instant, lines, since
from capital.admin.frame.formats import NOTHING, money, number, ratio
from capital.admin.frame.views import user_of
from capital.domain.errors import CapitalError
from capital.domain.sizing.instruments import AmountUnit
from capital.models import Market
from capital.services.access import ACCEPT_PERMISSION
from capital.services.figures import shown_change
from capital.services.markets import accept_rules, pending_change
from capital.services.sentences import sentence

_NOTHING_WAITS = ExpressionWrapper(Q(pending_rules__isnull=True), BooleanField())


class MarketVenueFilter(DropdownFilter):  # type: ignore[misc]  # unfold has no types
    """By venue: of those whose rules are known."""

    title = gettext_lazy("exchange")
    parameter_name = "venue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        venues = Market.objects.order_by("venue").values_list("venue", flat=True).distinct()
        return [(venue, venue) for venue in venues]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Market]) -> QuerySet[Market]:
        return queryset.filter(venue=self.value()) if self.value() else queryset


@admin.register(Market)
class MarketAdmin(ReadOnly, SitePage, ModelAdmin):  # type: ignore[misc]
    """Nobody's in particular: whoever may see markets sees all of them."""

    nothing_yet = gettext_lazy(
        "No rules yet. A job reads them from the exchanges of active accounts every day."
    )
    list_display = [
        "symbol",
        "venue",
        "shown_kind",
        "settle",
        "shown_step",
        "shown_least",
        "shown_least_cost",
        "shown_state",
        "shown_fetched",
    ]
    list_filter = [
        MarketVenueFilter,
        ("kind", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
    ]
    list_filter_submit = True
    search_fields = ["symbol", "market_id"]
    # What waits for somebody comes first: a venue lists thousands of instruments.
    ordering = [_NOTHING_WAITS.asc(), "venue", "symbol", "pk"]
    fields = [
        ("symbol", "venue", "market_id"),
        ("shown_kind", "base", "quote", "settle"),
        ("contract_size", "amount_unit", "precision_mode", "amount_precision"),
        ("min_amount", "max_amount"),
        ("market_min_amount", "market_max_amount", "market_sell_max_amount"),
        ("shown_least_cost", "shown_most_cost"),
        ("shown_market_cost", "shown_market_buy_cost"),
        ("max_leverage", "shown_brackets"),
        ("shown_state", "fetched_at"),
        ("shown_pending", "shown_step_pending"),
    ]
    readonly_fields = [
        "shown_kind",
        "shown_least_cost",
        "shown_most_cost",
        "shown_market_cost",
        "shown_market_buy_cost",
        "shown_state",
        "shown_pending",
        "shown_brackets",
        "shown_step_pending",
    ]
    actions = ["accept_rules"]

    def has_accept_permission(self, request: HttpRequest) -> bool:
        """Whether the user may accept what changed the meaning of numbers."""
        return request.user.has_perm(ACCEPT_PERMISSION)

    @admin.action(
        description=gettext_lazy("Accept changed contract size or unit"), permissions=["accept"]
    )
    def accept_rules(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        """Put the rules that wait in force; what has none is said."""
        for market in queryset.order_by("venue", "symbol"):
            try:
                change = accept_rules(market.venue, market.symbol, actor=user_of(request))
            except CapitalError as error:
                self.message_user(request, sentence(error.reason), messages.WARNING)
                continue
            text = gettext("Accepted the changed rules of %(symbol)s on %(venue)s: %(change)s.")
            figures = {
                "symbol": market.symbol,
                "venue": market.venue,
                "change": shown_change(change),
            }
            self.message_user(request, text % figures, messages.SUCCESS)

    @admin.display(description=gettext_lazy("type"), ordering="kind")
    def shown_kind(self, market: Market) -> str:
        """Spot, linear or inverse."""
        return market.get_kind_display()

    @admin.display(description=gettext_lazy("quantity precision"))
    def shown_step(self, market: Market) -> Any:
        """A step, or a number of digits and of which."""
        return figure(f"{ratio(market.amount_precision)} ({market.get_precision_mode_display()})")

    @admin.display(description=gettext_lazy("minimum order quantity"))
    def shown_least(self, market: Market) -> Any:
        """In the venue's unit."""
        return _figure(market.min_amount)

    @admin.display(description=gettext_lazy("minimum order value"))
    def shown_least_cost(self, market: Market) -> Any:
        """In the quote currency, as all values of orders."""
        return figure(money(market.min_cost, market.quote))

    @admin.display(description=gettext_lazy("maximum order value"))
    def shown_most_cost(self, market: Market) -> Any:
        return figure(money(market.max_cost, market.quote))

    @admin.display(description=gettext_lazy("maximum value, market orders"))
    def shown_market_cost(self, market: Market) -> Any:
        return figure(money(market.market_max_cost, market.quote))

    @admin.display(description=gettext_lazy("maximum value, market orders to buy"))
    def shown_market_buy_cost(self, market: Market) -> Any:
        return figure(money(market.market_buy_max_cost, market.quote))

    @admin.display(description=gettext_lazy("status"), ordering="is_active")
    def shown_state(self, market: Market) -> Any:
        """Whether the venue lists it, and which changed rules wait: they are accepted here."""
        if market.pending_rules:
            label = badge(gettext("rules to accept"), "warning")
            return lines(label, shown_change(pending_change(market)))
        if market.is_active:
            return badge(gettext("tradable"), "success")
        return badge(gettext("not tradable"))

    @admin.display(description=gettext_lazy("rules that wait to be accepted"))
    def shown_pending(self, market: Market) -> Any:
        """What changed, and what that means; a dash where nothing waits."""
        change = shown_change(pending_change(market))
        about = Market._meta.get_field("pending_rules").help_text
        return lines(change, about) if change else NOTHING

    @admin.display(description=gettext_lazy("leverage brackets"))
    def shown_brackets(self, market: Market) -> Any:
        """``125× ≤ 50,000 USDT``, from the smallest size; the last may have no end."""
        units = (
            ("max_notional", market.quote),
            ("max_settled", market.settle),
            ("max_amount", _unit(market)),
        )
        shown = []
        for bracket in market.leverage_brackets:
            ends = (
                f"≤ {number(Decimal(bracket[name]))} {unit}".strip()
                for name, unit in units
                if bracket.get(name) is not None
            )
            shown.append(" ".join((f"{number(Decimal(bracket['leverage']))}×", *ends)))
        return lines(*shown) or NOTHING

    @admin.display(description=gettext_lazy("step that is not confirmed"))
    def shown_step_pending(self, market: Market) -> Any:
        """The step before and after, and since when; a dash where nothing waits."""
        step = market.pending_step
        if not step:
            return NOTHING
        since_when = instant(parse_datetime(step["since"]))
        return format_html("{} → {} ({})", step["from"], step["to"], since_when)

    @admin.display(description=gettext_lazy("fetched at"), ordering="fetched_at")
    def shown_fetched(self, market: Market) -> Any:
        """How old the rules are."""
        return since(market.fetched_at, now=timezone.now())


def _unit(market: Market) -> str:
    """What the venue counts a quantity in: a currency, or contracts."""
    units = {
        AmountUnit.BASE.value: market.base,
        AmountUnit.QUOTE.value: market.quote,
        AmountUnit.CONTRACTS.value: pgettext("unit of a quantity", "contracts"),
    }
    return units.get(market.amount_unit, "")


def _figure(value: Decimal | None) -> Any:
    return figure(number(value))
