"""KuCoin: trade and futures wallets, or the unified trading account."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings, Withheld
from capital.exchange.calls.places import TheRow
from capital.exchange.calls.rules import (
    BracketsCall,
    BracketsQuestion,
    RulesCall,
    everywhere,
    units,
)
from capital.exchange.venue import BOTH_MARKETS, KEY_SECRET_AND_PASSPHRASE, Inspection, Venue

# ccxt requests the account mode unless this option is set; a parameter does not prevent it.
_CLASSIC, _UNIFIED = {"uta": False}, {"uta": True}
_UNIFIED_ACCOUNT = TheRow(without="accountSubtype", says={"accountType": ("UNIFIED",)})

ROWS = (
    Venue(
        id="kucoin",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE, WalletMode.UNIFIED),
        currency="USDT",
        calls={
            # The trade account; main and margin are separate.
            Pool.SPOT: (
                BalanceCall(
                    params={"type": "trade"},
                    holdings=Holdings(path=("data",), name="currency", only={"type": ("trade",)}),
                    formulas={WALLET: "balance", EQUITY: "balance", FREE: "available"},
                    options=_CLASSIC,
                ),
            ),
            # One wallet for each currency. ccxt's total is accountEquity.
            Pool.FUTURES: (
                BalanceCall(
                    params={"type": "contract", "code": "{currency}"},
                    holdings=Holdings(path=("data",), form="single", name="currency"),
                    formulas={
                        WALLET: "marginBalance",
                        EQUITY: "accountEquity",
                        FREE: "availableBalance",
                    },
                    options=_CLASSIC,
                    currency_ids={"BTC": "XBT"},
                ),
            ),
            Pool.UNIFIED: (
                BalanceCall(
                    params={},
                    # Isolated accounts, one for each pair, have a subtype.
                    holdings=Holdings(
                        path=("data", "accounts", _UNIFIED_ACCOUNT, "currencies"),
                        name="currency",
                        says={("data", "accountType"): ("UNIFIED",)},
                    ),
                    # ccxt gives no total at all here.
                    formulas={WALLET: "balance", EQUITY: "equity", FREE: "available"},
                    # It is not documented whether balance includes a loan.
                    withheld=(Withheld(WALLET, "liability", Code.BASIS_WITH_LOAN, is_amount=True),),
                    options=_UNIFIED,
                ),
            ),
        },
        credentials=KEY_SECRET_AND_PASSPHRASE,
        # kucoin.com/docs-new, "Add Order" of futures: size is in lots, "the number of contracts";
        # unified accounts are asked in UNIT, which is the same.
        rules_call=RulesCall(
            amount_units=units(linear=AmountUnit.CONTRACTS, inverse=AmountUnit.CONTRACTS),
            # "Get Symbol": the largest market order.
            market_most=everywhere("marketMaxOrderQty"),
            # "Get Position Tiers" of unified accounts, by value, for cross margin, which is all
            # that ccxt asks for. A request weighs 20 of the 2,000 in 30 seconds that everybody has.
            # Those of classic accounts are set by each user, or told to a key only.
            brackets=BracketsCall(
                "utaGetMarketPositionTiers",
                "GET /api/ua/v1/market/position-tiers",
                questions=(
                    BracketsQuestion(
                        {
                            "tradeType": "FUTURES",
                            "marginMode": "CROSS",
                            "data": "RISK_LIMIT",
                            "accountType": "UNIFIED",
                        },
                        {"isInverse": False},
                    ),
                ),
                market="symbol",
                path=("data",),
                name="symbol",
                ends="maxSize",
                leverage="maxLeverage",
                about="of linear contracts, in cross margin, twenty in each request",
                wallet_modes=frozenset({WalletMode.UNIFIED}),
                names="symbol",
                names_at_once=20,
                pause_seconds=0.6,
            ),
        ),
        inspections=(
            Inspection(
                "utaPrivateGetAccountMode",
                mode=("data", "selfAccountMode"),
                modes={"CLASSIC": WalletMode.SEPARATE, "UNIFIED": WalletMode.UNIFIED},
            ),
            # kucoin.com/docs-new, "Get Apikey Info" lists Transfer, which its guide to API keys
            # explains as "including deposit and withdrawal"; the introduction says Withdrawal.
            # InnerTransfer stays within KuCoin.
            Inspection(
                "privateGetUserApiKey",
                withdraw=("data", "permission"),
                withdraws=("Transfer", "Withdrawal"),
            ),
        ),
    ),
)
