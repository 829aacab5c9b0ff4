"""Signals: their secrets, their deliveries and the one answer to each."""

from capital.exchange.moments import Moment
from capital.services.webhooks.deliveries import Delivery
from capital.services.webhooks.readers import accounts_shown, currencies_told
from capital.services.webhooks.receive import MOST_ORDERS, receive_signal, try_signal
from capital.services.webhooks.refusals import (
    holds_secret,
    recent_refusals,
    recent_signals,
    record_refusal,
)
from capital.services.webhooks.secrets import (
    TRADINGVIEW,
    Proof,
    change_webhook,
    check_network,
    check_proof,
    remove_secret,
    rotate_secret,
    webhook_name,
)

__all__ = [
    "MOST_ORDERS",
    "TRADINGVIEW",
    "Delivery",
    "Moment",
    "Proof",
    "accounts_shown",
    "change_webhook",
    "check_network",
    "check_proof",
    "currencies_told",
    "holds_secret",
    "receive_signal",
    "recent_refusals",
    "recent_signals",
    "record_refusal",
    "remove_secret",
    "rotate_secret",
    "try_signal",
    "webhook_name",
]
