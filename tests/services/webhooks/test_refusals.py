"""A call that is refused although its caller knows the secret is recorded for that strategy."""

from datetime import UTC, datetime
from typing import Any

import pytest

from capital.domain.errors import WebhookRefused
from capital.models import WebhookDelivery, WebhookSecret
from capital.services.webhooks.refusals import record_refusal
from capital.services.webhooks.secrets import rotate_secret
from tests.factories import make_strategy

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
REFUSAL = {"status": 422, "code": "invalid", "detail": "No.", "other": 1}


def new_secret() -> WebhookSecret:
    strategy = make_strategy()
    rotate_secret(strategy)
    return WebhookSecret.objects.get(strategy=strategy)


def refuse(secret: WebhookSecret, **fields: Any) -> WebhookDelivery:
    given = {"body": {"symbol": "X"}, "refusal": REFUSAL, "address": "::1", **fields}
    return record_refusal(secret, clock=lambda: NOW, **given)


def test_nonce_of_a_signed_call_is_used_up_for_its_own_strategy() -> None:
    secret, other = new_secret(), new_secret()

    signed, plain = refuse(secret, nonce="n-1"), refuse(secret)

    assert (signed.strategy, signed.is_signed, plain.is_signed) == (secret.strategy, True, False)
    assert signed.refusal == {"status": 422, "code": "invalid", "detail": "No."}
    with pytest.raises(WebhookRefused):
        refuse(secret, nonce="n-1")
    assert refuse(other, nonce="n-1").strategy == other.strategy
    assert WebhookDelivery.objects.count() == 3
