"""What pages say of stops and limits, and the button that stops."""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from capital.admin.frame.cells import lines
from capital.admin.frame.formats import NOTHING, money
from capital.admin.frame.stops import stops_shown
from capital.admin.frame.views import seen_or_404, user_of
from capital.models import Account, LimitKind, LimitState, StrategyAccount
from capital.services.access import Act
from capital.services.limits import (
    limit_states,
    may_stop,
    open_stops,
)
from capital.services.sentences import sentence_of

PANEL = ("shown_stops", "shown_limits")


class StopsPanel:
    """For a ``ModelAdmin``: what stops its row, for whoever looks at its page."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The row, which keeps for whom it is shown."""
        row = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if row is not None:
            row.shown_to = user_of(request)
        return row

    def stops_of(self, row: Any) -> Any:
        """What stops it now."""
        raise NotImplementedError

    @admin.display(description=gettext_lazy("stops of entries"))
    def shown_stops(self, row: Any) -> Any:
        """Each with who, why and when, and a link to where it is lifted."""
        return stops_shown(self.stops_of(row), row.shown_to) or gettext("Nothing is stopped.")


class LimitsPanel(StopsPanel):
    """For the ``ModelAdmin`` of accounts and of links: their stops, their limits, and a button."""

    def has_stop_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may stop the entries of this row; without one, of any."""
        known = obj is None or isinstance(obj, (Account, StrategyAccount))
        row = obj if known else self.get_object(request, str(obj))
        if row is None:
            # Not found, as the page itself will say.
            return request.user.has_perm(Act.STOP_ENTRIES.permission)
        return may_stop(request.user, _account_of(row))

    @action(  # type: ignore[untyped-decorator]
        permissions=["stop"],
        description=gettext_lazy("Stop entries"),
        url_path="stop",
        icon="front_hand",
        variant=ActionVariant.DANGER,
    )
    def stop_entries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the page that stops this one."""
        row = seen_or_404(self, request, object_id)
        kind = "account" if self.model is Account else "link"  # type: ignore[attr-defined]
        page = reverse("admin:capital_stop_place")
        return HttpResponseRedirect(f"{page}?scope={kind}-{row.pk}")

    def stops_of(self, row: Any) -> Any:
        """What stops it now; of a link not what stops another one of its account."""
        stops = open_stops(_account_of(row).pk)
        if isinstance(row, StrategyAccount):
            others = StrategyAccount.objects.filter(account=row.account_id).exclude(pk=row.pk)
            stops = stops.exclude(strategy_account__in=others)
        return stops.order_by("pk")

    @admin.display(description=gettext_lazy("limits of loss"))
    def shown_limits(self, row: Any) -> Any:
        """How much of each limit is used."""
        return limits_shown(limit_states(row), row)


def limits_shown(states: Iterable[LimitState], row: Account | StrategyAccount) -> Any:
    """One line for each limit that is set: what is used of it, and what is to say."""
    shown = [
        format_html(
            "{}: {} / {} {}",
            state.get_kind_display(),
            _amount(state.used, state, row),
            _amount(state.limit, state, row),
            " ".join(_notes(state, row)),
        )
        for state in states
    ]
    return lines(*shown) or NOTHING


def _notes(state: LimitState, row: Account | StrategyAccount) -> list[str]:
    found = []
    if state.code:
        found.append(sentence_of(state.code, state.figures))
    if state.is_by_balance:
        found.append(gettext("Judged by balances, because no fills were recorded."))
        if _account_of(row).balance_basis == "wallet":
            found.append(gettext("The wallet balance tells realised losses only."))
    return found


def _amount(amount: Decimal | None, state: LimitState, row: Account | StrategyAccount) -> str:
    if amount is None:
        return NOTHING
    if state.kind == LimitKind.DAILY_LOSS_AMOUNT:
        return money(amount, _account_of(row).currency)
    return f"{amount.quantize(Decimal('0.01'), rounding=ROUND_FLOOR)}%"


def _account_of(row: Account | StrategyAccount) -> Account:
    return row if isinstance(row, Account) else row.account
