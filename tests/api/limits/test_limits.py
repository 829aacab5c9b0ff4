"""Limits of loss over the API: what is refused says the range, and a loss that is told stops."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from capital.models import StrategyAccount
from tests.api.client import Bot, permit, problem
from tests.factories import make_account, make_link, make_market, make_user

pytestmark = pytest.mark.django_db

SWAP = "BTC/USDT:USDT"
PERCENT = "The percentage must be above 0 and at most 100."


@pytest.fixture
def link() -> StrategyAccount:
    make_market(SWAP, contract_size=Decimal(1), amount_precision=Decimal("0.1"))
    owner = permit(
        make_user(), "capital.change_strategyaccount", "capital.report_trading", "capital.view_stop"
    )
    return make_link(account=make_account(owner=owner), market_type="futures", capital="1000")


@pytest.fixture
def bot(link: StrategyAccount) -> Bot:
    return Bot(link.account.owner, scope="manage")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_drawdown_percent", "0", PERCENT),
        ("max_daily_loss_percent", "100.1", PERCENT),
        ("max_daily_loss_amount", "0", "The amount must be above 0."),
        ("max_daily_loss_amount", "-5", "The amount must be above 0."),
    ],
)
def test_limit_out_of_range_is_refused_in_words(
    bot: Bot, link: StrategyAccount, name: str, value: str, said: str
) -> None:
    refused = problem(bot.patch(f"strategy-accounts/{link.pk}/", {name: value}), 400)

    assert [(each["field"], each["detail"]) for each in refused["errors"]] == [(name, said)]


def test_loss_that_a_bot_tells_stops_its_next_order_and_is_listed(
    bot: Bot, link: StrategyAccount
) -> None:
    changed = bot.patch(f"strategy-accounts/{link.pk}/", {"max_daily_loss_amount": "50"})
    assert changed.json()["max_daily_loss_amount"] == "50.00"
    order = {"symbol": SWAP, "side": "buy", "qty_per": "10", "price": "100"}
    assert bot.post(f"strategy-accounts/{link.pk}/size/", order).json()["code"] == "sized"

    began = timezone.now() - timedelta(seconds=9)
    fills = [
        {
            "symbol": SWAP,
            "side": side,
            "quantity": "1",
            "price": price,
            "executed_at": (began + timedelta(seconds=place)).isoformat(),
            "venue_fill_id": side,
        }
        for place, (side, price) in enumerate((("buy", "100"), ("sell", "50")))
    ]
    told = bot.post(f"strategy-accounts/{link.pk}/fills/", {"fills": fills}).json()
    assert [each["code"] for each in told["results"]] == ["recorded", "recorded"]

    assert problem(bot.post(f"strategy-accounts/{link.pk}/size/", order), 422)["code"] == "stopped"
    (stop,) = bot.get("stops/?is_open=true").json()["results"]
    assert (stop["code"], stop["scope"], stop["actor"]) == (
        "daily_loss_amount_reached",
        "link",
        None,
    )
    assert stop["reason"] == "Today's loss is 50.00 USDT; the limit is 50.00 USDT."
