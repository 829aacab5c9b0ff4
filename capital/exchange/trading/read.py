"""Read the rows of an answer: fills, positions and flows, exactly and without guessing.

Pure: it applies what a venue's rows declare. What is missing is None; a row that lacks what it
cannot be booked without is ``Unread``, beside the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from capital.domain.errors import BalanceUnavailable
from capital.domain.money import EXACT, quotient
from capital.domain.performance.flows import FlowKind
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.exchange.calls.places import alternatives
from capital.exchange.entries import CodeOf
from capital.exchange.formulas import (
    amount_of,
    bad_answer,
    fields_of,
    number_of,
    read_along,
    value_at,
)
from capital.exchange.trading.contract import (
    Instrument,
    ReadFill,
    ReadFlow,
    ReadPosition,
    Told,
    Unread,
)
from capital.exchange.trading.instruments import Instruments, size_of
from capital.exchange.trading.rows import (
    Amount,
    Call,
    FeeField,
    FillFields,
    FlowFields,
    Moment,
    OrderCall,
    OrderIds,
    PositionFields,
    Quotient,
    Said,
    TimeUnit,
    Word,
)
from capital.exchange.venue import Venue

_Read = TypeVar("_Read")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = {"s": Decimal(10**6), "ms": Decimal(1000), "us": Decimal(1), "ns": Decimal("0.001")}
# Of the year 9999, which no answer is of.
_LATEST = Decimal(253_402_300_799_000_000)
_OF_INSTRUMENT = frozenset({"=settle", "=quote", "=received"})
# Whether a flow of this kind has gone; what goes both ways says so itself.
_ONE_WAY = {FlowKind.DEPOSIT: False, FlowKind.WITHDRAWAL: True}
# What is longer is no id, and no name of a currency: it could not be kept.
_LONGEST_ID, _LONGEST_CURRENCY = 100, 32


class _Incomplete(Exception):
    """A row lacks what it cannot be booked without."""


@dataclass(frozen=True)
class Reader:
    """Reads the answers of one venue.

    Attributes:
        venue: Its row, which says what amounts count there.
        currency: The account's.
        instruments: The instruments that rows may be of.
        code_of: The common name of what the venue calls a currency.
        order_ids: What a client order id may be there; None where it takes no text.
    """

    venue: Venue
    currency: str
    instruments: Instruments
    code_of: CodeOf
    order_ids: OrderIds | None = None

    def fills(self, answer: Any, call: Call[FillFields]) -> Told[ReadFill]:
        """The fills that ``answer`` tells.

        Raises:
            BalanceUnavailable: It has no list of them, or is about something else.
        """
        return self._read(answer, call, self._fill, call.fields.symbol, call.fields.fill_id)

    def positions(self, answer: Any, call: Call[PositionFields]) -> Told[ReadPosition]:
        """The positions that ``answer`` tells; raises as ``fills``."""
        return self._read(answer, call, self._position, call.fields.symbol, ())

    def flows(self, answer: Any, call: Call[FlowFields]) -> Told[ReadFlow]:
        """The flows that ``answer`` tells; raises as ``fills``."""
        return self._read(answer, call, self._flow, call.fields.symbol, call.fields.flow_id)

    def _read(
        self,
        answer: Any,
        call: Call[Any],
        read: Callable[[Mapping[str, Any], Call[Any]], _Read | None],
        symbol: Word,
        row_id: Word,
    ) -> Told[_Read]:
        found, unread = [], []
        for row in rows_of(answer, call, self.venue.id):
            if not isinstance(row, dict):
                unread.append(Unread("", "no row"))
            elif _is_one(row, call.fields.only) and not _is_any(row, call.fields.never):
                try:
                    one = read(row, call)
                except _Incomplete as problem:
                    unread.append(Unread(_word(row, symbol), str(problem), _word(row, row_id)))
                else:
                    found += [] if one is None else [one]
        return Told(tuple(found), tuple(unread))

    def _fill(self, row: Mapping[str, Any], call: Call[FillFields]) -> ReadFill | None:
        fields = call.fields
        if not _is_one(row, fields.plain):
            raise _Incomplete("a reversal or a correction")
        instrument = self._instrument(row, fields.symbol, call)
        amount = self._amount(row, fields.quantity, "quantity")
        by_sign = Side.SELL if amount < 0 else Side.BUY
        side = _meaning(row, fields.side) if fields.side else by_sign
        if not isinstance(side, Side):
            raise _Incomplete("no side")
        quantity = self._quantity(amount.copy_abs(), instrument)
        if not quantity and not fields.fill_id:
            return None  # an order of which nothing was executed
        price = self._amount(row, fields.price, "price")
        if quantity <= 0 or price <= 0:
            raise _Incomplete("no quantity" if quantity <= 0 else "no price")
        executed_at = _moment(row, fields.time, self.venue.id)
        if executed_at is None:
            raise _Incomplete("no time")
        fill_id, order_id = _id(row, fields.fill_id), _id(row, fields.order_id)
        client_order_id = given_id(_id(row, fields.client_order_id), self.order_ids)
        if not (fill_id or order_id or client_order_id):
            raise _Incomplete("no id")
        return ReadFill(
            symbol=instrument.symbol,
            side=side,
            position_side=_meaning(row, fields.position_side) or PositionSide.BOTH,
            quantity=quantity,
            price=price,
            contract_size=size_of(instrument),
            executed_at=executed_at,
            venue_fill_id=fill_id,
            order_id=order_id,
            client_order_id=client_order_id,
            fees=self._fees(row, fields.fees, instrument, side),
            realized_reported=self._told_amount(row, fields.realized),
            liquidity=_meaning(row, fields.liquidity) or "",
        )

    def _position(self, row: Mapping[str, Any], call: Call[PositionFields]) -> ReadPosition | None:
        fields = call.fields
        name = _word(row, fields.symbol)
        is_known = self.instruments.find(name, call.kinds) is not None
        if name and not is_known and self._told_amount(row, fields.quantity) == 0:
            return None  # a contract that is not listed here, and of which nothing is held
        instrument = self._instrument(row, fields.symbol, call)
        amount = self._amount(row, fields.quantity, "quantity")
        direction = _meaning(row, fields.direction)
        if isinstance(direction, Side):
            amount = _signed(amount, is_below=direction is not Side.BUY)
        elif amount and not fields.is_signed:
            raise _Incomplete("no side")
        told = {
            name: self._told_amount(row, getattr(fields, name))
            for name in ("entry", "mark", "unrealised", "realised")
        }
        return ReadPosition(
            symbol=instrument.symbol,
            position_side=_meaning(row, fields.position_side) or PositionSide.BOTH,
            quantity=self._quantity(amount, instrument),
            settle=instrument.settle,
            contract_size=size_of(instrument),
            entry_price=told["entry"] or None,  # 0 stands for none
            mark_price=told["mark"] or None,
            unrealised=told["unrealised"],
            realised=told["realised"],
            told_at=_moment(row, fields.time, self.venue.id),
        )

    def _flow(self, row: Mapping[str, Any], call: Call[FlowFields]) -> ReadFlow | None:
        fields = call.fields
        kind = _meaning(row, fields.kind)
        if kind is None:
            return None
        name = _word(row, fields.symbol)
        instrument = self.instruments.find(name, call.kinds) if name else None
        if name and instrument is None and kind is FlowKind.FUNDING:
            raise _Incomplete("an unknown instrument")
        amount = self._amount(row, fields.amount, "amount")
        if fields.is_unsigned:
            has_gone = _ONE_WAY.get(kind, _meaning(row, fields.went))
            if has_gone is None:
                raise _Incomplete("no direction")
            amount = _signed(amount, is_below=has_gone)
        elif fields.is_negative_when_received:
            amount = EXACT.minus(amount)
        if not amount:
            return None
        currency = self._currency(row, fields.currency, instrument, None)
        occurred_at = _moment(row, fields.time, self.venue.id)
        if occurred_at is None or not currency:
            raise _Incomplete("no currency" if occurred_at else "no time")
        symbol = "" if instrument is None else instrument.symbol
        return ReadFlow(kind, currency, amount, occurred_at, symbol, _id(row, fields.flow_id))

    def _instrument(self, row: Mapping[str, Any], symbol: Word, call: Call[Any]) -> Instrument:
        name = _word(row, symbol)
        if not name:
            raise _Incomplete("no symbol")
        instrument = self.instruments.find(name, call.kinds)
        if instrument is None:
            raise _Incomplete("an unknown instrument")
        return instrument

    def _quantity(self, amount: Decimal, instrument: Instrument) -> Decimal:
        """``amount``, counted as an order's there, in base units or, of inverse ones, contracts."""
        kind, size = instrument.kind, size_of(instrument)
        unit = self.venue.rules_call.amount_unit(kind, size)
        if kind is InstrumentKind.SPOT:
            return amount
        if unit is None or (kind is InstrumentKind.LINEAR and unit is AmountUnit.QUOTE):
            raise _Incomplete("what a quantity counts is not known")
        if kind is InstrumentKind.LINEAR:
            return amount if unit is AmountUnit.BASE else EXACT.multiply(amount, size)
        return amount if unit is AmountUnit.CONTRACTS else quotient(amount, size)

    def _fees(
        self,
        row: Mapping[str, Any],
        fields: Sequence[FeeField],
        instrument: Instrument,
        side: Side,
    ) -> tuple[tuple[Decimal, str], ...]:
        """All fees that are told; those of nothing only if no other is paid."""
        fees = []
        for field in fields:
            for entry in _entries(row, field.within):
                amount = self._told_amount(entry, field.amount)
                if amount is None:
                    continue
                currency = self._currency(entry, field.currency, instrument, side)
                if not currency:
                    if amount:
                        raise _Incomplete("a fee without a currency")
                    continue
                paid_out = EXACT.minus(amount) if field.is_negative_when_paid else amount
                fees.append((paid_out, currency))
        paid = tuple(fee for fee in fees if fee[0])
        return paid or tuple((Decimal(0), currency) for _, currency in fees[:1])

    def _currency(
        self, row: Any, currency: Word, instrument: Instrument | None, side: Side | None
    ) -> str:
        for path in _paths(currency):
            if not path.startswith("="):
                if name := _word(row, path):
                    return _short(self.code_of(name), _LONGEST_CURRENCY)
            elif path == "=account":
                return self.currency
            elif path not in _OF_INSTRUMENT:
                return path.removeprefix("=")
            elif instrument is not None:
                return _currency_of(path, instrument, side)
        return ""

    def _amount(self, row: Mapping[str, Any], amount: Amount, name: str) -> Decimal:
        found = self._told_amount(row, amount)
        if found is None:
            raise _Incomplete(f"no {name}")
        return found

    def _told_amount(self, row: Any, amount: Amount) -> Decimal | None:
        """The first of the numbers that is told; None where none is."""
        for each in amount if isinstance(amount, tuple) else (amount,):
            if isinstance(each, Quotient):
                if not _is_one(row, each.when):
                    continue
                over, by = self._told_amount(row, each.over), self._told_amount(row, each.by)
                if over is not None and by:
                    return quotient(over, by.copy_abs())
            else:
                for formula in alternatives(each):
                    found = self._sum(row, formula)
                    if found is not None:
                        return found
        return None

    def _sum(self, row: Any, formula: str) -> Decimal | None:
        """The sum; None where a field is not told, which one that is no number is not."""
        for path in fields_of(formula):
            told = value_at(row, row, path)
            if told not in (None, ""):
                try:
                    number_of(told, self.venue.id)
                except BalanceUnavailable:
                    raise _Incomplete("not a number") from None
        try:
            return amount_of(row, row, formula, self.venue.id)
        except BalanceUnavailable:
            return None


def given_id(text: str, order_ids: OrderIds | None) -> str:
    """A client order id that is told; empty where it is a word of the venue's own."""
    return text if order_ids is None else order_ids.given(text)


def client_id_in(answer: Any, call: OrderCall, venue: str, order_ids: OrderIds | None) -> str:
    """The client order id of the order that an answer is about; empty where it has none.

    Raises:
        BalanceUnavailable: It is about no order.
    """
    if not isinstance(answer, dict):
        raise bad_answer(venue, "no order")
    return given_id(_word(answer, call.client_order_id), order_ids)


def _signed(amount: Decimal, *, is_below: bool) -> Decimal:
    """The amount above or below zero, whatever its own sign is; exactly."""
    return EXACT.minus(amount.copy_abs()) if is_below else amount.copy_abs()


def _currency_of(path: str, instrument: Instrument, side: Side | None) -> str:
    is_spot = instrument.kind is InstrumentKind.SPOT
    if path == "=received" and is_spot and side is Side.BUY:
        return instrument.base
    return instrument.quote if path == "=quote" else instrument.settle


def rows_of(answer: Any, call: Call[Any], venue: str) -> Iterator[Any]:
    """The rows of an answer, each with its id if it is named by it.

    Raises:
        BalanceUnavailable: There is no list, or the answer is about something else.
    """
    for path, values in call.says.items():
        if read_along(answer, path) not in (None, *values):
            raise bad_answer(venue, "of another account")
    for path in call.rows:
        holder = read_along(answer, path[:-1]) if path else {"": answer}
        last = path[-1] if path else ""
        if not isinstance(holder, dict) or last not in holder:
            continue
        found = holder[last]
        if found is None:
            return
        if isinstance(found, list):
            yield from found
            return
        if call.id_as and isinstance(found, dict):
            for name, row in found.items():
                yield {**row, call.id_as: name} if isinstance(row, dict) else row
            return
    raise bad_answer(venue, "no list of rows")


def earliest_in(answer: Any, call: Call[Any], venue: str) -> datetime | None:
    """When the first of all rows happened, also of those that are not booked; None: none says.

    Raises:
        BalanceUnavailable: As ``rows_of``.
    """
    times = call.fields.time
    moments = (_moment(row, times, venue) for row in rows_of(answer, call, venue))
    return min((each for each in moments if each is not None), default=None)


def _is_one(row: Any, only: Mapping[str, tuple[Any, ...]]) -> bool:
    return all(value_at(row, row, name) in values for name, values in only.items())


def _is_any(row: Any, never: Mapping[str, tuple[Any, ...]]) -> bool:
    return any(value_at(row, row, name) in values for name, values in never.items())


def _entries(row: Mapping[str, Any], within: str) -> list[Any]:
    found = value_at(row, row, within) if within else row
    return found if isinstance(found, list) else [found] if isinstance(found, dict) else []


def _paths(word: Word) -> tuple[str, ...]:
    return (word,) if isinstance(word, str) else word


def _word(row: Any, word: Word) -> str:
    """The first text that is told, as text; empty where none is."""
    for path in _paths(word):
        found = value_at(row, row, path)
        if found not in (None, "") and not isinstance(found, dict | list):
            return str(found)
    return ""


def _id(row: Any, word: Word) -> str:
    return _short(_word(row, word), _LONGEST_ID)


def _short(text: str, longest: int) -> str:
    if len(text) > longest:
        raise _Incomplete("too long a name")
    return text


def _meaning(row: Any, said: Sequence[Said]) -> Any:
    """What the row's words mean; None where they have no meaning here."""
    for each in said:
        words = " ".join(_word(row, name).lower() for name in each.fields)
        for pattern, meaning in each.meanings.items():
            if fnmatchcase(words, pattern):
                return meaning
    return None


def _moment(row: Any, moments: Sequence[Moment], venue: str) -> datetime | None:
    """The first that is told; one in another unit than declared is not."""
    for moment in moments:
        told = value_at(row, row, moment.path)
        if told in (None, "", 0, "0"):
            continue
        found = _iso(str(told)) if moment.unit == "iso" else _counted(told, moment.unit, venue)
        if found is not None:
            return found
    return None


def _counted(told: Any, unit: TimeUnit, venue: str) -> datetime | None:
    try:
        number = EXACT.multiply(number_of(told, venue), _MICROSECONDS[unit])
    except BalanceUnavailable:
        return None
    if not 0 < number < _LATEST:
        return None
    return _EPOCH + timedelta(microseconds=int(number.to_integral_value(rounding=ROUND_FLOOR)))


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
