"""Kraken: spot, and futures as a separate account with other keys."""

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
)
from capital.exchange.calls.rules import SPOT_IN_BASE, MarginLevels, RulesCall, everywhere, units
from capital.exchange.venue import FUTURES_ONLY, SPOT_ONLY, Inspection, Venue

# An account without money gets an empty object.
_FLEX = Holdings(
    path=("accounts", "flex", "currencies"),
    form="named",
    worth=("accounts", "flex", "balanceValue"),
)

ROWS = (
    Venue(
        id="kraken",
        markets=SPOT_ONLY,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USD",
        calls={
            Pool.SPOT: (
                BalanceCall(
                    params={},
                    # docs.kraken.com, "Get Extended Balance": .F is what earns in Kraken Rewards,
                    # and is spent through its base asset. What else has an extension is not.
                    holdings=Holdings(path=("result",), form="named", suffixes=(".F",)),
                    formulas={
                        WALLET: "balance",
                        # Documented so; only accounts with a credit line have credit.
                        FREE: "balance + credit?? - credit_used?? - hold_trade",
                    },
                    # It is not documented whether balance includes what is drawn.
                    withheld=(
                        Withheld(WALLET, "credit_used?", Code.BASIS_WITH_LOAN, is_amount=True),
                    ),
                    # Margin positions are held on this wallet; their PnL is in TradeBalance only,
                    # over all currencies.
                    refused={EQUITY: Code.BASIS_OVER_CURRENCIES},
                    # A counter of up to 15 that decreases by one every three seconds.
                    pace=Pace(key_requests=13, key_seconds=45),
                    has_own_address=True,
                ),
            ),
        },
        # docs.kraken.com, "Get API Key Info": "Funds permissions - Withdraw".
        inspections=(
            Inspection(
                "privatePostGetApiKeyInfo",
                withdraw=("result", "permissions"),
                withdraws=("withdraw-funds",),
            ),
        ),
        # docs.kraken.com, "Add Order": volume is "in terms of the base asset".
        rules_call=RulesCall(amount_units=SPOT_IN_BASE),
        key_errors=("EAPI:Invalid signature",),
        has_growing_nonce=True,
    ),
    Venue(
        id="krakenfutures",
        charts_as=("KRAKEN", "KRAKENFUTURES"),
        markets=FUTURES_ONLY,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USD",
        calls={
            # The multi-collateral wallet. Its PnL is in dollars, whatever it contains.
            Pool.FUTURES: (
                BalanceCall(
                    params={"type": "flex"},
                    holdings=_FLEX,
                    formulas={
                        WALLET: "quantity",
                        EQUITY: (
                            "quantity + /accounts.flex.totalUnrealized",
                            # Without a position.
                            "quantity if /accounts.flex.initialMargin == 0",
                        ),
                        FREE: "available",
                    },
                    omits_empty=True,
                    currencies=frozenset({"USD"}),
                    told_at=("serverTime",),
                ),
                BalanceCall(
                    params={"type": "flex"},
                    holdings=_FLEX,
                    formulas={WALLET: "quantity", FREE: "available"},
                    refused={EQUITY: Code.BASIS_OVER_CURRENCIES},
                    omits_empty=True,
                    told_at=("serverTime",),
                ),
            ),
        },
        # docs.kraken.com/api/docs/futures-api, "Send order" and "Get instruments": size is in
        # contracts, which are a unit of the base currency (linear) or a dollar (inverse).
        rules_call=RulesCall(
            amount_units=units(linear=AmountUnit.BASE, inverse=AmountUnit.CONTRACTS),
            # "Maximum number of contracts that one can hold in a position".
            most=everywhere("maxPositionSize"),
            margins=MarginLevels(
                ("marginLevels",),
                starts=("numNonContractUnits", "contracts"),
                margin="initialMargin",
            ),
        ),
        sandbox="testnet",
    ),
)
