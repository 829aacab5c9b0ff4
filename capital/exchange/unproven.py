"""Venues that ccxt supports but that have no row: read generically, and reported as untested.

Spot, and linear swaps if ccxt requests their wallet elsewhere than spot's: otherwise one wallet
would be counted twice. What ccxt's ``total`` means there is not known: it is the wallet of a
futures account only as far as the venue's own response shows it, see ``shown``.
"""

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings
from capital.exchange.calls.rules import SPOT_IN_BASE, RulesCall
from capital.exchange.venue import BOTH_MARKETS, FUTURES_ONLY, SPOT_ONLY, Venue
from strategies.markets import MarketType

# Of ccxt 4.5.90; tests/exchange/test_unproven_venues.py compares them with ccxt's own requests.
SWAP_APART = frozenset(
    {
        "bitrue",
        "digifinex",
        "fmfwio",
        "hashkey",
        "hitbtc",
        "phemex",
        "toobit",
        "weex",
        "whitebit",
        "xt",
        "zebpay",
    }
)
SWAP_ALONE = frozenset(
    {
        "apex",
        "binancecoinm",
        "binanceusdm",
        "blofin",
        "bydfi",
        "dydx",
        "extended",
        "grvt",
        "hibachi",
        "kucoinfutures",
        "modetrade",
        "mudrex",
        "paradex",
        "polymarket",
        "woofipro",
    }
)

# ccxt shifts the decimals of amounts by what the venue lists about currencies.
SCALED = frozenset({"phemex"})

# Without it, ccxt asks there for the wallet in USDT whatever the account's currency is.
_PARAMS = {"phemex": {"code": "{currency}"}}

_ID = re.compile(r"[a-z][a-z0-9]{1,31}")
_UNIFIED = Holdings(form="named", source="unified")


@lru_cache
def generic_venue(venue_id: str) -> Venue | None:
    """The row of a venue that only ccxt knows; None if ccxt does not know it either."""
    if not _is_known_to_ccxt(venue_id):
        return None
    return Venue(
        id=venue_id,
        markets=_markets(venue_id),
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USDT",
        calls={
            Pool.SPOT: (
                BalanceCall(
                    params={"type": "spot"},
                    holdings=_UNIFIED,
                    formulas={WALLET: "total", EQUITY: "total", FREE: "free"},
                    shows="parts",
                    scales=venue_id in SCALED,
                ),
            ),
            Pool.FUTURES: (
                BalanceCall(
                    params={
                        "type": "swap",
                        "subType": "inverse" if venue_id == "binancecoinm" else "linear",
                        **_PARAMS.get(venue_id, {}),
                    },
                    holdings=_UNIFIED,
                    formulas={WALLET: "total", FREE: "free"},
                    refused={EQUITY: Code.BASIS_UNPROVEN},
                    # Whether a total there includes unrealised PnL.
                    shows="profit",
                    scales=venue_id in SCALED,
                ),
            ),
        },
        # What contracts count in is known of venues with a row only.
        rules_call=RulesCall(amount_units=SPOT_IN_BASE),
        is_proven=False,
    )


def _markets(venue_id: str) -> frozenset[MarketType]:
    if venue_id in SWAP_ALONE:
        return FUTURES_ONLY
    return BOTH_MARKETS if venue_id in SWAP_APART else SPOT_ONLY


def _is_known_to_ccxt(venue_id: str) -> bool:
    """Whether ccxt has a client of that name, without the half second that importing it takes."""
    spec = find_spec("ccxt")
    if spec is None or spec.origin is None or not _ID.fullmatch(venue_id):
        return False
    return (Path(spec.origin).parent / "async_support" / f"{venue_id}.py").is_file()
