"""MEXC: separate wallets."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.calls.balances import (
    EQUITY,
    FREE,
    WALLET,
    BalanceCall,
    Holdings,
    Pace,
    spot_call,
)
from capital.exchange.calls.rules import MarginSteps, RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

ROWS = (
    Venue(
        id="mexc",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USDT",
        calls={
            Pool.SPOT: (
                spot_call(
                    params={"type": "spot"},
                    holdings=Holdings(path=("balances",), name="asset"),
                    free="free",
                    locked="locked",
                    weight=10,
                    pace=Pace(weight_per_minute=2700, key_requests=45),
                    has_own_address=True,
                ),
            ),
            # ccxt adds up availableBalance and frozenBalance, without what positions hold.
            Pool.FUTURES: (
                BalanceCall(
                    params={"type": "swap"},
                    holdings=Holdings(path=("data",), name="currency"),
                    formulas={
                        # cashBalance is documented as what may be withdrawn, not as the wallet.
                        # Without positions there is nothing unrealised.
                        WALLET: ("equity - unrealized", "equity if positionMargin == 0"),
                        EQUITY: "equity",
                        FREE: "availableBalance",
                    },
                ),
            ),
        },
        rules_call=RulesCall(
            # mexc.com/api-docs/futures, "Place order": vol is in contracts.
            amount_units=units(linear=AmountUnit.CONTRACTS, inverse=AmountUnit.CONTRACTS),
            # spot-v3, "Exchange Information": "max trading quote amount of market orders".
            market_dearest={InstrumentKind.SPOT: ("maxQuoteAmountMarket",)},
            margins=MarginSteps(
                margin="initialMarginRate",
                more_margin="riskIncrImr",
                first="riskBaseVol",
                step="riskIncrVol",
                levels="riskLevelLimit",
            ),
        ),
        # mexc.com/api-docs/spot-v3, "Query API key info"; the word is that of "Withdraw". The spot
        # account's canWithdraw is the account's, not the key's.
        inspections=(
            Inspection(
                "spotPrivateGetApiKeyInfo",
                params={"accessKey": "{api_key}"},
                withdraw=("permissions",),
                withdraws=("SPOT_WITHDRAW_WRITE",),
            ),
        ),
    ),
)
