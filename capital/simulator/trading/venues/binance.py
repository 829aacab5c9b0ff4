"""Binance: one symbol at a time, a day on spot and a week of contracts; income of every kind."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from capital.simulator.trading.book import Fill, Flow, Instrument, Position, plain
from capital.simulator.trading.question import (
    DAY_MILLISECONDS,
    Asked,
    Question,
    Refused,
    TradingVenue,
    between,
    listed,
    newest_first,
    whole,
)
from capital.simulator.venues.binance import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTCUSDT"),
    ("ETH/USDT", "ETHUSDT"),
    ("BTC/USDT:USDT", "BTCUSDT"),
    ("ETH/USDT:USDT", "ETHUSDT"),
    ("BTC/USD:BTC", "BTCUSD_PERP", "100"),
)
_WEEK = 7 * DAY_MILLISECONDS


def _of_kind(kind: InstrumentKind) -> Callable[[Instrument], bool]:
    return lambda one: one.kind is kind


def _asked_for(asked: Asked, kind: InstrumentKind) -> list[Fill]:
    """The fills of one symbol, which must be named."""
    name = asked.text("symbol")
    if not name:
        raise Refused(
            400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null or malformed."
        )
    if all(one.name != name or one.kind is not kind for one in _INSTRUMENTS):
        raise Refused(400, -1121, "Invalid symbol.")
    return asked.fills(lambda one: one.kind is kind and one.name == name)


def _span(asked: Asked, longest: int, refusal: Refused) -> tuple[int, int] | None:
    """From when to when, both named or worked out from one; None where neither is."""
    first, last = asked.number("startTime", -1), asked.number("endTime", -1)
    if first < 0 and last < 0:
        return None
    first = last - longest if first < 0 else first
    last = first + longest if last < 0 else last
    if last - first > longest:
        raise refusal
    return first, last


def _spot_trades(asked: Asked) -> Any:
    """``GET /api/v3/myTrades``: the earliest of a span, without one the last."""
    rows = _asked_for(asked, InstrumentKind.SPOT)
    too_long = Refused(400, -1127, "More than 24 hours between startTime and endTime.")
    span = _span(asked, DAY_MILLISECONDS, too_long)
    limit = min(asked.number("limit", 500), 1000)
    rows = rows[-limit:] if span is None else between(rows, *span)[:limit]
    return [
        {
            "symbol": row.instrument.name,
            "id": whole(row.fill_id),
            "orderId": whole(row.order_id),
            "orderListId": -1,
            "price": plain(row.price),
            "qty": plain(row.quantity),
            "quoteQty": plain(row.worth),
            **_commission(row),
            "time": row.at_milliseconds,
            "isBuyer": row.is_buy,
            "isMaker": row.is_maker,
            "isBestMatch": True,
        }
        for row in rows
    ]


def _commission(row: Fill) -> dict[str, str]:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    return {"commission": plain(amount), "commissionAsset": currency}


def _contract_trades(kind: InstrumentKind) -> Callable[[Asked], Any]:
    """``GET …/userTrades``: without a span, the last week."""

    def answer(asked: Asked) -> Any:
        rows = _asked_for(asked, kind)
        too_long = Refused(400, -4165, "Invalid time interval: the maximum is 7 days.")
        span = _span(asked, _WEEK, too_long)
        first, last = span or (asked.now_milliseconds - _WEEK, asked.now_milliseconds)
        limit = min(asked.number("limit", 500), 1000)
        return [_contract_trade(row) for row in between(rows, first, last)[:limit]]

    return answer


def _contract_trade(row: Fill) -> Any:
    one = row.instrument
    # In the coin it is cut, not rounded.
    in_coin = {
        "pair": "BTCUSD",
        "baseQty": plain(row.worth.quantize(Decimal("1e-8"), "ROUND_DOWN")),
    }
    return {
        "symbol": one.name,
        "id": whole(row.fill_id),
        "orderId": whole(row.order_id),
        "side": row.side.upper(),
        "price": plain(row.price),
        "qty": plain(row.quantity),
        "realizedPnl": plain(row.realised),
        "marginAsset": one.settle,
        **(in_coin if one.kind is InstrumentKind.INVERSE else {"quoteQty": plain(row.worth)}),
        **_commission(row),
        "time": row.at_milliseconds,
        "positionSide": row.position_side.upper(),
        "buyer": row.is_buy,
        "maker": row.is_maker,
    }


def _positions(kind: InstrumentKind, *, lists_flat: bool) -> Callable[[Asked], Any]:
    """``GET …/positionRisk``: USDⓈ-M lists what is open, COIN-M what is flat, too."""

    def answer(asked: Asked) -> Any:
        held = asked.positions(_of_kind(kind))
        names = {each.instrument for each in held}
        flat = [
            Position(asked.pools[0], one, PositionSide.BOTH)
            for one in _INSTRUMENTS
            if lists_flat and one.kind is kind and one not in names
        ]
        return [_position(each, asked.mark(each.instrument)) for each in (*held, *flat)]

    return answer


def _position(each: Position, mark: Decimal) -> Any:
    return {
        "symbol": each.instrument.name,
        "positionSide": each.side.upper(),
        "positionAmt": plain(each.quantity),
        "entryPrice": plain(each.entry),
        "breakEvenPrice": plain(each.entry),
        "markPrice": plain(mark),
        "unRealizedProfit": plain(each.unrealised(mark)),
        "liquidationPrice": "0",
        "marginAsset": each.instrument.settle,
        "updateTime": each.updated_at,
    }


_INCOMES = {
    FlowKind.FUNDING: "FUNDING_FEE",
    FlowKind.TRANSFER: "TRANSFER",
    FlowKind.DEPOSIT: "TRANSFER",
    FlowKind.WITHDRAWAL: "TRANSFER",
    FlowKind.REBATE: "COMMISSION_REBATE",
}


def _income(kind: InstrumentKind) -> Callable[[Asked], Any]:
    """``GET …/income``: of the last three months, the earliest of a span first.

    What fills realised and what they cost are there, too.
    """

    def answer(asked: Asked) -> Any:
        first = asked.number("startTime", asked.now_milliseconds - _WEEK)
        first = max(first, asked.now_milliseconds - 90 * DAY_MILLISECONDS)
        last = asked.number("endTime", asked.now_milliseconds)
        rows: list[tuple[int, Any]] = []
        for flow in between(asked.flows(_INCOMES, Pool.FUTURES, Pool.UNIFIED), first, last):
            one = flow.instrument
            if one is None and (flow.currency == "BTC") is not (kind is InstrumentKind.INVERSE):
                continue
            if one is None or one.kind is kind:
                rows.append((flow.number, _earned(flow)))
        for fill in between(asked.fills(_of_kind(kind)), first, last):
            rows += [(fill.number, each) for each in _earned_by(fill)]
        rows.sort(key=lambda row: row[0])
        return [row for _, row in rows[: min(asked.number("limit", 100), 1000)]]

    return answer


def _earned(flow: Flow) -> Any:
    return {
        "symbol": "" if flow.instrument is None else flow.instrument.name,
        "incomeType": _INCOMES[flow.kind],
        "income": plain(flow.amount),
        "asset": flow.currency,
        "info": _INCOMES[flow.kind],
        "time": flow.at_milliseconds,
        "tranId": whole(flow.flow_id),
        "tradeId": "",
    }


def _earned_by(fill: Fill) -> list[Any]:
    common = {
        "symbol": fill.instrument.name,
        "info": fill.fill_id,
        "time": fill.at_milliseconds,
        "tranId": whole(fill.fill_id),
        "tradeId": fill.fill_id,
    }
    realised = ("REALIZED_PNL", fill.realised, fill.instrument.settle)
    paid = [("COMMISSION", EXACT.minus(amount), currency) for amount, currency in fill.fees]
    return [
        {**common, "incomeType": kind, "income": plain(amount), "asset": asset}
        for kind, amount, asset in (realised, *paid)
        if amount
    ]


def _moved(asked: Asked, kind: FlowKind) -> Sequence[Flow]:
    """The newest first: of 90 days at most."""
    last = asked.number("endTime", asked.now_milliseconds)
    first = asked.number("startTime", last - 90 * DAY_MILLISECONDS)
    if last - first > 90 * DAY_MILLISECONDS:
        raise Refused(400, -6019, "The time range must be within 0-90 days.")
    rows = newest_first(between(asked.flows([kind]), first, last))
    return rows[: min(asked.number("limit", 1000), 1000)]


def _deposits(asked: Asked) -> Any:
    """``GET /sapi/v1/capital/deposit/hisrec``."""
    return [
        {
            "id": row.flow_id,
            "amount": plain(row.amount),
            "coin": row.currency,
            "network": "ETH",
            "status": 1,
            "address": "",
            "addressTag": "",
            "txId": f"0x{row.number:064x}",
            "insertTime": row.at_milliseconds,
            "transferType": 0,
            "confirmTimes": "12/12",
        }
        for row in _moved(asked, FlowKind.DEPOSIT)
    ]


def _withdrawals(asked: Asked) -> Any:
    """``GET /sapi/v1/capital/withdraw/history``: the amount is what arrived, without the fee."""
    return [
        {
            "id": row.flow_id,
            "amount": plain(EXACT.minus(EXACT.add(row.amount, row.fee))),
            "transactionFee": plain(row.fee),
            "coin": row.currency,
            "status": 6,
            "address": "",
            "txId": f"0x{row.number:064x}",
            "applyTime": _day_and_time(row.at_milliseconds - 60_000),
            "completeTime": _day_and_time(row.at_milliseconds),
            "network": "ETH",
            "transferType": 0,
        }
        for row in _moved(asked, FlowKind.WITHDRAWAL)
    ]


def _day_and_time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


_LINEAR, _INVERSE = InstrumentKind.LINEAR, InstrumentKind.INVERSE
TRADING = {
    "binance": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(path, answer, SCHEME, REFUSALS, pool=pool)
            for pool, path, answer in (
                (Pool.SPOT, "/api/v3/myTrades", _spot_trades),
                (Pool.SPOT, "/sapi/v1/capital/deposit/hisrec", _deposits),
                (Pool.SPOT, "/sapi/v1/capital/withdraw/history", _withdrawals),
                (Pool.FUTURES, "/fapi/v1/userTrades", _contract_trades(_LINEAR)),
                (Pool.FUTURES, "/dapi/v1/userTrades", _contract_trades(_INVERSE)),
                (Pool.UNIFIED, "/papi/v1/margin/myTrades", _spot_trades),
                (Pool.UNIFIED, "/papi/v1/um/userTrades", _contract_trades(_LINEAR)),
                (Pool.UNIFIED, "/papi/v1/cm/userTrades", _contract_trades(_INVERSE)),
                (Pool.FUTURES, "/fapi/v3/positionRisk", _positions(_LINEAR, lists_flat=False)),
                (Pool.FUTURES, "/dapi/v1/positionRisk", _positions(_INVERSE, lists_flat=True)),
                (Pool.UNIFIED, "/papi/v1/um/positionRisk", _positions(_LINEAR, lists_flat=False)),
                (Pool.UNIFIED, "/papi/v1/cm/positionRisk", _positions(_INVERSE, lists_flat=True)),
                (Pool.FUTURES, "/fapi/v1/income", _income(_LINEAR)),
                (Pool.FUTURES, "/dapi/v1/income", _income(_INVERSE)),
                (Pool.UNIFIED, "/papi/v1/um/income", _income(_LINEAR)),
                (Pool.UNIFIED, "/papi/v1/cm/income", _income(_INVERSE)),
            )
        ),
    )
}
