"""Bitget: classic accounts with separate wallets, or the unified trading account."""

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.calls.balances import (
    EQUITY,
    FREE,
    WALLET,
    BalanceCall,
    Holdings,
    Pace,
    Withheld,
    spot_call,
)
from capital.exchange.calls.rules import (
    BracketsCall,
    BracketsQuestion,
    RulesCall,
    everywhere,
    units,
)
from capital.exchange.venue import BOTH_MARKETS, KEY_SECRET_AND_PASSPHRASE, Inspection, Venue

_PACE = Pace(weight_per_minute=5400, key_requests=9)
# Without it ccxt asks for the account's settings, takes any failure, a timeout too, for "not
# unified", and remembers that.
_CLASSIC, _UNIFIED = {"uta": False}, {"uta": True}


def _futures(product_type: str, currencies: frozenset[str] | None) -> BalanceCall:
    return BalanceCall(
        params={"type": "swap", "uta": False, "productType": product_type},
        holdings=Holdings(source="response", path=("data",), name="marginCoin"),
        formulas={
            WALLET: (
                "accountEquity - unrealizedPL",
                # Documented with an empty unrealizedPL, and then with its two parts.
                "accountEquity - crossedUnrealizedPL - isolatedUnrealizedPL",
                # All three may be null, which is not zero: without positions, or where all of the
                # equity is available, there is nothing unrealised.
                "accountEquity if crossedMargin + isolatedMargin == 0",
                "accountEquity if available + locked == accountEquity",
            ),
            EQUITY: "accountEquity",
            FREE: "maxTransferOut",
        },
        # In multi-assets mode, other coins are margin too.
        withheld=(Withheld(FREE, "assetMode", Code.BASIS_OVER_CURRENCIES, values=("union",)),),
        options=_CLASSIC,
        currencies=currencies,
        pace=_PACE,
        told_at=("requestTime",),
    )


ROWS = (
    Venue(
        id="bitget",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE, WalletMode.UNIFIED),
        currency="USDT",
        calls={
            # assetType is hold_only unless it is given: documented to list what is held.
            Pool.SPOT: (
                spot_call(
                    params={"type": "spot", "uta": False},
                    holdings=Holdings(source="response", path=("data",), name="coin"),
                    free="available",
                    locked="frozen + locked",
                    options=_CLASSIC,
                    omits_empty=True,
                    pace=_PACE,
                    told_at=("requestTime",),
                ),
            ),
            # One wallet for each product type.
            Pool.FUTURES: (
                _futures("USDT-FUTURES", frozenset({"USDT"})),
                _futures("USDC-FUTURES", frozenset({"USDC"})),
                _futures("COIN-FUTURES", None),
            ),
            # Documented: "with only non-zero balances being returned".
            Pool.UNIFIED: (
                BalanceCall(
                    params={"uta": True},
                    holdings=Holdings(
                        path=("data", "assets"), name="coin", worth=("data", "accountEquity")
                    ),
                    # balance is without what orders lock.
                    formulas={WALLET: "balance + locked", EQUITY: "equity", FREE: "available"},
                    # It is not documented whether balance includes a loan.
                    withheld=(Withheld(WALLET, "debt", Code.BASIS_WITH_LOAN, is_amount=True),),
                    options=_UNIFIED,
                    omits_empty=True,
                    pace=_PACE,
                    told_at=("requestTime",),
                ),
            ),
        },
        credentials=KEY_SECRET_AND_PASSPHRASE,
        sandbox="testnet",
        rules_call=RulesCall(
            # bitget.com/api-doc, "Place Order" of futures: size is an "amount (base coin)", of
            # coin-margined contracts too, whose PnL is (exit - entry) x size / price of the coin.
            amount_units=units(linear=AmountUnit.BASE, inverse=AmountUnit.BASE),
            # "Place Order" of unified accounts: qty of a spot market order to buy is in the quote
            # coin. ccxt works that out for classic accounts only. For coin-margined contracts that
            # page says quote coin, and that they are for demo trading; the rules that are listed
            # for classic accounts are in base coin.
            market_buy_units={WalletMode.UNIFIED: AmountUnit.QUOTE},
            unknown_units={WalletMode.UNIFIED: frozenset({InstrumentKind.INVERSE})},
            # "Get Contract Config": the largest limit and market order.
            most=everywhere("maxOrderQty"),
            market_most=everywhere("maxMarketOrderQty"),
            # "Get Position Tier" of classic accounts: one symbol in each request, of which an
            # address may send 10 in a second; values up to endUnit. It is not documented in what
            # values of coin-margined contracts are. Unified accounts have tiers of their own.
            brackets=BracketsCall(
                "publicMixGetV2MixMarketQueryPositionLever",
                "GET /api/v2/mix/market/query-position-lever",
                questions=tuple(
                    BracketsQuestion({"productType": f"{coin}-FUTURES"}, {"quoteCoin": coin})
                    for coin in ("USDT", "USDC")
                ),
                market="symbol",
                path=("data",),
                name="symbol",
                ends="endUnit",
                leverage="leverage",
                about="of contracts in USDT and USDC, one in each request",
                wallet_modes=frozenset({WalletMode.SEPARATE}),
                names="symbol",
                requests_at_once=3,
                starts_anywhere=True,
                pause_seconds=0.112,
            ),
        ),
        # Classic accounts are refused there, which is not conclusive.
        inspections=(
            Inspection(
                "privateUtaGetV3AccountSettings",
                mode=("data", "accountMode"),
                modes={"unified": WalletMode.UNIFIED, "hybrid": WalletMode.UNIFIED},
            ),
            # bitget.com/api-doc, "Get Account Info" of unified accounts, and "Get Account
            # Information" of the others: "wallet withdrawl".
            Inspection(
                "privateUtaGetV3AccountInfo",
                withdraw=("data", "permissions"),
                withdraws=("withdraw",),
            ),
            Inspection(
                "privateSpotGetV2SpotAccountInfo",
                withdraw=("data", "authorities"),
                withdraws=("wwow",),
            ),
        ),
    ),
)
