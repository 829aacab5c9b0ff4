"""Deribit: one wallet for each currency, shared by all products."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings, Withheld
from capital.exchange.calls.places import OwnKey
from capital.exchange.calls.rules import RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, Inspection, Venue

ROWS = (
    Venue(
        id="deribit",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.UNIFIED,),
        currency="BTC",
        calls={
            Pool.UNIFIED: (
                BalanceCall(
                    params={},
                    # Of one currency, get_account_summary answers without a list.
                    holdings=Holdings(path=("summaries",), name="currency", or_one=True),
                    formulas={
                        # Profit of futures since the last settlement is realised, but is added to
                        # balance with the next one.
                        WALLET: "balance + futures_session_rpl",
                        # ccxt's total too.
                        EQUITY: "equity",
                        FREE: "available_funds",
                    },
                    # With cross collateral, each currency shows the whole pool.
                    withheld=(
                        Withheld(FREE, "cross_collateral_enabled", Code.BASIS_OVER_CURRENCIES),
                    ),
                    owner=("result", "id"),
                    # Documented: when the response was sent, in microseconds.
                    told_at=("usOut",),
                ),
            ),
        },
        sandbox="testnet",
        # docs.deribit.com, private/buy: amount is "in USD units" on perpetual and inverse futures,
        # in the base currency on linear ones. Contracts are another parameter, which ccxt does not
        # send. get_instruments: "Maximal leverage for instrument".
        rules_call=RulesCall(
            amount_units=units(linear=AmountUnit.BASE, inverse=AmountUnit.QUOTE),
            max_leverage=("max_leverage",),
            # support.deribit.com: margin grows with each coin, by factors that are announced there.
            no_brackets="in its documents, not in its API",
        ),
        # A request is documented to be refused 60 seconds after its time; by which of the errors
        # that refuse a key is not.
        clock_errors=("invalid_credentials", "unauthorized"),
        # Deribit's API description, "Access scope": wallet:read_write "allows to withdraw"; where
        # two-factor login is on, with its code besides.
        inspections=(
            Inspection(
                "privateGetListApiKeys",
                withdraw=("result", OwnKey("client_id"), "max_scope"),
                withdraws=("wallet:read_write",),
            ),
        ),
    ),
)
