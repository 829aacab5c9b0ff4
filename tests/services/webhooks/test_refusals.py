"""A call that is refused although its caller knows the secret is recorded for that strategy."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capital.domain.errors import WebhookRefused
from capital.models import WebhookDelivery, WebhookSecret
from capital.services.webhooks.refusals import recent_refusals, record_refusal
from capital.services.webhooks.secrets import rotate_secret
from tests.factories import make_strategy, make_user

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


def test_refusals_of_one_strategy_of_the_last_week_are_shown_to_who_may_see_them() -> None:
    secret, other = new_secret(), new_secret()
    refuse(other)
    shown = [refuse(secret) for _ in range(6)]
    WebhookDelivery.objects.create(
        strategy=secret.strategy, fingerprint="f", body={}, received_at=NOW
    )

    def seen(*, days: int = 0, user: Any = secret.strategy.owner) -> Any:
        at = NOW + timedelta(days=days)
        return recent_refusals(secret.strategy, user=user, clock=lambda: at)

    assert seen() == shown[:0:-1]
    assert seen(days=6) == shown[:0:-1]
    assert seen(days=7) == []
    assert seen(user=other.strategy.owner) == seen(user=make_user()) == []
