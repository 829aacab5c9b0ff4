"""Calls with the right secret that were refused: recorded, so that a lost signal leaves a trace."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.models import WebhookDelivery, WebhookSecret
from capital.services.access.visibility import visible_to
from capital.services.happened import SignalRefused, say
from capital.services.webhooks.secrets import PREFIX, use_nonce
from strategies.models import Strategy

# Of a body that is no JSON, so much is kept.
LONGEST_TEXT = 4000
# Wherever somebody wrote a secret by mistake.
_SECRET = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{8,}")
_SHOWN_FOR = timedelta(days=7)
_MOST_SHOWN, _MOST_LISTED = 5, 10


def record_refusal(
    secret: WebhookSecret,
    *,
    body: Mapping[str, Any] | str,
    refusal: Mapping[str, Any],
    address: str,
    nonce: str = "",
    clock: Clock = timezone.now,
) -> WebhookDelivery:
    """Record a call that was refused although its caller knows the secret. No secret is kept.

    Args:
        secret: The webhook's secret, which the caller has proved to know.
        body: The JSON without its token; the text, where it is no JSON.
        refusal: The problem that the caller is told: ``status``, ``code``, ``detail`` and, where
            fields are to blame, ``errors``.
        address: The caller's address.
        nonce: Of a signed call.
        clock: Says what time it is.

    Raises:
        WebhookRefused: The nonce was used before.
    """
    # A letter that PostgreSQL does not store.
    text = body.replace("\0", "\ufffd")[:LONGEST_TEXT] if isinstance(body, str) else ""
    given: Any = {"text": text} if isinstance(body, str) else dict(body)
    kept = _without_secrets(given)
    told = _without_secrets(
        {name: refusal[name] for name in ("status", "code", "detail", "errors") if name in refusal}
    )
    with transaction.atomic():
        now = clock()
        if nonce:
            WebhookSecret.objects.select_for_update(no_key=True).get(pk=secret.pk)
            use_nonce(secret, nonce, now=now)
        # Without the sender's id: the corrected signal may have the same.
        delivery = WebhookDelivery.objects.create(
            strategy=secret.strategy,
            fingerprint=hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest(),
            body=kept,
            address=address,
            is_signed=bool(nonce),
            received_at=now,
            refusal=told,
        )
        say(SignalRefused(delivery), now=now)
    return delivery


def holds_secret(body: Mapping[str, Any]) -> bool:
    """Whether a secret stands in what would be kept."""
    return _SECRET.search(json.dumps(body, ensure_ascii=False, default=str)) is not None


def recent_refusals(
    strategy: Strategy, *, user: AbstractUser, clock: Clock = timezone.now
) -> Sequence[WebhookDelivery]:
    """The last refused calls of the last seven days that this user may see, newest first."""
    rows = WebhookDelivery.objects.filter(
        strategy=strategy, refusal__isnull=False, received_at__gt=clock() - _SHOWN_FOR
    )
    return list(visible_to(user, rows).order_by("-pk")[:_MOST_SHOWN])


def recent_signals(
    strategy: Strategy, *, user: AbstractUser, most: int = _MOST_LISTED
) -> Sequence[WebhookDelivery]:
    """The last calls that this user may see, accepted or refused, with answers, newest first."""
    rows = WebhookDelivery.objects.filter(strategy=strategy).select_related("strategy", "answer")
    return list(visible_to(user, rows).order_by("-pk")[:most])


def _without_secrets(value: Any) -> Any:
    return json.loads(_SECRET.sub(f"{PREFIX}…", json.dumps(value, ensure_ascii=False, default=str)))
