"""Gate: separate wallets, or the unified account."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings, spot_call
from capital.exchange.calls.rules import (
    BracketsCall,
    BracketsQuestion,
    RulesCall,
    everywhere,
    units,
)
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

# Without it ccxt asks for the account's details, and takes any failure for "not unified".
_SEPARATE, _UNIFIED = {"unifiedAccount": False}, {"unifiedAccount": True}

# Every margin that is documented, of accounts old and new.
_MARGINS = (
    "position_margin + cross_initial_margin?? + isolated_position_margin?? + maintenance_margin??"
)

ROWS = (
    Venue(
        id="gate",
        charts_as=("GATEIO", "GATE"),
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE, WalletMode.UNIFIED),
        currency="USDT",
        calls={
            Pool.SPOT: (
                spot_call(
                    params={"type": "spot", "unifiedAccount": False},
                    holdings=Holdings(name="currency"),
                    free="available",
                    locked="locked",
                    options=_SEPARATE,
                ),
            ),
            # One wallet for each settlement currency; ccxt puts the one entry into a list.
            Pool.FUTURES: (
                BalanceCall(
                    params={
                        "type": "swap",
                        "settle": "{currency_lower}",
                        "unifiedAccount": False,
                    },
                    # total is documented not to apply to a unified account in its own modes.
                    holdings=Holdings(
                        name="currency",
                        says={(0, "enable_credit"): (False,), (0, "margin_mode"): (0, "0")},
                    ),
                    formulas={
                        WALLET: "total",
                        EQUITY: (
                            "total + unrealised_pnl",
                            # Without a position.
                            f"total if {_MARGINS} == 0",
                        ),
                        FREE: "available",
                    },
                    options=_SEPARATE,
                    owner=("user",),
                ),
            ),
            # ccxt's total is available + freeze: 0 where the equity is 1016. Equity is documented
            # as available + freeze - borrowed + the futures wallet with its PnL, so no field is the
            # wallet without the PnL.
            Pool.UNIFIED: (
                BalanceCall(
                    params={"unifiedAccount": True},
                    holdings=Holdings(path=("balances",), form="named"),
                    formulas={EQUITY: "equity", FREE: "available"},
                    refused={WALLET: Code.BASIS_WITH_PNL_ONLY},
                    options=_UNIFIED,
                    owner=("user_id",),
                ),
            ),
        },
        sandbox="testnet",
        rules_call=RulesCall(
            # gate.com/docs/developers/apiv4, "Create a futures order": size is in contracts.
            amount_units=units(linear=AmountUnit.CONTRACTS, inverse=AmountUnit.CONTRACTS),
            # "Contract": "Maximum order size of market orders". "CurrencyPair": the largest order,
            # and the largest market order, by quantity and by value. ccxt passes on one of them, of
            # pairs with margin.
            most={InstrumentKind.SPOT: ("max_base_amount",)},
            market_most={
                InstrumentKind.SPOT: ("market_order_max_stock",),
                **everywhere("market_order_size_max"),
            },
            dearest={InstrumentKind.SPOT: ("max_quote_amount",)},
            market_dearest={InstrumentKind.SPOT: ("market_order_max_money",)},
            # "Query risk limit tiers": without a contract, of 100 markets from an offset on. What
            # is delivered at a date has an endpoint of its own, which is not asked. An address may
            # ask a public endpoint 200 times in 10 seconds.
            brackets=BracketsCall(
                "publicFuturesGetSettleRiskLimitTiers",
                "GET /api/v4/futures/{settle}/risk_limit_tiers",
                questions=(
                    BracketsQuestion({"settle": "usdt"}),
                    BracketsQuestion({"settle": "btc"}),
                ),
                market="name",
                name="contract",
                ends="risk_limit",
                leverage="leverage_max",
                about="in pages, not of contracts with a delivery date",
                page_size=100,
            ),
            settle_is_lower_case=True,
        ),
        sandbox_modes=(WalletMode.SEPARATE,),
        clock_errors=("REQUEST_EXPIRED",),
        inspections=(
            Inspection(
                "privateAccountGetDetail",
                mode=("key", "mode"),
                modes={"1": WalletMode.SEPARATE, "2": WalletMode.UNIFIED},
            ),
        ),
    ),
)
