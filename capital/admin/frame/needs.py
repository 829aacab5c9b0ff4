"""What needs somebody, as pages show it: each line with its one button."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from capital.domain.reasons import Code
from capital.models import Account, AlertKind
from capital.services.access import VIEW_ALL_PERMISSION, Act, allowed_to
from capital.services.labels import label
from capital.services.overview import MONEY_IDLE, Need, needs_of

_MOST_OF_A_KIND = 4
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
    """A need with what to do: buttons as label and address, most lines have one.

    Attributes:
        need: What it is.
        kind: What that is called.
        colour: Of the badge.
        url: Of what it is about; empty where the user may not look.
        buttons: What to do; each leads to a page.
    """

    need: Need
    kind: str
    colour: str
    url: str
    buttons: Sequence[tuple[Any, str]]


@dataclass(frozen=True)
class NeedGroup:
    """The lines of one kind, so that many of one hide none of another.

    Attributes:
        kind: What it is called.
        shown: The most urgent ones.
        rest: What is folded away.
    """

    kind: str
    shown: Sequence[NeedLine]
    rest: Sequence[NeedLine]


def by_kind(lines: Sequence[NeedLine]) -> list[NeedGroup]:
    """The lines in their order, those of one kind beside each other."""
    kinds: dict[str, list[NeedLine]] = {}
    for line in lines:
        kinds.setdefault(line.kind, []).append(line)
    return [
        # A fold for a single line would be no shorter than the line.
        NeedGroup(kind, each, ())
        if len(each) <= _MOST_OF_A_KIND + 1
        else NeedGroup(kind, each[:_MOST_OF_A_KIND], each[_MOST_OF_A_KIND:])
        for kind, each in kinds.items()
    ]


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
    needs = [
        need for need in needs_here(request) if account_id is None or need.account_id == account_id
    ]
    may = _Rights(request, needs)
    return [
        NeedLine(
            need=need,
            kind=_kind(need),
            colour="bad" if need.kind in _BAD else "warn",
            url=_subject_url(need) if may.look_at(need) else "",
            buttons=_DO[need.kind](need) if may.do(need) else (),
        )
        for need in needs
    ]


class _Rights:
    """Which buttons lead somewhere: one query for each kind of act that is among the needs."""

    def __init__(self, request: HttpRequest, needs: Sequence[Need]) -> None:
        self.user = request.user
        self.accounts = {need.account_id for need in needs if need.account_id is not None}
        self.allowed: dict[Act, set[int]] = {}

    def look_at(self, need: Need) -> bool:
        """Whether the user may open the page of what it is about."""
        of_strategy = need.account_id is None and need.strategy_id is not None
        return bool(self.user.has_perm("strategies.view_strategy" if of_strategy else _LOOK))

    def do(self, need: Need) -> bool:
        """Whether the user may press its button."""
        needed = _NEEDED.get(need.kind, _LOOK)
        if not isinstance(needed, Act):
            return bool(self.user.has_perm(needed))
        if need.account_id is None:
            return bool(self.user.has_perm(needed.permission))
        if needed not in self.allowed:
            among = Account.objects.filter(pk__in=self.accounts).order_by()
            allowed = allowed_to(self.user, needed, among)
            self.allowed[needed] = set(allowed.values_list("pk", flat=True))
        return need.account_id in self.allowed[needed]


def _kind(need: Need) -> str:
    if need.kind == MONEY_IDLE:
        return str(gettext_lazy("money idle"))
    if need.code == Code.CREDENTIALS_MISSING:
        # Nobody refused what nobody entered.
        return str(label(need.code))
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
    given = {name: value for name, value in filters.items() if value is not None}
    query = f"?{urlencode(given)}" if given else ""
    return reverse(f"admin:capital_{model}_changelist") + query


def _suspect(need: Need) -> Sequence[tuple[Any, str]]:
    allocate = _account(need, "allocate_capital")
    return (
        (gettext_lazy("Accept"), f"{allocate}?accept_jump"),
        (gettext_lazy("Keep"), _account(need, "keep_balance")),
    )


_LOOK = "capital.view_account"
# Who may press the button of a kind; the page behind it asks for the account.
_NEEDED: Mapping[str, Act | str] = MappingProxyType(
    {
        AlertKind.KEY_REFUSED.value: Act.REPLACE_CREDENTIALS,
        AlertKind.KEY_CAN_WITHDRAW.value: Act.REPLACE_CREDENTIALS,
        AlertKind.POOL_UNREADABLE.value: Act.CHECK_CONNECTION,
        AlertKind.SUSPECT_BALANCE.value: Act.ACCEPT_JUMP,
        AlertKind.RUN_FAILED.value: Act.ALLOCATE,
        AlertKind.STOP.value: Act.LIFT_STOP,
        AlertKind.LIMIT_NEAR.value: Act.STOP_ENTRIES,
        AlertKind.RUN_HELD.value: "capital.view_position",
        AlertKind.SIGNAL_REFUSED.value: "capital.view_webhookdelivery",
        AlertKind.FILLS_UNATTRIBUTED.value: Act.ASSIGN_FILLS,
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
            (
                gettext_lazy("Enter the key")
                if need.code == Code.CREDENTIALS_MISSING
                else gettext_lazy("Replace the key"),
                _account(need, anchor="#id_api_key"),
            )
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
        AlertKind.SIGNAL_REFUSED.value: lambda need: [
            (
                gettext_lazy("See why"),
                _rows("webhookdelivery", refused="yes", strategy__id__exact=need.strategy_id),
            )
        ],
        AlertKind.FILLS_UNATTRIBUTED.value: lambda need: [
            (
                gettext_lazy("Assign"),
                _rows("fill", attribution="none", account__id__exact=need.account_id),
            )
        ],
        AlertKind.BALANCE_UNEXPLAINED.value: lambda need: [
            (
                gettext_lazy("Deposits and withdrawals"),
                _rows("flow", account__id__exact=need.account_id),
            )
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
