"""What a page says of a stop: whom it stops, why, by whom and when, and where it is lifted."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from capital.admin.frame.cells import badge
from capital.admin.frame.formats import moment
from capital.models import Stop
from capital.services.limits import may_lift, scope_name, who_stopped, why_stopped
from capital.services.sentences import sentence


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
        moment(stop.at),
    )
    if not stop.is_open:
        lifted = gettext("lifted %(time)s") % {"time": moment(stop.lifted_at)}
        return format_html('{} <span class="desk-muted">{}</span>', shown, lifted)
    if not may_lift(user, stop):
        return shown
    address = reverse("admin:capital_stop_lift", args=[stop.pk])
    return format_html('{} <a class="text-link" href="{}">{}</a>', shown, address, gettext("Lift"))


def why_shown(stop: Stop) -> str:
    """A person's words, or the sentence of the limit that was reached."""
    why = why_stopped(stop)
    return why if isinstance(why, str) else sentence(why)
