"""What a page says of a stop: whom it stops, why, by whom and when, and where it is lifted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from capital.admin.frame.cells import badge, instant, sentence_with
from capital.models import Stop
from capital.services.limits import (
    may_lift,
    scope_name,
    stops_seen,
    who_stopped,
    why_stopped,
)
from capital.services.sentences import sentence


@dataclass(frozen=True)
class StopLine:
    """A stop of everybody or of an owner, as the bar above every page has it.

    Attributes:
        title: What is stopped.
        why: A person's words.
        who: Who placed it.
        at: When.
        url: Where this user may lift it; empty where they may not.
    """

    title: str
    why: str
    who: str
    at: datetime
    url: str


def stops_in_force(request: HttpRequest) -> list[Stop]:
    """The open stops that the user sees, the widest first; asked once a page."""
    found: list[Stop] | None = getattr(request, "_stops_in_force", None)
    if found is None:
        found = stops_seen(request.user)
        request._stops_in_force = found  # type: ignore[attr-defined]
    return found


def wide_stop_lines(request: HttpRequest) -> list[StopLine]:
    """What is stopped for everybody, or for all accounts of an owner."""
    user = request.user
    return [
        StopLine(
            title=_wide_title(stop, user),
            why=why_shown(stop),
            who=who_stopped(stop),
            at=stop.at,
            url=reverse("admin:capital_stop_lift", args=[stop.pk]) if may_lift(user, stop) else "",
        )
        for stop in stops_in_force(request)
        if stop.everybody or stop.owner_id is not None
    ]


def _wide_title(stop: Stop, user: AbstractUser | AnonymousUser) -> str:
    if stop.everybody:
        return gettext("All entries of everybody are stopped.")
    if stop.owner_id == user.pk:
        return gettext("All entries of your accounts are stopped.")
    return gettext("All entries of %(owner)s's accounts are stopped.") % {"owner": stop.scope_name}


def stops_shown(stops: Iterable[Stop], user: AbstractUser) -> Any:
    """One line for each: whom, why, by whom and when; and where this user may lift it."""
    shown = ((_stop_shown(stop, user),) for stop in stops)
    return format_html_join("", '<span class="block mb-2">{}</span>', shown)


def _stop_shown(stop: Stop, user: AbstractUser) -> Any:
    shown = format_html(
        '{} <a class="text-link" href="{}">{}</a>: {} ({}, {})',
        badge(gettext("entries stopped"), "danger"),
        reverse("admin:capital_stop_change", args=[stop.pk]),
        scope_name(stop),
        why_shown(stop),
        who_stopped(stop),
        instant(stop.at),
    )
    if not stop.is_open:
        lifted = sentence_with(gettext("lifted %(time)s"), time=instant(stop.lifted_at))
        return format_html('{} <span class="desk-muted">{}</span>', shown, lifted)
    if not may_lift(user, stop):
        return shown
    address = reverse("admin:capital_stop_lift", args=[stop.pk])
    return format_html('{} <a class="text-link" href="{}">{}</a>', shown, address, gettext("Lift"))


def why_shown(stop: Stop) -> str:
    """A person's words, or the sentence of the limit that was reached."""
    why = why_stopped(stop)
    return why if isinstance(why, str) else sentence(why)
