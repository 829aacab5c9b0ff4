"""The events of a timeline as lines of a table, and as marks above the picture."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext

from capital.admin.allocation.runs import told_cause
from capital.admin.frame.formats import change, digits, money
from capital.admin.timeline.drawing import place_of
from capital.domain.allocation.decision import Outcome
from capital.models import Account, AllocationRun, SettingChange
from capital.services.allocation import StrategyNames
from capital.services.overview import MEANINGS, Change, Event, Timeline
from capital.services.sentences import sentence_of
from strategies.models import StrategyStatus

_MOST_CHANGES = 6


@dataclass(frozen=True)
class EventLine:
    """One event.

    Attributes:
        kind: ``run``, ``jump``, ``hold``, ``pause``, ``money``, ``setting``, ``basis`` or
            ``account``: its mark and its colour.
        what: In a few words.
        details: Of each strategy before and after, or whose money, or whose state.
        who: What asked for it, and who.
        url: Of its page; empty where the user may not see it.
        place: On the picture, in percent.
    """

    at: datetime
    kind: str
    what: str
    details: Sequence[str]
    who: str
    url: str
    place: Decimal


def event_lines(timeline: Timeline, user: AbstractUser, *, by_account: bool) -> list[EventLine]:
    """The newest first.

    Args:
        timeline: Of links.
        user: May see the pages that are linked to.
        by_account: Whether its lines are accounts, of one strategy.
    """
    names = _names(timeline.events)
    return [
        _line(event, place_of(event.at, timeline), user, names, by_account=by_account)
        for event in timeline.events
    ]


def mark_lines(events: Sequence[Event], user: AbstractUser) -> list[EventLine]:
    """Marks of a chart over days."""
    names = _names(events)
    return [_line(event, Decimal(0), user, names, by_account=True) for event in events]


def run_lines(events: Sequence[Event], user: AbstractUser, *, by_account: bool) -> list[EventLine]:
    """Lines of a table without a picture."""
    names = _names(events)
    return [_line(event, Decimal(0), user, names, by_account=by_account) for event in events]


def _names(events: Sequence[Event]) -> StrategyNames:
    """The names of strategies for the causes of runs, and for changes of links, in one query."""
    runs = [event.run for event in events if event.run is not None]
    changes = [event.setting for event in events if event.setting is not None]
    return StrategyNames.of_records(runs, changes)


def _line(
    event: Event, place: Decimal, user: AbstractUser, names: StrategyNames, *, by_account: bool
) -> EventLine:
    if event.run is not None:
        return EventLine(
            at=event.at,
            kind="jump" if event.accepts_jump else _kind_of_run(event.run, event.changes),
            what=_what(event),
            details=list(_changes(event.changes, by_account=by_account))
            or [sentence_of(event.run.code, event.run.figures)],
            who=" · ".join(told_cause(event.run, names)),
            url=_page("allocationrun", event.run.pk, user),
            place=place,
        )
    if event.flow is not None:
        flow = event.flow
        return EventLine(
            at=event.at,
            kind="money",
            what=str(flow.get_kind_display()),
            details=[f"{flow.account.name}: {change(flow.amount, flow.currency)}"],
            who=str(flow.get_source_display()),
            url=_page("flow", flow.pk, user),
            place=place,
        )
    if event.account is not None:
        return EventLine(
            at=event.at,
            kind="account",
            what=gettext("new account"),
            details=[f"{event.account.name} ({event.account.venue}, {event.account.currency})"],
            who="",
            url=_page("account", event.account.pk, user),
            place=place,
        )
    assert event.setting is not None, "an event is one of four"
    setting = event.setting
    return EventLine(
        at=event.at,
        kind="setting" if event.setting.values.keys().isdisjoint(MEANINGS) else "basis",
        what=_state(setting),
        details=[names.of_change(setting)],
        who="" if setting.actor is None else setting.actor.get_username(),
        url=_page("settingchange", setting.pk, user),
        place=place,
    )


def _kind_of_run(run: AllocationRun, changes: Iterable[Change]) -> str:
    if run.outcome in (Outcome.HELD.value, Outcome.FAILED.value):
        return "hold"
    return "pause" if any(each.is_pause for each in changes) else "run"


def _what(event: Event) -> str:
    assert event.run is not None, "only asked of runs"
    named = {"run": str(event.run.pk), "outcome": event.run.get_outcome_display()}
    if event.accepts_jump:
        return gettext("Allocation #%(run)s: %(outcome)s, jump accepted") % named
    return gettext("Allocation #%(run)s: %(outcome)s") % named


def _changes(changes: Sequence[Change], *, by_account: bool) -> Iterator[str]:
    for each in changes[:_MOST_CHANGES]:
        currency = each.link.account.currency
        name = each.link.account.name if by_account else each.link.strategy.name
        yield f"{name}: {digits(each.before, currency)} → {money(each.after, currency)}"
    more = len(changes) - _MOST_CHANGES
    if more > 0:
        yield ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}


def _state(setting: SettingChange) -> str:
    values: dict[str, Any] = setting.values
    if "status" in values:
        new = values["status"].get("new")
        return str(dict(StrategyStatus.choices).get(new, new))
    meant = [_meaning(name, values[name]) for name in MEANINGS if name in values]
    if meant:
        return ", ".join(meant)
    is_active = values.get("is_active", {}).get("new")
    return gettext("switched on") if is_active else gettext("switched off")


def _meaning(name: str, told: Mapping[str, Any]) -> str:
    """``Balance type: wallet → equity``."""
    column: Any = Account._meta.get_field(name)
    names = dict(column.flatchoices) or {True: gettext("yes"), False: gettext("no")}
    old, new = (names.get(told.get(when), told.get(when)) for when in ("old", "new"))
    return f"{capfirst(str(column.verbose_name))}: {old} → {new}"


def _page(model: str, key: int, user: AbstractUser) -> str:
    if not user.has_perm(f"capital.view_{model}"):
        return ""
    return reverse(f"admin:capital_{model}_change", args=[key])
