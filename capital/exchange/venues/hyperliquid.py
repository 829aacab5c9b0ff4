"""Hyperliquid: a blockchain, where an account is a wallet address."""

from decimal import Decimal

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings
from capital.exchange.calls.rules import SPOT_IN_BASE, BracketsCall, BracketsQuestion, RulesCall
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

# Without it ccxt asks for the account mode first.
_SEPARATE, _UNIFIED = {"enableUnifiedMargin": False}, {"enableUnifiedMargin": True}
# github.com/hyperliquid-dex/hyperliquid-python-sdk, issue 36: "tokens that have no balances aren't
# returned"; an account without any gets an empty list.
_TOKENS = Holdings(path=("balances",), name="coin")

ROWS = (
    Venue(
        id="hyperliquid",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE, WalletMode.UNIFIED),
        currency="USDC",
        calls={
            Pool.SPOT: (
                BalanceCall(
                    params={"type": "spot", "enableUnifiedMargin": False},
                    holdings=_TOKENS,
                    formulas={WALLET: "total", EQUITY: "total", FREE: "total - hold"},
                    options=_SEPARATE,
                    omits_empty=True,
                    has_own_address=True,
                ),
            ),
            # The perpetuals of the first exchange on the chain, whose collateral is USDC.
            Pool.FUTURES: (
                BalanceCall(
                    params={"type": "swap", "enableUnifiedMargin": False},
                    holdings=Holdings(form="single", name="=USDC"),
                    formulas={
                        WALLET: (
                            "marginSummary.accountValue - assetPositions[].position.unrealizedPnl"
                        ),
                        EQUITY: "marginSummary.accountValue",
                        FREE: "marginSummary.accountValue - marginSummary.totalMarginUsed",
                    },
                    options=_SEPARATE,
                    told_at=("time",),
                    has_own_address=True,
                ),
            ),
            Pool.UNIFIED: (
                BalanceCall(
                    params={"enableUnifiedMargin": True},
                    holdings=_TOKENS,
                    formulas={WALLET: "total", FREE: "total - hold"},
                    refused={EQUITY: Code.BASIS_NOT_TOLD},
                    options=_UNIFIED,
                    omits_empty=True,
                    has_own_address=True,
                ),
            ),
        },
        # Reading needs only the address: the private key may be left empty.
        credentials=("api_key",),
        ccxt_credentials={"api_key": "walletAddress", "api_secret": "privateKey"},
        # docs.chainstack.com, "Agent wallets explained": an agent signs "not transfers or
        # withdrawals".
        secret_is_a_wallets=True,
        sandbox="testnet",
        rules_call=RulesCall(
            # hyperliquid.gitbook.io, "Contract specifications": "1 unit of underlying spot asset".
            amount_units={**SPOT_IN_BASE, InstrumentKind.LINEAR: AmountUnit.BASE},
            # There too: "Maximum market order value" by the maximum leverage, and ten times that
            # for limit orders.
            market_dearest_by_leverage=(
                (Decimal(25), Decimal(15_000_000)),
                (Decimal(20), Decimal(5_000_000)),
                (Decimal(10), Decimal(2_000_000)),
                (Decimal(0), Decimal(500_000)),
            ),
            limit_dearest_times=10,
            # There too, "Margin tiers": "the tiers can be found in the meta Info response. For IDs
            # less than 50, there is a single tier with max leverage equal to the ID." Of the first
            # exchange on the chain, as its futures wallet is; the others have a "dex".
            brackets=BracketsCall(
                "publicPostInfo",
                "POST /info",
                questions=(BracketsQuestion({"type": "meta"}, {"dex": None}),),
                market="marginTableId",
                path=("marginTables",),
                name=0,
                levels=(1, "marginTiers"),
                starts="lowerBound",
                leverage="maxLeverage",
                flat_below=50,
                about="`meta`, of the first exchange on the chain",
            ),
            last_price="midPx",
        ),
        inspections=(
            Inspection(
                "publicPostInfo",
                params={"type": "userAbstraction", "user": "{api_key}"},
                mode=(),
                modes={
                    "unifiedAccount": WalletMode.UNIFIED,
                    "default": WalletMode.SEPARATE,
                    "disabled": WalletMode.SEPARATE,
                    "dexAbstraction": WalletMode.SEPARATE,
                },
            ),
        ),
    ),
)
