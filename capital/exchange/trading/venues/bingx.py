"""BingX: a fee that was paid is below zero; linear volumes are in the base coin."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BOTH,
    BUY,
    INVERSE,
    LINEAR,
    SELL,
    SPOT,
    TRUE_IS_MAKER,
    TRUE_OR_FALSE_BUYS,
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

_SPOT = Call(
    "spotV1PrivateGetTradeMyTrades",
    "GET /openApi/spot/v1/trade/myTrades",
    rows=(("data", "fills"),),
    fields=FillFields(
        symbol="symbol",
        # quoteQty has binary noise; price times qty is right.
        quantity="qty",
        price="price",
        time=(Moment("time"),),
        side=(Said(("isBuyer",), TRUE_OR_FALSE_BUYS),),
        fees=(FeeField("commission", "commissionAsset", is_negative_when_paid=True),),
        fill_id="id",
        order_id="orderId",
        liquidity=liquidity("isMaker", TRUE_IS_MAKER),
    ),
    kinds=SPOT,
    params={"symbol": "{symbol}", "startTime": "{since}", "endTime": "{until}", "limit": 1000},
    by_symbol=True,
    span=timedelta(days=7),
    pages=Pages(1000),
)

# bingx-api.github.io, "Query historical transaction details". The older allFillOrders is not read:
# its volume may be a number of contracts, and its filledTm writes the time of Singapore as UTC.
_LINEAR = Call(
    "swapV2PrivateGetTradeFillHistory",
    "GET /openApi/swap/v2/trade/fillHistory",
    rows=(("data", "fill_history_orders"), ("data",)),
    fields=FillFields(
        symbol="symbol",
        quantity="qty",
        price="price",
        time=(Moment("filledTime", "iso"),),
        side=side(),
        position_side=(Said(("onlyOnePosition",), {"true": BOTH}), *position_side()),
        fees=(FeeField("commission", "commissionAsset", is_negative_when_paid=True),),
        realized="realisedPNL",
        fill_id="tradeId",
        order_id="orderId",
        client_order_id=("clientOrderID", "clientOrderId"),
        liquidity=liquidity("role"),
    ),
    kinds=LINEAR,
    params={"symbol": "{symbol}", "startTs": "{since}", "endTs": "{until}", "pageSize": 1000},
    by_symbol=True,
    span=timedelta(days=7),
    pages=Pages(1000),
)

# There, "Query historical orders" of coin-margined futures: no list has their single fills.
_INVERSE = Call(
    "cswapV1PrivateGetTradeOrderHistory",
    "GET /openApi/cswap/v1/trade/orderHistory",
    rows=(("data", "orders"),),
    fields=FillFields(
        symbol="symbol",
        # In contracts; the price is the average of the order.
        quantity="executedQty",
        price="avgPrice",
        time=(Moment("updateTime"), Moment("time")),
        side=side(),
        position_side=position_side(),
        fees=(FeeField("commission", "=settle", is_negative_when_paid=True),),
        order_id="orderId",
        client_order_id="clientOrderId",
    ),
    kinds=INVERSE,
    params={"symbol": "{symbol}", "startTime": "{since}", "endTime": "{until}", "limit": 1000},
    by_symbol=True,
    span=timedelta(days=7),
    pages=Pages(1000),
    about="orders as a whole, with the time when they were changed last",
)
# There, "Query Order Trade Detail" of coin-margined futures: orderId is required.
_INVERSE_OF_ORDER = Call(
    "cswapV1PrivateGetTradeAllFillOrders",
    "GET /openApi/cswap/v1/trade/allFillOrders",
    rows=(("data",),),
    fields=FillFields(
        symbol="symbol",
        # In contracts.
        quantity="volume",
        price="tradePrice",
        time=(Moment("tradeTime"),),
        side=side(),
        position_side=position_side(),
        fees=(FeeField("commission", "currency", is_negative_when_paid=True),),
        realized="realizedPnl",
        fill_id="tradeId",
        order_id="orderId",
        liquidity=liquidity("maker", TRUE_IS_MAKER),
    ),
    kinds=INVERSE,
    params={"orderId": "{order}"},
    about="one order at a time",
)


def _positions(method: str, endpoint: str, kinds: Kinds) -> Call[PositionFields]:
    return Call(
        method,
        endpoint,
        rows=(("data",),),
        fields=PositionFields(
            symbol="symbol",
            quantity="positionAmt",
            direction=(Said(("positionSide",), {"long": BUY, "short": SELL}),),
            is_signed=True,
            position_side=(Said(("onlyOnePosition",), {"true": BOTH}), *position_side()),
            entry="avgPrice",
            mark="markPrice",
            unrealised="unrealizedProfit",
            realised="realisedProfit",
            time=(Moment("updateTime"),),
        ),
        kinds=kinds,
        about="realised PnL with fees, to 4 decimals",
    )


_INCOME = Call(
    "swapV2PrivateGetUserIncome",
    "GET /openApi/swap/v2/user/income",
    rows=(("data",),),
    fields=FlowFields(
        kind=(
            Said(
                ("incomeType",),
                {"funding_fee": FlowKind.FUNDING, "transfer": FlowKind.TRANSFER},
            ),
        ),
        amount="income",
        currency="asset",
        time=(Moment("time"),),
        symbol="symbol",
        flow_id="tranId",
    ),
    kinds=LINEAR,
    params={"startTime": "{since}", "endTime": "{until}", "limit": 1000},
    span=timedelta(days=7),
    reach=timedelta(days=90),
    pages=Pages(1000),
)
_SWAP = "GET /openApi/swap/v2/user/positions"

TRADING = {
    "bingx": Trading(
        fills={Pool.SPOT: (_SPOT,), Pool.FUTURES: (_LINEAR, _INVERSE_OF_ORDER, _INVERSE)},
        positions={
            Pool.FUTURES: (
                _positions("swapV2PrivateGetUserPositions", _SWAP, LINEAR),
                _positions(
                    "cswapV1PrivateGetUserPositions",
                    "GET /openApi/cswap/v1/user/positions",
                    INVERSE,
                ),
            )
        },
        flows={Pool.FUTURES: (_INCOME,)},
        # clientOrderId: at most 40 characters, which are made small letters.
        order_ids=OrderIds(longest=40, told="contracts"),
        untold=(
            "single coin-margined fills, but by order",
            "funding of coin-margined contracts",
            "deposits and withdrawals are not read",
        ),
    )
}
