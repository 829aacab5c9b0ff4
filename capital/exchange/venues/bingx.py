"""BingX: spot, one futures wallet for linear contracts, and one per coin for inverse contracts."""

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
from capital.exchange.calls.places import Path
from capital.exchange.calls.rules import RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue


def _futures(
    sub_type: str, currencies: frozenset[str] | None, owner: str, told_at: Path = ()
) -> BalanceCall:
    return BalanceCall(
        params={"type": "swap", "subType": sub_type},
        holdings=Holdings(path=("data",), name="asset"),
        # ccxt's total is availableMargin + usedMargin, without what is frozen.
        formulas={WALLET: "balance", EQUITY: "equity", FREE: "availableMargin"},
        currencies=currencies,
        pace=Pace(key_requests=4),
        owner=("data", 0, owner),
        told_at=told_at,
        has_own_address=True,
    )


ROWS = (
    Venue(
        id="bingx",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USDT",
        calls={
            Pool.SPOT: (
                spot_call(
                    params={"type": "spot"},
                    holdings=Holdings(path=("data", "balances"), name="asset"),
                    free="free",
                    locked="locked",
                    has_own_address=True,
                ),
            ),
            Pool.FUTURES: (
                # VST is the currency of its demo system.
                _futures("linear", frozenset({"USDT", "USDC", "VST"}), "userId"),
                _futures("inverse", None, "shortUid", ("timestamp",)),
            ),
        },
        sandbox="testnet",
        # bingx-api.github.io, "Place order": quantity is "in COIN" on linear contracts, a number of
        # contracts on coin-margined ones. "Spot trading symbols": the largest market order.
        rules_call=RulesCall(
            amount_units=units(linear=AmountUnit.BASE, inverse=AmountUnit.CONTRACTS),
            # There, "Contract Information" of coin-margined ones has no step; minQty is the
            # "minimum order quantity (in contracts)", minTickSize what one of them is in dollars.
            steps={InstrumentKind.INVERSE: ("minQty",)},
            market_dearest={InstrumentKind.SPOT: ("maxMarketNotional",)},
            max_leverage=("maxLongLeverage", "maxShortLeverage"),
            # "Position and Maintenance Margin Ratio" wants a key, and tells no leverage.
            no_brackets="told to a key only (`GET …/v1/maintMarginRatio`), without leverage",
        ),
        # 80014 and 100421, which also stand for other things.
        clock_errors=("timestamp is invalid", "timestamp mismatch"),
        # bingx-api.github.io, "Query user API Key permissions": "5-coin withdrawal".
        inspections=(
            Inspection(
                "accountV1PrivateGetAccountApiPermissions",
                withdraw=("permissions",),
                withdraws=(5,),
            ),
        ),
    ),
)
