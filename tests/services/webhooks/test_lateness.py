"""What comes late enlarges nothing, and what is only tried leaves nothing behind."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import WebhookRefused
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import OrderRequest
from capital.exchange.moments import Moment
from capital.models import (
    Account,
    Reservation,
    StrategyAccount,
    Trouble,
    WebhookAnswer,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.sizing.reserving import Hold
from capital.services.webhooks.deliveries import Delivery
from capital.services.webhooks.receive import (
    _price_patience,
    finish_delivery,
    receive_signal,
    try_signal,
)
from capital.services.webhooks.secrets import rotate_secret
from tests.factories import (
    make_account,
    make_link,
    make_market,
    make_operator,
    make_strategy,
    make_summary,
    trust,
)

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
    assert told(secret, at(-120)) == in_time
    assert told(secret, at(-121)) == (in_time[0], ["timenow_ahead"])
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


@pytest.mark.usefixtures("settings_without_exchanges")
def test_what_comes_late_reserves_nothing(secret: WebhookSecret) -> None:
    account = Account.objects.get()
    make_summary(account=account, date=NOW.date(), spot_balance="1000", spot_observed_at=NOW)
    codes = []
    for minutes in (0, 60):
        body = {"timenow": (NOW - timedelta(minutes=minutes)).isoformat()}
        sent = Delivery(body=body, orders=[ORDER], holds={0: Hold()})
        answer = receive_signal(secret, sent, clock=lambda: NOW)
        codes += [(size["code"], size["reservation"] is None) for size in answer["sizes"]]

    assert codes == [("sized", False), ("signal_late", True)]
    assert Reservation.objects.get().amount == 500


@pytest.mark.parametrize("holds", [{}, {0: Hold()}])
@pytest.mark.usefixtures("settings_without_exchanges")
def test_a_venue_may_take_so_long_for_a_price_that_the_signal_is_answered_in_time(
    secret: WebhookSecret, monkeypatch: pytest.MonkeyPatch, holds: dict[int, Hold]
) -> None:
    asked = []

    def last_prices(wanted: Any, *, patience: timedelta, clock: Any) -> Any:
        asked.append(patience)
        return dict.fromkeys(wanted, Reason(Code.PRICE_UNAVAILABLE))

    for module in ("orders", "reserving"):
        monkeypatch.setattr(f"capital.services.sizing.{module}.last_prices", last_prices)
    long_ago = Moment.now() - timedelta(minutes=1)

    receive_signal(secret, Delivery({}, [ORDER], holds=holds), began=long_ago, clock=lambda: NOW)

    assert asked == [timedelta(milliseconds=300)]


@pytest.mark.usefixtures("settings_without_exchanges", "seoul")
def test_a_late_answer_says_so_first_and_of_each_line_which_account_it_is_about(
    secret: WebhookSecret,
) -> None:
    account = Account.objects.get()
    make_summary(account=account, date=NOW.date(), spot_balance="1000", spot_observed_at=NOW)
    order = {"symbol": "BTC/USDT", "side": "buy", "qty_per": "50", "price": "50000"}
    row = WebhookDelivery.objects.create(
        strategy=secret.strategy,
        fingerprint="f",
        body=order,
        received_at=NOW - timedelta(seconds=25.9),
    )

    answer = finish_delivery(row, clock=lambda: NOW)

    assert answer["warnings"] == [
        {
            "code": "answered_late",
            "reason": "The process that received this signal ended. The response was made 25 "
            "seconds after the signal, with the balances and prices of then.",
        },
        {
            "code": "balance_not_live",
            "reason": f"{account.name}, spot pool: no live balance (live balances are off). The "
            "cached balance of 2026-11-24 12:00 was used.",
        },
    ]
    assert answer["received_at"] == "2026-11-24T11:59:34.100000+09:00"
    assert WebhookAnswer.objects.get().accounts == {
        "allocations": [account.pk],
        "sizes": [account.pk],
        "warnings": [None, account.pk],
    }


@pytest.mark.usefixtures("seoul")
def test_what_is_tried_is_answered_about_the_accounts_that_its_owner_may_allocate() -> None:
    make_market("BTC/USDT")
    owner = make_operator("allocate_capital")
    strategy = make_strategy(owner=owner, key="grid")
    mine = make_link(strategy=strategy, capital="1000")
    make_link(strategy=strategy, account=make_account(), capital="3000")
    make_link(strategy=strategy, account=make_account(owner=owner), is_active=False)
    rotate_secret(strategy)

    answer = try_signal(WebhookSecret.objects.get(), Delivery({}, [ORDER]), clock=lambda: NOW)

    [size] = answer.pop("sizes")
    assert (size["account"], size["capital"], size["code"]) == (mine.account.name, "1000", "sized")
    assert answer == {
        "delivery": None,
        "strategy": "grid",
        "received_at": "2026-11-24T12:00:00+09:00",
        "allocations": [],
        "warnings": [
            {
                "code": "accounts_passed_over",
                "reason": "Accounts that the strategy's owner may not allocate were passed over: "
                "1.",
            }
        ],
    }


def test_a_price_may_take_what_is_left_of_the_answers_time_and_never_nothing() -> None:
    def after(seconds: float) -> float:
        return _price_patience(Moment.now() - timedelta(seconds=seconds)).total_seconds()

    assert (after(0), after(1.4), after(2.2), after(60)) == (0.9, 0.9, 0.3, 0.3)
    assert 0.3 <= after(1.8) <= 0.6


@pytest.fixture
def settings_without_exchanges(settings: Any) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
