"""Hyperliquid: every answer is of the whole account; coins are named without their quote."""

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    ALL_KINDS,
    BUY,
    LINEAR,
    SELL,
    Call,
    FeeField,
    FillFields,
    FlowFields,
    Moment,
    Pages,
    PositionFields,
    Quotient,
    Said,
    Trading,
    liquidity,
)

_ASKED = {"user": "{key}", "startTime": "{since}", "endTime": "{until}"}

_FILLS = Call(
    "publicPostInfo",
    "POST /info, userFillsByTime",
    rows=((),),
    fields=FillFields(
        symbol="coin",
        quantity="sz",
        price="px",
        time=(Moment("time"),),
        # A: the asks, so a sale.
        side=(Said(("side",), {"a": SELL, "b": BUY}),),
        # builderFee is a part of fee. Older answers name no token: a purchase on spot was paid in
        # the coin that was bought, anything else in the quote.
        fees=(FeeField("fee", ("feeToken", "=received")),),
        realized="closedPnl",
        fill_id="tid",
        order_id="oid",
        client_order_id="cloid",
        liquidity=liquidity("crossed", {"true": "taker", "false": "maker"}),
    ),
    kinds=ALL_KINDS,
    params={"type": "userFillsByTime", **_ASKED},
    # hyperliquid.gitbook.io, "Retrieve a user's fills by time": at most 2000 in each response, and
    # only the 10000 most recent fills are available.
    pages=Pages(2000),
    weight=20,
    about="the last 10,000 fills",
)

_POSITIONS = Call(
    "publicPostInfo",
    "POST /info, clearinghouseState",
    rows=(("assetPositions",),),
    fields=PositionFields(
        symbol="position.coin",
        quantity="position.szi",
        is_signed=True,
        entry="position.entryPx",
        mark=Quotient("position.positionValue", "position.szi"),
        unrealised="position.unrealizedPnl",
    ),
    kinds=LINEAR,
    params={"type": "clearinghouseState", "user": "{key}"},
    weight=2,
    about="of the first exchange on the chain; no time of its own",
)

_FUNDING = Call(
    "publicPostInfo",
    "POST /info, userFunding",
    rows=((),),
    fields=FlowFields(
        kind=(Said(("delta.type",), {"funding": FlowKind.FUNDING}),),
        amount="delta.usdc",
        currency="=USDC",
        time=(Moment("time"),),
        symbol="delta.coin",
        # The hash is zero: time and coin name it.
        flow_id="time",
    ),
    kinds=LINEAR,
    params={"type": "userFunding", **_ASKED},
    pages=Pages(500),
    weight=20,
)

_MOVES = Call(
    "publicPostInfo",
    "POST /info, userNonFundingLedgerUpdates",
    rows=((),),
    fields=FlowFields(
        kind=(
            Said(("delta.type",), {"deposit": FlowKind.DEPOSIT, "withdraw": FlowKind.WITHDRAWAL}),
        ),
        amount="delta.usdc",
        currency="=USDC",
        time=(Moment("time"),),
        flow_id="hash",
        is_unsigned=True,
    ),
    params={"type": "userNonFundingLedgerUpdates", **_ASKED},
    pages=Pages(500),
    weight=20,
)

TRADING = {
    "hyperliquid": Trading(
        fills={Pool.SPOT: (_FILLS,), Pool.FUTURES: (_FILLS,), Pool.UNIFIED: (_FILLS,)},
        positions={Pool.FUTURES: (_POSITIONS,), Pool.UNIFIED: (_POSITIONS,)},
        flows={Pool.FUTURES: (_FUNDING, _MOVES), Pool.UNIFIED: (_FUNDING, _MOVES)},
        naming="coin",
        # cloid: a hexadecimal number of 128 bits.
        order_ids=None,
        untold=(
            "client order ids as texts: they are numbers",
            "whether realised PnL is with the fee",
            "transfers between its wallets are not read",
        ),
    )
}
