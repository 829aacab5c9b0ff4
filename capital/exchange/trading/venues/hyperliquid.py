"""Hyperliquid: every answer is of the whole account; coins are named without their quote."""

from collections.abc import Mapping

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
        # So named whatever the contract is settled in, such as USDH on other exchanges there.
        amount="delta.usdc",
        currency="=settle",
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

_ON_CHAIN = {"deposit": FlowKind.DEPOSIT, "withdraw": FlowKind.WITHDRAWAL}
_BETWEEN_WALLETS = {"accountclasstransfer": FlowKind.TRANSFER}
# Which of ``toPerp`` has left the wallet that is asked about.
_TO_FUTURES = {"true": True, "false": False}
_TO_SPOT = {"false": True, "true": False}


def _moves(
    kinds: Mapping[str, FlowKind], *, went: Mapping[str, bool] | None = None
) -> Call[FlowFields]:
    """Deposits and withdrawals are of the futures wallet; ``toPerp`` says where a transfer went."""
    return Call(
        "publicPostInfo",
        "POST /info, userNonFundingLedgerUpdates",
        rows=((),),
        fields=FlowFields(
            kind=(Said(("delta.type",), kinds),),
            # Of a withdrawal, what arrives: the fee went besides. Nothing else has one.
            amount=("delta.usdc + delta.fee", "delta.usdc"),
            currency="=USDC",
            time=(Moment("time"),),
            flow_id="hash",
            is_unsigned=True,
            went=(Said(("delta.toPerp",), went or {}),),
        ),
        params={"type": "userNonFundingLedgerUpdates", **_ASKED},
        pages=Pages(500),
        weight=20,
    )


TRADING = {
    "hyperliquid": Trading(
        fills={Pool.SPOT: (_FILLS,), Pool.FUTURES: (_FILLS,), Pool.UNIFIED: (_FILLS,)},
        positions={Pool.FUTURES: (_POSITIONS,), Pool.UNIFIED: (_POSITIONS,)},
        flows={
            Pool.SPOT: (_moves(_BETWEEN_WALLETS, went=_TO_FUTURES),),
            Pool.FUTURES: (_FUNDING, _moves({**_ON_CHAIN, **_BETWEEN_WALLETS}, went=_TO_SPOT)),
            # What goes from one wallet to the other stays in the pool.
            Pool.UNIFIED: (_FUNDING, _moves(_ON_CHAIN)),
        },
        naming="coin",
        # cloid: a hexadecimal number of 128 bits.
        order_ids=None,
        untold=(
            "client order ids as texts: they are numbers",
            "whether realised PnL is with the fee",
            "transfers of accounts, vaults and tokens of spot are not read",
        ),
    )
}
