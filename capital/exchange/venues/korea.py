"""Upbit and Bithumb: spot in won."""

from decimal import Decimal

from capital.domain.pools import Pool, WalletMode
from capital.domain.sizing.instruments import PrecisionMode
from capital.exchange.calls.balances import BalanceCall, Holdings, Pace, spot_call
from capital.exchange.calls.rules import SPOT_IN_BASE, RulesCall
from capital.exchange.venue import SPOT_ONLY, Venue


# Documented as a list of the assets held, which does not say whether an emptied KRW wallet stays
# listed: a missing currency is a failure.
def _accounts(pace: Pace) -> BalanceCall:
    return spot_call(
        params={},
        holdings=Holdings(name="currency"),
        free="balance",
        locked="locked",
        pace=pace,
    )


_CALLS = {
    # Documented as 30 a second, counted by account and by nothing else.
    "upbit": _accounts(Pace(weight_per_minute=None, key_requests=27)),
    "bithumb": _accounts(Pace(key_requests=27)),
}
_RULES = {
    # docs.upbit.com, "최소 주문 가능 금액" of the KRW, BTC and USDT markets.
    "upbit": RulesCall(
        min_costs={
            "KRW": Decimal(5000),
            "BTC": Decimal("0.00005"),
            "USDT": Decimal("0.5"),
        },
        # "주문 가능 정보 조회": max_total of the KRW market.
        max_costs={"KRW": Decimal(1_000_000_000)},
        amount_units=SPOT_IN_BASE,
    ),
    # ccxt truncates quantities there to decimals, although prices are in digits: four, of every
    # market. Its market list has no minimum order value; none is documented for the BTC market.
    "bithumb": RulesCall(
        price_digits=4,
        precision_mode=PrecisionMode.DECIMAL_PLACES,
        min_costs={"KRW": Decimal(5000)},
        amount_units=SPOT_IN_BASE,
    ),
}

# Upbit's token carries a number that is used once, and no time.
_CLOCK_ERRORS = {"upbit": (), "bithumb": ("expired_jwt",)}

ROWS = tuple(
    Venue(
        id=venue,
        markets=SPOT_ONLY,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="KRW",
        calls={Pool.SPOT: (call,)},
        rules_call=_RULES[venue],
        clock_errors=_CLOCK_ERRORS[venue],
    )
    for venue, call in _CALLS.items()
)
