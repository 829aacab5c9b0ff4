"""Somebody is told: what is wrong, where people want to hear of it, and what was sent."""

from capital.services.alerts.messages import as_json, sentence_of_alert
from capital.services.alerts.outbox import heard_by, send_delivery, send_test, spread_alerts
from capital.services.alerts.targets import (
    SWITCHED,
    TargetFields,
    request_test,
    save_target,
    targets_of,
)

__all__ = [
    "SWITCHED",
    "TargetFields",
    "as_json",
    "heard_by",
    "request_test",
    "save_target",
    "send_delivery",
    "send_test",
    "sentence_of_alert",
    "spread_alerts",
    "targets_of",
]
