"""HTX: spot, one futures wallet for linear contracts, and one per coin for inverse contracts."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings, Withheld
from capital.exchange.calls.places import OwnKey
from capital.exchange.calls.rules import BracketsCall, BracketsQuestion, RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

ROWS = (
    Venue(
        id="htx",
        charts_as=("HTX", "HUOBI"),
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
                        says={("data", "type"): ("spot",)},
                        form="lines",
                        name="currency",
                        kind="type",
                        amount="balance",
                    ),
                    formulas={WALLET: "trade + frozen", EQUITY: "trade + frozen", FREE: "trade"},
                    owner=("data", "id"),
                    told_at=("ts",),
                    has_own_address=True,
                ),
            ),
            Pool.FUTURES: (
                BalanceCall(
                    params={"type": "swap", "defaultSubType": "linear"},
                    holdings=Holdings(path=("data", "details"), name="currency"),
                    formulas={
                        # Without orders and positions there is nothing unrealised.
                        WALLET: ("equity - profit_unreal", "equity if initial_margin == 0"),
                        EQUITY: "equity",
                        FREE: "available_margin",
                    },
                    # More than the coin itself has is margin of other coins.
                    withheld=(
                        Withheld(
                            FREE, "available_margin", Code.BASIS_OVER_CURRENCIES, over="equity"
                        ),
                    ),
                    currencies=frozenset({"USDT", "USDC", "USD"}),
                    told_at=("ts",),
                    has_own_address=True,
                ),
                # ccxt reads defaultSubType here and ignores subType, which would answer with the
                # linear wallet.
                BalanceCall(
                    params={"type": "swap", "defaultSubType": "inverse"},
                    holdings=Holdings(path=("data",), name="symbol"),
                    formulas={
                        WALLET: (
                            "margin_balance - profit_unreal",
                            "margin_balance if margin_position == 0",
                        ),
                        EQUITY: "margin_balance",
                        FREE: "margin_available",
                    },
                    told_at=("ts",),
                    has_own_address=True,
                ),
            ),
        },
        rules_call=RulesCall(
            # htx.com/en-us/opend, "Place an Order": volume is in contracts ("cont").
            amount_units=units(linear=AmountUnit.CONTRACTS, inverse=AmountUnit.CONTRACTS),
            # "Get all Supported Trading Symbol": market orders to sell are bounded by quantity,
            # those to buy by value.
            market_sell_most={InstrumentKind.SPOT: ("sell-market-max-order-amt",)},
            market_buy_dearest={InstrumentKind.SPOT: ("buy-market-max-order-value",)},
            # ccxt reads a field that only spot has, and says 1 of what lacks it.
            invents_max_leverage=True,
            # "Get Futures Risk Limit": sizes are in contracts, and there is cross margin only.
            keyed_brackets=(
                BracketsCall(
                    "contractPrivateGetV5MarketRiskLimit",
                    "GET /v5/market/risk/limit",
                    questions=(
                        BracketsQuestion({"margin_mode": "cross"}, key_mode=WalletMode.SEPARATE),
                    ),
                    market="contract_code",
                    path=("data",),
                    name="contract_code",
                    ends="max_volume",
                    leverage="max_lever",
                    about="of linear contracts, in cross margin",
                    in_amounts=True,
                ),
            ),
            # "Query Information On Tiered Adjustment Factor" needs no key, and lists each leverage
            # of a contract. Its sizes are about liquidation.
            brackets=BracketsCall(
                "contractPublicGetLinearSwapApiV1SwapCrossAdjustfactor",
                "GET …/v1/swap_cross_adjustfactor",
                questions=(
                    BracketsQuestion({"business_type": "all"}),
                    BracketsQuestion({}, method="contractPublicGetSwapApiV1SwapAdjustfactor"),
                ),
                market="contract_code",
                path=("data",),
                name="contract_code",
                levels=("list",),
                leverage="lever_rate",
                about="not of coin-margined contracts with a delivery date",
            ),
        ),
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
