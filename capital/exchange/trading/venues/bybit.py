"""Bybit: one list of executions, in which funding looks like a purchase."""

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
    TRUE_IS_MAKER,
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
    side,
)

_METHOD, _ENDPOINT = "privateGetV5ExecutionList", "GET /v5/execution/list"
_SPAN = {"startTime": "{since}", "endTime": "{until}", "limit": 100}
_NEXT = Pages(100, "cursor", ("result", "nextPageCursor"))
_TIME = (Moment("execTime"),)
# bybit-exchange.github.io, "execType": what settles without an execution. Any other one moves what
# is held, whatever it is called.
_NO_FILLS = ("Funding", "Settle", "SessionSettlePnL")


def _fills(category: str, kinds: Kinds) -> Call[FillFields]:
    return Call(
        _METHOD,
        f"{_ENDPOINT} of {category}",
        rows=(("result", "list"),),
        fields=FillFields(
            symbol="symbol",
            # Of inverse contracts in dollars, as an order is.
            quantity="execQty",
            price="execPrice",
            time=_TIME,
            side=side(),
            fees=(FeeField("execFee", ("feeCurrency", "feeCoin", "=received")),),
            realized="execPnl",
            fill_id="execId",
            order_id="orderId",
            client_order_id="orderLinkId",
            liquidity=liquidity("isMaker", TRUE_IS_MAKER),
            never={"execType": _NO_FILLS},
        ),
        kinds=kinds,
        params={"category": category, **_SPAN},
        says={("result", "category"): (category,)},
        # There, "Get Trade History": 7 days, of the last two years.
        span=timedelta(days=7),
        reach=timedelta(days=730),
        pages=_NEXT,
        about="position sides are not told; fees are in realised PnL",
    )


def _positions(category: str, kinds: Kinds, **params: str) -> Call[PositionFields]:
    return Call(
        "privateGetV5PositionList",
        f"GET /v5/position/list of {category}",
        rows=(("result", "list"),),
        fields=PositionFields(
            symbol="symbol",
            quantity="size",
            direction=(Said(("side",), {"buy": BUY, "sell": SELL}),),
            position_side=(Said(("positionIdx",), {"0": BOTH, "1": LONG, "2": SHORT}),),
            # positionValue is at entry; the older name of the average price is entryPrice.
            entry=("avgPrice", "entryPrice"),
            mark="markPrice",
            # Empty where it is flat, and in old answers: unknown, not zero.
            unrealised="unrealisedPnl",
            # cumRealisedPnl is of all positions that were ever held.
            realised="curRealisedPnl",
            time=(Moment("updatedTime"),),
        ),
        kinds=kinds,
        params={"category": category, "limit": 200, **params},
        says={("result", "category"): (category,)},
        pages=Pages(200, "cursor", ("result", "nextPageCursor")),
    )


def _funding(category: str, kinds: Kinds) -> Call[FlowFields]:
    return Call(
        _METHOD,
        f"{_ENDPOINT}, execType Funding, of {category}",
        rows=(("result", "list"),),
        fields=FlowFields(
            kind=(Said(("execType",), {"funding": FlowKind.FUNDING}),),
            amount="execFee",
            currency=("feeCurrency", "feeCoin", "=settle"),
            time=_TIME,
            symbol="symbol",
            flow_id="execId",
            # A fee that was paid is above zero.
            is_negative_when_received=True,
        ),
        kinds=kinds,
        params={"category": category, "execType": "Funding", **_SPAN},
        says={("result", "category"): (category,)},
        span=timedelta(days=7),
        reach=timedelta(days=730),
        pages=_NEXT,
    )


_DEPOSITS = Call(
    "privateGetV5AssetDepositQueryRecord",
    "GET /v5/asset/deposit/query-record",
    rows=(("result", "rows"),),
    fields=FlowFields(
        kind=(Said((), {"": FlowKind.DEPOSIT}),),
        amount="amount",
        currency="coin",
        time=(Moment("successAt"),),
        flow_id=("id", "txID"),
        # 3: success.
        only={"status": (3, "3")},
    ),
    params={"startTime": "{since}", "endTime": "{until}", "limit": 50},
    span=timedelta(days=30),
    pages=Pages(50, "cursor", ("result", "nextPageCursor")),
)
_WITHDRAWALS = Call(
    "privateGetV5AssetWithdrawQueryRecord",
    "GET /v5/asset/withdraw/query-record",
    rows=(("result", "rows"),),
    fields=FlowFields(
        kind=(Said((), {"": FlowKind.WITHDRAWAL}),),
        amount=("amount + withdrawFee", "amount"),
        currency="coin",
        time=(Moment("updateTime"), Moment("createTime")),
        flow_id="withdrawId",
        is_unsigned=True,
        only={"status": ("success",)},
    ),
    params={"startTime": "{since}", "endTime": "{until}", "limit": 50},
    span=timedelta(days=30),
    pages=Pages(50, "cursor", ("result", "nextPageCursor")),
)

TRADING = {
    "bybit": Trading(
        fills={
            Pool.UNIFIED: (
                _fills("spot", SPOT),
                _fills("linear", LINEAR),
                _fills("inverse", INVERSE),
            )
        },
        positions={
            Pool.UNIFIED: (
                _positions("linear", LINEAR, settleCoin="USDT"),
                _positions("linear", LINEAR, settleCoin="USDC"),
                _positions("inverse", INVERSE),
            )
        },
        flows={
            Pool.UNIFIED: (
                _funding("linear", LINEAR),
                _funding("inverse", INVERSE),
                _DEPOSITS,
                _WITHDRAWALS,
            )
        },
        # orderLinkId: at most 36 letters, digits, dashes and underscores.
        order_ids=OrderIds(longest=36, told="all"),
        untold=("whose position a fill of a hedged account is",),
    )
}
