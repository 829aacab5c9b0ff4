"""What comes late enlarges nothing, and what is only tried leaves nothing behind."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import WebhookRefused
from capital.domain.sizing.orders import OrderRequest
from capital.models import StrategyAccount, Trouble, WebhookDelivery, WebhookSecret
from capital.services.webhooks.deliveries import Delivery
from capital.services.webhooks.receive import receive_signal, try_signal
from capital.services.webhooks.secrets import rotate_secret
from tests.factories import make_link, make_market, trust

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ORDER = OrderRequest(symbol="BTC/USDT", side="buy", qty_per=Decimal(50), price=Decimal(50000))


@pytest.fixture
def secret() -> WebhookSecret:
    make_market("BTC/USDT")
    link: StrategyAccount = make_link(capital="1000")
    trust(link.strategy.owner)
    rotate_secret(link.strategy)
    return WebhookSecret.objects.get(strategy=link.strategy)


def told(secret: WebhookSecret, timenow: Any, *, nonce: str = "") -> tuple[list[str], list[str]]:
    """The codes of sizes and warnings of a signal that is tried."""
    body = {} if timenow is None else {"timenow": timenow}
    delivery = Delivery(body=body, orders=[ORDER], nonce=nonce)
    answer = try_signal(secret, delivery, clock=lambda: NOW)
    return (
        [size["code"] for size in answer["sizes"]],
        [warning["code"] for warning in answer["warnings"]],
    )


def test_a_signal_is_late_beyond_its_seconds_and_not_at_them(secret: WebhookSecret) -> None:
    def at(seconds: int) -> str:
        return (NOW - timedelta(seconds=seconds)).isoformat()

    in_time = told(secret, None)
    assert in_time[1] == []
    assert told(secret, at(120)) == in_time
    sizes, warnings = told(secret, at(121))
    assert (sizes, warnings) == (["signal_late"], ["signal_late"])
    assert told(secret, "yesterday")[1] == ["timenow_unreadable"]
    WebhookSecret.objects.update(max_lag_seconds=300)
    assert told(secret, at(121)) == in_time
    WebhookSecret.objects.all().delete()
    assert told(secret, at(121))[1] == ["signal_late"]


def test_trying_records_nothing_and_uses_a_nonce_up(secret: WebhookSecret) -> None:
    told(secret, None, nonce="n0nce-01")
    with pytest.raises(WebhookRefused):
        told(secret, None, nonce="n0nce-01")
    assert not WebhookDelivery.objects.exists()


@pytest.mark.usefixtures("settings_without_exchanges")
def test_whoever_owns_the_strategy_hears_of_what_was_not_ordered(secret: WebhookSecret) -> None:
    late = {"timenow": (NOW - timedelta(hours=1)).isoformat()}
    answer = receive_signal(secret, Delivery(body=late, orders=[ORDER]), clock=lambda: NOW)
    assert [size["code"] for size in answer["sizes"]] == ["signal_late"]
    assert Trouble.objects.get().code == "signal_not_followed"


@pytest.fixture
def settings_without_exchanges(settings: Any) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
