"""What was told to whom: troubles, alerts, where people want to hear of them, and what was sent."""

from capital.models.alerts.alerts import Alert, AlertKind, AlertState, Trouble
from capital.models.alerts.deliveries import AlertDelivery, DeliveryState
from capital.models.alerts.targets import AlertChannel, AlertTarget

__all__ = [
    "Alert",
    "AlertChannel",
    "AlertDelivery",
    "AlertKind",
    "AlertState",
    "AlertTarget",
    "DeliveryState",
    "Trouble",
]
