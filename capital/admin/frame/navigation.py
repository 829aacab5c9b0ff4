"""The sidebar: where everything is, for who may see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from capital.admin.frame.needs import count_needs
from capital.admin.frame.stops import stops_in_force
from capital.services.access import VIEW_ALL_PERMISSION


@dataclass(frozen=True)
class Entry:
    """One page.

    Attributes:
        title: What it is called.
        icon: Of Material Symbols.
        page: The name of its URL.
        permission: Who sees the entry; empty for everybody, ``superuser`` for those alone.
        badge: What calls for attention there; None for nothing.
    """

    title: Any
    icon: str
    page: str
    permission: str = ""
    badge: Callable[[HttpRequest], str | None] | None = None

    def is_for(self, request: HttpRequest) -> bool:
        """Whether the user may open the page."""
        if self.permission == "superuser":
            return bool(request.user.is_superuser)
        return not self.permission or request.user.has_perm(self.permission)


def counts_of_menu(request: HttpRequest) -> list[tuple[str, str]]:
    """The name of each page beside which something is counted, and the count; empty for nothing."""
    entries = (entry for _, group in _GROUPS for entry in group)
    return [
        (entry.page, entry.badge(request) or "")
        for entry in entries
        if entry.badge is not None and entry.is_for(request)
    ]


def count_stops(request: HttpRequest) -> str | None:
    """How many stops of entries are in force."""
    return str(len(stops_in_force(request)) or "") or None


_GROUPS: tuple[tuple[Any, tuple[Entry, ...]], ...] = (
    (
        gettext_lazy("Accounts and strategies"),
        (
            Entry(gettext_lazy("Dashboard"), "dashboard", "admin:index", badge=count_needs),
            Entry(
                gettext_lazy("Accounts"),
                "account_balance_wallet",
                "admin:capital_account_changelist",
                "capital.view_account",
            ),
            Entry(
                gettext_lazy("Strategies"),
                "monitoring",
                "admin:strategies_strategy_changelist",
                "strategies.view_strategy",
            ),
            Entry(
                gettext_lazy("Strategy links"),
                "link",
                "admin:capital_strategyaccount_changelist",
                "capital.view_strategyaccount",
            ),
            Entry(
                gettext_lazy("Performance"),
                "trending_up",
                "admin:performance",
                "capital.view_strategyaccount",
            ),
        ),
    ),
    (
        gettext_lazy("Records"),
        (
            Entry(
                gettext_lazy("Allocations"),
                "receipt_long",
                "admin:capital_allocationrun_changelist",
                "capital.view_allocationrun",
            ),
            Entry(
                gettext_lazy("Strategy capital"),
                "savings",
                "admin:capital_strategycapital_changelist",
                "capital.view_strategycapital",
            ),
            Entry(
                gettext_lazy("Daily summaries"),
                "calendar_month",
                "admin:capital_dailyaccountsummary_changelist",
                "capital.view_dailyaccountsummary",
            ),
            Entry(
                gettext_lazy("Days of strategies"),
                "calendar_view_day",
                "admin:capital_linkday_changelist",
                "capital.view_position",
            ),
            Entry(
                gettext_lazy("Positions"),
                "candlestick_chart",
                "admin:capital_position_changelist",
                "capital.view_position",
            ),
            Entry(
                gettext_lazy("Reservations"),
                "bookmark",
                "admin:capital_reservation_changelist",
                "capital.view_reservation",
            ),
            Entry(
                gettext_lazy("Fills"),
                "swap_vert",
                "admin:capital_fill_changelist",
                "capital.view_fill",
            ),
            Entry(
                gettext_lazy("Deposits and withdrawals"),
                "payments",
                "admin:capital_flow_changelist",
                "capital.view_flow",
            ),
            Entry(
                gettext_lazy("Stops of entries"),
                "front_hand",
                "admin:capital_stop_changelist",
                "capital.view_stop",
                count_stops,
            ),
            Entry(
                gettext_lazy("Alerts"),
                "notifications",
                "admin:capital_alert_changelist",
                "capital.view_alert",
            ),
            Entry(
                gettext_lazy("Webhook events"),
                "webhook",
                "admin:capital_webhookdelivery_changelist",
                "capital.view_webhookdelivery",
            ),
            Entry(
                gettext_lazy("Settings changes"),
                "history",
                "admin:capital_settingchange_changelist",
                "capital.view_settingchange",
            ),
            Entry(
                gettext_lazy("Instrument rules"),
                "storefront",
                "admin:capital_market_changelist",
                "capital.view_market",
            ),
            Entry(
                gettext_lazy("Reporting rates"),
                "currency_exchange",
                "admin:capital_reportingrate_changelist",
                "capital.view_reportingrate",
            ),
        ),
    ),
    (
        gettext_lazy("Jobs"),
        (
            Entry(
                gettext_lazy("Job health"),
                "vital_signs",
                "admin:capital_jobrun_health",
                VIEW_ALL_PERMISSION,
            ),
            Entry(
                gettext_lazy("Job runs"),
                "schedule",
                "admin:capital_jobrun_changelist",
                VIEW_ALL_PERMISSION,
            ),
        ),
    ),
    (
        gettext_lazy("Users and access"),
        (
            Entry(gettext_lazy("Users"), "person", "admin:auth_user_changelist", "auth.view_user"),
            Entry(
                gettext_lazy("Alert targets"),
                "notification_settings",
                "admin:capital_alerttarget_changelist",
                "capital.view_alerttarget",
            ),
            Entry(
                gettext_lazy("API tokens"),
                "key",
                "admin:capital_apitoken_changelist",
                "capital.view_apitoken",
            ),
            Entry(gettext_lazy("Groups"), "group", "admin:auth_group_changelist", "superuser"),
            Entry(
                gettext_lazy("Two-factor devices"),
                "phonelink_lock",
                "admin:capital_secondfactordevice_changelist",
                "superuser",
            ),
        ),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups and entries as unfold wants them; a group without entries is left out."""
    groups: list[dict[str, Any]] = []
    for title, entries in _GROUPS:
        shown = [_item(entry, request) for entry in entries if entry.is_for(request)]
        if shown:
            groups.append({"title": title, "separator": bool(groups), "items": shown})
    _mark_where_we_are([item for group in groups for item in group["items"]], request.path)
    return groups


def user_menu(request: HttpRequest) -> list[dict[str, Any]]:
    """What stands under the user's name."""
    links = [{"title": gettext_lazy("Display settings"), "link": reverse("admin:display_settings")}]
    if request.user.is_authenticated and request.user.has_usable_password():
        title = gettext_lazy("Change password")
        links.append({"title": title, "link": reverse("admin:password_change")})
    return links


def _mark_where_we_are(items: list[dict[str, Any]], path: str) -> None:
    """The nearest page above this one; the index is above every page, and only itself."""
    index = reverse("admin:index")
    above = [
        item["link"]
        for item in items
        if path == item["link"] or (path.startswith(item["link"]) and item["link"] != index)
    ]
    nearest = max(above, key=len, default=None)
    for item in items:
        item["active"] = item["link"] == nearest


def _item(entry: Entry, request: HttpRequest) -> dict[str, Any]:
    item: dict[str, Any] = {
        "title": entry.title,
        "icon": entry.icon,
        "link": reverse(entry.page),
    }
    calls = entry.badge(request) if entry.badge else None
    item["counts"] = entry.badge is not None
    item["page"] = entry.page
    if calls:
        item["badge"] = calls
    return item


def listing(model: str, /, **filters: str) -> str:
    """The address of a list of ours, filtered."""
    app = "strategies" if model == "strategy" else "capital"
    address = reverse(f"admin:{app}_{model}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address
