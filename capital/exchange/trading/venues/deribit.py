"""Deribit: amounts of inverse contracts are dollars, as those of its orders."""

from dataclasses import replace
from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    ALL_KINDS,
    BUY,
    CONTRACTS,
    SELL,
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

_FILLS = Call(
    "privateGetGetUserTradesByCurrencyAndTime",
    "private/get_user_trades_by_currency_and_time",
    rows=(("result", "trades"),),
    fields=FillFields(
        symbol="instrument_name",
        quantity="amount",
        price="price",
        time=(Moment("timestamp"),),
        side=side("direction"),
        fees=(FeeField("fee", "fee_currency"),),
        realized="profit_loss",
        fill_id="trade_id",
        order_id="order_id",
        client_order_id="label",
        liquidity=liquidity("liquidity", {"m": "maker", "t": "taker"}),
    ),
    kinds=ALL_KINDS,
    params={
        "currency": "{currency}",
        "start_timestamp": "{since}",
        "end_timestamp": "{until}",
        "count": 1000,
    },
    pages=Pages(1000),
    about="of the last 24 hours, in the account's currency; options are not booked",
)

# docs.deribit.com, "Accessing Historical Trades and Orders": those of the last 24 hours, and, once
# they are indexed, those of any time.
_HISTORY = replace(
    _FILLS,
    endpoint=f"{_FILLS.endpoint}, historical",
    params={**_FILLS.params, "historical": "true"},
    about="after a short delay, those of more than a day ago, too",
)

_POSITIONS = Call(
    "privateGetGetPositions",
    "private/get_positions",
    rows=(("result",),),
    fields=PositionFields(
        symbol="instrument_name",
        # size_currency is in the coin, at the mark. Newer answers have a sign, older ones do not.
        quantity="size",
        direction=(Said(("direction",), {"buy": BUY, "sell": SELL}),),
        entry="average_price",
        mark="mark_price",
        # floating_profit_loss is the session's.
        unrealised="total_profit_loss",
        realised="realized_profit_loss",
        only={"kind": ("future",)},
    ),
    kinds=CONTRACTS,
    params={"currency": "{currency}", "kind": "future"},
    about="no time; realised PnL is the session's",
)

_LOG = Call(
    "privateGetGetTransactionLog",
    "private/get_transaction_log",
    rows=(("result", "logs"),),
    fields=FlowFields(
        kind=(
            Said(
                ("type",),
                {
                    "deposit": FlowKind.DEPOSIT,
                    "withdrawal": FlowKind.WITHDRAWAL,
                    "transfer": FlowKind.TRANSFER,
                },
            ),
        ),
        amount="change",
        currency="currency",
        time=(Moment("timestamp"),),
        flow_id="id",
    ),
    params={
        "currency": "{currency}",
        "start_timestamp": "{since}",
        "end_timestamp": "{until}",
        "count": 100,
    },
    span=timedelta(days=30),
    pages=Pages(100, "continuation", ("result", "continuation")),
)

TRADING = {
    "deribit": Trading(
        fills={Pool.UNIFIED: (_FILLS, _HISTORY)},
        positions={Pool.UNIFIED: (_POSITIONS,)},
        flows={Pool.UNIFIED: (_LOG,)},
        # label: at most 64 characters.
        order_ids=OrderIds(longest=64, told="all"),
        untold=(
            "funding by payment: it is in the settlements of the day",
            "fills in other currencies than the account's",
        ),
    )
}
