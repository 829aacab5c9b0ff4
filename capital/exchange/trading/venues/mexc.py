"""MEXC: the side of a contract's fill is a number that says whose position it is, too."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BUY,
    CONTRACTS,
    LONG,
    SELL,
    SHORT,
    SPOT,
    TRUE_IS_MAKER,
    TRUE_OR_FALSE_BUYS,
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
)

_SPOT = Call(
    "spotPrivateGetMyTrades",
    "GET /api/v3/myTrades",
    rows=((),),
    fields=FillFields(
        symbol="symbol",
        quantity="qty",
        price="price",
        time=(Moment("time"),),
        side=(Said(("isBuyer",), TRUE_OR_FALSE_BUYS),),
        fees=(FeeField("commission", "commissionAsset"),),
        fill_id="id",
        order_id="orderId",
        client_order_id="clientOrderId",
        liquidity=liquidity("isMaker", TRUE_IS_MAKER),
    ),
    kinds=SPOT,
    params={"symbol": "{symbol}", "startTime": "{since}", "endTime": "{until}", "limit": 100},
    by_symbol=True,
    # mexc.com/api-docs/spot-v3, "Account Trade List": the last month.
    span=timedelta(days=7),
    reach=timedelta(days=30),
    pages=Pages(100),
    weight=10,
)

# mexc.com/api-docs/futures: 1 open long, 2 close short, 3 open short, 4 close long; positionMode 1
# is hedged, 2 one-way.
_CONTRACT = Call(
    "contractPrivateGetOrderListOrderDeals",
    "GET /api/v1/private/order/list/order_deals",
    rows=(("data", "resultList"), ("data",)),
    fields=FillFields(
        symbol="symbol",
        quantity="vol",
        price="price",
        time=(Moment("timestamp"),),
        side=(Said(("side",), {"1": BUY, "2": BUY, "3": SELL, "4": SELL}),),
        position_side=(
            Said(
                ("positionMode", "side"),
                {"1 1": LONG, "1 4": LONG, "1 2": SHORT, "1 3": SHORT},
            ),
        ),
        fees=(FeeField("fee", ("feeCurrency", "=settle")),),
        realized="profit",
        fill_id="id",
        order_id="orderId",
        client_order_id="externalOid",
        liquidity=liquidity("taker", {"true": "taker", "false": "maker"}),
    ),
    kinds=CONTRACTS,
    params={
        "symbol": "{symbol}",
        "start_time": "{since}",
        "end_time": "{until}",
        "page_size": 100,
    },
    by_symbol=True,
    span=timedelta(days=90),
    pages=Pages(100, "page_num", by_page=True),
)

_POSITIONS = Call(
    "contractPrivateGetPositionOpenPositions",
    "GET /api/v1/private/position/open_positions",
    rows=(("data",),),
    fields=PositionFields(
        symbol="symbol",
        quantity="holdVol",
        direction=(Said(("positionType",), {"1": BUY, "2": SELL}),),
        position_side=(Said(("positionMode", "positionType"), {"1 1": LONG, "1 2": SHORT}),),
        entry=("holdAvgPrice", "openAvgPrice"),
        realised="realised",
        time=(Moment("updateTime"), Moment("createTime")),
    ),
    kinds=CONTRACTS,
    about="neither mark nor unrealised PnL; realised PnL with fees, to 4 decimals",
)

_FUNDING = Call(
    "contractPrivateGetPositionFundingRecords",
    "GET /api/v1/private/position/funding_records",
    rows=(("data", "resultList"),),
    fields=FlowFields(
        kind=(Said((), {"": FlowKind.FUNDING}),),
        amount="funding",
        currency="=settle",
        time=(Moment("settleTime"),),
        symbol="symbol",
        flow_id="id",
    ),
    kinds=CONTRACTS,
    params={"page_size": 100},
    pages=Pages(100, "page_num", by_page=True),
)

TRADING = {
    "mexc": Trading(
        fills={Pool.SPOT: (_SPOT,), Pool.FUTURES: (_CONTRACT,)},
        positions={Pool.FUTURES: (_POSITIONS,)},
        flows={Pool.FUTURES: (_FUNDING,)},
        # newClientOrderId and externalOid: at most 32 characters.
        order_ids=OrderIds(longest=32, told="spot"),
        untold=(
            "client order ids in fills of contracts",
            "marks and unrealised PnL of positions",
            "deposits and withdrawals are not read",
        ),
    )
}
