"""Assigning fills on their list: to which strategy, what would follow, and then it is done."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from capital.admin.frame.cells import instant
from capital.admin.frame.formats import NOTHING, change, money, number
from capital.admin.frame.views import render_page, user_of
from capital.domain.errors import CapitalError
from capital.domain.money import parse_whole
from capital.models import Fill
from capital.services.access import Act
from capital.services.sentences import sentence
from capital.services.trading import (
    Assignment,
    assign_fills,
    attribute_again,
    links_of,
    preview_assignment,
)

# As many are booked again in one request.
MOST_FILLS = 2_000
_SHOWN = 20
_NOBODY = "nobody"


class AssignForm(forms.Form):
    """Who gets the fills, and why."""

    link = forms.ChoiceField(
        label=gettext_lazy("Strategy"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Of the strategies that trade on the account of these fills."),
    )
    note = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
    )

    def __init__(self, account_id: int, data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["link"]
        field.choices = [
            ("", "---------"),
            *(
                (str(link.pk), f"{link.strategy} · {link.strategy.get_market_type_display()}")
                for link in links_of(account_id)
            ),
            (_NOBODY, gettext("nobody's")),
        ]

    @property
    def link_id(self) -> int | None:
        """Who gets them; None is nobody. The form is valid."""
        chosen = self.cleaned_data["link"]
        return None if chosen == _NOBODY else int(chosen)


class AssignActions:
    """For the ``ModelAdmin`` of fills: who gets those that are selected."""

    def has_assign_permission(self, request: HttpRequest) -> bool:
        """Whether the user may on some account; on which, the service says."""
        return request.user.has_perm(Act.ASSIGN_FILLS.permission)

    @admin.action(permissions=["assign"], description=gettext_lazy("Assign to a strategy"))
    def assign(self, request: HttpRequest, queryset: QuerySet[Fill]) -> HttpResponse | None:
        """Ask for the strategy, show what would follow, and do it."""
        ids = self._ids(request, queryset)
        if ids is None:
            return None
        fills = list(queryset.model.objects.filter(pk__in=ids).select_related("account"))
        accounts = {fill.account_id for fill in fills}
        if len(accounts) != 1:
            text = gettext("Select fills of one account: filter the list by account first.")
            self._say(request, text, messages.ERROR)
            return None
        is_asked = "link" in request.POST
        form = AssignForm(accounts.pop(), request.POST if is_asked else None)
        found: Assignment | None = None
        if is_asked and form.is_valid():
            actor = user_of(request)
            try:
                if "apply" in request.POST:
                    note = form.cleaned_data["note"]
                    done = assign_fills(ids, form.link_id, note=note, actor=actor)
                    self._say(request, _done(done), messages.SUCCESS)
                    return None
                found = preview_assignment(ids, form.link_id, actor=actor)
            except CapitalError as error:
                form.add_error("link", sentence(error.reason))
        context = {
            "form": form,
            "fills": ",".join(map(str, ids)),
            "first": ids[0],
            "count": len(ids),
            "account": fills[0].account,
            "rows": [_row(fill) for fill in sorted(fills, key=_newest_first)[:_SHOWN]],
            "more": max(len(ids) - _SHOWN, 0),
            "found": found,
            "said": _would(found) if found else "",
            "effects": [_effect(each) for each in found.effects] if found else [],
        }
        title = gettext("Assign fills to a strategy")
        return render_page(self, request, "trading/assign", title, context)

    @admin.action(permissions=["assign"], description=gettext_lazy("Look again for whose they are"))
    def look_again(self, request: HttpRequest, queryset: QuerySet[Fill]) -> None:
        """By today's order tags and symbols, of those of which nobody ever said."""
        ids = self._ids(request, queryset)
        if ids is None:
            return
        try:
            given = attribute_again(ids, actor=user_of(request))
        except CapitalError as error:
            self._say(request, sentence(error.reason), messages.ERROR)
            return
        text = ngettext(
            "%(count)s fill is now known to be a strategy's.",
            "%(count)s fills are now known to be a strategy's.",
            given,
        ) % {"count": given}
        self._say(request, text, messages.SUCCESS if given else messages.WARNING)

    def _ids(self, request: HttpRequest, queryset: QuerySet[Fill]) -> list[int] | None:
        """Those that the page before showed, or the selected ones; None if they are too many."""
        carried = request.POST.get("fills", "")
        if carried:
            numbers = map(parse_whole, carried.split(","))
            wanted = [each for each in numbers if each is not None][:MOST_FILLS]
            rows = self.get_queryset(request).filter(pk__in=wanted)  # type: ignore[attr-defined]
        else:
            rows = queryset
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_FILLS + 1])
        if 0 < len(ids) <= MOST_FILLS:
            return ids
        text = gettext("Select at most %(most)s fills at once.") % {"most": f"{MOST_FILLS:,}"}
        self._say(request, text, messages.ERROR)
        return None

    def _say(self, request: HttpRequest, text: str, level: int) -> None:
        self.message_user(request, text, level)  # type: ignore[attr-defined]


def _newest_first(fill: Fill) -> tuple[Any, int]:
    return -fill.executed_at.timestamp(), -fill.pk


def _row(fill: Fill) -> dict[str, Any]:
    return {
        "time": instant(fill.executed_at),
        "symbol": fill.symbol,
        "side": fill.get_side_display(),
        "quantity": number(fill.quantity),
        "price": number(fill.price),
        "cost": money(fill.cost, fill.settle),
    }


def _effect(effect: Any) -> dict[str, Any]:
    before, after = (
        NOTHING if amount is None else change(amount, effect.currency)
        for amount in (effect.before, effect.after)
    )
    return {"strategy": effect.link.strategy.name, "before": before, "after": after}


def _who(found: Assignment) -> str:
    return gettext("nobody's") if found.link is None else str(found.link.strategy)


def _along(found: Assignment) -> str:
    if not found.along:
        return ""
    return " " + ngettext(
        "%(count)s of them belongs to the same orders and goes along.",
        "%(count)s of them belong to the same orders and go along.",
        found.along,
    ) % {"count": found.along}


def _would(found: Assignment) -> str:
    count = len(found.fills)
    text = ngettext(
        "%(count)s fill changes hands: %(who)s.", "%(count)s fills change hands: %(who)s.", count
    ) % {"count": count, "who": _who(found)}
    return text + _along(found)


def _done(found: Assignment) -> str:
    count = len(found.fills)
    text = ngettext(
        "%(count)s fill was assigned: %(who)s.", "%(count)s fills were assigned: %(who)s.", count
    ) % {"count": count, "who": _who(found)}
    return text + _along(found)
