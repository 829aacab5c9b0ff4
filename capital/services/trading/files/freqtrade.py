"""The database of a freqtrade bot: its orders are our fills.

What its columns mean, as freqtrade's persistence models fill them (``trade_model.py``):

- An order with ``filled > 0`` was executed, also one that was cancelled afterwards. ``side`` is
  what it did; ``ft_order_side`` says ``stoploss`` for a stop on the exchange.
- ``fee_open`` and ``fee_close`` are rates. Their costs are of no use: the one of opening is divided
  by the leverage, the one of closing is the last exit's. Where the exchange took the fee in the
  coin, the order's ``ft_fee_base`` is how much.
- ``orders.funding_fee`` is what was settled with that order; the trade's ``funding_fees`` is the
  sum and what has run up since.
- ``realized_profit`` of an open trade is what its partial exits earned.

Amounts are floats there. SQLite writes them with 15 digits, which is what every float holds
exactly as it was written: none is a float here.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from capital.domain.errors import InvalidAmount, TradeFileRefused
from capital.domain.money import EXACT, add_to, parse_amount, quotient
from capital.domain.performance.fills import Fee
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.services.trading.files.contract import Explained, TradeFile, TradeLine
from capital.services.trading.files.foreign import refuse_all_but_a_table, restrict
from capital.services.trading.files.sheet import MOST_LINES
from capital.services.trading.recording.told import NewFill

_TRADE_TEXTS = ("exchange", "stake_currency", "base_currency", "strategy", "trading_mode")
_TRADE_AMOUNTS = (
    "fee_open",
    "fee_close",
    "amount",
    "open_rate",
    "realized_profit",
    "close_profit_abs",
    "funding_fees",
)
_TRADE_FLAGS = ("id", "is_open", "is_short")
_ORDER_TEXTS = (
    "order_id",
    "side",
    "ft_order_side",
    "ft_pair",
    "order_filled_date",
    "order_date",
)
_ORDER_AMOUNTS = ("filled", "average", "price", "funding_fee", "ft_fee_base")
_ORDER_FLAGS = ("id", "ft_trade_id")

# As long as an order's id may be; freqtrade's other texts are shorter.
_LONGEST_TEXT = 100
# Names that freqtrade has for what ccxt calls otherwise today.
_VENUES = {"gateio": "gate", "huobi": "htx", "okex": "okx", "myokx": "okx"}
_ZERO, _ONE = Decimal(0), Decimal(1)


def read_freqtrade(path: Path) -> TradeFile:
    """What a bot did. The file may be in use: nothing is written to it.

    Raises:
        TradeFileRefused: It is no such database, of a version before orders had their funding, of a
            dry run, of margin trading, or of several exchanges.
    """

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)

    return _read_database(opened, path.name, MOST_LINES)


def read_freqtrade_copy(content: bytes, *, name: str, most_lines: int = MOST_LINES) -> TradeFile:
    """What a bot did, by the content of its database alone.

    Raises:
        TradeFileRefused: As ``read_freqtrade``.
    """

    def opened() -> sqlite3.Connection:
        database = sqlite3.connect(":memory:")
        # Bytes 18 and 19 say whether there is a second file, which in memory there never is.
        database.deserialize(content[:18] + b"\x01\x01" + content[20:])
        return database

    file = _read_database(opened, name, most_lines)
    return replace(file, may_lack_last=content[18:20] == b"\x02\x02")


def _read_database(
    opened: Callable[[], sqlite3.Connection], name: str, most_lines: int
) -> TradeFile:
    try:
        with closing(opened()) as database:
            restrict(database)
            trades = _rows(database, "trades", _TRADE_TEXTS, _TRADE_AMOUNTS, _TRADE_FLAGS)
            ordered = _rows(database, "orders", _ORDER_TEXTS, _ORDER_AMOUNTS, _ORDER_FLAGS)
        orders = [row for row in ordered if row["filled"]]
        if len(orders) > most_lines:
            raise TradeFileRefused(Code.FILE_TOO_LONG, most=f"{most_lines:,}")
        _refuse_other_trading(trades, orders)
        return _read(trades, orders)
    except (sqlite3.Error, AttributeError, InvalidAmount, KeyError, TypeError, ValueError):
        # Of another make; an order of no trade, a side or a time that is none
        raise TradeFileRefused(Code.FREQTRADE_UNREADABLE, file=name) from None


def _read(trades: list[dict[str, Any]], orders: list[dict[str, Any]]) -> TradeFile:
    histories = {row["id"]: _History(row) for row in trades}
    lines = []
    for row in orders:
        history = histories[row["ft_trade_id"]]
        line = _line(row, history.trade)
        history.add(row, line)
        lines.append(line)
    explained: dict[str, Explained] = {}
    unsettled: dict[str, Decimal] = {}
    for history in histories.values():
        currency = _given(history.trade["stake_currency"])
        explained[currency] = _plus(explained.get(currency), history.explained())
        if rest := history.unsettled():
            add_to(unsettled, currency, rest)
    venue = _venues(trades)[0] if trades else ""
    return TradeFile(
        lines=tuple(lines),
        venue=_VENUES.get(venue, venue),
        explained=explained,
        unsettled=unsettled,
    )


def _venues(trades: list[dict[str, Any]]) -> list[str]:
    return sorted({str(row["exchange"]).lower() for row in trades})


def _rows(
    database: sqlite3.Connection,
    table: str,
    texts: tuple[str, ...],
    amounts: tuple[str, ...],
    flags: tuple[str, ...],
) -> list[dict[str, Any]]:
    refuse_all_but_a_table(database, table)
    exact = [
        f"CASE typeof({name}) WHEN 'null' THEN NULL WHEN 'text' THEN '' WHEN 'blob' THEN '' "
        f"ELSE printf('%.15g', {name}) END AS {name}"
        for name in amounts
    ]
    columns = ", ".join([*texts, *flags, *exact])
    found = database.execute(f"SELECT {columns} FROM {table} ORDER BY id")  # noqa: S608  # our names
    rows = [dict(row) for row in found]
    for row in rows:
        for name in texts:
            _refuse_odd_text(row[name])
        row.update((name, _amount(row[name])) for name in amounts)
    return rows


def _refuse_odd_text(text: Any) -> None:
    """Refuse what is no text, or one that no column of ours keeps.

    Raises:
        ValueError: It is.
    """
    if text is not None and (
        not isinstance(text, str) or len(text) > _LONGEST_TEXT or "\x00" in text
    ):
        raise ValueError


def _amount(text: str | None) -> Decimal | None:
    """What it says.

    Raises:
        InvalidAmount: It is no number, or one that is out of all bounds.
    """
    return None if text is None else EXACT.normalize(parse_amount(text))


def _refuse_other_trading(trades: list[dict[str, Any]], orders: list[dict[str, Any]]) -> None:
    """Refuse what is no real trading, or of a kind that we do not know.

    Raises:
        TradeFileRefused: Something else than spot or futures for real money, on one exchange.
    """
    for row in orders:
        if row["order_id"].startswith("dry_run_"):
            raise TradeFileRefused(Code.FREQTRADE_DRY_RUN, order=row["order_id"])
    venues = _venues(trades)
    if len(venues) > 1:
        raise TradeFileRefused(Code.FREQTRADE_VENUES, venues=", ".join(venues))
    modes = {str(row["trading_mode"] or "spot").lower() for row in trades} - {"spot", "futures"}
    if modes:
        raise TradeFileRefused(Code.FREQTRADE_MODE, mode=", ".join(sorted(modes)))


def _is_entry(order: Mapping[str, Any], trade: Mapping[str, Any]) -> bool:
    return bool(order["side"] == ("sell" if trade["is_short"] else "buy"))


def _price(order: Mapping[str, Any]) -> Decimal:
    price: Decimal | None = order["average"] or order["price"]
    return price or _ZERO


def _line(order: Mapping[str, Any], trade: Mapping[str, Any]) -> TradeLine:
    filled, price = order["filled"], _price(order)
    if order["ft_fee_base"]:
        fee = Fee(order["ft_fee_base"], _given(trade["base_currency"]))
    else:
        rate = trade["fee_open"] if _is_entry(order, trade) else trade["fee_close"]
        amount = EXACT.multiply(EXACT.multiply(filled, price), rate or _ZERO)
        fee = Fee(EXACT.normalize(amount), trade["stake_currency"])
    return TradeLine(
        number=order["id"],
        strategy=trade["strategy"] or "",
        funding=order["funding_fee"] or None,
        fill=NewFill(
            symbol=_given(order["ft_pair"]),
            side=Side(order["side"]),
            quantity=filled,
            price=price,
            # Without an offset, in UTC.
            executed_at=_moment(order["order_filled_date"] or order["order_date"]),
            fees=(fee,) if fee.amount else (),
            order_id=_given(order["order_id"]),
        ),
    )


def _given(text: str | None) -> str:
    if not text:
        raise ValueError
    return text


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class _History:
    """One trade and the orders that were executed for it."""

    trade: dict[str, Any]
    settled: Decimal = _ZERO
    paid: Decimal = _ZERO
    bought: Decimal = _ZERO
    closed: Decimal = _ZERO
    fees_in_coin: Decimal = _ZERO

    def add(self, order: Mapping[str, Any], line: TradeLine) -> None:
        fill = line.fill
        self.settled = EXACT.add(self.settled, order["funding_fee"] or _ZERO)
        if not _is_entry(order, self.trade):
            self.closed = EXACT.add(self.closed, fill.quantity)
            return
        self.paid = EXACT.add(self.paid, EXACT.multiply(fill.quantity, fill.price))
        self.bought = EXACT.add(self.bought, fill.quantity)
        self.fees_in_coin = EXACT.add(self.fees_in_coin, order["ft_fee_base"] or _ZERO)

    def unsettled(self) -> Decimal:
        """The funding of an open trade since its last order."""
        if not self.trade["is_open"]:
            return _ZERO
        return EXACT.subtract(self.trade["funding_fees"] or _ZERO, self.settled)

    def explained(self) -> Explained:
        trade = self.trade
        stated = trade["realized_profit"] if trade["is_open"] else trade["close_profit_abs"]
        fees_of_open = _ZERO
        if trade["is_open"] and not self.fees_in_coin:
            value = EXACT.multiply(trade["amount"], trade["open_rate"])
            fees_of_open = EXACT.multiply(value, trade["fee_open"] or _ZERO)
        return Explained(
            stated=stated or _ZERO,
            fees_of_open=fees_of_open,
            fees_counted_twice=self._counted_twice(),
        )

    def _counted_twice(self) -> Decimal:
        """What the closed part cost, less what freqtrade takes it to have cost.

        It takes ``amount × open_rate × (1 + fee)``, with the amount after the fee.
        """
        if not self.fees_in_coin:
            return _ZERO
        held = EXACT.subtract(self.bought, self.fees_in_coin)
        cost = quotient(EXACT.multiply(self.paid, self.closed), held)
        value = EXACT.multiply(self.closed, self.trade["open_rate"])
        taken = EXACT.multiply(value, EXACT.add(_ONE, self.trade["fee_open"] or _ZERO))
        return EXACT.subtract(cost, taken)


def _plus(sums: Explained | None, more: Explained) -> Explained:
    if sums is None:
        return more
    return Explained(
        stated=EXACT.add(sums.stated, more.stated),
        fees_of_open=EXACT.add(sums.fees_of_open, more.fees_of_open),
        fees_counted_twice=EXACT.add(sums.fees_counted_twice, more.fees_counted_twice),
    )
