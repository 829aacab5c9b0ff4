"""Somebody is told: what is wrong, where people want to hear of it, and what was sent."""

from capital.services.alerts.listed import (
    delivery_as_json,
    latest_messages,
    messages_about,
    seen_alerts,
    told_of,
    undelivered,
    waiting_messages,
)
from capital.services.alerts.messages import as_json, digest_lines, sentence_of_alert
from capital.services.alerts.outbox import heard_by, send_delivery, send_test, spread_alerts
from capital.services.alerts.present import present_troubles
from capital.services.alerts.rules import tell_what_happened
from capital.services.alerts.targets import (
    SWITCHED,
    TargetFields,
    check_target,
    find_targets,
    request_test,
    save_target,
)

__all__ = [
    "SWITCHED",
    "TargetFields",
    "as_json",
    "check_target",
    "delivery_as_json",
    "digest_lines",
    "find_targets",
    "heard_by",
    "latest_messages",
    "messages_about",
    "present_troubles",
    "request_test",
    "save_target",
    "seen_alerts",
    "send_delivery",
    "send_test",
    "sentence_of_alert",
    "spread_alerts",
    "tell_what_happened",
    "told_of",
    "undelivered",
    "waiting_messages",
]
