"""What goes wrong where a venue's answer is taken for what it looks like. One test a trap.

The bodies are small and ours, in the form that each venue documents.
"""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.ccxt.clients import new_client
from capital.exchange.contract import BalanceRequest, Credentials
from capital.exchange.venues import VENUES, get_venue
from capital.simulator.faults import Fault
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState
from tests.exchange.asking import NOW, ask, gateway_to, request_for, simulated_account

WALLET, EQUITY, FREE = BalanceBasis


def read(venue: str, pool: str, body: Any, basis: BalanceBasis, currency: str = "USDT") -> Any:
    """The amount that ``body`` comes to, or the code of why there is none."""
    account = simulated_account(venue, currency=currency, recorded={pool: body})
    (answer,), _ = ask(account, pool, basis=basis)
    return answer.amount if isinstance(answer, Observation) else answer.code


def each_basis(venue: str, pool: str, body: Any, currency: str = "USDT") -> list[Any]:
    return [read(venue, pool, body, basis, currency) for basis in BalanceBasis]


def paths_asked(venue: str, pool: str, **fields: Any) -> tuple[Any, list[str]]:
    """The answer, and every path that ccxt asked for, also those that are no balance."""
    currency = fields.get("currency", VENUES[venue].currency)
    account = simulated_account(venue, wallets={pool: {currency: "5"}}, **fields)
    asked = []
    with SimulatedExchange(ExchangeState([account])) as server:
        gateway = gateway_to(server)
        request = request_for(account, [pool])
        build = CcxtGateway.client

        def noting(self: CcxtGateway, *args: Any) -> Any:
            exchange = build(self, *args)
            fetch = exchange.fetch

            async def noted(url: str, *rest: Any, **more: Any) -> Any:
                asked.append(url.removeprefix(server.base_url).partition("?")[0])
                return await fetch(url, *rest, **more)

            exchange.fetch = noted
            return exchange

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CcxtGateway, "client", noting)
            answers = gateway.fetch_balances([request], clock=lambda: NOW)
    return answers[1, Pool(pool)], asked


# Binance


def futures_asset(**fields: Any) -> dict[str, Any]:
    return {
        "asset": "USDT",
        "walletBalance": "100",
        "unrealizedProfit": "-12.5",
        "marginBalance": "87.5",
        "initialMargin": "40.000000001",
        "availableBalance": "47.499999999",
        "updateTime": 1700000000000,
        **fields,
    }


def test_binance_futures_free_and_used_need_not_be_the_total() -> None:
    body = {"assets": [futures_asset(availableBalance="30")]}

    assert each_basis("binance", "futures", body) == [
        Decimal(100),
        Decimal("87.5"),
        Decimal(30),
    ]


@pytest.mark.parametrize("never", [0, "0"])
def test_binance_futures_asset_that_was_never_updated_is_no_balance(never: Any) -> None:
    body = {"assets": [futures_asset(updateTime=never)]}

    assert read("binance", "futures", body, WALLET) is Code.EXCHANGE_CURRENCY_MISSING


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # 87.5 - 40.000000001, and no more.
        ({}, Decimal("47.499999999")),
        ({"availableBalance": "47.5001"}, Code.BASIS_OVER_CURRENCIES),
        # Other coins carry the margin: less is free than there is, and none of it is its own.
        ({"availableBalance": "60", "initialMargin": "650"}, Code.BASIS_OVER_CURRENCIES),
        ({"availableBalance": "0", "initialMargin": "650"}, Decimal(0)),
        # An isolated position, which that mode does not have, takes its margin elsewhere.
        (
            {"crossWalletBalance": "70", "crossUnPnl": "-2", "availableBalance": "67"},
            Decimal(67),
        ),
        (
            {"crossWalletBalance": "70", "crossUnPnl": "-2", "availableBalance": "68.1"},
            Code.BASIS_OVER_CURRENCIES,
        ),
    ],
)
def test_binance_free_that_counts_other_coins_is_withheld(
    fields: dict[str, Any], expected: Any
) -> None:
    """Version 3, which is asked, does not say whether multi-assets mode is on."""
    asset = futures_asset(**{"crossWalletBalance": "100", "crossUnPnl": "-12.5", **fields})

    assert each_basis("binance", "futures", {"assets": [asset]}) == [
        Decimal(100),
        Decimal("87.5"),
        expected,
    ]


def test_binance_account_in_a_coin_is_read_from_the_wallet_of_coin_margined_contracts() -> None:
    """The other futures wallet may hold the same coin, as collateral for dollars."""
    coin = futures_asset(
        asset="BTC",
        walletBalance="0.00241969",
        unrealizedProfit="0.0005",
        marginBalance="0.00291969",
        availableBalance="0.0020",
    )

    assert each_basis("binance", "futures", {"assets": [coin]}, "BTC") == [
        Decimal("0.00241969"),
        Decimal("0.00291969"),
        Decimal("0.002"),
    ]
    for currency, path in (("BTC", "/dapi/v1/account"), ("USDT", "/fapi/v3/account")):
        _, asked = paths_asked("binance", "futures", currency=currency)
        assert asked == [path]


def test_portfolio_margin_has_no_free_and_what_ccxt_calls_used_is_a_pnl() -> None:
    body = [
        {
            "asset": "USDT",
            "totalWalletBalance": "76.9923261",
            "crossMarginFree": "45.9697141",
            "crossMarginLocked": "0.0",
            # A loan lies in the wallet, and is nobody's capital.
            "crossMarginBorrowed": "9.99",
            "crossMarginInterest": "0.01",
            "umWalletBalance": "31.022612",
            "umUnrealizedPNL": "-7.25",
            # Documented so: no coin-margined contracts.
            "cmUnrealizedPNL": "",
            "updateTime": 0,
        }
    ]

    assert each_basis("binance", "unified", body) == [
        Decimal("66.9923261"),
        Decimal("59.7423261"),
        Code.BASIS_NOT_TOLD,
    ]


@pytest.mark.parametrize("host", ["api", "papi"])
def test_binance_signature_that_is_refused_is_the_keys_fault_in_portfolio_margin_too(
    host: str,
) -> None:
    """ccxt calls it a bad request there, by the address, which a simulator does not have."""
    from ccxt.base import errors

    body = {"code": -1022, "msg": "Signature for this request is not valid."}
    url = f"https://{host}.binance.com/papi/v1/balance"

    with pytest.raises(errors.AuthenticationError):
        new_client("binance").handle_errors(
            400, "", url, "GET", {}, json.dumps(body), body, {}, None
        )


# Bybit and OKX


def test_bybit_free_is_worked_out_where_it_is_no_longer_told() -> None:
    coin = {
        "coin": "USDT",
        "walletBalance": "500",
        "equity": "530.5",
        "unrealisedPnl": "30.5",
        "locked": "20",
        "totalPositionIM": "100.25",
        "totalOrderIM": "9.75",
        "availableToWithdraw": "",
    }
    body = {"retCode": 0, "result": {"list": [{"accountType": "UNIFIED", "coin": [coin]}]}}

    assert each_basis("bybit", "unified", body) == [Decimal(500), Decimal("530.5"), Decimal(370)]


def test_bybit_loan_is_in_the_wallet_balance_and_is_nobodys_capital() -> None:
    coin = {
        "coin": "USDT",
        "walletBalance": "1500",
        "spotBorrow": "1000",
        "equity": "512.5",
        "unrealisedPnl": "12.5",
        "locked": "20",
        "totalPositionIM": "100",
        "totalOrderIM": "0",
    }
    body = {"retCode": 0, "result": {"list": [{"accountType": "UNIFIED", "coin": [coin]}]}}

    assert each_basis("bybit", "unified", body) == [Decimal(500), Decimal("512.5"), Decimal(380)]


def cross_margin(*coins: dict[str, Any]) -> dict[str, Any]:
    wallet = {"accountType": "UNIFIED", "totalAvailableBalance": "500", "coin": list(coins)}
    return {"retCode": 0, "result": {"list": [wallet]}}


def margin_coin(name: str, **fields: str) -> dict[str, Any]:
    nothing = ("locked", "totalPositionIM", "totalOrderIM", "unrealisedPnl", "spotBorrow", "bonus")
    return {"coin": name, "availableToWithdraw": "", **dict.fromkeys(nothing, "0"), **fields}


USDT = margin_coin(
    "USDT", walletBalance="500", equity="530.5", unrealisedPnl="30.5", locked="20",
    totalPositionIM="100", totalOrderIM="10", bonus="7",
)  # fmt: skip


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        # 500 + 30.5 - 20 - 100 - 10
        ({"walletBalance": "1", "equity": "1"}, Decimal("400.5")),
        ({"walletBalance": "1", "equity": "1", "totalPositionIM": "1"}, Decimal("400.5")),
        # Margins, losses and loans of another coin lie on this one.
        ({"walletBalance": "1", "equity": "1", "totalPositionIM": "1.1"}, None),
        ({"walletBalance": "1", "equity": "-0.5", "unrealisedPnl": "-1.5"}, None),
        ({"walletBalance": "1", "equity": "-2", "spotBorrow": "3"}, None),
        # What cannot be read of another coin is not judged.
        ({"walletBalance": "", "equity": "1"}, Decimal("400.5")),
    ],
)
def test_bybit_free_in_cross_margin_has_the_profit_in_it_unless_another_coin_falls_short(
    other: dict[str, str], expected: Decimal | None
) -> None:
    body = cross_margin(margin_coin("BTC", **other), USDT)

    assert read("bybit", "unified", body, FREE) == (expected or Code.BASIS_OVER_CURRENCIES)
    assert read("bybit", "unified", body, WALLET) == 500


def test_bybit_free_in_isolated_margin_is_without_profit_and_bonus() -> None:
    body = cross_margin(margin_coin("BTC", walletBalance="0", totalPositionIM="5"), USDT)
    body["result"]["list"][0]["totalAvailableBalance"] = ""

    # 500 - 7 - 20 - 100 - 10
    assert read("bybit", "unified", body, FREE) == 363


def test_bybit_account_of_another_kind_is_not_the_unified_one() -> None:
    body = cross_margin(USDT)
    body["result"]["list"][0]["accountType"] = "CONTRACT"

    assert read("bybit", "unified", body, WALLET) is Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize(
    ("cash", "liability", "expected"),
    [
        ("1500", "1000", Code.BASIS_WITH_LOAN),
        ("1500", "0", Decimal(1500)),
        ("1500", "", Decimal(1500)),
        # A debt whatever is in it.
        ("-250", "250", Decimal(-250)),
    ],
)
def test_okx_loan_may_be_in_the_cash_balance_and_a_debt_is_one(
    cash: str, liability: str, expected: Any
) -> None:
    detail = {"ccy": "USDT", "cashBal": cash, "eq": "500", "liab": liability}
    body = {"code": "0", "data": [{"details": [detail]}]}

    assert read("okx", "unified", body, WALLET) == expected


def test_bybit_free_is_unknown_where_the_margins_are_not_told() -> None:
    """In portfolio margin mode they are empty."""
    coin = {
        "coin": "USDT",
        "walletBalance": "500",
        "equity": "500",
        "locked": "0",
        "totalPositionIM": "",
        "totalOrderIM": "",
        "availableToWithdraw": "",
    }
    body = {"retCode": 0, "result": {"list": [{"accountType": "UNIFIED", "coin": [coin]}]}}

    assert read("bybit", "unified", body, FREE) is Code.BASIS_NOT_TOLD
    # Where they should be told, an answer without them is none.
    del coin["totalPositionIM"]
    assert read("bybit", "unified", body, FREE) is Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize("venue", ["bybit", "okx"])
def test_unified_wallet_is_asked_once_whatever_trades_on_it(venue: str) -> None:
    _, asked = paths_asked(venue, "unified")

    assert len(asked) == 1


def test_okx_orders_may_freeze_more_than_there_is() -> None:
    detail = {
        "ccy": "USDT",
        "cashBal": "10",
        "eq": "9.5",
        "upl": "-0.5",
        "availEq": "",
        "availBal": "4",
        "frozenBal": "441.02",
        "ordFrozen": "454.3",
    }
    body = {"code": "0", "data": [{"details": [detail]}]}

    assert each_basis("okx", "unified", body) == [Decimal(10), Decimal("9.5"), Decimal(4)]


# Bitget


def test_bitget_never_guesses_the_account_mode_nor_remembers_a_guess() -> None:
    """ccxt takes a failure of the settings, a timeout too, for "not unified"."""
    for pool, path in (
        ("spot", "/api/v2/spot/account/assets"),
        ("unified", "/api/v3/account/assets"),
    ):
        answer, asked = paths_asked("bitget", pool)

        assert answer == Observation(Decimal(5), NOW)
        assert asked == [path]


def test_bitget_unified_account_that_fails_is_not_asked_for_another_wallet() -> None:
    answer, asked = paths_asked("bitget", "unified", faults={"unified": Fault.UNAUTHORIZED})

    assert isinstance(answer, Reason)
    assert asked == ["/api/v3/account/assets"]


def test_bitget_futures_profit_may_be_told_in_two_parts() -> None:
    account = {
        "marginCoin": "USDT",
        "maxTransferOut": "50",
        "accountEquity": "123",
        "unrealizedPL": "",
        "crossedUnrealizedPL": "23",
        "isolatedUnrealizedPL": "0",
    }

    assert each_basis("bitget", "futures", {"code": "00000", "data": [account]}) == [
        Decimal(100),
        Decimal(123),
        Decimal(50),
    ]


@pytest.mark.parametrize("pool", ["spot", "unified"])
def test_bitget_answer_without_a_list_is_no_empty_wallet(pool: str) -> None:
    for body in ({}, {"code": "00000", "data": None}, {"code": "00000"}):
        assert read("bitget", pool, body, WALLET) is Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize(("debt", "expected"), [("0", Decimal(1500)), ("0.00", Decimal(1500)),
    ("1000", Code.BASIS_WITH_LOAN), ("much", Code.EXCHANGE_BAD_ANSWER),
    ("", Code.EXCHANGE_BAD_ANSWER), (None, Code.EXCHANGE_BAD_ANSWER)])  # fmt: skip
@pytest.mark.parametrize(("venue", "field"), [("bitget", "debt"), ("kucoin", "liability")])
def test_wallet_that_may_have_a_loan_in_it_is_withheld(
    venue: str, field: str, debt: str, expected: Any
) -> None:
    coin = {
        "balance": "1500", "equity": "500", "available": "400", "locked": "0", field: debt,
    }  # fmt: skip
    body = {
        "bitget": {"code": "00000", "data": {"assets": [{"coin": "USDT", **coin}]}},
        "kucoin": {
            "code": "200000",
            "data": {"accounts": [{"currencies": [{"currency": "USDT", **coin}]}]},
        },
    }[venue]

    assert each_basis(venue, "unified", body) == [expected, Decimal(500), Decimal(400)]


# Gate and KuCoin


def test_gate_unified_equity_is_what_it_says_where_ccxts_total_is_zero() -> None:
    eth = {"available": "0", "freeze": "0", "borrowed": "0.075393666654", "equity": "1016.1"}
    body = {"user_id": 1, "balances": {"ETH": eth}}

    assert each_basis("gate", "unified", body, "ETH") == [
        Code.BASIS_WITH_PNL_ONLY,
        Decimal("1016.1"),
        Decimal(0),
    ]


def test_gate_is_not_asked_what_kind_of_account_it_is() -> None:
    for pool in ("spot", "futures", "unified"):
        assert len(paths_asked("gate", pool)[1]) == 1


def test_kucoin_is_not_asked_what_kind_of_account_it_is() -> None:
    for pool, path in (
        ("spot", "/api/v1/accounts"),
        ("futures", "/api/v1/account-overview"),
        ("unified", "/api/ua/v1/unified/account/balance"),
    ):
        assert paths_asked("kucoin", pool)[1] == [path]


def test_kucoin_probes_the_account_mode_unless_its_option_is_set() -> None:
    """The option, not the parameter: this is what the row keeps ccxt from."""

    async def probe() -> list[str]:
        account = simulated_account("kucoin", wallets={"spot": {"USDT": "5"}})
        asked = []
        exchange = CcxtGateway(venue_urls={}, concurrency=1).client(
            request_for(account, ["spot"]),
            None,  # type: ignore[arg-type]
        )

        async def fetch(url: str, *_: Any, **__: Any) -> Any:
            asked.append(url)
            return {"code": "200000", "data": {"selfAccountMode": "CLASSIC"}}

        exchange.fetch = fetch
        await exchange.fetch_balance({"type": "trade", "uta": False})
        return asked

    assert "account/mode" in asyncio.run(probe())[0]
    assert get_venue("kucoin").call(Pool.SPOT, "USDT").options == {"uta": False}


def test_kucoin_lists_main_beside_trade_and_only_trade_counts() -> None:
    rows = [
        {"currency": "USDT", "type": kind, "balance": amount, "available": amount, "holds": "0"}
        for kind, amount in (("main", "900"), ("trade", "7"), ("margin", "50"))
    ]

    assert read("kucoin", "spot", {"code": "200000", "data": rows}, WALLET) == Decimal(7)


def test_kucoin_futures_equity_has_the_profit_in_it_and_the_margin_balance_has_not() -> None:
    data = {
        "accountEquity": 99.8999305281,
        "unrealisedPNL": -0.1,
        "marginBalance": 99.9999305281,
        "availableBalance": 80.5,
        "currency": "XBT",
    }

    assert each_basis("kucoin", "futures", {"code": "200000", "data": data}, "BTC") == [
        Decimal("99.9999305281"),
        Decimal("99.8999305281"),
        Decimal("80.5"),
    ]


def test_bitget_futures_in_multi_assets_mode_count_other_coins_as_free() -> None:
    account = {
        "marginCoin": "USDT",
        "maxTransferOut": "50",
        "accountEquity": "123",
        "unrealizedPL": "23",
        "assetMode": "union",
    }

    assert each_basis("bitget", "futures", {"code": "00000", "data": [account]}) == [
        Decimal(100),
        Decimal(123),
        Code.BASIS_OVER_CURRENCIES,
    ]


@pytest.mark.parametrize(
    "mode", [{"margin_mode": 1}, {"margin_mode": "3"}, {"enable_credit": True}]
)
def test_gate_futures_of_a_unified_account_are_no_wallet(mode: dict[str, Any]) -> None:
    account = {"currency": "USDT", "total": "0", "unrealised_pnl": "0", "available": "0"}

    assert read("gate", "futures", account, WALLET) == 0
    assert read("gate", "futures", {**account, **mode}, WALLET) is Code.EXCHANGE_BAD_ANSWER


# Kraken


def extended(**entries: dict[str, str]) -> dict[str, Any]:
    return {"error": [], "result": entries}


@pytest.mark.parametrize(
    ("entries", "wallet", "free"),
    [
        # What earns rewards is spent as its base currency, whether or not that is listed.
        ({"EUR.F": {"balance": "7", "hold_trade": "1"}}, "7", "6"),
        ({"ZEUR": {"balance": "2", "hold_trade": "2"},
          "EUR.F": {"balance": "7", "hold_trade": "0"}}, "9", "7"),
        # Nothing else is.
        ({"ZEUR": {"balance": "2", "hold_trade": "0"}, "EUR.M": {"balance": "7", "hold_trade": "0"},
          "EUR.HOLD": {"balance": "25", "hold_trade": "0"}}, "2", "2"),
        # A credit line.
        ({"ZEUR": {"balance": "100", "credit": "50", "credit_used": "0", "hold_trade": "5"}},
         "100", "145"),
        ({"ZEUR": {"balance": "100", "credit": "50", "credit_used": "10", "hold_trade": "5"}},
         Code.BASIS_WITH_LOAN, "135"),
        # Twice the same, or one that is broken.
        ({"ZEUR": {"balance": "2", "hold_trade": "0"}, "EUR": {"balance": "2", "hold_trade": "0"}},
         Code.EXCHANGE_BAD_ANSWER, Code.EXCHANGE_BAD_ANSWER),
        ({"ZEUR": {"balance": "0", "hold_trade": "0"}, "EUR.F": None},
         Code.EXCHANGE_BAD_ANSWER, Code.EXCHANGE_BAD_ANSWER),
        ({"EUR.M": {"balance": "7", "hold_trade": "0"}},
         Code.EXCHANGE_CURRENCY_MISSING, Code.EXCHANGE_CURRENCY_MISSING),
    ],
)  # fmt: skip
def test_kraken_counts_what_is_spent_through_the_base_currency(
    entries: dict[str, Any], wallet: Any, free: Any
) -> None:
    expected = [each if isinstance(each, Code) else Decimal(each) for each in (wallet, free)]

    assert [
        read("kraken", "spot", extended(**entries), basis, "EUR") for basis in (WALLET, FREE)
    ] == (expected)


def test_kraken_has_no_futures_and_krakenfutures_is_another_account() -> None:
    assert get_venue("kraken").markets == {"spot"}
    assert get_venue("krakenfutures").markets == {"futures"}


def test_kraken_staked_coins_are_another_currency() -> None:
    body = {
        "error": [],
        "result": {
            "XXBT": {"balance": "1", "hold_trade": "0.25"},
            "XBT.M": {"balance": "5", "hold_trade": "0"},
        },
    }

    assert each_basis("kraken", "spot", body, "BTC") == [
        Decimal(1),
        Code.BASIS_OVER_CURRENCIES,
        Decimal("0.75"),
    ]


def flex(currency: str) -> dict[str, Any]:
    account = {
        "currencies": {
            currency: {"quantity": "200", "value": "200.1", "available": "150.5"},
            "XBT": {"quantity": "1", "value": "60000", "available": "1"},
        },
        "portfolioValue": "60207.35",
        "pnl": "7",
        "unrealizedFunding": "0.25",
        "totalUnrealized": "7.25",
        "type": "multiCollateralMarginAccount",
    }
    return {
        "result": "success",
        "accounts": {"flex": account},
        "serverTime": "2026-01-01T00:00:00Z",
    }


def test_krakenfutures_other_coins_are_never_counted_in() -> None:
    assert each_basis("krakenfutures", "futures", flex("USD"), "USD") == [
        Decimal(200),
        Decimal("207.25"),
        Decimal("150.5"),
    ]
    # Its PnL is counted in dollars: a wallet in anything else has no equity of its own.
    assert each_basis("krakenfutures", "futures", flex("USDT"), "USDT") == [
        Decimal(200),
        Code.BASIS_OVER_CURRENCIES,
        Decimal("150.5"),
    ]


# Coinbase


def brokerage_account(**fields: Any) -> dict[str, Any]:
    return {
        "currency": "USD",
        "available_balance": {"value": "70.5", "currency": "USD"},
        "hold": {"value": "29.5", "currency": "USD"},
        "type": "ACCOUNT_TYPE_FIAT",
        **fields,
    }


def test_coinbase_holds_are_seen_and_staked_wallets_are_not_added() -> None:
    staked = brokerage_account(type="ACCOUNT_TYPE_STAKED_FUNDS")
    body = {"accounts": [brokerage_account(), staked], "has_next": False, "cursor": ""}

    assert [read("coinbase", "spot", body, basis, "USD") for basis in (WALLET, FREE)] == [
        Decimal(100),
        Decimal("70.5"),
    ]


def test_coinbase_accounts_of_futures_and_of_its_other_exchange_are_not_spot() -> None:
    others = [
        brokerage_account(platform=f"ACCOUNT_PLATFORM_{name}") for name in ("CFM_CONSUMER", "INTX")
    ]
    spot = brokerage_account(platform="ACCOUNT_PLATFORM_CONSUMER")

    assert read("coinbase", "spot", {"accounts": [*others, spot]}, WALLET, "USD") == Decimal(100)


LISTED = {"accounts": [brokerage_account()], "has_next": True, "cursor": "2"}
LAST = {"accounts": [brokerage_account()], "has_next": False, "cursor": ""}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (LISTED, LAST, Decimal(200)),
        (LISTED, {**LAST, "accounts": []}, Decimal(100)),
        (LISTED, LISTED, None),
        (LISTED, {**LAST, "accounts": None}, None),
        (LISTED, {}, None),
        ({**LISTED, "accounts": None}, LAST, None),
        ({"has_next": True, "cursor": "2"}, LAST, None),
    ],
    ids=["whole", "empty", "stuck", "no list", "nothing", "no first list", "no first key"],
)
def test_coinbase_accounts_are_added_over_all_pages_or_not_at_all(
    first: Any, second: Any, expected: Decimal | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ccxt joins the pages that it gets, whatever is on them."""

    async def fetch(_self: Any, url: str, *_: Any, **__: Any) -> Any:
        return json.loads(json.dumps(second if "cursor=2" in url else first))

    monkeypatch.setattr("ccxt.async_support.coinbase.fetch", fetch)
    request = request_for(simulated_account("coinbase"), ["spot"])
    gateway = CcxtGateway(venue_urls={"coinbase": "http://127.0.0.1:9"}, concurrency=1)

    answer: Any = gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT]

    if expected is None:
        assert answer.code is Code.EXCHANGE_BAD_ANSWER
    else:
        assert answer == Observation(expected, NOW)


def test_coinbase_is_asked_at_version_3() -> None:
    assert paths_asked("coinbase", "spot")[1] == ["/api/v3/brokerage/accounts"]


def test_coinbase_futures_never_count_the_spot_dollars() -> None:
    money = {
        "total_usd_balance": "1500",
        "cbi_usd_balance": "1000",
        "cfm_usd_balance": "500",
        "unrealized_pnl": "-20.5",
        "futures_buying_power": "1400",
    }
    summary = {name: {"value": value, "currency": "USD"} for name, value in money.items()}

    assert each_basis("coinbase", "futures", {"balance_summary": summary}, "USD") == [
        Decimal(500),
        Decimal("479.5"),
        Code.BASIS_COUNTS_SPOT,
    ]


# Hyperliquid, Deribit


def test_hyperliquid_wallet_is_its_value_without_the_open_profit() -> None:
    body = {
        "marginSummary": {"accountValue": "120.75", "totalMarginUsed": "50"},
        "withdrawable": "60",
        "assetPositions": [
            {"position": {"coin": "BTC", "unrealizedPnl": "30.5"}},
            {"position": {"coin": "ETH", "unrealizedPnl": "-9.75"}},
        ],
    }

    assert each_basis("hyperliquid", "futures", body, "USDC") == [
        Decimal(100),
        Decimal("120.75"),
        Decimal("70.75"),
    ]


def test_hyperliquid_is_not_asked_what_kind_of_account_it_is_and_needs_no_private_key() -> None:
    for pool in ("spot", "futures", "unified"):
        answer, asked = paths_asked("hyperliquid", pool)

        assert isinstance(answer, Observation)
        assert asked == ["/info"]


def summary(**fields: Any) -> dict[str, Any]:
    return {
        "currency": "BTC",
        "balance": 302.60065765,
        "equity": 302.61869214,
        "available_funds": 301.38059622,
        "futures_session_rpl": -0.03258105,
        "session_rpl": -0.03258105,
        "cross_collateral_enabled": False,
        **fields,
    }


def test_deribit_wallet_has_in_it_what_was_realised_since_the_settlement() -> None:
    body = {"jsonrpc": "2.0", "result": {"summaries": [summary()]}}

    # 302.60065765 - 0.03258105
    assert each_basis("deribit", "unified", body, "BTC") == [
        Decimal("302.5680766"),
        Decimal("302.61869214"),
        Decimal("301.38059622"),
    ]


def test_deribit_answers_about_one_currency_without_a_list() -> None:
    body = {"jsonrpc": "2.0", "result": summary()}
    others = {"jsonrpc": "2.0", "result": {"id": 1, "summaries": None}}

    assert each_basis("deribit", "unified", body, "BTC") == [
        Decimal("302.5680766"),
        Decimal("302.61869214"),
        Decimal("301.38059622"),
    ]
    assert set(each_basis("deribit", "unified", body, "ETH")) == {Code.EXCHANGE_CURRENCY_MISSING}
    assert set(each_basis("deribit", "unified", others, "BTC")) == {Code.EXCHANGE_BAD_ANSWER}


def test_deribit_cross_collateral_repeats_the_pool_in_each_currency_so_free_is_withheld() -> None:
    whole = summary(cross_collateral_enabled=True)
    empty = summary(
        currency="SOL", balance=0, equity=0, futures_session_rpl=0, available_funds=0.2856,
        cross_collateral_enabled=True,
    )  # fmt: skip
    body = {"jsonrpc": "2.0", "result": {"summaries": [whole, empty]}}

    assert each_basis("deribit", "unified", body, "SOL") == [
        Decimal(0),
        Decimal(0),
        Code.BASIS_OVER_CURRENCIES,
    ]


# MEXC, HTX, BingX


def test_mexc_futures_wallet_has_what_positions_hold_in_it() -> None:
    data = {
        "currency": "USDT",
        "positionMargin": 40.5,
        "availableBalance": 50,
        "cashBalance": 50,
        "frozenBalance": 9.5,
        "equity": 103.25,
        "unrealized": 3.25,
    }

    assert each_basis("mexc", "futures", {"success": True, "code": 0, "data": [data]}) == [
        Decimal(100),
        Decimal("103.25"),
        Decimal(50),
    ]


def test_htx_coin_account_is_read_from_the_inverse_wallet_which_sub_type_does_not_reach() -> None:
    inverse = {
        "symbol": "BTC",
        "margin_balance": 1.5,
        "margin_available": 1.25,
        "profit_unreal": 0.5,
    }

    assert each_basis("htx", "futures", {"status": "ok", "data": [inverse]}, "BTC") == [
        Decimal(1),
        Decimal("1.5"),
        Decimal("1.25"),
    ]
    account = simulated_account("htx", currency="BTC", wallets={"futures": {"BTC": "1"}})
    assert ask(account, "futures")[1].requests[0].path == "/swap-api/v1/swap_account_info"


def test_htx_is_asked_for_the_number_of_its_spot_account_once() -> None:
    assert paths_asked("htx", "spot")[1] == [
        "/v1/account/accounts",
        "/v1/account/accounts/1/balance",
    ]
    account = simulated_account("htx", wallets={"spot": {"USDT": "5"}})
    with SimulatedExchange(ExchangeState([account])) as server:
        gateway, request = gateway_to(server), request_for(account, ["spot"])
        before = gateway.fetch_balances([request], clock=lambda: NOW)
        line = gateway.line(request, Pool.SPOT)
        known = gateway.politeness.account_ids(line)
        after = gateway.fetch_balances([request], clock=lambda: NOW)

    assert before == after == {(1, Pool.SPOT): Observation(Decimal(5), NOW)}
    assert known is not None


def test_htx_linear_wallet_without_the_open_profit() -> None:
    detail = {
        "currency": "USDT",
        "equity": "174.216697577770536136",
        "profit_unreal": "4.000000000000000001",
        "available_margin": "100",
    }

    assert each_basis("htx", "futures", {"code": 200, "data": {"details": [detail]}}) == [
        Decimal("170.216697577770536135"),
        Decimal("174.216697577770536136"),
        Decimal(100),
    ]


def test_bingx_total_of_ccxt_leaves_frozen_margin_and_profit_out() -> None:
    data = {
        "asset": "USDT",
        "balance": "194.8212",
        "equity": "196.7431",
        "unrealizedProfit": "1.9219",
        "availableMargin": "193.7609",
        "usedMargin": "1.0602",
        "freezedMargin": "0.0000",
    }

    assert each_basis("bingx", "futures", {"code": 0, "msg": "", "data": [data]}) == [
        Decimal("194.8212"),
        Decimal("196.7431"),
        Decimal("193.7609"),
    ]


# All of them

FIELDS = {venue.id: venue.pools(venue.usual_wallet_mode)[0].value for venue in VENUES.values()}


@pytest.mark.parametrize(("venue", "pool"), FIELDS.items())
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.MISSING_CURRENCY, Code.EXCHANGE_CURRENCY_MISSING),
        (Fault.HTML, Code.EXCHANGE_BAD_ANSWER),
        (Fault.NAN, Code.EXCHANGE_BAD_ANSWER),
        (Fault.NAN_TEXT, Code.EXCHANGE_BAD_ANSWER),
        (Fault.INFINITE, Code.EXCHANGE_BAD_ANSWER),
    ],
)
def test_what_is_no_balance_is_no_balance(
    venue: str, pool: str, fault: Fault, code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.exchange.ccxt.balances.RETRY_PAUSE_SECONDS", 0.01)
    row = VENUES[venue]
    account = simulated_account(venue, wallets={pool: {row.currency: "5"}}, faults={pool: fault})

    (answer,), _ = ask(account, pool)

    if fault is Fault.MISSING_CURRENCY and row.call(Pool(pool), row.currency).omits_empty:
        assert answer == Observation(Decimal(0), NOW)
        return
    assert isinstance(answer, Reason)
    assert answer.code is code


@pytest.mark.parametrize(("venue", "pool"), FIELDS.items())
@pytest.mark.parametrize(
    "amount", ["１０００", "1_000", "1e400", "Infinity", "0x10", "ten", "1,000"]
)
def test_text_that_is_no_plain_number_is_no_balance(venue: str, pool: str, amount: str) -> None:
    account = simulated_account(venue, wallets={pool: {VENUES[venue].currency: "5"}})
    account.wallets[Pool(pool)][account.currency] = amount

    (answer,), _ = ask(account, pool)

    assert isinstance(answer, Reason)
    assert answer.code is Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize(
    ("worth", "expected"),
    [("5000", Code.EXCHANGE_BAD_ANSWER), ("0.00", Decimal(0)), ("", Decimal(0)), (None, Decimal(0)),
     ("much", Code.EXCHANGE_BAD_ANSWER)],
)  # fmt: skip
@pytest.mark.parametrize(
    ("venue", "body"),
    [
        ("bybit", lambda worth: {"result": {"list": [{"totalEquity": worth, "coin": []}]}}),
        ("okx", lambda worth: {"code": "0", "data": [{"totalEq": worth, "details": []}]}),
        ("bitget", lambda worth: {"data": {"accountEquity": worth, "assets": []}}),
    ],
)
def test_empty_list_is_no_empty_wallet_where_all_of_it_is_worth_something(
    venue: str, body: Callable[[Any], Any], worth: Any, expected: Any
) -> None:
    answer = {"code": "00000", "retCode": 0, **body(worth)}

    assert read(venue, "unified", answer, WALLET) == expected


@pytest.mark.parametrize(
    ("venue", "pool", "body", "rows"),
    [
        ("bybit", "unified", {"retCode": 0, "result": {"list": [{}]}}, "coin"),
        ("okx", "unified", {"code": "0", "data": [{}]}, "details"),
        ("bitget", "unified", {"code": "00000", "data": {}}, "assets"),
        ("bitget", "spot", {"code": "00000"}, "data"),
    ],
)
@pytest.mark.parametrize("name", [None, "", 5, "no row"])
def test_entry_that_cannot_be_read_is_not_taken_for_an_empty_wallet(
    venue: str, pool: str, body: Any, rows: str, name: Any
) -> None:
    """Where what is not listed counts as zero, everything that is listed must be readable."""
    field = {"okx": "ccy"}.get(venue, "coin")
    row = None if name == "no row" else {field: name, "walletBalance": "5000", "cashBal": "5000"}
    body = json.loads(json.dumps(body))
    place = {
        "bybit": lambda: body["result"]["list"][0],
        "okx": lambda: body["data"][0],
        "bitget": lambda: body["data"] if pool == "unified" else body,
    }[venue]()
    place[rows] = [row]

    assert read(venue, pool, body, WALLET) is Code.EXCHANGE_BAD_ANSWER


def test_currency_that_is_listed_twice_is_no_balance() -> None:
    row = {"currency": "KRW", "balance": "1", "locked": "0"}

    assert read("upbit", "spot", [row, row], WALLET, "KRW") is Code.EXCHANGE_BAD_ANSWER


# A venue without a row


@pytest.mark.parametrize(
    ("body", "basis", "expected"),
    [
        ({"USDT": {"available": "5.5", "freeze": "1.25"}}, WALLET, Decimal("6.75")),
        ({"USDT": {"available": "5.5", "freeze": "1.25"}}, FREE, Decimal("5.5")),
        ({"BTC": {"available": "5.5", "freeze": "1.25"}}, WALLET, Code.EXCHANGE_CURRENCY_MISSING),
        ({"USDT": {"available": "NaN", "freeze": "1.25"}}, WALLET, Code.EXCHANGE_BAD_ANSWER),
        ({}, WALLET, Code.EXCHANGE_CURRENCY_MISSING),
    ],
)
def test_venue_that_only_ccxt_knows_is_read_in_ccxts_words(
    body: Any, basis: BalanceBasis, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(_self: Any, *_: Any, **__: Any) -> Any:
        return body

    venue = get_venue("whitebit")
    monkeypatch.setattr("ccxt.async_support.whitebit.fetch", fetch)
    request = BalanceRequest(
        1, venue, "USDT", [Pool.SPOT], Credentials("key", "secret"), balance_basis=basis
    )
    gateway = CcxtGateway(venue_urls={"whitebit": "http://127.0.0.1:9"}, concurrency=1)

    answer: Any = gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT]

    assert (answer.amount if isinstance(answer, Observation) else answer.code) == expected
