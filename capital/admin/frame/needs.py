"""What needs somebody, as pages show it: each line with its one button."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from capital.models import AlertKind
from capital.services.access import VIEW_ALL_PERMISSION, Act
from capital.services.overview import MONEY_IDLE, Need, needs_of

_BAD = frozenset(
    {
        AlertKind.KEY_REFUSED.value,
        AlertKind.KEY_CAN_WITHDRAW.value,
        AlertKind.SUSPECT_BALANCE.value,
        AlertKind.RUN_FAILED.value,
        AlertKind.POOL_UNREADABLE.value,
        AlertKind.STOP.value,
        AlertKind.AUDIT_BROKEN.value,
        AlertKind.CLUSTER_SILENT.value,
    }
)


@dataclass(frozen=True)
class NeedLine:
    """A need with what to do: buttons as label and address, most lines have one."""

    need: Need
    kind: str
    colour: str
    url: str
    buttons: Sequence[tuple[Any, str]]


def needs_here(request: HttpRequest) -> list[Need]:
    """What needs the user, asked once a page: the badge and the dashboard show the same."""
    found: list[Need] | None = getattr(request, "_needs_here", None)
    if found is None:
        found = needs_of(request.user)
        request._needs_here = found  # type: ignore[attr-defined]
    return found


def count_needs(request: HttpRequest) -> str | None:
    """How many lines there are."""
    return str(len(needs_here(request)) or "") or None


def need_lines(request: HttpRequest, account_id: int | None = None) -> list[NeedLine]:
    """As a page shows them; of one account where it is given."""
    can = request.user.has_perm
    return [
        NeedLine(
            need=need,
            kind=_kind(need),
            colour="bad" if need.kind in _BAD else "warn",
            url=_subject_url(need),
            buttons=_DO[need.kind](need) if can(_NEEDED.get(need.kind, _LOOK)) else (),
        )
        for need in needs_here(request)
        if account_id is None or need.account_id == account_id
    ]


def _kind(need: Need) -> str:
    if need.kind == MONEY_IDLE:
        return str(gettext_lazy("money idle"))
    return str(AlertKind(need.kind).label)


def _subject_url(need: Need) -> str:
    if need.account_id is not None:
        return _account(need)
    if need.strategy_id is not None:
        return reverse("admin:strategies_strategy_change", args=[need.strategy_id])
    return ""


def _account(need: Need, page: str = "change", anchor: str = "") -> str:
    return reverse(f"admin:capital_account_{page}", args=[need.account_id]) + anchor


def _rows(model: str, **filters: Any) -> str:
    query = f"?{urlencode(filters)}" if filters else ""
    return reverse(f"admin:capital_{model}_changelist") + query


def _suspect(need: Need) -> Sequence[tuple[Any, str]]:
    allocate = _account(need, "allocate_capital")
    return (
        (gettext_lazy("Accept"), f"{allocate}?accept_jump"),
        (gettext_lazy("Check again"), _account(need, "check_connection")),
    )


_LOOK = "capital.view_account"
# Who may press the button of a kind; the page behind it asks for the account.
_NEEDED: Mapping[str, str] = MappingProxyType(
    {
        AlertKind.KEY_REFUSED.value: Act.CHANGE_ACCOUNT.permission,
        AlertKind.KEY_CAN_WITHDRAW.value: Act.CHANGE_ACCOUNT.permission,
        AlertKind.POOL_UNREADABLE.value: Act.CHECK_CONNECTION.permission,
        AlertKind.SUSPECT_BALANCE.value: Act.ALLOCATE.permission,
        AlertKind.RUN_FAILED.value: Act.ALLOCATE.permission,
        AlertKind.STOP.value: Act.LIFT_STOP.permission,
        AlertKind.LIMIT_NEAR.value: Act.STOP_ENTRIES.permission,
        AlertKind.RUN_HELD.value: "capital.view_position",
        AlertKind.SIGNAL_REFUSED.value: "capital.view_webhookdelivery",
        AlertKind.FILLS_UNATTRIBUTED.value: "capital.view_fill",
        AlertKind.BALANCE_UNEXPLAINED.value: "capital.view_flow",
        AlertKind.RULES_SUSPECT.value: "capital.view_market",
        AlertKind.JOB_LATE.value: VIEW_ALL_PERMISSION,
        AlertKind.CLUSTER_SILENT.value: VIEW_ALL_PERMISSION,
        AlertKind.AUDIT_BROKEN.value: "capital.view_allocationrun",
        MONEY_IDLE: "strategies.view_strategy",
    }
)
_Buttons = Callable[[Need], Sequence[tuple[Any, str]]]
_DO: Mapping[str, _Buttons] = MappingProxyType(
    {
        AlertKind.KEY_REFUSED.value: lambda need: [
            (gettext_lazy("Replace the key"), _account(need, anchor="#id_api_key"))
        ],
        AlertKind.KEY_CAN_WITHDRAW.value: lambda need: [
            (gettext_lazy("Replace the key"), _account(need, anchor="#id_api_key"))
        ],
        AlertKind.POOL_UNREADABLE.value: lambda need: [
            (gettext_lazy("Check connection"), _account(need, "check_connection"))
        ],
        AlertKind.SUSPECT_BALANCE.value: _suspect,
        AlertKind.RUN_FAILED.value: lambda need: [
            (gettext_lazy("Allocate capital"), _account(need, "allocate_capital"))
        ],
        AlertKind.RUN_HELD.value: lambda need: [
            (
                gettext_lazy("Open positions"),
                _rows("position", strategy_account__account__id__exact=need.account_id),
            )
        ],
        AlertKind.STOP.value: lambda need: [
            (gettext_lazy("Lift"), reverse("admin:capital_stop_lift", args=[need.part]))
        ],
        AlertKind.LIMIT_NEAR.value: lambda need: [
            (gettext_lazy("Stop entries"), _account(need, "stop_entries"))
        ],
        AlertKind.SIGNAL_REFUSED.value: lambda _need: [
            (gettext_lazy("See why"), _rows("webhookdelivery", refused="yes"))
        ],
        AlertKind.FILLS_UNATTRIBUTED.value: lambda _need: [
            (gettext_lazy("Assign"), _rows("fill", attribution="none"))
        ],
        AlertKind.BALANCE_UNEXPLAINED.value: lambda _need: [
            (gettext_lazy("Deposits and withdrawals"), _rows("flow"))
        ],
        AlertKind.RULES_SUSPECT.value: lambda need: [
            (gettext_lazy("See the rules"), _rows("market", venue=need.venue))
        ],
        AlertKind.JOB_LATE.value: lambda _need: [
            (gettext_lazy("Job health"), reverse("admin:capital_jobrun_health"))
        ],
        AlertKind.CLUSTER_SILENT.value: lambda _need: [
            (gettext_lazy("Job health"), reverse("admin:capital_jobrun_health"))
        ],
        AlertKind.AUDIT_BROKEN.value: lambda need: [
            (
                gettext_lazy("Allocations"),
                _rows("allocationrun", account__id__exact=need.account_id),
            )
        ],
        MONEY_IDLE: lambda _need: [
            (
                gettext_lazy("Paused strategies"),
                reverse("admin:strategies_strategy_changelist") + "?status__exact=PAUSED",
            )
        ],
    }
)
