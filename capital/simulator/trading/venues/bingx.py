"""BingX: a paid fee is below zero; linear volumes are in the base coin."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT, booked, quotient
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from capital.simulator.trading.book import Fill, Position, plain
from capital.simulator.trading.question import (
    DAY_MILLISECONDS,
    Asked,
    Question,
    Refused,
    TradingVenue,
    between,
    listed,
    newest_first,
    number,
    whole,
)
from capital.simulator.venues.bingx import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTC-USDT"),
    ("ETH/USDT", "ETH-USDT"),
    ("BTC/USDT:USDT", "BTC-USDT"),
    ("ETH/USDT:USDT", "ETH-USDT"),
    ("BTC/USD:BTC", "BTC-USD", "100"),
)
_WEEK = 7 * DAY_MILLISECONDS
_ZONE = timezone(timedelta(hours=8))


def _ok(data: Any) -> Any:
    return {"code": 0, "msg": "", "data": data}


def _span(asked: Asked, start: str, end: str, longest: int) -> tuple[int, int]:
    last = asked.number(end, asked.now_milliseconds)
    first = asked.number(start, last - _WEEK)
    if last - first > longest:
        raise Refused(200, 109400, "the time span is too long")
    return first, last


def _symbol(asked: Asked) -> str:
    name = asked.text("symbol")
    if not name:
        raise Refused(200, 109400, "symbol is required")
    return name


def _spot_trades(asked: Asked) -> Any:
    """``GET /openApi/spot/v1/trade/myTrades``."""
    name = _symbol(asked)
    fills = asked.fills(lambda one: one.is_spot and one.name == name)
    rows = between(fills, *_span(asked, "startTime", "endTime", _WEEK))
    rows = rows[: min(asked.number("limit", 500), 1000)]
    return _ok({"fills": [_spot_trade(row) for row in rows]})


def _spot_trade(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.quote))
    return {
        "symbol": row.instrument.name,
        "id": whole(row.fill_id),
        "orderId": whole(row.order_id),
        "price": plain(row.price),
        "qty": plain(row.quantity),
        "quoteQty": plain(row.worth),
        "commission": number(EXACT.minus(amount)),
        "commissionAsset": currency,
        "time": row.at_milliseconds,
        "isBuyer": row.is_buy,
        "isMaker": row.is_maker,
    }


def _history(asked: Asked) -> Any:
    """``GET /openApi/swap/v2/trade/fillHistory``: the newest first; times are of Singapore."""
    name = _symbol(asked)
    fills = asked.fills(lambda one: one.kind is InstrumentKind.LINEAR and one.name == name)
    rows = newest_first(between(fills, *_span(asked, "startTs", "endTs", _WEEK)))
    size = min(asked.number("pageSize", 50), 1000)
    page = max(asked.number("pageIndex", 1), 1)
    told = [_executed(row) for row in rows[(page - 1) * size : page * size]]
    return _ok({"fill_history_orders": told})


def _executed(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    second = datetime.fromtimestamp(row.at_milliseconds // 1000, UTC).astimezone(_ZONE)
    written = second.replace(tzinfo=None).isoformat()
    return {
        "symbol": row.instrument.name,
        "qty": plain(row.quantity),
        "price": plain(row.price),
        "quoteQty": plain(row.worth),
        "commission": plain(EXACT.minus(amount)),
        "commissionAsset": currency,
        "orderId": row.order_id,
        "tradeId": row.fill_id,
        "filledTime": f"{written}.{row.at_milliseconds % 1000:03}+0800",
        "side": row.side.upper(),
        "positionSide": row.position_side.upper(),
        "role": "maker" if row.is_maker else "taker",
        "total": 0,
        "realisedPNL": plain(row.realised),
    }


def _coin_orders(asked: Asked) -> Any:
    """``GET /openApi/cswap/v1/trade/orderHistory``: orders as a whole, in contracts."""
    name = _symbol(asked)
    fills = asked.fills(lambda one: one.kind is InstrumentKind.INVERSE and one.name == name)
    orders: dict[str, list[Fill]] = {}
    for fill in between(fills, *_span(asked, "startTime", "endTime", _WEEK)):
        orders.setdefault(fill.order_id, []).append(fill)
    told = [_coin_order(of_order) for of_order in orders.values()]
    return _ok({"orders": told[: min(asked.number("limit", 500), 1000)]})


def _coin_order(fills: Sequence[Fill]) -> Any:
    last, contracts, coins, paid = fills[-1], Decimal(0), Decimal(0), Decimal(0)
    for fill in fills:
        contracts = EXACT.add(contracts, fill.quantity)
        coins = EXACT.add(coins, quotient(fill.quantity, fill.price))
        paid = EXACT.add(paid, next((amount for amount, _ in fill.fees), Decimal(0)))
    return {
        "symbol": last.instrument.name,
        "orderId": last.order_id,
        "side": last.side.upper(),
        "positionSide": last.position_side.upper(),
        "origQty": plain(contracts),
        "executedQty": plain(contracts),
        "avgPrice": plain(booked(quotient(contracts, coins))),
        "commission": plain(EXACT.minus(paid)),
        "status": "Filled",
        "time": fills[0].at_milliseconds,
        "updateTime": last.at_milliseconds,
        "clientOrderId": last.client_order_id,
    }


def _positions(kind: InstrumentKind) -> Callable[[Asked], Any]:
    """``GET …/user/positions``."""

    def answer(asked: Asked) -> Any:
        held = asked.positions(lambda one: one.kind is kind)
        return _ok([_position(each, asked.mark(each.instrument)) for each in held])

    return answer


def _position(each: Position, mark: Decimal) -> Any:
    is_linear = each.instrument.kind is InstrumentKind.LINEAR
    # Its size has no sign; what it realised has four decimals, and is told of linear ones.
    realised = {"realisedProfit": plain(each.earned.quantize(Decimal("0.0001")))}
    return {
        "symbol": each.instrument.name,
        "positionId": "1",
        "positionSide": "LONG" if each.is_long else "SHORT",
        "isolated": False,
        "positionAmt": plain(each.quantity.copy_abs()),
        "availableAmt": plain(each.quantity.copy_abs()),
        "unrealizedProfit": plain(each.unrealised(mark)),
        **(realised if is_linear else {}),
        "avgPrice": plain(each.entry),
        "liquidationPrice": 0,
        "leverage": 10,
        "markPrice": plain(mark),
        "onlyOnePosition": each.side is PositionSide.BOTH,
        "updateTime": each.updated_at,
    }


_INCOMES = {
    FlowKind.FUNDING: "FUNDING_FEE",
    FlowKind.TRANSFER: "TRANSFER",
    FlowKind.DEPOSIT: "TRANSFER",
    FlowKind.WITHDRAWAL: "TRANSFER",
}


def _income(asked: Asked) -> Any:
    """``GET /openApi/swap/v2/user/income``: of three months; what fills realised is there, too."""
    first, last = _span(asked, "startTime", "endTime", 90 * DAY_MILLISECONDS)
    rows: list[tuple[int, Any]] = []
    for flow in between(asked.flows(_INCOMES, Pool.FUTURES), first, last):
        one = flow.instrument
        if one is None or one.kind is InstrumentKind.LINEAR:
            name, kind = "" if one is None else one.name, _INCOMES[flow.kind]
            row = _earned(name, kind, flow.amount, flow.currency, flow.flow_id)
            rows.append((flow.number, {**row, "time": flow.at_milliseconds}))
    for fill in between(asked.fills(lambda one: one.kind is InstrumentKind.LINEAR), first, last):
        name, coin = fill.instrument.name, fill.instrument.settle
        for kind, amount in (
            ("REALIZED_PNL", fill.realised),
            *(("TRADING_FEE", EXACT.minus(paid)) for paid, _ in fill.fees),
        ):
            row = _earned(name, kind, amount, coin, f"{fill.fill_id}_{kind}")
            rows.append((fill.number, {**row, "time": fill.at_milliseconds}))
    rows.sort(key=lambda row: row[0])
    told = [row for _, row in rows][: min(asked.number("limit", 100), 1000)]
    return _ok(told or None)


def _earned(symbol: str, kind: str, amount: Decimal, coin: str, row_id: str) -> Any:
    return {
        "symbol": symbol,
        "incomeType": kind,
        "income": plain(amount),
        "asset": coin,
        "info": kind.title(),
        "tranId": row_id,
        "tradeId": row_id,
    }


_LINEAR, _INVERSE = InstrumentKind.LINEAR, InstrumentKind.INVERSE
TRADING = {
    "bingx": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(path, answer, SCHEME, REFUSALS, pool=pool)
            for pool, path, answer in (
                (Pool.SPOT, "/openApi/spot/v1/trade/myTrades", _spot_trades),
                (Pool.FUTURES, "/openApi/swap/v2/trade/fillHistory", _history),
                (Pool.FUTURES, "/openApi/cswap/v1/trade/orderHistory", _coin_orders),
                (Pool.FUTURES, "/openApi/swap/v2/user/positions", _positions(_LINEAR)),
                (Pool.FUTURES, "/openApi/cswap/v1/user/positions", _positions(_INVERSE)),
                (Pool.FUTURES, "/openApi/swap/v2/user/income", _income),
            )
        ),
    )
}
