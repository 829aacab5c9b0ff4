"""Fills and flows over the API."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.models import Fill, Flow, Position, StrategyAccount
from capital.services.trading import reverse_flow
from tests.admin.tenants import allow_everything
from tests.api.client import Bot, problem
from tests.api.description import description
from tests.factories import (
    make_account,
    make_fill,
    make_flow,
    make_link,
    make_market,
    make_position,
    make_user,
)

pytestmark = pytest.mark.django_db

BTC = "BTC/USDT:USDT"
AT = "2026-03-10T12:00:00+09:00"
FILL = {
    "symbol": BTC,
    "side": "buy",
    "quantity": "0.23",
    "price": "61234.5",
    "fees": [{"amount": "7.0419675", "currency": "USDT"}],
    "executed_at": AT,
    "venue_fill_id": "5119206",
}
FLOW = {
    "pool": "futures",
    "kind": "deposit",
    "currency": "USDT",
    "amount": "1000.123456789",
    "occurred_at": AT,
}


@pytest.fixture
def bot() -> Bot:
    return Bot(allow_everything(make_user()), scope="allocate")


@pytest.fixture
def link(bot: Bot) -> StrategyAccount:
    make_market(BTC, contract_size=Decimal("0.01"))
    return make_link(account=make_account(owner=bot.user), market_type="futures")


def fills_path(link: StrategyAccount) -> str:
    return f"strategy-accounts/{link.pk}/fills/"


@pytest.mark.usefixtures("seoul")
def test_bot_reports_fills_and_reads_them_back(bot, link) -> None:
    sold = {**FILL, "side": "sell", "venue_fill_id": "5119207", "price": "61235"}

    answer = bot.post(fills_path(link), {"fills": [FILL, sold]})

    assert answer.status_code == 200, answer.content
    first, second = answer.json()["results"]
    assert [(each["index"], each["code"]) for each in (first, second)] == [
        (0, "recorded"),
        (1, "recorded"),
    ]
    row = bot.get(f"fills/{first['id']}/").json()
    assert (row["account"], row["strategy_account"]) == (link.account_id, link.pk)
    assert (row["quantity"], row["price"], row["cost"]) == ("0.23", "61234.5", "14083.935")
    assert (row["contract_size"], row["settle"], row["source"]) == ("0.01", "USDT", "bot")
    assert row["fees"] == [{"amount": "7.0419675", "currency": "USDT"}]
    assert (row["fee_amount"], row["fee_currency"]) == ("7.0419675", "USDT")
    assert (row["realized_reported"], row["liquidity"]) == (None, "")
    assert row["executed_at"] == AT
    [position] = bot.get("positions/").json()["results"]
    assert (position["quantity"], position["source"]) == ("0", "fills")
    assert position["realized_pnl"] == "-13.968935"


def test_currencies_are_read_in_any_case(bot, link) -> None:
    """A fee in usdt would be one in a third coin, and in no sum."""
    fee = {"amount": "7.0419675", "currency": "usdt"}

    answer = bot.post(fills_path(link), {"fills": [{**FILL, "fees": [fee]}]})
    flow = bot.post(f"accounts/{link.account_id}/flows/", {**FLOW, "currency": " usdt "})

    row = bot.get(f"fills/{answer.json()['results'][0]['id']}/").json()
    assert (row["fees"], flow.json()["currency"]) == (FILL["fees"], "USDT")
    assert bot.get("positions/").json()["results"][0]["realized_pnl"] == "-7.0419675"


def test_repeated_and_different_fills_are_told_apart(bot, link) -> None:
    bot.post(fills_path(link), {"fills": [FILL]})

    answer = bot.post(
        fills_path(link),
        {"fills": [FILL, {**FILL, "price": "61234.6"}, {**FILL, "venue_fill_id": "1"}]},
    )

    assert [each["code"] for each in answer.json()["results"]] == ["known", "differs", "recorded"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"quantity": "x"}, "fills.0.quantity"),
        ({"quantity": "0"}, "fills.0.quantity"),
        ({"price": "-1"}, "fills.0.price"),
        ({"side": "long"}, "fills.0.side"),
        ({"position_side": "up"}, "fills.0.position_side"),
        ({"executed_at": "yesterday"}, "fills.0.executed_at"),
        ({"executed_at": "2262-01-01T00:00:00Z"}, "fills.0.executed_at"),
        ({"venue_fill_id": ""}, "fills.0.venue_fill_id"),
        ({"venue_fill_id": "1" * 101}, "fills.0.venue_fill_id"),
        ({"fees": [{"amount": "1"}]}, "fills.0.fees.0.currency"),
        ({"fees": {"amount": "1", "currency": "USDT"}}, "fills.0.fees"),
        ({"fee": "1"}, "fills.0.fee"),
        ({"symbol": ""}, "fills.0.symbol"),
    ],
)
def test_a_wrong_fill_is_named_and_nothing_is_recorded(bot, link, change, place) -> None:
    answer = problem(bot.post(fills_path(link), {"fills": [{**FILL, **change}]}), 400)

    assert place in {error["field"] for error in answer["errors"]}
    assert not Fill.objects.exists()


@pytest.mark.parametrize("body", [{"fills": []}, {"fills": [FILL] * 501}, {}, [], {"fills": "x"}])
def test_no_fills_and_too_many_are_refused(bot, link, body: Any) -> None:
    problem(bot.post(fills_path(link), body), 400)


def test_an_unknown_symbol_names_its_fill(bot, link) -> None:
    answer = problem(
        bot.post(fills_path(link), {"fills": [FILL, {**FILL, "symbol": "NO/USDT:USDT"}]}), 422
    )

    assert (answer["code"], answer["errors"][0]["field"]) == ("unknown_symbol", "fills.1.symbol")
    described = description()["paths"]["/api/v1/strategy-accounts/{id}/fills/"]["post"]
    assert "422" in described["responses"]


def test_fills_are_filtered(bot, link) -> None:
    other = make_link(account=make_account(owner=bot.user))
    first = make_fill(link, BTC, executed_at=datetime(2026, 3, 10, tzinfo=UTC), order_id="A")
    second = make_fill(other, executed_at=datetime(2026, 3, 11, tzinfo=UTC), order_id="B")
    make_fill(make_link())

    def found(query: str) -> list[int]:
        return [row["id"] for row in bot.get(f"fills/?{query}").json()["results"]]

    assert found("") == [first.pk, second.pk]
    assert found(f"account={link.account_id}") == [first.pk]
    assert found(f"strategy_account={other.pk}") == [second.pk]
    assert found("symbol=BTC/USDT") == [second.pk]
    assert found("order_id=A") == [first.pk]
    assert found("executed_from=2026-03-11T00:00:00Z") == [second.pk]
    assert found("executed_to=2026-03-11T00:00:00Z") == [first.pk]
    assert found("ordering=-executed_at") == [second.pk, first.pk]


def test_open_and_closed_positions_are_told_apart(bot, link) -> None:
    held = make_position(link, "0.5", BTC)
    closed = make_position(link, "0", "ETH/USDT:USDT")

    def found(query: str) -> list[int]:
        return [row["id"] for row in bot.get(f"positions/?{query}").json()["results"]]

    assert found("is_open=true") == [held.pk]
    assert found("is_open=false") == [closed.pk]


def test_a_hedged_account_reports_both_positions(bot, link) -> None:
    path = f"strategy-accounts/{link.pk}/positions/"
    long = bot.put(path, {"symbol": BTC, "quantity": "1", "position_side": "long"})
    short = bot.put(path, {"symbol": BTC, "quantity": "-2", "position_side": "short"})
    wrong = bot.put(path, {"symbol": BTC, "quantity": "2", "position_side": "short"})

    assert (long.json()["position_side"], long.json()["quantity"]) == ("long", "1")
    assert (short.json()["position_side"], short.json()["quantity"]) == ("short", "-2")
    problem(wrong, 400)
    assert Position.objects.count() == 2
    order = {"symbol": BTC, "side": "sell", "qty_per": "-100", "price": "100"}
    size = f"strategy-accounts/{link.pk}/size/"
    assert problem(bot.post(size, order), 400)["code"] == "close_side_missing"
    assert problem(bot.post(size, {**order, "position_side": "up"}), 400)["code"] == (
        "unknown_position_side"
    )
    closed = bot.post(size, {**order, "position_side": "long"}).json()
    assert (closed["quantity"], closed["reduce_only"]) == ("1.0000000", True)


@pytest.mark.usefixtures("seoul")
def test_a_deposit_is_entered_and_listed(bot, link) -> None:
    path = f"accounts/{link.account_id}/flows/"

    answer = bot.post(path, {**FLOW, "note": "From the bank"})

    assert answer.status_code == 201, answer.content
    assert answer.json() == {
        "id": Flow.objects.get().pk,
        "account": link.account_id,
        "pool": "futures",
        "kind": "deposit",
        "currency": "USDT",
        "amount": "1000.123456789",
        "strategy_account": None,
        "symbol": "",
        "venue_flow_id": "",
        "occurred_at": AT,
        "source": "person",
        "note": "From the bank",
        "reverses": None,
        "recorded_at": timezone.localtime(Flow.objects.get().recorded_at).isoformat(),
    }
    assert bot.get(f"flows/{answer.json()['id']}/").json() == answer.json()


def test_funding_names_its_strategy_or_its_symbol(bot, link) -> None:
    path = f"accounts/{link.account_id}/flows/"
    funding = {**FLOW, "kind": "funding", "amount": "-0.5"}

    own = bot.post(path, {**funding, "strategy_account": link.pk, "symbol": BTC})
    nobodys = bot.post(path, {**funding, "strategy_account": None, "symbol": ""})

    assert (own.json()["strategy_account"], own.json()["symbol"]) == (link.pk, BTC)
    assert (nobodys.json()["strategy_account"], nobodys.json()["symbol"]) == (None, "")
    [position] = bot.get("positions/").json()["results"]
    assert position["realized_pnl"] == "-0.5"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"symbol": BTC}, "symbol"),
        ({"kind": "funding", "symbol": "BTCUSDT"}, "symbol"),
        ({"kind": "funding", "strategy_account": 2**31 - 1}, "strategy_account"),
        ({"kind": "funding", "strategy_account": "1"}, "strategy_account"),
        ({"pool": "unified"}, "pool"),
        ({"pool": "margin"}, "pool"),
        ({"kind": "gift"}, "kind"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"currency": ""}, "currency"),
        ({"occurred_at": "2262-01-01T00:00:00Z"}, "occurred_at"),
    ],
)
def test_a_wrong_flow_is_refused(bot, link, change, field) -> None:
    answer = problem(bot.post(f"accounts/{link.account_id}/flows/", {**FLOW, **change}), 400)

    assert field in {error["field"] for error in answer["errors"]}
    assert not Flow.objects.exists()


def test_flows_are_filtered(bot, link) -> None:
    one = make_flow(link.account, occurred_at=datetime(2026, 3, 10, tzinfo=UTC))
    two = make_flow(
        make_account(owner=bot.user, currency="USDC"),
        kind="withdrawal",
        amount=Decimal(-5),
        occurred_at=datetime(2026, 3, 11, tzinfo=UTC),
    )
    make_flow(make_account())

    def found(query: str) -> list[int]:
        return [row["id"] for row in bot.get(f"flows/?{query}").json()["results"]]

    assert found("") == [one.pk, two.pk]
    assert found(f"account={link.account_id}") == [one.pk]
    assert found("kind=withdrawal") == [two.pk]
    assert found("currency=USDC") == [two.pk]
    assert found("occurred_from=2026-03-11T00:00:00Z") == [two.pk]
    assert found("occurred_to=2026-03-11T00:00:00Z") == [one.pk]


def test_a_whole_report_fits_into_a_body(bot, link) -> None:
    fills = [
        {
            **FILL,
            "venue_fill_id": f"{number:0100}",
            "order_id": "o" * 100,
            "client_order_id": "c" * 100,
            "fees": [{"amount": "0.123456789012345678", "currency": "USDT"}] * 3,
        }
        for number in range(500)
    ]

    answer = bot.post(fills_path(link), {"fills": fills})

    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == Fill.objects.count() == 500


def test_nothing_is_read_that_no_report_needs(bot, link) -> None:
    problem(bot.post(fills_path(link), {"fills": [FILL], "x": "x" * 768 * 1024}), 413)
    path = f"strategy-accounts/{link.pk}/size/"
    problem(bot.post(path, {"symbol": "x" * 64 * 1024}), 413)


def test_a_flow_says_which_one_it_takes_back(bot, link) -> None:
    wrong = make_flow(link.account)
    opposite = reverse_flow(wrong.pk)

    assert bot.get(f"flows/{opposite.pk}/").json()["reverses"] == wrong.pk
    assert bot.get(f"flows/{wrong.pk}/").json()["reverses"] is None
