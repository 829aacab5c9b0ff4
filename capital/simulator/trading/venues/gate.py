"""Gate: three fees for a fill of spot, sizes with a sign, times in seconds."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
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
    number,
    seconds,
    whole,
)
from capital.simulator.venues.gate import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTC_USDT"),
    ("ETH/USDT", "ETH_USDT"),
    ("BTC/USDT:USDT", "BTC_USDT", "0.0001"),
    ("ETH/USDT:USDT", "ETH_USDT", "0.01"),
    ("BTC/USD:BTC", "BTC_USD"),
)
_MODES = {
    PositionSide.BOTH: "single",
    PositionSide.LONG: "dual_long",
    PositionSide.SHORT: "dual_short",
}


def _span(asked: Asked) -> tuple[int, int]:
    """Seconds, both with; of 30 days at most."""
    last = asked.number("to", asked.now_milliseconds // 1000)
    first = asked.number("from", last - 7 * DAY_MILLISECONDS // 1000)
    # ccxt's arguments are widened by a second on each side.
    if last - first > 30 * DAY_MILLISECONDS // 1000 + 2:
        raise Refused(400, "INVALID_PARAM_VALUE", "time range from..to is over 30 days")
    return first * 1000, last * 1000 + 999


def _page(asked: Asked, rows: Sequence[Any]) -> list[Any]:
    limit = min(asked.number("limit", 100), 1000)
    start = asked.number("offset", 0) or (max(asked.number("page", 1), 1) - 1) * limit
    return list(rows)[start : start + limit]


def _spot_trades(asked: Asked) -> Any:
    """``GET /api/v4/spot/my_trades``."""
    name = asked.text("currency_pair")
    fills = asked.fills(lambda one: one.is_spot and name in ("", one.name))
    return [_spot_trade(row) for row in _page(asked, newest_first(between(fills, *_span(asked))))]


def _spot_trade(row: Fill) -> Any:
    fees = {currency: amount for amount, currency in row.fees}
    apart = {name: plain(fees.pop(name, Decimal(0))) for name in ("GT", "POINT")}
    currency = row.instrument.base if row.is_buy else row.instrument.quote
    for name in fees:
        currency = name
    return {
        "id": row.fill_id,
        "create_time": str(row.at_milliseconds // 1000),
        "create_time_ms": f"{row.at_milliseconds}.000000",
        "currency_pair": row.instrument.name,
        "side": row.side.value,
        "role": "maker" if row.is_maker else "taker",
        "amount": plain(row.quantity),
        "price": plain(row.price),
        "order_id": row.order_id,
        "fee": plain(fees.get(currency, Decimal(0))),
        "fee_currency": currency,
        "point_fee": apart["POINT"],
        "gt_fee": apart["GT"],
        "text": row.client_order_id or "apiv4",
    }


def _of_wallet(asked: Asked) -> Callable[[Instrument], bool]:
    settle = asked.text("settle").upper()
    if settle not in ("USDT", "BTC"):
        raise Refused(400, "INVALID_PARAM_VALUE", "settle")
    return lambda one: not one.is_spot and one.settle == settle


def _trades(asked: Asked) -> Any:
    """``GET /api/v4/futures/{settle}/my_trades_timerange``."""
    fills = newest_first(between(asked.fills(_of_wallet(asked)), *_span(asked)))
    return [_trade(row) for row in _page(asked, fills)]


def _trade(row: Fill) -> Any:
    fees = {currency: amount for amount, currency in row.fees}
    size = row.contracts if row.is_buy else EXACT.minus(row.contracts)
    return {
        "trade_id": row.fill_id,
        "contract": row.instrument.name,
        "create_time": number(Decimal(seconds(row.at_milliseconds))),
        "size": number(size),
        "close_size": number(size) if row.is_closing else 0,
        "price": plain(row.price),
        "order_id": row.order_id,
        "fee": plain(fees.get(row.instrument.settle, Decimal(0))),
        "point_fee": plain(fees.get("POINT", Decimal(0))),
        "role": "maker" if row.is_maker else "taker",
        "text": row.client_order_id or "api",
    }


def _positions(asked: Asked) -> Any:
    """``GET /api/v4/futures/{settle}/positions``: what is flat, too."""
    mine = _of_wallet(asked)
    held = asked.positions(mine)
    names = {each.instrument for each in held}
    flat = [
        Position(asked.pools[0], one, PositionSide.BOTH)
        for one in _INSTRUMENTS
        if mine(one) and one not in names
    ]
    return [_position(each, asked.mark(each.instrument)) for each in (*held, *flat)]


def _position(each: Position, mark: Decimal) -> Any:
    return {
        "contract": each.instrument.name,
        "user": 1,
        "size": number(each.contracts),
        "mode": _MODES[each.side],
        "leverage": "0",
        "entry_price": plain(each.entry),
        "mark_price": plain(mark),
        "unrealised_pnl": plain(each.unrealised(mark)),
        "realised_pnl": plain(each.earned),
        "history_pnl": "0",
        "liq_price": "0",
        "update_time": each.updated_at // 1000,
        "open_time": each.opened_at // 1000,
    }


_TYPES = {
    FlowKind.FUNDING: "fund",
    FlowKind.TRANSFER: "dnw",
    FlowKind.DEPOSIT: "dnw",
    FlowKind.WITHDRAWAL: "dnw",
    FlowKind.REBATE: "refr",
}


def _book(asked: Asked) -> Any:
    """``GET /api/v4/futures/{settle}/account_book``: whatever moved the wallet."""
    mine, span = _of_wallet(asked), _span(asked)
    settle = asked.text("settle").upper()
    flows = between(asked.flows(_TYPES, Pool.FUTURES, Pool.UNIFIED), *span)
    rows = [(flow.number, _booked(flow)) for flow in flows if flow.currency == settle]
    for fill in between(asked.fills(mine), *span):
        rows += [(fill.number, each) for each in _booked_of(fill)]
    rows.sort(key=lambda row: row[0], reverse=True)
    wanted = asked.text("type")
    return _page(asked, [row for _, row in rows if wanted in ("", row["type"])])


def _booked(flow: Flow) -> Any:
    name = "" if flow.instrument is None else flow.instrument.name
    return {
        "id": flow.flow_id,
        "time": number(Decimal(seconds(flow.at_milliseconds))),
        "change": plain(flow.amount),
        "balance": "0",
        "text": name,
        "type": _TYPES[flow.kind],
        **({"contract": name} if name else {}),
    }


def _booked_of(fill: Fill) -> list[Any]:
    parts = [("pnl", fill.realised)]
    parts += [("fee", EXACT.minus(amount)) for amount, _ in fill.fees]
    return [
        {
            "id": f"{fill.number}-{kind}",
            "time": number(Decimal(seconds(fill.at_milliseconds))),
            "change": plain(change),
            "balance": "0",
            "text": f"{fill.instrument.name}:{fill.order_id}",
            "contract": fill.instrument.name,
            "trade_id": whole(fill.fill_id),
            "type": kind,
        }
        for kind, change in parts
        if change
    ]


def _nothing(_asked: Asked) -> Any:
    """Contracts with a delivery date: none are listed here."""
    return []


TRADING = {
    "gate": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(path, answer, SCHEME, REFUSALS, pool=pool)
            for pool, path, answer in (
                (Pool.SPOT, "/api/v4/spot/my_trades", _spot_trades),
                (Pool.FUTURES, "/api/v4/futures/{settle}/my_trades_timerange", _trades),
                (Pool.FUTURES, "/api/v4/delivery/{settle}/my_trades", _nothing),
                (Pool.FUTURES, "/api/v4/futures/{settle}/positions", _positions),
                (Pool.FUTURES, "/api/v4/delivery/{settle}/positions", _nothing),
                (Pool.FUTURES, "/api/v4/futures/{settle}/account_book", _book),
            )
        ),
        most_fees=3,
    )
}
