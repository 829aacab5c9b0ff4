"""What was delivered to the webhooks, and what each delivery was answered. Read-only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from json import dumps
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, gettext_lazy, ngettext

from capital.admin.allocation.decisions import POOL_NAMES, SOURCE_NAMES
from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import OUTCOME_COLOUR, badge, lines, link_to
from capital.admin.frame.filters import TimeFilter, VisibleFilter
from capital.admin.frame.formats import NOTHING, moment, ratio
from capital.admin.frame.views import user_of
from capital.domain.reasons import Code
from capital.models import AllocationRun, WebhookDelivery
from capital.services.sentences import outline_of
from capital.services.webhooks.readers import accounts_shown

_OUTCOME_NAMES = dict(AllocationRun._meta.get_field("outcome").flatchoices)
_MOST_SIGNALS = 3


@dataclass(frozen=True)
class SizeRow:
    """One sized order on one account, as text."""

    account: str
    symbol: str
    side: str
    quantity: str
    contracts: str
    price: str
    capital: str
    is_sized: bool
    reason: str
    warnings: Sequence[str]


@dataclass(frozen=True)
class AllocationRow:
    """What became of one account's capital."""

    account: str
    outcome: Any
    reason: str
    run: int | None
    balances: Sequence[str]


@dataclass(frozen=True)
class AnswerPage:
    """An answer as its page shows it.

    Attributes:
        left_out: Lines about accounts that the reader may not see.
    """

    took: timedelta
    sizes: Sequence[SizeRow] = ()
    allocations: Sequence[AllocationRow] = ()
    warnings: Sequence[str] = ()
    left_out: int = 0


@admin.register(WebhookDelivery)
class DeliveryAdmin(RecordAdmin):
    """Append-only. A delivery without an answer was given up, or is being worked on."""

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
    list_filter = [("strategy", VisibleFilter), ("received_at", TimeFilter)]
    list_filter_submit = True
    search_fields = ["delivery_id", "strategy__name", "strategy__key", "address"]
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
                "page": _answer_page(delivery, request),
                "proof": self.shown_proof(delivery),
            }
        context = {**(extra_context or {}), **shown}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("received at"), ordering="received_at")
    def shown_time(self, delivery: WebhookDelivery) -> str:
        """To the second."""
        return f"{timezone.localtime(delivery.received_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=gettext_lazy("strategy"), ordering="strategy__name")
    def shown_strategy(self, delivery: WebhookDelivery) -> Any:
        """A link to it."""
        return link_to(delivery.strategy, delivery.strategy.name)

    @admin.display(description=gettext_lazy("signal"))
    def shown_signal(self, delivery: WebhookDelivery) -> Any:
        """What was asked for, in a few words for each order."""
        signals = [_signal(order, delivery.body) for order in _orders(delivery.body)]
        more = len(signals) - _MOST_SIGNALS
        return lines(*signals[:_MOST_SIGNALS], f"+ {more}" if more > 0 else "")

    @admin.display(description=gettext_lazy("answer"))
    def shown_answer(self, delivery: WebhookDelivery) -> Any:
        """How many orders got a quantity."""
        if not hasattr(delivery, "answer"):
            return badge(gettext("no answer"), "danger")
        codes = [str(size.get("code")) for size in _rows(delivery.answer.body, "sizes")]
        sized = sum(code == Code.SIZED for code in codes)
        colour = "success" if sized == len(codes) and codes else "warning"
        text = ngettext(
            "%(sized)s of %(count)s order sized", "%(sized)s of %(count)s orders sized", len(codes)
        )
        return badge(text % {"sized": sized, "count": len(codes)}, colour)

    @admin.display(description=gettext_lazy("proof"), ordering="is_signed")
    def shown_proof(self, delivery: WebhookDelivery) -> Any:
        """How the caller showed that it knows the secret."""
        return gettext("signature") if delivery.is_signed else gettext("secret in the body")


def _answer_page(delivery: WebhookDelivery, request: HttpRequest) -> AnswerPage | None:
    """The answer, without what is about accounts that the reader may not see."""
    if not hasattr(delivery, "answer"):
        return None
    body = delivery.answer.body
    is_shown = accounts_shown(delivery.strategy, user=user_of(request))
    every = [*_rows(body, "sizes"), *_rows(body, "allocations")]
    sizes = [row for row in _rows(body, "sizes") if is_shown(str(row.get("account")))]
    allocations = [row for row in _rows(body, "allocations") if is_shown(str(row.get("account")))]
    left_out = len(every) - len(sizes) - len(allocations)
    return AnswerPage(
        took=delivery.answer.answered_at - delivery.received_at,
        sizes=[_size_row(row) for row in sizes],
        allocations=[_allocation_row(row) for row in allocations],
        # Their sentences name accounts.
        warnings=[] if left_out else _sentences(body),
        left_out=left_out,
    )


def _size_row(row: Mapping[str, Any]) -> SizeRow:
    return SizeRow(
        account=str(row.get("account", "")),
        symbol=str(row.get("symbol", "")),
        side=_side(row.get("side")),
        quantity=_number(row.get("quantity")),
        contracts=_number(row.get("contracts")),
        price=_number(row.get("price")),
        capital=_number(row.get("capital")),
        is_sized=row.get("code") == Code.SIZED,
        reason=outline_of(str(row.get("code", ""))),
        warnings=_sentences(row),
    )


def _allocation_row(row: Mapping[str, Any]) -> AllocationRow:
    outcome = row.get("outcome")
    run = row.get("run")
    return AllocationRow(
        account=str(row.get("account", "")),
        outcome=badge(_OUTCOME_NAMES.get(outcome, outcome), OUTCOME_COLOUR.get(str(outcome), ""))
        if outcome
        else badge(gettext("not due")),
        reason=str(row.get("reason") or outline_of(str(row.get("code", "")))),
        run=run if isinstance(run, int) else None,
        balances=[_balance(balance) for balance in _rows(row, "balances")],
    )


def _balance(row: Mapping[str, Any]) -> str:
    pool, source = row.get("pool"), row.get("source")
    try:
        observed_at = parse_datetime(str(row.get("observed_at") or ""))
    except ValueError:
        observed_at = None
    parts = [
        f"{POOL_NAMES.get(pool, pool)} {_number(row.get('amount'))}",
        str(SOURCE_NAMES.get(source, source)),
        moment(observed_at) if observed_at else "",
    ]
    return " · ".join(part for part in parts if part)


def _orders(body: Any) -> list[Mapping[str, Any]]:
    if not isinstance(body, Mapping):
        return []
    return _rows(body, "orders") if "orders" in body else [body]


def _signal(order: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """``BTC/USDT buy 50%``."""
    asked = [
        f"{order[name]}{unit}"
        for name, unit in (("qty_per", "%"), ("risk_per", "%"), ("qty", ""))
        if order.get(name) is not None
    ]
    symbol = str(order.get("symbol", shared.get("symbol", NOTHING)))
    return " ".join([symbol, _side(order.get("side")), *asked[:1]])


def _side(side: Any) -> str:
    names = {"buy": gettext("buy"), "sell": gettext("sell")}
    return names.get(str(side).lower(), str(side or NOTHING))


def _rows(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects in what is stored; what is none is left out."""
    rows = body.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _sentences(body: Mapping[str, Any]) -> list[str]:
    return [str(row.get("reason") or row.get("code", "")) for row in _rows(body, "warnings")]


def _number(text: Any) -> str:
    if text is None:
        return NOTHING
    try:
        return ratio(Decimal(str(text)))
    except InvalidOperation:
        return str(text)
