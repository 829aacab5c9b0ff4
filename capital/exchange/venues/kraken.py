"""Kraken: spot, and futures as a separate account with other keys."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.exchange.venue import (
    EQUITY,
    FREE,
    FUTURES_ONLY,
    SPOT_ONLY,
    WALLET,
    BalanceCall,
    Holdings,
    Inspection,
    Pace,
    Venue,
)

_FLEX = Holdings(path=("accounts", "flex", "currencies"), form="named")

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
                    holdings=Holdings(path=("result",), form="named"),
                    formulas={WALLET: "balance", FREE: "balance - hold_trade"},
                    # Margin positions are held on this wallet; their PnL is in TradeBalance only,
                    # over all currencies.
                    refused={EQUITY: Code.BASIS_OVER_CURRENCIES},
                    # A counter of up to 15 that decreases by one every three seconds.
                    pace=Pace(key_requests=13, key_seconds=45),
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
        key_errors=("EAPI:Invalid signature",),
        has_growing_nonce=True,
    ),
    Venue(
        id="krakenfutures",
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
                        EQUITY: "quantity + /accounts.flex.totalUnrealized",
                        FREE: "available",
                    },
                    currencies=frozenset({"USD"}),
                ),
                BalanceCall(
                    params={"type": "flex"},
                    holdings=_FLEX,
                    formulas={WALLET: "quantity", FREE: "available"},
                    refused={EQUITY: Code.BASIS_OVER_CURRENCIES},
                ),
            ),
        },
        sandbox="testnet",
    ),
)
