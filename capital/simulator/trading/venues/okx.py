"""OKX: sizes in contracts, paid fees below zero, three months of fills and a week of bills."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.sizing.orders import PositionSide
from capital.simulator.trading.book import Fill, Flow, Instrument, Position, plain
from capital.simulator.trading.question import (
    DAY_MILLISECONDS,
    Asked,
    Question,
    Refused,
    TradingVenue,
    after_id,
    between,
    listed,
    newest_first,
)
from capital.simulator.venues.okx import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTC-USDT"),
    ("ETH/USDT", "ETH-USDT"),
    ("BTC/USDT:USDT", "BTC-USDT-SWAP", "0.01"),
    ("ETH/USDT:USDT", "ETH-USDT-SWAP", "0.1"),
    ("BTC/USD:BTC", "BTC-USD-SWAP", "100"),
)
_TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")


def _ok(rows: Sequence[Any]) -> Any:
    return {"code": "0", "msg": "", "data": rows}


def _type_of(one: Instrument) -> str:
    return "SPOT" if one.is_spot else "SWAP"


def _position_side(side: PositionSide) -> str:
    return "net" if side is PositionSide.BOTH else side.value


def _span(asked: Asked, days: int) -> tuple[int, int]:
    first = max(asked.number("begin", 0), asked.now_milliseconds - days * DAY_MILLISECONDS)
    return first, asked.number("end", asked.now_milliseconds)


def _fills(asked: Asked) -> Any:
    """``GET /api/v5/trade/fills-history``: the newest first; the type must be named."""
    kind = asked.text("instType")
    if kind not in _TYPES:
        raise Refused(400, "51000", "Parameter instType error")
    rows = between(asked.fills(lambda one: _type_of(one) == kind), *_span(asked, 90))
    rows = after_id(newest_first(rows), asked.text("after"), lambda row: str(row.number))
    limit = min(asked.number("limit", 100), 100)
    return _ok([_fill(row) for row in rows[:limit]])


def _fill(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    return {
        "instType": _type_of(row.instrument),
        "instId": row.instrument.name,
        "tradeId": row.fill_id,
        "ordId": row.order_id,
        "clOrdId": row.client_order_id,
        "billId": str(row.number),
        "tag": "",
        "fillPx": plain(row.price),
        "fillSz": plain(row.contracts),
        "fillPnl": plain(row.realised),
        "side": row.side.value,
        "posSide": _position_side(row.position_side),
        "execType": "M" if row.is_maker else "T",
        "feeCcy": currency,
        "fee": plain(EXACT.minus(amount)),
        # It is booked a little later than executed.
        "ts": str(row.at_milliseconds + 3),
        "fillTime": str(row.at_milliseconds),
    }


def _positions(asked: Asked) -> Any:
    """``GET /api/v5/account/positions``: what is open."""
    held = asked.positions(lambda one: asked.text("instType") in ("", _type_of(one)))
    return _ok([_position(each, asked.mark(each.instrument)) for each in held])


def _position(each: Position, mark: Decimal) -> Any:
    size = each.contracts.copy_abs() if each.is_hedged else each.contracts
    return {
        "instType": "SWAP",
        "instId": each.instrument.name,
        "mgnMode": "cross",
        "posId": "1",
        "posSide": _position_side(each.side),
        "pos": plain(size),
        # What orders do not hold already.
        "availPos": "0" if not each.is_hedged else plain(size),
        "posCcy": "",
        "avgPx": plain(each.entry),
        "markPx": plain(mark),
        "upl": plain(each.unrealised(mark)),
        "pnl": plain(each.realised),
        "fee": plain(EXACT.minus(each.fees)),
        "fundingFee": plain(each.funding),
        "realizedPnl": plain(each.earned),
        "ccy": each.instrument.settle,
        "lever": "10",
        "cTime": str(each.opened_at),
        "uTime": str(each.updated_at),
    }


_BILLS = {
    FlowKind.TRANSFER: "1",
    FlowKind.DEPOSIT: "1",
    FlowKind.WITHDRAWAL: "1",
    FlowKind.INTEREST: "7",
    FlowKind.FUNDING: "8",
}


def _bills(asked: Asked) -> Any:
    """``GET /api/v5/account/bills``: a week of whatever moved the balance, the newest first."""
    span, kind = _span(asked, 7), asked.text("type")
    rows = [(flow.number, _bill(flow)) for flow in between(asked.flows(_BILLS), *span)]
    for fill in between(asked.fills(lambda _: True), *span):
        rows += [(fill.number, each) for each in _bills_of(fill)]
    rows.sort(key=lambda row: row[0], reverse=True)
    told = [row for _, row in rows if kind in ("", row["type"])]
    ids, after = [row["billId"] for row in told], asked.text("after")
    if after:
        told = told[ids.index(after) + 1 :] if after in ids else []
    return _ok(told[: min(asked.number("limit", 100), 100)])


def _bill(flow: Flow) -> Any:
    return {
        "billId": str(flow.flow_id),
        "type": _BILLS[flow.kind],
        "subType": "",
        "instType": "" if flow.instrument is None else "SWAP",
        "instId": "" if flow.instrument is None else flow.instrument.name,
        "ccy": flow.currency,
        "balChg": plain(flow.amount),
        "pnl": plain(flow.amount) if flow.instrument is not None else "0",
        "ts": str(flow.at_milliseconds),
    }


def _bills_of(fill: Fill) -> list[Any]:
    return [
        {
            "billId": f"{fill.number}{place}",
            "type": "2",
            "subType": "1" if fill.is_buy else "2",
            "instType": _type_of(fill.instrument),
            "instId": fill.instrument.name,
            "ccy": currency,
            "balChg": plain(amount),
            "px": plain(fill.price),
            "sz": plain(fill.contracts),
            "ts": str(fill.at_milliseconds),
        }
        for place, (currency, amount) in enumerate(fill.moves.items())
    ]


TRADING = {
    "okx": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(path, answer, SCHEME, REFUSALS)
            for path, answer in (
                ("/api/v5/trade/fills-history", _fills),
                ("/api/v5/account/positions", _positions),
                ("/api/v5/account/bills", _bills),
            )
        ),
    )
}
