"""The secret of a strategy's webhook: made, rotated, removed; shown once, with how to use it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from capital.admin.frame.base import WholeInput
from capital.admin.frame.views import origin_of, render_page, user_of
from capital.admin.strategies.answers import refusal_text
from capital.admin.strategies.deliveries import answer_badge, signal_text
from capital.domain.errors import InvalidWebhook
from capital.models import USUAL_LAG_SECONDS, WebhookSecret
from capital.services.sentences import sentence
from capital.services.webhooks import (
    TRADINGVIEW,
    change_webhook,
    recent_signals,
    remove_secret,
    rotate_secret,
    webhook_name,
)
from strategies.markets import MarketType
from strategies.models import Strategy

# Where the secret is to stand: it is shown only once.
_HIDDEN = "whs_…"
_SYMBOLS = {MarketType.SPOT: "BTC/USDT", MarketType.FUTURES: "BTC/USDT:USDT"}


class WebhookForm(forms.Form):
    """From where a webhook is called, and how late a signal may come."""

    networks = forms.CharField(
        label=gettext_lazy("Networks that may call"),
        required=False,
        max_length=4000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One address or network a line. Empty: calls are accepted from anywhere. TradingView "
            "calls from: {addresses}."
        ),
    )
    max_lag_seconds = forms.IntegerField(
        label=gettext_lazy("Maximum delay, in seconds"),
        widget=WholeInput(),
        help_text=gettext_lazy(
            "A signal says by timenow when it was sent. If it comes later than this, it enlarges "
            "no position; closing goes through."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        networks = self.fields["networks"]
        networks.help_text = str(networks.help_text).format(addresses=", ".join(TRADINGVIEW))


def _form(posted: QueryDict | None, secret: WebhookSecret | None) -> WebhookForm:
    shown = {"networks": "", "max_lag_seconds": USUAL_LAG_SECONDS}
    if secret is not None:
        shown = {
            "networks": "\n".join(secret.networks),
            "max_lag_seconds": secret.max_lag_seconds,
        }
    return WebhookForm(posted, initial=shown)


class WebhookPages:
    """For the strategies' ``ModelAdmin``: open, rotate and close a strategy's webhook."""

    actions_detail: Sequence[Any] = ["webhook"]

    def has_webhook_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change the strategy; the theme asks without one, or with its key."""
        strategy = obj if isinstance(obj, Strategy) else None
        return bool(self.has_change_permission(request, strategy))  # type: ignore[attr-defined]

    @action(  # type: ignore[untyped-decorator]
        permissions=["webhook"],
        description=gettext_lazy("Webhook"),
        url_path="webhook",
        icon="webhook",
    )
    def webhook(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say how things are, and change them on POST."""
        strategy: Strategy | None = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if strategy is None:
            raise Http404
        if not self.has_webhook_permission(request, strategy):
            raise PermissionDenied
        asked = request.POST.get("ask") if request.method == "POST" else None
        if asked == "rotate":
            return self._rotated(request, strategy)
        if asked == "remove":
            return self._removed(request, strategy)
        secret = (
            WebhookSecret.objects.select_related("created_by")
            .defer("digest", "signing_key")
            .filter(strategy=strategy)
            .first()
        )
        form = _form(request.POST if asked == "settings" else None, secret)
        if asked == "settings" and self._changed(request, strategy, form):
            return HttpResponseRedirect(request.get_full_path())
        context = {
            **_about(request, strategy),
            "secret": secret,
            "form": form,
            "texts": alert_texts(strategy, _HIDDEN),
            "signals": _signals(strategy, request),
        }
        if request.method == "GET" and request.GET.get("part") == "signals":
            return render(request, "capital/strategies/signals.html", context)
        return render_page(self, request, "strategies/webhook", _title(strategy), context)

    def _rotated(self, request: HttpRequest, strategy: Strategy) -> HttpResponse:
        """The one page that shows it. Not a message: those wait in a cookie."""
        user: Any = user_of(request)
        text = rotate_secret(strategy, actor=user, origin=origin_of(request))
        self.log_change(request, strategy, [{"changed": {"fields": ["webhook secret"]}}])  # type: ignore[attr-defined]
        context = {
            **_about(request, strategy),
            "text": text,
            "texts": alert_texts(strategy, text),
        }
        response = render_page(
            self, request, "strategies/webhook_secret", _title(strategy), context
        )
        response["Cache-Control"] = "no-store"
        return response

    def _changed(self, request: HttpRequest, strategy: Strategy, form: WebhookForm) -> bool:
        """Take what the form says. Its errors are those of the service."""
        user: Any = user_of(request)
        if not form.is_valid():
            return False
        try:
            is_open = change_webhook(
                strategy,
                networks=form.cleaned_data["networks"].splitlines(),
                max_lag_seconds=form.cleaned_data["max_lag_seconds"],
                actor=user,
                origin=origin_of(request),
            )
        except InvalidWebhook as error:
            form.add_error(error.field, sentence(error.reason))
            return False
        if is_open:
            self.log_change(request, strategy, [{"changed": {"fields": ["webhook"]}}])  # type: ignore[attr-defined]
            messages.success(request, gettext("The settings of the webhook were saved."))
        else:
            messages.warning(request, gettext("The webhook is already off."))
        return True

    def _removed(self, request: HttpRequest, strategy: Strategy) -> HttpResponse:
        user: Any = user_of(request)
        if remove_secret(strategy, actor=user, origin=origin_of(request)):
            self.log_change(request, strategy, [{"changed": {"fields": ["webhook secret"]}}])  # type: ignore[attr-defined]
            messages.success(request, gettext("The webhook is off and its secret no longer works."))
        else:
            messages.warning(request, gettext("The webhook is already off."))
        return HttpResponseRedirect(reverse("admin:strategies_strategy_change", args=[strategy.pk]))


@dataclass(frozen=True)
class AlertText:
    """A message to copy into an alert of TradingView's, which fills the double braces in."""

    title: str
    text: str
    note: str


def alert_texts(strategy: Strategy, secret: str) -> list[AlertText]:
    """The messages of a strategy's alert and of an indicator's, for any chart and for one symbol.

    Args:
        strategy: Whose webhook it is.
        secret: What stands as its token.
    """
    one = _SYMBOLS[MarketType(strategy.market_type)]
    of_strategy = {
        "position": "{{strategy.market_position}}",
        "position_size": "{{strategy.position_size}}",
    }
    any_chart = gettext("The symbol is that of the chart. Change the percentage.")
    one_symbol = gettext("The symbol is fixed in the message. Change it and the percentage.")
    titles = {
        gettext("Alert of a strategy, any chart"): ("{{ticker}}", of_strategy, any_chart),
        gettext("Alert of a strategy, one symbol"): (one, of_strategy, one_symbol),
        gettext("Alert of an indicator, any chart"): ("{{ticker}}", {"action": "long"}, any_chart),
        gettext("Alert of an indicator, one symbol"): (one, {"action": "long"}, one_symbol),
    }
    found = []
    for title, (symbol, asked, note) in titles.items():
        order = "{{strategy.order.id}}" if "position" in asked else asked["action"]
        message = {
            "token": secret,
            "id": f"{{{{ticker}}}} {{{{timenow}}}} {order}",
            "symbol": symbol,
            **asked,
            "qty_per": "50",
            "timenow": "{{timenow}}",
        }
        if "action" in asked:
            note += " " + gettext("Make one alert for each of long, short, flat and close.")
        found.append(AlertText(title, json.dumps(message, indent=2, ensure_ascii=False), note))
    return found


def _signals(strategy: Strategy, request: HttpRequest) -> list[dict[str, Any]]:
    """The last signals that the reader may see, in a line each; none without the permission."""
    if not request.user.has_perm("capital.view_webhookdelivery"):
        return []
    return [
        {
            "row": row,
            "url": reverse("admin:capital_webhookdelivery_change", args=[row.pk]),
            "asked": signal_text(row.body),
            "answer": answer_badge(row),
            "refusal": refusal_text(row) if row.refusal is not None else "",
        }
        for row in recent_signals(strategy, user=user_of(request))
    ]


def _title(strategy: Strategy) -> str:
    return gettext("Webhook: %(strategy)s") % {"strategy": strategy.name}


def _about(request: HttpRequest, strategy: Strategy) -> dict[str, Any]:
    return {
        "object": strategy,
        "strategy": strategy,
        "url": request.build_absolute_uri(reverse("hooks", args=_address(strategy))),
        "back": reverse("admin:strategies_strategy_change", args=[strategy.pk]),
        "deliveries": reverse("admin:capital_webhookdelivery_changelist")
        + f"?strategy__id__exact={strategy.pk}",
    }


def _address(strategy: Strategy) -> list[str]:
    """The parts of the webhook's address; without a name where it is closed or has none."""
    return [part for part in (strategy.key, webhook_name(strategy)) if part]
