"""A call that is refused although its caller knows the secret is recorded for that strategy."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capital.domain.errors import WebhookRefused
from capital.models import Trouble, WebhookDelivery, WebhookSecret
from capital.services.webhooks.refusals import (
    holds_secret,
    recent_refusals,
    recent_signals,
    record_refusal,
)
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


def test_what_is_kept_of_a_call_is_cut_and_has_no_secret() -> None:
    secret = new_secret()
    errors = {"symbol": ["It is no whs_AbCd-12_34."]}

    text = refuse(secret, body="\0" + "한" * 4000, refusal={**REFUSAL, "errors": errors})
    told = refuse(secret, body={"note": ["whs_12345678", "whs_short"], "at": NOW}, address="::2")

    assert text.body == {"text": "\ufffd" + "한" * 3999}
    assert text.refusal["errors"] == {"symbol": ["It is no whs_…."]}
    assert told.body == {"note": ["whs_…", "whs_short"], "at": str(NOW)}
    assert [(row.address, row.received_at) for row in (text, told)] == [("::1", NOW), ("::2", NOW)]
    assert refuse(secret, body={"at": str(NOW), "note": ["whs_…", "whs_short"]}).fingerprint == (
        told.fingerprint
    )
    kept = {"note": "whs_12345678", "at": NOW}
    assert [holds_secret(body) for body in (kept, {"note": "whs_1234567"}, {})] == [
        True,
        False,
        False,
    ]


def test_whoever_owns_the_strategy_hears_of_a_call_that_was_refused() -> None:
    make_strategy()
    delivery = refuse(new_secret())

    trouble = Trouble.objects.get()

    assert (trouble.code, trouble.strategy) == ("signal_refused", delivery.strategy)
    assert trouble.noticed_at == NOW


def test_last_signals_of_one_strategy_are_shown_to_who_may_see_them() -> None:
    secret, other = new_secret(), new_secret()
    refuse(other)
    refused = [refuse(secret) for _ in range(10)]
    accepted = WebhookDelivery.objects.create(
        strategy=secret.strategy, fingerprint="f", body={}, received_at=NOW
    )
    rows = [*refused, accepted]
    owner = secret.strategy.owner

    assert recent_signals(secret.strategy, user=owner) == rows[:0:-1]
    assert recent_signals(secret.strategy, user=owner, most=1) == [rows[-1]]
    assert recent_signals(secret.strategy, user=other.strategy.owner) == []


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
