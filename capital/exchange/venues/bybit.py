"""Bybit: the unified trading account."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.calls.balances import (
    EQUITY,
    FREE,
    WALLET,
    BalanceCall,
    Holdings,
    Pace,
    Withheld,
)
from capital.exchange.calls.places import TheRow
from capital.exchange.calls.rules import BracketsCall, BracketsQuestion, RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

_WALLET = "walletBalance - spotBorrow??"
_MARGINS = "locked - totalPositionIM - totalOrderIM"
_CROSS = "/result.list.0.totalAvailableBalance"

ROWS = (
    Venue(
        id="bybit",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.UNIFIED,),
        currency="USDT",
        calls={
            # Spot and swap get the same response, so it is requested once.
            # Its documentation says that coins without assets or liabilities are left out.
            Pool.UNIFIED: (
                BalanceCall(
                    params={},
                    holdings=Holdings(
                        # A list of one; which of several it would be, nobody says.
                        path=("result", "list", TheRow(without=""), "coin"),
                        name="coin",
                        worth=("result", "list", 0, "totalEquity"),
                        says={("result", "list", 0, "accountType"): ("UNIFIED",)},
                    ),
                    formulas={
                        # Documented to include what was borrowed for spot. Older responses do not
                        # have that field.
                        WALLET: _WALLET,
                        EQUITY: "equity",
                        # availableToWithdraw is still sent, but no longer filled in. Documented in
                        # its place: in isolated margin, where the account has no figures of its
                        # own, the second sum; in cross margin, the account's margin balance (the
                        # wallet with its PnL) without the initial margins.
                        FREE: (
                            "availableToWithdraw",
                            f"{_WALLET} + unrealisedPnl - {_MARGINS} if {_CROSS}",
                            f"{_WALLET} - bonus?? - {_MARGINS}",
                        ),
                    },
                    # Documented for portfolio margin, whose margins are the account's only.
                    withheld=(
                        Withheld(FREE, "totalPositionIM", Code.BASIS_NOT_TOLD, values=("",)),
                    ),
                    # In cross margin, margins and losses of one coin may lie on the others.
                    pools_margin=_CROSS,
                    omits_empty=True,
                    pace=Pace(weight_per_minute=6480, key_requests=45),
                    told_at=("time",),
                ),
            ),
        },
        # Without these, ccxt spends two requests on finding out the account mode.
        options={
            "enableUnifiedMargin": False,
            "enableUnifiedAccount": True,
            "unifiedMarginStatus": 6,
        },
        sandbox="testnet",
        rules_call=RulesCall(
            # bybit-exchange.github.io, "Place Order": qty is in the base coin on linear contracts
            # and in the quote coin on inverse ones.
            amount_units=units(linear=AmountUnit.BASE, inverse=AmountUnit.QUOTE),
            options={"fetchMarkets": {"types": ["spot", "linear", "inverse"]}},
            market_most={
                InstrumentKind.SPOT: ("lotSizeFilter", "maxMarketOrderQty"),
                InstrumentKind.LINEAR: ("lotSizeFilter", "maxMktOrderQty"),
                InstrumentKind.INVERSE: ("lotSizeFilter", "maxMktOrderQty"),
            },
            # There too, "Get Risk Limit": linear has 15 symbols in each response, and a cursor. Of
            # BTCUSD it is "150", which are bitcoins. An address may ask 600 times in 5 seconds.
            brackets=BracketsCall(
                "publicGetV5MarketRiskLimit",
                "GET /v5/market/risk-limit",
                questions=(
                    BracketsQuestion({"category": "linear"}),
                    BracketsQuestion({"category": "inverse"}),
                ),
                market="symbol",
                path=("result", "list"),
                name="symbol",
                ends="riskLimitValue",
                leverage="maxLeverage",
                about="in pages",
                cursor=("result", "nextPageCursor"),
            ),
        ),
        inspections=(
            Inspection(
                "privateGetV5UserQueryApi",
                mode=("result", "uta"),
                modes={"0": WalletMode.SEPARATE, "1": WalletMode.UNIFIED},
                withdraw=("result", "permissions", "Wallet"),
                withdraws=("Withdraw",),
            ),
        ),
    ),
)
