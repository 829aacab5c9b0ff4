"""Kraken: fifty at a time, behind a first second; its futures: a hundred, before a time."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.trading.book import Fill, Flow, Position, plain
from capital.simulator.trading.question import (
    Asked,
    Question,
    Refused,
    TradingVenue,
    between,
    iso,
    listed,
    newest_first,
    number,
    seconds,
)
from capital.simulator.venues import kraken

_PAIRS = listed(("BTC/USD", "XXBTZUSD"), ("ETH/USD", "XETHZUSD"))
_CONTRACTS = listed(
    ("BTC/USD:USD", "PF_XBTUSD"), ("ETH/USD:USD", "PF_ETHUSD"), ("BTC/USD:BTC", "PI_XBTUSD")
)
_ASSETS = {"BTC": "XXBT", "ETH": "XETH", "USD": "ZUSD"}
_AT_ONCE = 50


def _ok(result: Any) -> Any:
    return {"error": [], "result": result}


def _span(asked: Asked) -> tuple[int, int]:
    """Seconds: behind the first, up to the last."""
    last = asked.number("end", asked.now_milliseconds // 1000)
    return asked.number("start", -1) * 1000 + 1, last * 1000


def _page(asked: Asked, rows: Sequence[Any]) -> list[Any]:
    start = asked.number("ofs", 0)
    return list(rows)[start : start + _AT_ONCE]


def _trades(asked: Asked) -> Any:
    """``POST /0/private/TradesHistory``: by id, the newest first."""
    rows = newest_first(between(asked.fills(lambda _: True), *_span(asked)))
    told = {row.fill_id: _trade(row) for row in _page(asked, rows)}
    return _ok({"trades": told, "count": len(rows)})


def _trade(row: Fill) -> Any:
    return {
        "ordertxid": row.order_id,
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": row.instrument.name,
        "time": number(Decimal(seconds(row.at_milliseconds, 4))),
        "type": row.side.value,
        "ordertype": "limit" if row.is_maker else "market",
        "price": plain(row.price),
        "cost": plain(row.worth),
        "fee": plain(next((amount for amount, _ in row.fees), Decimal(0))),
        "vol": plain(row.quantity),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": row.number,
        "maker": row.is_maker,
    }


def _open_positions(asked: Asked) -> Any:
    """``POST /0/private/OpenPositions``: of margin, which nobody trades here."""
    return _ok([] if asked.text("consolidation") == "market" else {})


_LEDGERS = {
    FlowKind.DEPOSIT: "deposit",
    FlowKind.WITHDRAWAL: "withdrawal",
    FlowKind.TRANSFER: "transfer",
    FlowKind.INTEREST: "staking",
}


def _ledgers(asked: Asked) -> Any:
    """``POST /0/private/Ledgers``: two rows for each trade, too."""
    span = _span(asked)
    rows: list[tuple[int, str, Any]] = []
    for flow in between(asked.flows(_LEDGERS), *span):
        row = _ledger(
            _LEDGERS[flow.kind], flow.currency, EXACT.add(flow.amount, flow.fee), flow.fee
        )
        told = {**row, "time": number(Decimal(seconds(flow.at_milliseconds, 4)))}
        rows.append((flow.number, flow.flow_id, told))
    for fill in between(asked.fills(lambda _: True), *span):
        for place, (currency, amount) in enumerate(fill.moves.items()):
            row = _ledger("trade", currency, amount, Decimal(0))
            told = {**row, "time": number(Decimal(seconds(fill.at_milliseconds, 4)))}
            rows.append((fill.number, f"{fill.fill_id}-{place}", told))
    rows.sort(key=lambda row: row[0], reverse=True)
    page = {row_id: told for _, row_id, told in _page(asked, rows)}
    return _ok({"ledger": page, "count": len(rows)})


def _ledger(kind: str, currency: str, amount: Decimal, fee: Decimal) -> Any:
    return {
        "refid": "R",
        "type": kind,
        "subtype": "",
        "aclass": "currency",
        "asset": _ASSETS.get(currency, currency),
        "amount": plain(amount),
        "fee": plain(fee),
        "balance": "0",
    }


def _contract_fills(asked: Asked) -> Any:
    """``GET /derivatives/api/v3/fills``: neither fees nor what was realised."""
    rows = newest_first(asked.fills(lambda _: True))
    before = asked.text("lastFillTime")
    if before:
        last = datetime.fromisoformat(before).timestamp()
        rows = [row for row in rows if row.at_milliseconds < round(last * 1000)]
    now = iso(asked.now_milliseconds)
    return {
        "result": "success",
        "fills": [_contract_fill(row) for row in rows[:100]],
        "serverTime": now,
    }


def _contract_fill(row: Fill) -> Any:
    return {
        "fill_id": row.fill_id,
        "order_id": row.order_id,
        **({"cliOrdId": row.client_order_id} if row.client_order_id else {}),
        "symbol": row.instrument.name,
        "side": row.side.value,
        "size": number(row.contracts),
        "price": number(row.price),
        "fillTime": iso(row.at_milliseconds),
        "fillType": "maker" if row.is_maker else "taker",
    }


def _contract_positions(asked: Asked) -> Any:
    """``GET /derivatives/api/v3/openpositions``: no mark."""
    held = asked.positions(lambda _: True)
    return {
        "result": "success",
        "openPositions": [_contract_position(each) for each in held],
        "serverTime": iso(asked.now_milliseconds),
    }


def _contract_position(each: Position) -> Any:
    return {
        "side": "long" if each.is_long else "short",
        "symbol": each.instrument.name,
        "price": number(each.entry),
        "fillTime": iso(each.updated_at),
        "size": number(each.contracts.copy_abs()),
        "unrealizedFunding": 0,
    }


def _log(asked: Asked) -> Any:
    """``GET /api/history/v3/account-log``: what is asked for by ``info``, else all."""
    first, last = asked.number("since", 0), asked.number("before", asked.now_milliseconds)
    wanted = asked.text("info")
    flows = between(asked.flows(_INFOS), first, last)
    fills = between(asked.fills(lambda _: True), first, last)
    rows = [
        *((flow.number, _logged(flow)) for flow in flows),
        *((fill.number, _logged_trade(fill)) for fill in fills),
    ]
    rows.sort(key=lambda row: row[0], reverse=asked.text("sort") != "asc")
    logs = [row for _, row in rows if wanted in ("", row["info"])]
    count = asked.number("count", 500)
    if count > 500:
        raise Refused(400, "invalidArgument", "count")
    return {"accountUid": "1", "logs": logs[:count]}


_INFOS = {
    FlowKind.FUNDING: "funding rate change",
    FlowKind.DEPOSIT: "cross-exchange transfer",
    FlowKind.WITHDRAWAL: "cross-exchange transfer",
    FlowKind.TRANSFER: "cross-exchange transfer",
    FlowKind.CONVERSION: "conversion",
}
_HELD_BEFORE = Decimal(1000)


def _logged(flow: Flow) -> Any:
    is_funding = flow.kind is FlowKind.FUNDING
    return {
        "id": flow.number,
        "date": iso(flow.at_milliseconds),
        "asset": "xbt" if flow.currency == "BTC" else flow.currency.lower(),
        "info": _INFOS[flow.kind],
        "booking_uid": flow.flow_id,
        "contract": flow.instrument.name.lower() if flow.instrument else None,
        "margin_account": "flex",
        "old_balance": number(_HELD_BEFORE),
        "new_balance": number(EXACT.add(_HELD_BEFORE, flow.amount)),
        "realized_funding": number(flow.amount) if is_funding else None,
        "realized_pnl": None,
        "fee": None,
    }


def _logged_trade(fill: Fill) -> Any:
    one = fill.instrument
    asset = "xbt" if one.kind is InstrumentKind.INVERSE else one.settle.lower()
    return {
        "id": fill.number,
        "date": iso(fill.at_milliseconds),
        "asset": asset,
        "info": "futures trade",
        "booking_uid": f"booking-{fill.number}",
        "contract": one.name.lower(),
        "realized_funding": None,
        "realized_pnl": number(fill.realised),
        "fee": number(next((amount for amount, _ in fill.fees), Decimal(0))),
        "execution": fill.fill_id,
    }


_SPOT = (kraken.SPOT_SCHEME, kraken.SPOT_REFUSALS)
_FUTURES = (kraken.FUTURES_SCHEME, kraken.FUTURES_REFUSALS)
TRADING = {
    "kraken": TradingVenue(
        _PAIRS,
        (
            Question("/0/private/TradesHistory", _trades, *_SPOT, method="POST"),
            Question("/0/private/OpenPositions", _open_positions, *_SPOT, method="POST"),
            Question("/0/private/Ledgers", _ledgers, *_SPOT, method="POST"),
        ),
        fees_in_quote=True,
    ),
    "krakenfutures": TradingVenue(
        _CONTRACTS,
        (
            Question("/derivatives/api/v3/fills", _contract_fills, *_FUTURES),
            Question("/derivatives/api/v3/openpositions", _contract_positions, *_FUTURES),
            Question("/api/history/v3/account-log", _log, *_FUTURES),
        ),
    ),
}
