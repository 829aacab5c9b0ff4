"""Brackets that venues tell to a key only: real ccxt over real HTTP, with the key of an account."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet

from capital.domain.reasons import Code
from capital.domain.sizing.instruments import LeverageBracket
from capital.exchange.ccxt.accounts import AccountClients
from capital.exchange.ccxt.brackets import _highest
from capital.exchange.politeness import FAILURES_TO_PAUSE
from capital.exchange.venues import VENUES
from capital.models import Account, Market
from capital.services.markets.askers import find_askers
from capital.services.markets.rules import sync_markets
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.sizing.orders import size_orders
from capital.simulator.venues import binance
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link

pytestmark = pytest.mark.django_db

LINEAR, INVERSE = "BTC/USDT:USDT", "BTC/USD:BTC"
WALLETS = {"spot": {"USDT": "500"}, "futures": {"USDT": "500"}}
OF_ONE_WALLET = {"unified": {"USDT": "500"}}


def synced(venue: str) -> dict[str, Any]:
    """The rules of its contracts after a sync, by symbol."""
    (sync,) = sync_markets([venue])
    assert sync.problem is None
    rows = Market.objects.filter(venue=venue).values("venue", "symbol", *RULE_COLUMNS)
    return {row["symbol"]: rules_of(row) for row in rows}


def bracket(leverage: str, **sizes: str) -> LeverageBracket:
    numbers = {name: Decimal(size) for name, size in sizes.items()}
    return LeverageBracket(Decimal(leverage), **numbers)


OF_BINANCE = (
    bracket("125", max_notional="300000"),
    bracket("100", max_notional="800000"),
    bracket("50", max_notional="12000000"),
)


def refuse_key_of(account: Account) -> None:
    """From now on the exchange knows another secret than ours."""
    account.api_secret = "another secret"
    account.save()


def test_binance_tells_the_brackets_of_all_its_contracts(exchange):
    exchange.open_account(wallets=WALLETS)

    found = synced("binance")

    assert found[LINEAR].brackets == OF_BINANCE
    # In coins, whatever the price is.
    assert found[INVERSE].brackets == (
        bracket("125", max_settled="5"),
        bracket("100", max_settled="10"),
        bracket("50", max_settled="20"),
    )
    assert found["BTC/USDT"].brackets == ()


def test_an_account_of_portfolio_margin_asks_there(exchange):
    exchange.open_account(wallets=OF_ONE_WALLET, wallet_mode="unified")

    found = synced("binance")

    assert found[LINEAR].brackets == (
        bracket("75", max_notional="600000"),
        bracket("50", max_notional="12000000"),
    )
    assert len(found[INVERSE].brackets) == 3


@pytest.mark.parametrize(
    ("capital", "leverage", "quantity"),
    [("2000", "125", "4.082"), ("5000", "100", "8.165"), ("20000", "50", "16.33")],
)
def test_the_larger_an_order_the_lower_its_leverage(exchange, capital, leverage, quantity):
    """At 61,234.5: 250,000, then 500,000 of the 625,000 wanted, then 1,000,000."""
    exchange.open_account(wallets=WALLETS)
    synced("binance")
    link = make_link(
        account=make_account(venue="binance"),
        market_type="futures",
        capital=capital,
        leverage=125,
    )
    asked = order(symbol=LINEAR, qty_per="100", order_type="LIMIT", price="61234.5")

    (answer,) = size_orders([link.pk], [asked])

    assert (answer.quantity, answer.leverage) == (Decimal(quantity), Decimal(leverage))
    capped = Code.LEVERAGE_CAPPED in [warning.code for warning in answer.warnings]
    assert capped is (leverage != "125")


@pytest.mark.parametrize(
    ("multiple", "largest"), [(1.5, "200000"), ("4.0", "75000"), (0.5, "300000"), ("", "300000")]
)
def test_what_one_account_may_hold_beyond_the_others_is_left_out(
    exchange, monkeypatch, multiple, largest
):
    listed = binance._leverage_brackets

    def with_multiple(*args: Any) -> Any:
        return [{**each, "notionalCoef": multiple} for each in listed(*args)]

    monkeypatch.setattr(binance, "_leverage_brackets", with_multiple)
    exchange.open_account(wallets=WALLETS)

    assert synced("binance")[LINEAR].brackets[0] == bracket("125", max_notional=largest)


def test_a_key_that_is_refused_is_followed_by_another_one(exchange, caplog):
    refuse_key_of(exchange.open_account(wallets=WALLETS))
    misplaced = exchange.open_account(wallets=WALLETS)
    misplaced.api_key = "-----BEGIN PRIVATE KEY-----"
    misplaced.save()
    exchange.open_account(wallets=WALLETS)

    assert synced("binance")[LINEAR].brackets == OF_BINANCE
    assert "brackets" not in caplog.text


def test_brackets_stand_when_every_key_is_refused_and_a_word_is_said(exchange, caplog):
    account = exchange.open_account(wallets=WALLETS)
    before = synced("binance")
    refuse_key_of(account)

    after = synced("binance")

    assert after == before
    assert "brackets of binance could not be fetched (exchange_refused_key)" in caplog.text
    assert "CANARY" not in caplog.text


def test_without_an_account_nobody_is_asked_and_brackets_stand(exchange, caplog):
    account = exchange.open_account(wallets=WALLETS)
    before = synced("binance")
    account.delete()

    assert synced("binance") == before
    assert "brackets" not in caplog.text
    Market.objects.all().delete()
    assert synced("binance")[LINEAR].brackets == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"is_active": False},
        {"is_sandbox": True},
        {"connection_code": "exchange_refused_key"},
        {"api_secret": ""},
        {"venue": "okx", "wallet_mode": "unified", "api_passphrase": "phrase"},
    ],
)
def test_only_accounts_in_use_whose_key_was_good_are_asked_with(exchange, fields):
    good = make_account(api_key="key", api_secret="secret")
    make_account(**{"api_key": "key", "api_secret": "secret", **fields})

    askers = find_askers([VENUES["binance"], VENUES["okx"]])

    assert {venue: [each.account_id for each in of_it] for venue, of_it in askers.items()} == {
        "binance": [good.pk]
    }


def test_accounts_that_cannot_be_read_are_not_asked_with(exchange, settings):
    fields = {"venue": "htx", "api_key": "key", "api_secret": "secret"}
    with_an_old_key = make_account(**fields)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    in_a_mode_that_htx_does_not_have, good = make_account(**fields), make_account(**fields)
    Account.objects.filter(pk=in_a_mode_that_htx_does_not_have.pk).update(wallet_mode="unified")

    (of_htx,) = find_askers([VENUES["htx"]]).values()

    assert [each.account_id for each in of_htx] == [good.pk]
    assert with_an_old_key.pk != good.pk


def test_htx_tells_risk_limits_in_contracts_to_a_key(exchange):
    exchange.open_account(venue="htx", wallets=WALLETS)

    found = synced("htx")

    assert found[LINEAR].brackets == (
        bracket("200", max_amount="400"),
        bracket("100", max_amount="4000"),
        bracket("50", max_amount="8000"),
    )
    # Nobody tells more of them than the highest leverage.
    assert (found[INVERSE].brackets, found[INVERSE].max_leverage) == ((), 125)


def test_htx_tells_the_highest_leverage_to_everybody(exchange, caplog):
    found = synced("htx")

    assert (found[LINEAR].brackets, found[LINEAR].max_leverage) == ((), 200)
    assert found["ETH/USDT:USDT"].max_leverage == 100
    assert found["BTC/USDT"].max_leverage is None
    exchange.server.market_place.fail_at("/linear-swap-api/v1/swap_cross_adjustfactor", "html")
    assert synced("htx")["ETH/USDT:USDT"].max_leverage == 100
    assert "brackets of htx could not be fetched" in caplog.text


def test_what_ccxt_said_of_htx_is_forgotten(exchange):
    delivered = "BTC/USD:BTC-301227"
    synced("htx")
    Market.objects.filter(venue="htx", symbol=delivered).update(max_leverage=Decimal(1))

    assert synced("htx")[delivered].max_leverage is None


def test_htx_tells_the_highest_leverage_where_the_key_is_refused(exchange, caplog):
    refuse_key_of(exchange.open_account(venue="htx", wallets=WALLETS))

    found = synced("htx")

    assert (found[LINEAR].brackets, found[LINEAR].max_leverage) == ((), 200)
    assert "brackets of htx could not be fetched (exchange_refused_key)" in caplog.text


def test_an_exchange_that_fails_is_not_asked_with_the_next_key(exchange, monkeypatch, caplog):
    asked = []

    def fail(*_args: Any) -> Any:
        asked.append(1)
        raise RuntimeError

    monkeypatch.setattr(binance, "_leverage_brackets", fail)
    exchange.open_account(wallets=WALLETS)
    exchange.open_account(wallets=WALLETS)

    assert synced("binance")[LINEAR].brackets == ()
    assert len(asked) == 1
    assert "brackets of binance could not be fetched (exchange_unreachable)" in caplog.text


def test_a_key_that_is_paused_is_not_used(exchange):
    account = exchange.open_account(wallets=WALLETS)
    (requests,) = find_askers([VENUES["binance"]]).values()
    clients = AccountClients(exchange.server.venue_urls, 1)
    line = clients.line(requests[0], requests[0].pools[0])
    for _ in range(FAILURES_TO_PAUSE):
        clients.politeness.failed(line, datetime.now(UTC))

    assert synced("binance")[LINEAR].brackets == ()
    assert account.connection_code == ""


@pytest.mark.parametrize(
    "level",
    ["nothing", {"initialLeverage": 125}, {"notionalCap": 300000}, {"notionalCap": ""}],
)
def test_levels_that_say_less_than_they_should_are_no_brackets(exchange, monkeypatch, level):
    entry = {"symbol": "BTCUSDT", "notionalCoef": 2, "brackets": [level]}
    monkeypatch.setattr(binance, "_leverage_brackets", lambda *_: [entry])
    exchange.open_account(wallets=WALLETS)

    assert synced("binance")[LINEAR].brackets == ()


@pytest.mark.parametrize(
    ("levels", "highest"),
    [
        ([], None),
        (["nothing"], None),
        ([{"lever_rate": 5}, {}], None),
        ([{"lever_rate": 5}, {"lever_rate": 0}], None),
        ([{"lever_rate": 5}] * 101, None),
        ([{"lever_rate": 5}, {"lever_rate": "75"}, {"lever_rate": 20}], 75),
    ],
)
def test_a_list_tells_a_maximum_only_where_each_level_has_one(levels, highest):
    call = VENUES["htx"].rules_call.brackets
    assert call is not None

    assert _highest(levels, call) == highest
