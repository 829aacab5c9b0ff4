"""Kraken: fills by their ids, fifty at a time; its futures tell neither fee nor PnL of a fill."""

from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BUY,
    CONTRACTS,
    SELL,
    SPOT,
    TRUE_IS_MAKER,
    Call,
    FeeField,
    FillFields,
    FlowFields,
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

_FILLS = Call(
    "privatePostTradesHistory",
    "POST /0/private/TradesHistory",
    rows=(("result", "trades"),),
    id_as="id",
    fields=FillFields(
        symbol="pair",
        quantity="vol",
        price="price",
        time=(Moment("time", "s"),),
        side=side("type"),
        # No currency is told: the quote, unless the order's flags say otherwise (fcib).
        fees=(FeeField("fee", "=quote"),),
        fill_id="id",
        order_id="ordertxid",
        liquidity=liquidity("maker", TRUE_IS_MAKER),
    ),
    kinds=SPOT,
    # docs.kraken.com, "Get Trades History": start is exclusive.
    params={"start": "{since_s}", "end": "{until_s}"},
    pages=Pages(50, "ofs"),
    weight=2,
    about="fees are taken to be in the quote currency",
)

_POSITIONS = Call(
    "privatePostOpenPositions",
    "POST /0/private/OpenPositions",
    rows=(("result",),),
    id_as="id",
    fields=PositionFields(
        symbol="pair",
        quantity=("vol - vol_closed", "vol"),
        direction=(Said(("type",), {"buy": BUY, "sell": SELL}),),
        entry=Quotient("cost", "vol"),
        mark=Quotient("value", "vol"),
        # Told with docalcs only.
        unrealised="net",
        # Told of each position by itself only.
        time=(Moment("time", "s"),),
    ),
    kinds=SPOT,
    params={"docalcs": "true", "consolidation": "market"},
    about="of margin, those of a pair together; no time",
)

_LEDGERS = Call(
    "privatePostLedgers",
    "POST /0/private/Ledgers",
    rows=(("result", "ledger"),),
    id_as="id",
    fields=FlowFields(
        kind=(
            Said(
                ("type",),
                {
                    "deposit": FlowKind.DEPOSIT,
                    "withdrawal": FlowKind.WITHDRAWAL,
                    "transfer": FlowKind.TRANSFER,
                    "rollover": FlowKind.INTEREST,
                    "staking": FlowKind.INTEREST,
                },
            ),
        ),
        # A fee is taken off besides.
        amount=("amount - fee", "amount"),
        currency="asset",
        time=(Moment("time", "s"),),
        flow_id="id",
    ),
    params={"start": "{since_s}", "end": "{until_s}"},
    pages=Pages(50, "ofs"),
    weight=2,
)

_FUTURES_FILLS = Call(
    "privateGetFills",
    "GET /derivatives/api/v3/fills",
    rows=(("fills",),),
    fields=FillFields(
        symbol="symbol",
        quantity="size",
        price="price",
        time=(Moment("fillTime", "iso"),),
        side=side(),
        fill_id="fill_id",
        order_id="order_id",
        client_order_id="cliOrdId",
        liquidity=liquidity("fillType", {"maker": "maker", "taker*": "taker"}),
    ),
    kinds=CONTRACTS,
    # docs.kraken.com, "Get your fills": the hundred before lastFillTime.
    params={"lastFillTime": "{until_iso}"},
    pages=Pages(100, "lastFillTime", back=True),
    about="neither fee nor realised PnL",
)

_FUTURES_POSITIONS = Call(
    "privateGetOpenpositions",
    "GET /derivatives/api/v3/openpositions",
    rows=(("openPositions",),),
    fields=PositionFields(
        symbol="symbol",
        quantity="size",
        direction=(Said(("side",), {"long": BUY, "short": SELL}),),
        entry="price",
        # The last fill's.
        time=(Moment("fillTime", "iso"),),
    ),
    kinds=CONTRACTS,
    about="neither mark nor unrealised PnL",
)

# Of funding, the amount is told; of the rest, only what there was before and after. The cash wallet
# and those of single collateral are not read.
_LOG = Call(
    "historyGetAccountLog",
    "GET /api/history/v3/account-log",
    rows=(("logs",),),
    fields=FlowFields(
        kind=(
            Said(
                ("info", "margin_account"),
                {
                    "funding rate change*": FlowKind.FUNDING,
                    "*transfer flex": FlowKind.TRANSFER,
                    "conversion flex": FlowKind.CONVERSION,
                    "interest payment flex": FlowKind.INTEREST,
                },
            ),
        ),
        amount=("realized_funding", "new_balance - old_balance"),
        currency="asset",
        time=(Moment("date", "iso"),),
        symbol="contract",
        flow_id="booking_uid",
    ),
    kinds=CONTRACTS,
    params={"since": "{since}", "before": "{until}", "sort": "asc", "count": 500},
    span=timedelta(days=365),
    pages=Pages(500),
)

TRADING = {
    "kraken": Trading(
        fills={Pool.SPOT: (_FILLS,)},
        positions={Pool.SPOT: (_POSITIONS,)},
        flows={Pool.SPOT: (_LEDGERS,)},
        naming="pair",
        # cl_ord_id: a UUID, or a free text of at most 18 characters.
        order_ids=OrderIds(longest=18),
        untold=("client order ids in fills", "the currency of a fee"),
    ),
    "krakenfutures": Trading(
        fills={Pool.FUTURES: (_FUTURES_FILLS,)},
        positions={Pool.FUTURES: (_FUTURES_POSITIONS,)},
        flows={Pool.FUTURES: (_LOG,)},
        # cliOrdId: at most 100 characters.
        order_ids=OrderIds(longest=100, told="all"),
        untold=(
            "fees and realised PnL of fills",
            "marks and unrealised PnL of positions",
        ),
    ),
}
