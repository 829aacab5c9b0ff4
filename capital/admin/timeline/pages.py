"""Two pages: why an amount is what it is, and the timeline that led there.

Each is a whole page, and with ``part`` in its address only what is shown inside another page.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from capital.admin.frame.formats import digits, moment, money
from capital.admin.frame.views import user_of
from capital.admin.timeline.asked import (
    Asked,
    AskedMoment,
    is_part,
    read_moment,
    whole_number,
    zone_text,
)
from capital.admin.timeline.drawing import draw, place_of
from capital.admin.timeline.events import event_lines
from capital.admin.timeline.why import Explanation, explain, short_reason
from capital.domain.money import add_to
from capital.services.overview import (
    CapitalAt,
    Record,
    capital_by_run,
    read_capital_at,
    read_timeline,
)

Context = Callable[[HttpRequest], dict[str, Any]]
_MOST_PARTS = 100
_DAYS = (1, 7, 30, 90)
_USUAL_DAYS = 30


@dataclass(frozen=True)
class Part:
    """One of several links whose amounts make up what was asked for."""

    strategy: str
    account: str
    amount: str
    reason: str
    why_url: str


@dataclass(frozen=True)
class Answer:
    """What was asked for, at a moment.

    Attributes:
        total: Of each currency; of what is known.
        alone: The explanation, where it is about one link.
        parts: The links, where it is about several.
        more: How many of them are not listed.
        unknown: Of how many the record is in files.
    """

    total: str
    alone: Explanation | None
    parts: Sequence[Part]
    more: int
    unknown: str


def why_page(
    request: HttpRequest, context: Callable[[HttpRequest], dict[str, Any]]
) -> HttpResponse:
    """Why capital is what it is, now, at a moment, or as one allocation left it.

    Args:
        request: Of a user who may use the admin.
        context: Gives what every page of the site shows.
    """
    asked, now = Asked.read(request), timezone.now()
    when = read_moment(request.GET.get("at", ""), now=now)
    if run := request.GET.get("run", ""):
        found = _of_run(asked, whole_number(run))
        answers, when = [found], AskedMoment(found.at)
    else:
        answers = read_capital_at(asked.links, when.at)
    shown = {
        "asked": asked,
        "when": when,
        "answer": _answer(asked, answers, when, request),
        "other_url": asked.url("admin:why", at=when.other.isoformat()) if when.other else "",
        "zone": zone_text(when.at),
        "epoch": int(when.at.timestamp()),
        "timeline_url": asked.url("admin:timeline", at=when.at.isoformat()) if asked.rows else "",
    }
    if is_part(request.GET):
        template = "answer" if request.GET["part"] == "answer" else "popover"
        return TemplateResponse(request, f"capital/timeline/{template}.html", shown)
    title = gettext("Why: %(name)s") % {"name": asked.name or gettext("all capital")}
    return TemplateResponse(
        request, "capital/timeline/why.html", {**context(request), **shown, "title": title}
    )


def _of_run(asked: Asked, run_id: int) -> CapitalAt:
    link = asked.rows.get("link")
    found = None if link is None else capital_by_run(link, run_id)
    if found is None:
        raise Http404
    return found


def _answer(
    asked: Asked, answers: Sequence[CapitalAt], when: AskedMoment, request: HttpRequest
) -> Answer:
    total: dict[str, Decimal] = defaultdict(Decimal)
    unknown = 0
    for each in answers:
        unknown += each.record is Record.ARCHIVED
        if each.amount is not None:
            add_to(total, each.link.account.currency, each.amount)
    alone = explain(answers[0], user_of(request)) if len(answers) == 1 else None
    listed = [] if alone else [each for each in answers if each.amount or each.entry]
    at = {} if when.is_now else {"at": when.at.isoformat()}
    return Answer(
        total=" · ".join(money(amount, currency) for currency, amount in sorted(total.items()))
        or "—",
        alone=alone,
        parts=[
            Part(
                each.link.strategy.name,
                each.link.account.name,
                money(each.amount, each.link.account.currency),
                short_reason(each),
                Asked(asked.links, {"link": str(each.link.pk)}).url("admin:why", **at),
            )
            for each in listed[:_MOST_PARTS]
        ],
        more=max(0, len(listed) - _MOST_PARTS),
        unknown=_unknown(unknown),
    )


def _unknown(count: int) -> str:
    if not count:
        return ""
    return ngettext(
        "Without %(count)s strategy whose allocations of this time are in archive files.",
        "Without %(count)s strategies whose allocations of this time are in archive files.",
        count,
    ) % {"count": count}


def timeline_page(
    request: HttpRequest, context: Callable[[HttpRequest], dict[str, Any]]
) -> HttpResponse:
    """The steps of capital of an account, of a strategy or of a link, and what happened.

    Args:
        request: Of a user who may use the admin.
        context: Gives what every page of the site shows.
    """
    asked, now = Asked.read(request), timezone.now()
    if not asked.rows:
        raise Http404
    when = read_moment(request.GET.get("at", ""), now=now)
    days = _days(request)
    since, until = _window(when.at, now, days)
    user, by_account = user_of(request), "strategy" in asked.rows and "account" not in asked.rows
    answers = read_capital_at(asked.links, when.at)
    timeline = read_timeline(asked.links, user, since=since, until=until)
    names = [
        each.link.account.name if by_account else each.link.strategy.name
        for each in timeline.courses
    ]
    currencies = sorted({each.link.account.currency for each in timeline.courses})
    # Amounts of two currencies have no scale in common: the first alone is drawn.
    drawing = draw(timeline, names) if len(currencies) == 1 else None
    shown = {
        "asked": asked,
        "when": when,
        "timeline": timeline,
        "drawing": drawing,
        "highest": digits(drawing.highest, currencies[0]) if drawing else "",
        "currency": currencies[0] if len(currencies) == 1 else "",
        "currencies": _by_currency(asked, currencies),
        "lines": event_lines(timeline, user, by_account=by_account),
        "answer": _answer(asked, answers, when, request),
        "why_url": asked.url("admin:why"),
        "other_url": asked.url("admin:timeline", at=when.other.isoformat()) if when.other else "",
        "zone": zone_text(when.at),
        "zone_name": timezone.get_current_timezone_name(),
        "cursor": place_of(when.at, timeline),
        "epoch": int(when.at.timestamp()),
        "since": int(since.timestamp()),
        "until": int(until.timestamp()),
        "periods": _periods(asked, days, when),
        "range": f"{moment(since)} – {moment(until)}",
        "days": days,
    }
    if is_part(request.GET):
        # The page around it tells the present capital in its own words.
        brief = {"brief": when.is_now}
        return TemplateResponse(request, "capital/timeline/section.html", {**shown, **brief})
    title = gettext("Timeline: %(name)s") % {"name": asked.name}
    return TemplateResponse(
        request, "capital/timeline/timeline.html", {**context(request), **shown, "title": title}
    )


def _days(request: HttpRequest) -> int:
    text = request.GET.get("days", "")
    return int(text) if text in map(str, _DAYS) else _USUAL_DAYS


def _window(at: datetime, now: datetime, days: int) -> tuple[datetime, datetime]:
    """The last days; where the moment is before them, those around it."""
    length = timedelta(days=days)
    if at > now - length:
        return now - length, now
    until = at + length / 2
    return until - length, until


def _periods(asked: Asked, days: int, when: AskedMoment) -> list[dict[str, Any]]:
    at = {} if when.is_now else {"at": when.at.isoformat()}
    return [
        {
            "text": ngettext("%(count)s day", "%(count)s days", each) % {"count": each},
            "url": asked.url("admin:timeline", days=str(each), **at),
            "is_chosen": each == days,
        }
        for each in _DAYS
    ]


def _by_currency(asked: Asked, currencies: Sequence[str]) -> list[dict[str, str]]:
    """Where there are several, the address of each."""
    if len(currencies) < 2:
        return []
    return [
        {"text": each, "url": asked.url("admin:timeline", currency=each)} for each in currencies
    ]
