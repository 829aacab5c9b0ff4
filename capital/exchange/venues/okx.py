"""OKX: the trading account, one wallet in every account mode."""

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
)
from capital.exchange.calls.places import TheRow
from capital.exchange.calls.rules import BracketsCall, BracketsQuestion, RulesCall, units
from capital.exchange.venue import BOTH_MARKETS, KEY_SECRET_AND_PASSPHRASE, Inspection, Venue

# A list of one; which of several it would be, nobody says.
_THE_ACCOUNT = TheRow(without="")

ROWS = (
    Venue(
        id="okx",
        markets=BOTH_MARKETS,
        wallet_modes=(WalletMode.UNIFIED,),
        currency="USDT",
        calls={
            # Its documentation says that only assets with a balance are listed.
            Pool.UNIFIED: (
                BalanceCall(
                    params={},
                    holdings=Holdings(
                        path=("data", _THE_ACCOUNT, "details"),
                        name="ccy",
                        worth=("data", 0, "totalEq"),
                    ),
                    formulas={
                        # ccxt's total is eq.
                        WALLET: "cashBal",
                        EQUITY: "eq",
                        # availEq is empty in simple mode. What orders freeze may exceed eq,
                        # so free is never worked out from it.
                        FREE: ("availEq", "availBal"),
                    },
                    # It is not documented whether cashBal includes a loan.
                    withheld=(Withheld(WALLET, "liab?", Code.BASIS_WITH_LOAN, is_amount=True),),
                    omits_empty=True,
                    pace=Pace(weight_per_minute=6000, key_requests=9, key_seconds=2),
                    # uTime is when the account changed last, not when it was asked.
                ),
            ),
        },
        credentials=KEY_SECRET_AND_PASSPHRASE,
        sandbox="testnet",
        rules_call=RulesCall(
            # okx.com/docs-v5, "Place order": sz is in contracts for derivatives. On spot ccxt
            # sends tgtCcy base_ccy.
            amount_units=units(linear=AmountUnit.CONTRACTS, inverse=AmountUnit.CONTRACTS),
            options={"fetchMarkets": {"types": ["spot", "swap", "future"]}},
            # There too, "Get instruments": maxLmtAmt and maxMktAmt are the "max USD amount" of a
            # limit and of a market order, the latter on spot only. On spot maxMktSz was in dollars
            # too, which ccxt passes on as the maximum value; it is empty today.
            dearest=dict.fromkeys(InstrumentKind, ("maxLmtAmt",)),
            market_dearest={InstrumentKind.SPOT: ("maxMktAmt",)},
            values_in_dollars=True,
            market_most={
                InstrumentKind.LINEAR: ("maxMktSz",),
                InstrumentKind.INVERSE: ("maxMktSz",),
            },
            # There too, "Get position tiers": sizes are in contracts, instFamily takes five at
            # once, and an address may ask 10 times in 2 seconds. Orders of ccxt are in cross
            # margin unless they say otherwise.
            brackets=BracketsCall(
                "publicGetPublicPositionTiers",
                "GET /api/v5/public/position-tiers",
                questions=tuple(
                    BracketsQuestion({"instType": kind, "tdMode": "cross"}, {"instType": kind})
                    for kind in ("SWAP", "FUTURES")
                ),
                market="instFamily",
                path=("data",),
                name="instFamily",
                ends="maxSz",
                leverage="maxLever",
                about="in cross margin, five families in each request",
                in_amounts=True,
                names="instFamily",
                names_at_once=5,
                requests_at_once=2,
                pause_seconds=0.25,
            ),
        ),
        inspections=(
            Inspection(
                "privateGetAccountConfig", withdraw=("data", 0, "perm"), withdraws=("withdraw",)
            ),
        ),
    ),
)
