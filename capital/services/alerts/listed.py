"""What is shown of alerts and messages: to their users only, and without addresses."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from capital.models import Alert, AlertDelivery, AlertTarget, DeliveryState
from capital.services.access.visibility import visible_to
from capital.services.sentences import sentence_of

_MOST = 20


def seen_alerts(user: AbstractUser | None) -> QuerySet[Alert]:
    """The alerts that a user may see, newest first; all for None, the command line."""
    rows = Alert.objects.select_related("account", "strategy", "owner").order_by("-pk")
    return rows if user is None else visible_to(user, rows)


def messages_about(alert: Alert, user: AbstractUser) -> list[str]:
    """What became of the messages to the user's own targets that tell of this."""
    rows = alert.deliveries.filter(target__user=user.pk).select_related("target").order_by("pk")
    return [f"{row.target}: {told_of(row)}" for row in rows]


def latest_messages(target: AlertTarget) -> list[str]:
    """The last messages to a target, newest first."""
    rows = target.deliveries.order_by("-pk")[:_MOST]
    return [f"{_shown(row.created_at)} {row.get_kind_display()}: {told_of(row)}" for row in rows]


def undelivered(user: AbstractUser | None = None) -> QuerySet[AlertDelivery]:
    """Messages that were given up, newest first; of all targets for None."""
    rows = AlertDelivery.objects.filter(undelivered_at__isnull=False).select_related("target__user")
    rows = rows.order_by("-pk")
    return rows if user is None else rows.filter(target__user=user.pk)


def waiting_messages() -> int:
    """How many messages are not sent and not given up."""
    return AlertDelivery.objects.filter(due_at__isnull=False).count()


def delivery_as_json(delivery: AlertDelivery) -> dict[str, Any]:
    """For programs; of the address, the channel and its last four letters."""
    return {
        "id": delivery.pk,
        "target": delivery.target.name,
        "user": delivery.target.user.get_username(),
        "channel": delivery.target.channel,
        "hint": delivery.target.hint,
        "kind": delivery.kind,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "code": delivery.code or None,
        "reason": sentence_of(delivery.code, delivery.figures) if delivery.code else None,
    }


def told_of(delivery: AlertDelivery) -> str:
    """What became of a message, in the active language."""
    state = delivery.state
    text = str(state.label)
    if state is DeliveryState.SENT and delivery.sent_at is not None:
        text = f"{text} {_shown(delivery.sent_at)}"
    if delivery.code:
        text = f"{text}: {sentence_of(delivery.code, delivery.figures)}"
    if state is DeliveryState.WAITING and delivery.due_at is not None and delivery.attempts:
        text += " " + gettext("Next attempt: %(time)s") % {"time": _shown(delivery.due_at)}
    return text


def _shown(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
