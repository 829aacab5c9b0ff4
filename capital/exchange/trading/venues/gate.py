"""Gate: contracts of a number of coins, which its answers do not name; a fill has several fees."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BOTH,
    CONTRACTS,
    LONG,
    SHORT,
    SPOT,
    Call,
    FeeField,
    FillFields,
    FlowFields,
    Moment,
    OrderIds,
    Pages,
    PositionFields,
    Said,
    Trading,
    liquidity,
    side,
)

_SPAN = {"from": "{since_s}", "to": "{until_s}", "limit": 1000}

_SPOT = Call(
    "privateSpotGetMyTrades",
    "GET /api/v4/spot/my_trades",
    rows=((),),
    fields=FillFields(
        symbol="currency_pair",
        quantity="amount",
        price="price",
        time=(Moment("create_time_ms"), Moment("create_time", "s")),
        side=side(),
        fees=(
            FeeField("fee", ("fee_currency", "=received")),
            FeeField("gt_fee", "=GT"),
            FeeField("point_fee", "=POINT"),
        ),
        fill_id="id",
        order_id="order_id",
        client_order_id="text",
        liquidity=liquidity("role"),
    ),
    kinds=SPOT,
    params=_SPAN,
    span=timedelta(days=30),
    pages=Pages(1000),
)


def _fills(method: str, kind: str) -> Call[FillFields]:
    return Call(
        method,
        f"GET /api/v4/{kind}",
        rows=((),),
        fields=FillFields(
            symbol="contract",
            # Below zero is a sale.
            quantity="size",
            price="price",
            time=(Moment("create_time_ms", "s"), Moment("create_time", "s")),
            fees=(FeeField("fee", "=settle"), FeeField("point_fee", "=POINT")),
            fill_id=("trade_id", "id"),
            order_id="order_id",
            client_order_id="text",
            liquidity=liquidity("role"),
        ),
        kinds=CONTRACTS,
        params={"settle": "{settle}", **_SPAN},
        span=timedelta(days=30),
        reach=timedelta(days=180),
        pages=Pages(1000),
        about="of the wallet of the account's currency; position sides are not told",
    )


def _positions(method: str, kind: str) -> Call[PositionFields]:
    return Call(
        method,
        f"GET /api/v4/{kind}",
        rows=((),),
        fields=PositionFields(
            symbol="contract",
            quantity="size",
            is_signed=True,
            position_side=(
                Said(("mode",), {"single": BOTH, "dual_long": LONG, "dual_short": SHORT}),
            ),
            entry="entry_price",
            mark="mark_price",
            unrealised="unrealised_pnl",
            # history_pnl is of earlier positions.
            realised="realised_pnl",
            time=(Moment("update_time", "s"), Moment("open_time", "s")),
        ),
        kinds=CONTRACTS,
        params={"settle": "{settle}"},
        about="realised PnL with fees and funding",
    )


_BOOK = Call(
    "privateFuturesGetSettleAccountBook",
    "GET /api/v4/futures/{settle}/account_book",
    rows=((),),
    fields=FlowFields(
        kind=(
            Said(
                ("type",),
                {
                    "fund": FlowKind.FUNDING,
                    "dnw": FlowKind.TRANSFER,
                    "refr": FlowKind.REBATE,
                },
            ),
        ),
        amount="change",
        currency="=account",
        time=(Moment("time", "s"),),
        symbol=("contract", "text"),
        flow_id="id",
    ),
    kinds=CONTRACTS,
    params={"settle": "{settle}", **_SPAN},
    span=timedelta(days=30),
    pages=Pages(1000),
)
_FUTURES = (
    _fills("privateFuturesGetSettleMyTradesTimerange", "futures/{settle}/my_trades_timerange"),
    _fills("privateDeliveryGetSettleMyTrades", "delivery/{settle}/my_trades"),
)
_OPEN = (
    _positions("privateFuturesGetSettlePositions", "futures/{settle}/positions"),
    _positions("privateDeliveryGetSettlePositions", "delivery/{settle}/positions"),
)

TRADING = {
    "gate": Trading(
        fills={
            Pool.SPOT: (_SPOT,),
            Pool.FUTURES: _FUTURES,
            Pool.UNIFIED: (_SPOT, *_FUTURES),
        },
        positions={Pool.FUTURES: _OPEN, Pool.UNIFIED: _OPEN},
        flows={Pool.FUTURES: (_BOOK,), Pool.UNIFIED: (_BOOK,)},
        # gate.com/docs/developers/apiv4, text: "t-" and at most 28 letters, digits, "_", "-", ".".
        # Without it, text says what sent the order: "web", "api", "apiv4", "liquidation".
        order_ids=OrderIds(prefix="t-", longest=28, told="all"),
        untold=(
            "whose position a fill of a hedged account is",
            "deposits and withdrawals of spot wallets are not read",
        ),
    )
}
