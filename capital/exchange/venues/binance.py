"""Binance: separate wallets, or portfolio margin as one."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit
from capital.exchange.calls.balances import (
    EQUITY,
    FREE,
    WALLET,
    BalanceCall,
    Holdings,
    Pace,
    Withheld,
    spot_call,
)
from capital.exchange.calls.rules import BracketsCall, BracketsQuestion, RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

# The settle currencies of USDⓈ-M contracts, dollars that it accepts as margin, and BNB, which pays
# its fees. An account in any other coin belongs to COIN-M, where each coin has a wallet.
_COLLATERAL = frozenset(
    {"USDT", "USDC", "FDUSD", "BUSD", "USD1", "U", "BFUSD", "BNFCR", "LDUSDT", "RWUSD", "BNB"}
)


# Of portfolio margin: totalWalletBalance is documented as free and locked on margin, including
# loans, plus the futures wallets.
_WALLET = "totalWalletBalance - crossMarginBorrowed - crossMarginInterest"

# Of USDⓈ-M, where isolated positions have a part of the wallet.
_CROSS_WALLET = "crossWalletBalance + crossUnPnl if walletBalance != crossWalletBalance"


def _futures(sub_type: str, currencies: frozenset[str] | None, *withheld: Withheld) -> BalanceCall:
    return BalanceCall(
        params={"type": "swap", "subType": sub_type},
        # updateTime 0 marks a coin that was never in the wallet: its numbers are not valid.
        holdings=Holdings(path=("assets",), name="asset", never={"updateTime": (0, "0")}),
        # ccxt's total is marginBalance.
        formulas={WALLET: "walletBalance", EQUITY: "marginBalance", FREE: "availableBalance"},
        currencies=currencies,
        withheld=withheld,
        weight=5,
        pace=Pace(weight_per_minute=2160, key_requests=45),
        has_own_address=True,
    )


# developers.binance.com, "Notional and Leverage Brackets (USER_DATA)" of USDⓈ-M, and "Notional
# Bracket for Symbol" of COIN-M: without a symbol, of all of them. notionalCap is in the quote
# currency, qtyCap in coins. Where an account has other sizes than usual, notionalCoef says how many
# times as large they are.
def _brackets(method: str, endpoint: str, portfolio: str, ends: str) -> BracketsCall:
    return BracketsCall(
        method,
        endpoint,
        questions=(
            BracketsQuestion({}, key_mode=WalletMode.SEPARATE),
            BracketsQuestion({}, method=portfolio, key_mode=WalletMode.UNIFIED),
        ),
        market="symbol",
        name="symbol",
        levels=("brackets",),
        ends=ends,
        leverage="initialLeverage",
        multiple="notionalCoef",
    )


ROWS = (
    Venue(
        id="binance",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE, WalletMode.UNIFIED),
        currency="USDT",
        calls={
            # GET /api/v3/account lists every asset unless omitZeroBalances is asked for.
            Pool.SPOT: (
                spot_call(
                    params={"type": "spot"},
                    holdings=Holdings(path=("balances",), name="asset"),
                    free="free",
                    locked="locked",
                    weight=20,
                    pace=Pace(weight_per_minute=5400, key_requests=45),
                    # updateTime is when the account changed last, not when it was asked.
                    owner=("uid",),
                    has_own_address=True,
                ),
            ),
            Pool.FUTURES: (
                # USDⓈ-M.
                _futures(
                    "linear",
                    _COLLATERAL,
                    # In multi-assets mode, availableBalance includes every other coin. Version 3
                    # does not report the mode (multiAssetsMargin is version 2's), but only there is
                    # more available than the coin itself has left. Isolated positions, whose
                    # margins are in initialMargin and not in the cross wallet, do not exist there.
                    Withheld(
                        FREE,
                        "availableBalance",
                        Code.BASIS_OVER_CURRENCIES,
                        over=(_CROSS_WALLET, "marginBalance - initialMargin"),
                    ),
                ),
                # COIN-M, whose contracts are settled in the coin itself.
                _futures("inverse", None),
            ),
            # Portfolio margin. ccxt's free and used mean something else there: used is a PnL.
            Pool.UNIFIED: (
                BalanceCall(
                    params={"type": "papi"},
                    holdings=Holdings(name="asset"),
                    formulas={
                        WALLET: _WALLET,
                        # Documented as empty for assets without coin-margined contracts.
                        EQUITY: f"{_WALLET} + umUnrealizedPNL? + cmUnrealizedPNL?",
                    },
                    refused={FREE: Code.BASIS_NOT_TOLD},
                    weight=20,
                    pace=Pace(weight_per_minute=5400, key_requests=45),
                    has_own_address=True,
                ),
            ),
        },
        # ccxt calls Binance's futures testnet abandoned and points to demo trading.
        sandbox="demo",
        # Without its options, which are not sized here.
        rules_call=RulesCall(
            # developers.binance.com, "New Order": quantity is in contracts ("cont") on COIN-M, and
            # in the base asset on USDⓈ-M, where a contract is one unit of it.
            amount_units=units(linear=AmountUnit.CONTRACTS, inverse=AmountUnit.CONTRACTS),
            options={"fetchMarkets": {"types": ["spot", "linear", "inverse"]}},
            keyed_brackets=(
                _brackets(
                    "fapiPrivateGetLeverageBracket",
                    "GET /fapi/v1/leverageBracket",
                    "papiGetUmLeverageBracket",
                    "notionalCap",
                ),
                _brackets(
                    "dapiPrivateV2GetLeverageBracket",
                    "GET /dapi/v2/leverageBracket",
                    "papiGetCmLeverageBracket",
                    "qtyCap",
                ),
            ),
        ),
        # "Credits Trading Mode" of accounts in the EU: contracts in USDT and USDC are traded on
        # credits that are worth a dollar each.
        stands_for={"BNFCR": frozenset({"USDT", "USDC"})},
        sandbox_modes=(WalletMode.SEPARATE,),
        # ccxt knows -1022 and -1021, but not in answers about portfolio margin.
        key_errors=("Signature for this request is not valid",),
        clock_errors=("Timestamp for this request",),
        inspections=(
            Inspection("sapiGetAccountApiRestrictions", withdraw=("enableWithdrawals",)),
            # developers.binance.com, "Account info". False is not conclusive: it is about one
            # kind of portfolio margin, and there are others.
            Inspection(
                "sapiGetAccountInfo",
                mode=("isPortfolioMarginRetailEnabled",),
                modes={"True": WalletMode.UNIFIED},
            ),
        ),
    ),
)
