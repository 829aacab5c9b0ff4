"""Coinbase: fills of every product in one list; a size may be in the quote currency."""

from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    ALL_KINDS,
    BUY,
    CONTRACTS,
    SELL,
    Call,
    FeeField,
    FillFields,
    Moment,
    OrderIds,
    Pages,
    PositionFields,
    Quotient,
    Said,
    Trading,
    liquidity,
    side,
)

_IN_QUOTE = {"size_in_quote": (True, "true")}

_FILLS = Call(
    "v3PrivateGetBrokerageOrdersHistoricalFills",
    "GET /api/v3/brokerage/orders/historical/fills",
    rows=(("fills",),),
    fields=FillFields(
        symbol="product_id",
        quantity=(Quotient("size", "price", when=_IN_QUOTE), "size"),
        price="price",
        time=(Moment("trade_time", "iso"),),
        side=side(),
        fees=(FeeField("commission", "=quote"),),
        # trade_id repeats for the two sides of a self trade.
        fill_id="entry_id",
        order_id="order_id",
        liquidity=liquidity("liquidity_indicator"),
        # Others reverse, correct or make up for a fill.
        plain={"trade_type": ("FILL",)},
    ),
    kinds=ALL_KINDS,
    params={
        "start_sequence_timestamp": "{since_iso}",
        "end_sequence_timestamp": "{until_iso}",
        "limit": 250,
    },
    pages=Pages(250, "cursor", ("cursor",)),
    about="of all products",
)

_POSITIONS = Call(
    "v3PrivateGetBrokerageCfmPositions",
    "GET /api/v3/brokerage/cfm/positions",
    rows=(("positions",),),
    fields=PositionFields(
        symbol="product_id",
        quantity="number_of_contracts",
        direction=(Said(("side",), {"*long": BUY, "*short": SELL}),),
        entry="avg_entry_price",
        mark="current_price",
        # daily_realized_pnl is of the day.
        unrealised="unrealized_pnl",
    ),
    kinds=CONTRACTS,
    about="no time",
)

TRADING = {
    "coinbase": Trading(
        fills={Pool.SPOT: (_FILLS,), Pool.FUTURES: (_FILLS,)},
        positions={Pool.FUTURES: (_POSITIONS,)},
        # client_order_id: a text; its longest length is not documented.
        order_ids=OrderIds(),
        untold=("client order ids in fills", "funding", "deposits and withdrawals are not read"),
    )
}
