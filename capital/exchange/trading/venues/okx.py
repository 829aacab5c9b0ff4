"""OKX: sizes of derivatives are contracts; a fee that was paid is below zero."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BUY,
    CONTRACTS,
    SELL,
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

_REACH = timedelta(days=90)


# After: what is older than this row. A large order has more fills in a millisecond than a page.
_PAGES = Pages(100, "after", ("data", -1, "billId"), of_last_row=True)


def _fills(instrument_type: str, kinds: Kinds) -> Call[FillFields]:
    return Call(
        "privateGetTradeFillsHistory",
        f"GET /api/v5/trade/fills-history of {instrument_type}",
        rows=(("data",),),
        fields=FillFields(
            symbol="instId",
            quantity="fillSz",
            price="fillPx",
            # fillTime is newer: when it was executed, not when it was booked.
            time=(Moment("fillTime"), Moment("ts")),
            side=side(),
            position_side=position_side("posSide"),
            fees=(FeeField("fee", "feeCcy", is_negative_when_paid=True),),
            realized="fillPnl",
            # Unique by instrument; billId is unique overall, but is not in what bots are told.
            fill_id="tradeId",
            order_id="ordId",
            client_order_id="clOrdId",
            liquidity=liquidity("execType", {"m": "maker", "t": "taker"}),
            only={"instType": (instrument_type, *(("MARGIN",) if kinds == SPOT else ()))},
        ),
        kinds=kinds,
        params={
            "instType": instrument_type,
            "begin": "{since}",
            "end": "{until}",
            "limit": 100,
        },
        reach=_REACH,
        pages=_PAGES,
    )


_POSITIONS = Call(
    "privateGetAccountPositions",
    "GET /api/v5/account/positions",
    rows=(("data",),),
    fields=PositionFields(
        symbol="instId",
        # availPos is what may be closed.
        quantity="pos",
        direction=(Said(("posSide",), {"long": BUY, "short": SELL}),),
        is_signed=True,
        position_side=position_side("posSide"),
        entry="avgPx",
        mark="markPx",
        unrealised="upl",
        realised="realizedPnl",
        time=(Moment("uTime"),),
        # Of margin on spot, pos is in posCcy.
        never={"instType": ("MARGIN",)},
    ),
    kinds=CONTRACTS,
    about="realised PnL with fees and funding",
)

_FUNDING = Call(
    "privateGetAccountBills",
    "GET /api/v5/account/bills, types 1, 7 and 8",
    rows=(("data",),),
    fields=FlowFields(
        kind=(
            Said(
                ("type",),
                {"8": FlowKind.FUNDING, "7": FlowKind.INTEREST, "1": FlowKind.TRANSFER},
            ),
        ),
        amount="balChg",
        currency="ccy",
        time=(Moment("ts"),),
        symbol="instId",
        flow_id="billId",
    ),
    kinds=CONTRACTS,
    params={"begin": "{since}", "end": "{until}", "limit": 100},
    reach=timedelta(days=7),
    pages=_PAGES,
)

TRADING = {
    "okx": Trading(
        fills={
            Pool.UNIFIED: (
                _fills("SPOT", SPOT),
                _fills("SWAP", CONTRACTS),
                _fills("FUTURES", CONTRACTS),
                # Of pairs of spot that were traded in cross or isolated margin.
                _fills("MARGIN", SPOT),
            )
        },
        positions={Pool.UNIFIED: (_POSITIONS,)},
        flows={Pool.UNIFIED: (_FUNDING,)},
        # clOrdId: at most 32 letters and digits, and nothing else.
        order_ids=OrderIds(signs="", longest=32, told="all"),
        untold=(
            "positions of margin on spot: their size may be in either coin",
            "deposits and withdrawals go to the funding account: here they are transfers",
        ),
    )
}
