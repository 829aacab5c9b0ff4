"""HTX: a paid fee is below zero in version 1 and 3 of its contracts, above zero in version 5."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BOTH,
    BUY,
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

_TWO_DAYS, _REACH = timedelta(hours=48), timedelta(days=120)

_SPOT = Call(
    "spotPrivateGetV1OrderMatchresults",
    "GET /v1/order/matchresults",
    rows=(("data",),),
    fields=FillFields(
        symbol="symbol",
        quantity="filled-amount",
        price="price",
        time=(Moment("created-at"),),
        side=(Said(("type",), {"buy*": BUY, "sell*": SELL}),),
        # Both may be paid for one fill.
        fees=(
            FeeField("filled-fees", ("fee-currency", "=received")),
            FeeField("filled-points", "fee-deduct-currency"),
        ),
        # trade-id is unique by symbol, id by account.
        fill_id=("trade-id", "id"),
        order_id="order-id",
        liquidity=liquidity("role"),
    ),
    kinds=SPOT,
    params={
        "symbol": "{symbol}",
        "start-time": "{since}",
        "end-time": "{until}",
        "size": 500,
    },
    by_symbol=True,
    span=_TWO_DAYS,
    reach=_REACH,
    pages=Pages(500),
)

_LINEAR = Call(
    "contractPrivateGetV5TradeOrderDetails",
    "GET /v5/trade/order/details",
    rows=(("data",),),
    fields=FillFields(
        symbol="contract_code",
        quantity="trade_volume",
        price="trade_price",
        time=(Moment("created_time"),),
        side=side(),
        position_side=position_side("position_side"),
        fees=(FeeField("trade_fee", ("fee_currency", "=settle")),),
        realized="profit",
        fill_id="id",
        order_id="order_id",
        client_order_id="client_order_id",
        liquidity=liquidity("role"),
    ),
    kinds=LINEAR,
    params={
        "contract_code": "{symbol}",
        "start_time": "{since}",
        "end_time": "{until}",
        "limit": 100,
    },
    by_symbol=True,
    span=_TWO_DAYS,
    reach=timedelta(days=90),
    pages=Pages(100),
)

# In hedge mode offset says whether direction opens or closes; in one-way mode it is "both".
_OFFSETS = {
    "open buy": LONG,
    "close sell": LONG,
    "open sell": SHORT,
    "close buy": SHORT,
}
_INVERSE_FIELDS = FillFields(
    symbol="contract_code",
    quantity="trade_volume",
    price="trade_price",
    time=(Moment("create_date"), Moment("created_at")),
    side=side("direction"),
    position_side=(Said(("offset", "direction"), _OFFSETS),),
    fees=(FeeField("trade_fee", ("fee_asset", "=settle"), is_negative_when_paid=True),),
    realized=("real_profit", "offset_profitloss"),
    # match_id is shared by all fills of one match, trade_id of older answers likewise.
    fill_id=("id", "match_id"),
    order_id=("order_id_str", "order_id"),
    client_order_id="client_order_id",
    liquidity=liquidity("role"),
)


def _inverse(method: str, endpoint: str, **params: str) -> Call[FillFields]:
    return Call(
        method,
        endpoint,
        rows=(("data", "trades"), ("data",)),
        fields=_INVERSE_FIELDS,
        kinds=INVERSE,
        params={
            "contract": "{symbol}",
            "trade_type": 0,
            "start_time": "{since}",
            "end_time": "{until}",
            **params,
        },
        by_symbol=True,
        span=_TWO_DAYS,
        reach=timedelta(days=90),
        pages=Pages(50),
    )


_DIRECTION = (Said(("direction",), {"buy": BUY, "sell": SELL}),)


def _inverse_positions(method: str, endpoint: str) -> Call[PositionFields]:
    return Call(
        method,
        endpoint,
        rows=(("data",),),
        fields=PositionFields(
            symbol="contract_code",
            quantity="volume",
            direction=_DIRECTION,
            position_side=(
                Said(("position_mode",), {"single_side": BOTH}),
                Said(("position_mode", "direction"), {"* buy": LONG, "* sell": SHORT}),
            ),
            entry="cost_open",
            # profit is with the part that is realised.
            unrealised="profit_unreal",
        ),
        kinds=INVERSE,
        about="no mark and no time",
    )


TRADING = {
    "htx": Trading(
        fills={
            Pool.SPOT: (_SPOT,),
            Pool.FUTURES: (
                _LINEAR,
                _inverse(
                    "contractPrivatePostSwapApiV3SwapMatchresultsExact",
                    "POST /swap-api/v3/swap_matchresults_exact",
                ),
            ),
        },
        positions={
            Pool.FUTURES: (
                Call(
                    "contractPrivateGetV5TradePositionOpens",
                    "GET /v5/trade/position/opens",
                    rows=(("data",),),
                    fields=PositionFields(
                        symbol="contract_code",
                        quantity="volume",
                        direction=(
                            Said(("position_side",), {"long": BUY, "short": SELL}),
                            *_DIRECTION,
                        ),
                        position_side=position_side("position_side"),
                        entry="open_avg_price",
                        mark="mark_price",
                        unrealised="profit_unreal",
                        time=(Moment("updated_time"), Moment("created_time")),
                    ),
                    kinds=LINEAR,
                ),
                _inverse_positions(
                    "contractPrivatePostSwapApiV1SwapPositionInfo",
                    "POST /swap-api/v1/swap_position_info",
                ),
            )
        },
        flows={
            Pool.FUTURES: (
                Call(
                    "contractPrivateGetV5AccountBills",
                    "GET /v5/account/bills, types 30 and 31",
                    rows=(("data",),),
                    fields=FlowFields(
                        kind=(Said(("type",), {"30": FlowKind.FUNDING, "31": FlowKind.FUNDING}),),
                        amount="amount",
                        currency="currency",
                        time=(Moment("created_time"),),
                        symbol="contract_code",
                        flow_id="id",
                    ),
                    kinds=LINEAR,
                    params={
                        "type": "30,31",
                        "start_time": "{since}",
                        "end_time": "{until}",
                        "limit": 100,
                    },
                    span=_TWO_DAYS,
                    reach=timedelta(days=90),
                    pages=Pages(100),
                ),
            )
        },
        # client-order-id of spot: at most 64 characters. client_order_id of contracts: a number.
        order_ids=OrderIds(longest=64, kinds=SPOT),
        untold=(
            "client order ids in fills of spot and inverse contracts",
            "funding of inverse contracts",
            "inverse contracts with a delivery date are not read",
            "deposits and withdrawals are not read",
        ),
    )
}
