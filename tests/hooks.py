"""Webhooks' addresses, as their owners were told them."""

from typing import Any

from capital.models import WebhookSecret
from capital.services.webhooks.secrets import Proof, check_proof


def hook_path(key: str) -> str:
    """The address of the webhook of the strategy with this key; the shorter one without one."""
    name = name_of(key)
    return f"/api/v1/hooks/{key}/" + (f"{name}/" if name else "")


def name_of(key: str) -> str:
    """The random end of the webhook's address."""
    names = WebhookSecret.objects.filter(strategy__key=key).values_list("name", flat=True)
    return names.first() or ""


def check_at_its_address(key: str, proof: Proof, **fields: Any) -> WebhookSecret:
    """``check_proof``, at the address of the webhook."""
    return check_proof(key, proof, name=name_of(key), **fields)
