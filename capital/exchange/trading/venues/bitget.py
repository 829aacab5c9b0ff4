"""Bitget: in hedge mode the side of a classic fill names its position, not what it did."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BUY,
    BUY_OR_SELL,
    INVERSE,
    LINEAR,
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

_SPAN = {"startTime": "{since}", "endTime": "{until}", "limit": 100}
_WEEK, _REACH = timedelta(days=7), timedelta(days=90)
_CREATED = (Moment("cTime"),)

_SPOT = Call(
    "privateSpotGetV2SpotTradeFills",
    "GET /api/v2/spot/trade/fills",
    rows=(("data",),),
    fields=FillFields(
        symbol="symbol",
        quantity="size",
        price="priceAvg",
        time=_CREATED,
        side=side(),
        # Here one object, on contracts a list.
        fees=(FeeField("totalFee", "feeCoin", is_negative_when_paid=True, within="feeDetail"),),
        fill_id="tradeId",
        order_id="orderId",
        liquidity=liquidity("tradeScope"),
    ),
    kinds=SPOT,
    params={"symbol": "{symbol}", **_SPAN},
    by_symbol=True,
    span=_REACH,
    reach=_REACH,
    # What is older than this row: a large order has more fills in a millisecond than a page.
    pages=Pages(100, "idLessThan", ("data", -1, "tradeId"), of_last_row=True),
)

# bitget.com/api-doc, "Get Order Fill Details": in hedge mode a buy is of the long position and a
# sell of the short one, and tradeSide says whether it opens or closes it.
_HEDGED = {
    "hedge_mode buy *close*": SELL,
    "hedge_mode sell *close*": BUY,
}
_CONTRACT = FillFields(
    symbol="symbol",
    quantity="baseVolume",
    price="price",
    time=_CREATED,
    side=(Said(("posMode", "side", "tradeSide"), _HEDGED), Said(("side",), BUY_OR_SELL)),
    position_side=(Said(("posMode", "side"), {"hedge_mode buy": LONG, "hedge_mode sell": SHORT}),),
    fees=(FeeField("totalFee", "feeCoin", is_negative_when_paid=True, within="feeDetail"),),
    realized="profit",
    fill_id="tradeId",
    order_id="orderId",
    liquidity=liquidity("tradeScope"),
)


def _classic(product: str, kinds: Kinds) -> Call[FillFields]:
    return Call(
        "privateMixGetV2MixOrderFills",
        f"GET /api/v2/mix/order/fills of {product}",
        rows=(("data", "fillList"),),
        fields=_CONTRACT,
        kinds=kinds,
        params={"productType": product, **_SPAN},
        span=_WEEK,
        reach=_REACH,
        pages=Pages(100, "idLessThan", ("data", "endId")),
        about="realised PnL without fees",
    )


def _unified(category: str, kinds: Kinds) -> Call[FillFields]:
    return Call(
        "privateUtaGetV3TradeFills",
        f"GET /api/v3/trade/fills of {category}",
        rows=(("data", "list"),),
        fields=FillFields(
            symbol="symbol",
            # execValue is rounded.
            quantity="execQty",
            price="execPrice",
            time=(Moment("createdTime"),),
            side=side(),
            position_side=position_side("posSide"),
            # On unified accounts a fee that was paid is above zero.
            fees=(FeeField("fee", "feeCoin", within="feeDetail"),),
            realized="execPnl",
            fill_id="execId",
            order_id="orderId",
            client_order_id="clientOid",
            liquidity=liquidity("tradeScope"),
            only={"category": (category,)},
        ),
        kinds=kinds,
        params={"category": category, **_SPAN},
        span=timedelta(days=30),
        reach=_REACH,
        pages=Pages(100, "cursor", ("data", "cursor")),
    )


_DIRECTION = {"long": BUY, "short": SELL}


def _classic_positions(product: str, kinds: Kinds) -> Call[PositionFields]:
    return Call(
        "privateMixGetV2MixPositionAllPosition",
        f"GET /api/v2/mix/position/all-position of {product}",
        rows=(("data",),),
        fields=PositionFields(
            symbol="symbol",
            quantity="total",
            direction=(Said(("holdSide",), _DIRECTION),),
            position_side=(
                Said(
                    ("posMode", "holdSide"),
                    {"hedge_mode long": LONG, "hedge_mode short": SHORT},
                ),
            ),
            entry="openPriceAvg",
            mark="markPrice",
            unrealised="unrealizedPL",
            realised="achievedProfits",
            time=_CREATED,
        ),
        kinds=kinds,
        params={"productType": product},
        about="realised PnL without fees; the time is when it was opened",
    )


def _unified_positions(category: str, kinds: Kinds) -> Call[PositionFields]:
    return Call(
        "privateUtaGetV3PositionCurrentPosition",
        f"GET /api/v3/position/current-position of {category}",
        rows=(("data", "list"),),
        fields=PositionFields(
            symbol="symbol",
            quantity="total",
            direction=(Said(("posSide",), _DIRECTION),),
            position_side=(
                Said(
                    ("holdMode", "posSide"),
                    {"hedge_mode long": LONG, "hedge_mode short": SHORT},
                ),
            ),
            entry="avgPrice",
            mark="markPrice",
            unrealised="unrealisedPnl",
            realised="curRealisedPnl",
            time=(Moment("updatedTime"), Moment("createdTime")),
            only={"category": (category,)},
        ),
        kinds=kinds,
        params={"category": category},
    )


def _bills(product: str, kinds: Kinds) -> Call[FlowFields]:
    return Call(
        "privateMixGetV2MixAccountBill",
        f"GET /api/v2/mix/account/bill of {product}",
        rows=(("data", "bills"),),
        fields=FlowFields(
            kind=(
                Said(
                    ("businessType",),
                    {
                        "contract_settle_fee": FlowKind.FUNDING,
                        "trans_from_*": FlowKind.TRANSFER,
                        "trans_to_*": FlowKind.TRANSFER,
                    },
                ),
            ),
            amount="amount",
            currency="coin",
            time=_CREATED,
            symbol="symbol",
            flow_id="billId",
        ),
        kinds=kinds,
        params={"productType": product, **_SPAN},
        span=timedelta(days=30),
        reach=_REACH,
        pages=Pages(100, "idLessThan", ("data", "endId")),
    )


_PRODUCTS = (
    ("USDT-FUTURES", LINEAR),
    ("USDC-FUTURES", LINEAR),
    ("COIN-FUTURES", INVERSE),
)

TRADING = {
    "bitget": Trading(
        fills={
            Pool.SPOT: (_SPOT,),
            Pool.FUTURES: tuple(_classic(*each) for each in _PRODUCTS),
            Pool.UNIFIED: (
                _unified("SPOT", SPOT),
                *(_unified(*each) for each in _PRODUCTS),
                # Of pairs of spot that were traded in margin.
                _unified("MARGIN", SPOT),
            ),
        },
        positions={
            Pool.FUTURES: tuple(_classic_positions(*each) for each in _PRODUCTS),
            Pool.UNIFIED: tuple(_unified_positions(*each) for each in _PRODUCTS),
        },
        flows={Pool.FUTURES: tuple(_bills(*each) for each in _PRODUCTS)},
        # clientOid: error 40305 says that 50 characters are the most.
        order_ids=OrderIds(longest=50, told="unified accounts"),
        untold=(
            "what coin-margined contracts earn: their fills are not booked",
            "client order ids in classic fills",
            "whose position a fill of a hedged unified account is",
            "fills of the margin wallets of classic accounts: their rows name no symbol",
            "flows of spot and unified wallets are not read",
        ),
    )
}
