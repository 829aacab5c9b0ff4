"""HTX: spot, one futures wallet for linear contracts, and one per coin for inverse contracts."""

from capital.domain.pools import Pool, WalletMode
from capital.exchange.venue import (
    BOTH_MARKETS,
    EQUITY,
    FREE,
    WALLET,
    BalanceCall,
    Holdings,
    Inspection,
    OwnKey,
    Venue,
)

ROWS = (
    Venue(
        id="htx",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USDT",
        calls={
            # Two lines a currency: what may be traded and what is frozen.
            Pool.SPOT: (
                BalanceCall(
                    params={"type": "spot"},
                    holdings=Holdings(
                        path=("data", "list"),
                        form="lines",
                        name="currency",
                        kind="type",
                        amount="balance",
                    ),
                    formulas={WALLET: "trade + frozen", EQUITY: "trade + frozen", FREE: "trade"},
                ),
            ),
            Pool.FUTURES: (
                BalanceCall(
                    params={"type": "swap", "defaultSubType": "linear"},
                    holdings=Holdings(path=("data", "details"), name="currency"),
                    formulas={
                        WALLET: "equity - profit_unreal",
                        EQUITY: "equity",
                        FREE: "available_margin",
                    },
                    currencies=frozenset({"USDT", "USDC", "USD"}),
                ),
                # ccxt reads defaultSubType here and ignores subType, which would answer with the
                # linear wallet.
                BalanceCall(
                    params={"type": "swap", "defaultSubType": "inverse"},
                    holdings=Holdings(path=("data",), name="symbol"),
                    formulas={
                        WALLET: "margin_balance - profit_unreal",
                        EQUITY: "margin_balance",
                        FREE: "margin_available",
                    },
                ),
            ),
        },
        # The second is version 5's, of which only this one error is known for what is signed.
        clock_errors=("Invalid submission time", "invalid signature"),
        # htx.com/en-us/opend, "API key query": the uid says whose keys.
        inspections=(
            Inspection(
                "spotPrivateGetV2UserApiKey",
                first=("spotPrivateGetV2UserUid", ("data",)),
                params={"uid": "{first}", "accessKey": "{api_key}"},
                withdraw=("data", OwnKey("accessKey"), "permission"),
                withdraws=("withdraw",),
            ),
        ),
    ),
)
