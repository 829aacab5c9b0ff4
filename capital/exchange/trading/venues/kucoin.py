"""KuCoin: sizes of contracts are lots; times are nanoseconds."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BOTH,
    BUY,
    CONTRACTS,
    LONG,
    SELL,
    SHORT,
    SPOT,
    Call,
    FeeField,
    FillFields,
    FlowFields,
    Kinds,
    Moment,
    OrderIds,
    Pages,
    PositionFields,
    Said,
    Trading,
    liquidity,
    position_side,
    side,
)

_WEEK = timedelta(days=7) - timedelta(milliseconds=1)
_SPAN = {"startAt": "{since}", "endAt": "{until}"}

_SPOT = Call(
    "privateGetFills",
    "GET /api/v1/fills",
    rows=(("data", "items"),),
    fields=FillFields(
        symbol="symbol",
        quantity="size",
        price="price",
        time=(Moment("createdAt"),),
        side=side(),
        fees=(FeeField("fee", ("feeCurrency", "=quote")),),
        fill_id=("tradeId", "id"),
        order_id="orderId",
        liquidity=liquidity("liquidity"),
    ),
    kinds=SPOT,
    params={**_SPAN, "pageSize": 500},
    span=_WEEK,
    pages=Pages(500),
)

_FUTURES = Call(
    "futuresPrivateGetFills",
    "GET /api/v1/fills of futures",
    rows=(("data", "items"),),
    fields=FillFields(
        symbol="symbol",
        quantity="size",
        price="price",
        time=(Moment("tradeTime", "ns"), Moment("createdAt")),
        side=side(),
        position_side=position_side(),
        fees=(FeeField("fee", ("feeCurrency", "settleCurrency", "=settle")),),
        fill_id="tradeId",
        order_id="orderId",
        liquidity=liquidity("liquidity"),
        # Of what is not executed. Others are "trade", "liquidation", "ADL" and "settlement".
        never={"tradeType": ("cancel",)},
    ),
    kinds=CONTRACTS,
    params={**_SPAN, "pageSize": 1000},
    span=_WEEK,
    pages=Pages(1000),
)


def _unified(trade_type: str, kinds: Kinds) -> Call[FillFields]:
    return Call(
        "utaPrivateGetAccountModeOrderExecution",
        f"GET /api/ua/v1/unified/order/execution of {trade_type}",
        rows=(("data", "items"),),
        fields=FillFields(
            symbol="symbol",
            quantity="size",
            price="price",
            time=(Moment("executionTime", "ns"),),
            side=side(),
            position_side=position_side(),
            fees=(FeeField("fee", ("feeCurrency", "=settle")),),
            fill_id="tradeId",
            order_id="orderId",
            client_order_id="clientOid",
            liquidity=liquidity("liquidityRole"),
        ),
        kinds=kinds,
        params={
            "accountMode": "unified",
            "tradeType": trade_type,
            "symbol": "{symbol}",
            **_SPAN,
            "pageSize": 200,
        },
        by_symbol=True,
        span=_WEEK,
        pages=Pages(200, "lastId", ("data", "lastId")),
    )


_HEDGED = (Said(("positionSide",), {"both": BOTH, "long": LONG, "short": SHORT}),)

TRADING = {
    "kucoin": Trading(
        fills={
            Pool.SPOT: (_SPOT,),
            Pool.FUTURES: (_FUTURES,),
            Pool.UNIFIED: (_unified("SPOT", SPOT), _unified("FUTURES", CONTRACTS)),
        },
        positions={
            Pool.FUTURES: (
                Call(
                    "futuresPrivateGetPositions",
                    "GET /api/v1/positions",
                    rows=(("data",),),
                    fields=PositionFields(
                        symbol="symbol",
                        quantity="currentQty",
                        is_signed=True,
                        position_side=_HEDGED,
                        entry="avgEntryPrice",
                        mark="markPrice",
                        unrealised="unrealisedPnl",
                        # realisedGrossPnl is without fees.
                        realised="realisedPnl",
                        time=(Moment("openingTimestamp"),),
                    ),
                    kinds=CONTRACTS,
                    about="realised PnL with fees; the time is when it was opened",
                ),
            ),
            Pool.UNIFIED: (
                Call(
                    "utaPrivateGetAccountModePositionOpenList",
                    "GET /api/ua/v1/unified/position/open-list",
                    rows=(("data",), ("data", "items")),
                    fields=PositionFields(
                        symbol="symbol",
                        quantity="size",
                        direction=(Said(("positionSide",), {"long": BUY, "short": SELL}),),
                        is_signed=True,
                        position_side=_HEDGED,
                        entry=("entryPrice", "avgEntryPrice"),
                        mark="markPrice",
                        unrealised=("unrealizedPnL", "unrealisedPnl"),
                        realised=("realizedPnL", "realisedPnl"),
                        time=(Moment("creationTime", "ns"),),
                    ),
                    kinds=CONTRACTS,
                    params={"accountMode": "unified", "limit": 200},
                    about="the time is when it was opened",
                ),
            ),
        },
        flows={
            Pool.UNIFIED: (
                Call(
                    "utaPrivateGetPositionFundingHistory",
                    "GET /api/ua/v1/position/funding-history",
                    rows=(("data", "items"),),
                    fields=FlowFields(
                        kind=(Said((), {"": FlowKind.FUNDING}),),
                        amount="fundingFee",
                        currency=("settleCurrency", "=settle"),
                        time=(Moment("settlementTime"),),
                        symbol="symbol",
                        flow_id="settlementTime",
                    ),
                    kinds=CONTRACTS,
                    params={**_SPAN, "pageSize": 200},
                    span=_WEEK,
                    pages=Pages(200, "lastId", ("data", "lastId")),
                ),
            ),
        },
        # clientOid: at most 40 characters.
        order_ids=OrderIds(longest=40, told="unified accounts"),
        untold=(
            "client order ids in classic fills",
            "funding of classic accounts: one symbol at a time, which is not read",
            "deposits and withdrawals are not read",
        ),
    )
}
