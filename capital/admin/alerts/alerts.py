"""Alerts: what was told, and whether it arrived."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import badge, instant, lines
from capital.admin.frame.filters import OneOfFilter
from capital.admin.frame.formats import NOTHING
from capital.admin.frame.views import user_of
from capital.models import Alert, AlertKind, AlertState
from capital.services.alerts import digest_lines, messages_about, sentence_of_alert

_COLOURS = {
    AlertState.BEGAN.value: "danger",
    AlertState.CHANGED.value: "warning",
    AlertState.OVER.value: "success",
}


class KindFilter(OneOfFilter):
    """By kind."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind.value, kind.label) for kind in AlertKind]


class StateFilter(OneOfFilter):
    """By what is said of the trouble."""

    title = gettext_lazy("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.value, state.label) for state in AlertState]


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    """Written with what it tells. Its messages are those to the reader's own targets."""

    nothing_yet = gettext_lazy("There has been no alert.")
    list_display = ["shown_time", "shown_kind", "shown_subject", "shown_state", "shown_sentence"]
    list_display_links = ["shown_time"]
    list_filter = [KindFilter, StateFilter]
    list_filter_submit = True
    list_select_related = ["account", "strategy", "owner"]
    ordering = ["-pk"]
    fields = [
        ("shown_time", "shown_kind"),
        ("shown_subject", "shown_state"),
        "shown_sentence",
        "shown_digest",
        "shown_messages",
    ]
    readonly_fields = [
        "shown_time",
        "shown_kind",
        "shown_subject",
        "shown_state",
        "shown_sentence",
        "shown_digest",
        "shown_messages",
    ]

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """With who looks, whose messages are shown."""
        alert: Any = super().get_object(request, *args, **kwargs)
        if alert is not None:
            alert.seen_by = user_of(request)
        return alert

    @admin.display(description=gettext_lazy("time"), ordering="at")
    def shown_time(self, alert: Alert) -> str:
        return instant(alert.at)

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def shown_kind(self, alert: Alert) -> str:
        return alert.get_kind_display()

    @admin.display(description=gettext_lazy("about"))
    def shown_subject(self, alert: Alert) -> str:
        return alert.subject or NOTHING

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, alert: Alert) -> Any:
        return badge(alert.get_state_display(), _COLOURS.get(alert.state, ""))

    @admin.display(description=gettext_lazy("what was told"))
    def shown_sentence(self, alert: Alert) -> str:
        return sentence_of_alert(alert)

    @admin.display(description=gettext_lazy("digest"))
    def shown_digest(self, alert: Alert) -> Any:
        """Its parts; a dash for any other alert."""
        return lines(*digest_lines(alert.details)) if alert.details else NOTHING

    @admin.display(description=gettext_lazy("messages"))
    def shown_messages(self, alert: Alert) -> Any:
        """To the reader's own targets: when each was sent, or why not."""
        return lines(*messages_about(alert, alert.seen_by)) or NOTHING  # type: ignore[attr-defined]
