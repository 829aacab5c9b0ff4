"""What was delivered to the webhooks, and what each delivery was answered. Read-only."""

from collections.abc import Mapping
from json import dumps
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy, ngettext

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import badge, instant, lines, link_to
from capital.admin.frame.filters import OneOfFilter, TimeFilter, VisibleFilter
from capital.admin.frame.formats import NOTHING
from capital.admin.frame.lists import IndexedSearch
from capital.admin.strategies.answers import answer_page, refusal_text, rows_of, side_name
from capital.domain.reasons import Code
from capital.models import WebhookDelivery

_MOST_SIGNALS = 3


class RefusedFilter(OneOfFilter):
    """Accepted, or refused for what it asked."""

    title = gettext_lazy("response")
    parameter_name = "refused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What can become of a call with the right secret."""
        return [("no", gettext("accepted")), ("yes", gettext("refused"))]

    def chosen(self, queryset: QuerySet[WebhookDelivery], asked: str) -> QuerySet[WebhookDelivery]:
        """The calls of which it came."""
        return queryset.filter(refusal__isnull=asked == "no")


@admin.register(WebhookDelivery)
class DeliveryAdmin(IndexedSearch, RecordAdmin):
    """Append-only. A delivery without an answer was refused, given up, or is being worked on."""

    nothing_yet = gettext_lazy(
        "No signal came yet. Webhook, on the page of a strategy, has the address to which "
        "signals are sent."
    )
    change_form_before_template = "capital/strategies/delivery.html"
    list_display = [
        "shown_time",
        "shown_strategy",
        "shown_signal",
        "shown_answer",
        "shown_proof",
        "address",
    ]
    list_display_links = ["shown_time"]
    list_filter = [("strategy", VisibleFilter), RefusedFilter, ("received_at", TimeFilter)]
    list_filter_submit = True
    search_fields = ["delivery_id", "strategy__name", "strategy__key", "address"]
    searched_rows = {"strategy": ["name", "key"]}
    searched_columns = ("delivery_id", "address")
    # By primary key, which is the order of arrival and has an index.
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """With the strategy and the answer."""
        rows: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return rows.select_related("strategy", "answer")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The page's own template says all of it."""
        return []

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What came, and what was answered."""
        delivery = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if delivery is not None:
            shown = {
                "sent": dumps(delivery.body, ensure_ascii=False, indent=2),
                "page": answer_page(delivery, request),
                "proof": self.shown_proof(delivery),
                "refusal": refusal_text(delivery),
            }
        context = {**(extra_context or {}), **shown}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("received at"), ordering="received_at")
    def shown_time(self, delivery: WebhookDelivery) -> str:
        return instant(delivery.received_at)

    @admin.display(description=gettext_lazy("strategy"), ordering="strategy__name")
    def shown_strategy(self, delivery: WebhookDelivery) -> Any:
        return link_to(delivery.strategy, delivery.strategy.name)

    @admin.display(description=gettext_lazy("signal"))
    def shown_signal(self, delivery: WebhookDelivery) -> Any:
        """What was asked for, in a few words for each order."""
        signals = signals_of(delivery.body)
        more = len(signals) - _MOST_SIGNALS
        return lines(*signals[:_MOST_SIGNALS], f"+ {more}" if more > 0 else "")

    @admin.display(description=gettext_lazy("response"))
    def shown_answer(self, delivery: WebhookDelivery) -> Any:
        """How many orders got a quantity, or that the signal was refused."""
        return answer_badge(delivery)

    @admin.display(description=gettext_lazy("authentication"), ordering="is_signed")
    def shown_proof(self, delivery: WebhookDelivery) -> Any:
        """How the caller showed that it knows the secret."""
        return (
            gettext("HMAC signature")
            if delivery.is_signed
            else gettext("secret in the request body")
        )


def answer_badge(delivery: WebhookDelivery) -> Any:
    """How many orders of a delivery got a quantity, or that it was refused."""
    if delivery.refusal is not None:
        return badge(gettext("refused"), "danger", refusal_text(delivery))
    if not hasattr(delivery, "answer"):
        return badge(gettext("no response"), "danger")
    codes = [str(size.get("code")) for size in rows_of(delivery.answer.body, "sizes")]
    sized = sum(code == Code.SIZED for code in codes)
    there = sum(code == Code.ALREADY_THERE for code in codes)
    if there and there == len(codes):
        return badge(gettext("already there"), "success")
    colour = "success" if sized + there == len(codes) and codes else "warning"
    text = ngettext(
        "%(sized)s of %(count)s order sized", "%(sized)s of %(count)s orders sized", len(codes)
    )
    return badge(text % {"sized": sized, "count": len(codes)}, colour)


def signals_of(body: Any) -> list[str]:
    """What a body asked for, in a few words for each order."""
    return [_signal(order, body) for order in _orders(body)]


def signal_text(body: Any) -> str:
    """The same in one line."""
    signals = signals_of(body)
    more = len(signals) - _MOST_SIGNALS
    return ", ".join([*signals[:_MOST_SIGNALS], *([f"+ {more}"] if more > 0 else [])])


def _orders(body: Any) -> list[Mapping[str, Any]]:
    if not isinstance(body, Mapping):
        return []
    return rows_of(body, "orders") if "orders" in body else [body]


def _signal(order: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """``BTC/USDT buy 50%``."""
    asked = [
        f"{order[name]}{unit}"
        for name, unit in (("qty_per", "%"), ("risk_per", "%"), ("qty", ""), ("stake", ""))
        if order.get(name) is not None
    ]
    symbol = str(order.get("symbol", shared.get("symbol", NOTHING)))
    words = [order[name] for name in ("position", "side", "action") if order.get(name) is not None]
    if symbol == NOTHING and not words:
        return NOTHING
    return " ".join([symbol, side_name(words[0] if words else None), *asked[:1]])
