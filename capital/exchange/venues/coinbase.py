"""Coinbase Advanced: spot accounts, and the US futures wallet (CFM)."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings, Pace
from capital.exchange.calls.rules import RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

_WHOLE = "available_balance.value + hold.value"

ROWS = (
    Venue(
        id="coinbase",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USD",
        calls={
            # Version 2, ccxt's usual one, hides holds and adds staked wallets.
            Pool.SPOT: (
                BalanceCall(
                    params={"v3": True},
                    holdings=Holdings(
                        path=("accounts",),
                        name="available_balance.currency",
                        # Documented with and without the prefix.
                        only={
                            "type": ("ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT", "CRYPTO", "FIAT")
                        },
                        # Of US futures, which are the other pool, and of its other exchange.
                        never={
                            "platform": ("ACCOUNT_PLATFORM_CFM_CONSUMER", "ACCOUNT_PLATFORM_INTX")
                        },
                        adds=True,
                        more="has_next",
                    ),
                    formulas={WALLET: _WHOLE, EQUITY: _WHOLE, FREE: "available_balance.value"},
                    pace=Pace(key_requests=27),
                ),
            ),
            # total_usd_balance and futures_buying_power include the spot account's dollars.
            Pool.FUTURES: (
                BalanceCall(
                    params={"type": "future"},
                    holdings=Holdings(path=("balance_summary",), form="single", name="=USD"),
                    formulas={
                        WALLET: "cfm_usd_balance.value",
                        EQUITY: (
                            "cfm_usd_balance.value + unrealized_pnl.value",
                            # Without a position.
                            "cfm_usd_balance.value if initial_margin.value == 0",
                        ),
                    },
                    refused={FREE: Code.BASIS_COUNTS_SPOT},
                ),
            ),
        },
        # Keys that sign by HMAC get a specific error. Tokens carry a time too, and get one error
        # whatever is wrong with them.
        clock_errors=("request timestamp expired", "invalid timestamp", "Unauthorized"),
        rules_call=RulesCall(
            # docs.cdp.coinbase.com, "Create Order": base_size of a futures order is a number of
            # contracts.
            amount_units=units(linear=AmountUnit.CONTRACTS, inverse=AmountUnit.CONTRACTS),
            last_price="price",
            # There, "Get Public Product": margin rates by the time of day and the side. Those of
            # the day, which are lower, are only for who asks for them.
            margin_rates=tuple(
                ("future_product_details", f"{time}_margin_rate", f"{side}_margin_rate")
                for time in ("intraday", "overnight")
                for side in ("long", "short")
            ),
            no_brackets="its margin rates are the same for any size",
        ),
        # "can_transfer": move money out of the portfolio.
        inspections=(
            Inspection("v3PrivateGetBrokerageKeyPermissions", withdraw=("can_transfer",)),
        ),
    ),
)
