"""Hyperliquid: contracts by coin, the earliest of a span first; sides are those of the book."""

from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.simulator.trading.book import Fill, Flow, plain
from capital.simulator.trading.question import (
    Asked,
    Question,
    Refused,
    TradingVenue,
    between,
    listed,
    whole,
)
from capital.simulator.venues.hyperliquid import REFUSALS, SCHEME, says

_INSTRUMENTS = listed(
    ("BTC/USDC", "@0"), ("ETH/USDC", "@1"), ("BTC/USDC:USDC", "BTC"), ("ETH/USDC:USDC", "ETH")
)
_NO_HASH = f"0x{0:064x}"


def _span(asked: Asked) -> tuple[int, int]:
    if not asked.text("startTime"):
        raise Refused(422, "Failed to deserialize the JSON body", "missing field `startTime`")
    return asked.number("startTime", 0), asked.number("endTime", asked.now_milliseconds)


def _fills(asked: Asked) -> Any:
    """``userFillsByTime``: of the whole account, 2000 at most, of the last 10000."""
    rows = between(asked.fills(lambda _: True)[-10_000:], *_span(asked))
    return [_fill(row) for row in rows[:2000]]


def _fill(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    if row.instrument.is_spot:
        what = "Buy" if row.is_buy else "Sell"
    else:
        is_long = row.is_buy is not row.is_closing
        what = f"{'Close' if row.is_closing else 'Open'} {'Long' if is_long else 'Short'}"
    return {
        "coin": row.instrument.name,
        "px": plain(row.price),
        "sz": plain(row.quantity),
        "side": "B" if row.is_buy else "A",
        "time": row.at_milliseconds,
        "startPosition": plain(row.before),
        "dir": what,
        "closedPnl": plain(row.realised),
        "hash": f"0x{row.number:064x}",
        "oid": whole(row.order_id),
        "crossed": not row.is_maker,
        "fee": plain(amount),
        "tid": whole(row.fill_id),
        "feeToken": currency,
        **({"cloid": row.client_order_id} if row.client_order_id else {}),
    }


def _funding(asked: Asked) -> Any:
    """``userFunding``: 500 at most."""
    rows = between(asked.flows([FlowKind.FUNDING]), *_span(asked))
    return [
        {
            "time": row.at_milliseconds,
            "hash": _NO_HASH,
            "delta": {
                "type": "funding",
                "coin": row.instrument.name if row.instrument else "",
                "usdc": plain(row.amount),
                "szi": "1",
                "fundingRate": "0.0000125",
            },
        }
        for row in rows[:500]
    ]


_MOVES = {
    FlowKind.DEPOSIT: "deposit",
    FlowKind.WITHDRAWAL: "withdraw",
    FlowKind.TRANSFER: "accountClassTransfer",
}


def _way(row: Flow) -> Any:
    """Which way a transfer went between the two wallets; what a withdrawal cost."""
    if row.kind is FlowKind.TRANSFER:
        return {"toPerp": (row.amount > 0) is (row.pool is not Pool.SPOT)}
    return {"fee": plain(row.fee)} if row.kind is FlowKind.WITHDRAWAL else {}


def _moves(asked: Asked) -> Any:
    """``userNonFundingLedgerUpdates``: what went is above zero, too, and without its fee."""
    rows = between(asked.flows(_MOVES), *_span(asked))
    return [
        {
            "time": row.at_milliseconds,
            "hash": row.flow_id,
            "delta": {
                "type": _MOVES[row.kind],
                "usdc": plain(EXACT.add(row.amount, row.fee).copy_abs()),
                **_way(row),
            },
        }
        for row in rows[:500]
    ]


TRADING = {
    "hyperliquid": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question("/info", answer, SCHEME, REFUSALS, method="POST", accepts=says(kind))
            for kind, answer in (
                ("userFillsByTime", _fills),
                ("userFunding", _funding),
                ("userNonFundingLedgerUpdates", _moves),
            )
        ),
    )
}
