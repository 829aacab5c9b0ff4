"""Scripts: the fills and flows that a test, a person or the demo tells a simulated account of."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import PositionSide, Side
from capital.simulator.errors import SimulatorError
from capital.simulator.trading.book import Fees, Fill, Flow, Instrument
from capital.simulator.trading.venues import TRADING

_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_TEXTS = ("id", "order_id", "client_order_id")

FILL_FIELDS = frozenset({"symbol", "side", "quantity", "price"})
"""What a fill is told with."""

MORE_OF_FILLS = frozenset({"pool", "position_side", "at", "fees", "is_maker", *_TEXTS})
"""What else may be told of it."""

FLOW_FIELDS = frozenset({"kind", "currency", "amount"})
"""What a flow is told with."""

MORE_OF_FLOWS = frozenset({"pool", "at", "symbol", "position_side", "fee", "id"})
"""What else may be told of it."""


def fill_of(
    told: Mapping[str, Any], venue: str, pools: Sequence[Pool], *, now_milliseconds: int
) -> Fill:
    """The fill that ``told`` describes, of an account with these pools.

    Raises:
        SimulatorError: It is wrong, or the venue could not tell it.
    """
    instrument = _instrument(told, venue)
    fees = _fees(told.get("fees", []))
    trading = TRADING[venue]
    if len(fees) > trading.most_fees:
        raise SimulatorError(f"{venue} tells at most {trading.most_fees} fees for a fill.")
    if trading.fees_in_quote and any(currency != instrument.quote for _, currency in fees):
        raise SimulatorError(f"fees on {venue} are in {instrument.quote}.")
    quantity, price = _amount(told, "quantity"), _amount(told, "price")
    if quantity <= 0 or price <= 0:
        raise SimulatorError("quantity and price must be above zero.")
    return Fill(
        pool=_pool(told, pools, instrument),
        instrument=instrument,
        side=_one_of(Side, told["side"], "side"),
        position_side=_one_of(PositionSide, told.get("position_side", "both"), "position_side"),
        quantity=quantity,
        price=price,
        at_milliseconds=_moment(told, now_milliseconds),
        fees=fees,
        is_maker=bool(told.get("is_maker", False)),
        fill_id=_text(told, "id"),
        order_id=_text(told, "order_id"),
        client_order_id=_text(told, "client_order_id"),
    )


def flow_of(
    told: Mapping[str, Any], venue: str, pools: Sequence[Pool], *, now_milliseconds: int
) -> Flow:
    """The flow that ``told`` describes, of an account with these pools.

    Raises:
        SimulatorError: It is wrong.
    """
    instrument = _instrument(told, venue) if told.get("symbol") else None
    kind = _one_of(FlowKind, told["kind"], "kind")
    amount = _amount(told, "amount")
    if (kind is FlowKind.DEPOSIT and amount < 0) or (kind is FlowKind.WITHDRAWAL and amount > 0):
        raise SimulatorError("a deposit is above zero, a withdrawal below.")
    return Flow(
        pool=_pool(told, pools, instrument),
        kind=kind,
        currency=_text(told, "currency"),
        amount=amount,
        at_milliseconds=_moment(told, now_milliseconds),
        instrument=instrument,
        position_side=_one_of(PositionSide, told.get("position_side", "both"), "position_side"),
        flow_id=_text(told, "id"),
        fee=_amount({"fee": told.get("fee", "0")}, "fee"),
    )


def _instrument(told: Mapping[str, Any], venue: str) -> Instrument:
    symbols = TRADING[venue].by_symbol
    if told["symbol"] not in symbols:
        raise SimulatorError(
            f"{venue} does not trade {told['symbol']!r}; use one of {', '.join(symbols)}."
        )
    return symbols[told["symbol"]]


def _pool(told: Mapping[str, Any], pools: Sequence[Pool], instrument: Instrument | None) -> Pool:
    if told.get("pool"):
        if told["pool"] not in pools:
            raise SimulatorError(f"no pool {told['pool']!r}; use {' or '.join(pools)}.")
        return Pool(told["pool"])
    usual = Pool.SPOT if instrument is None or instrument.is_spot else Pool.FUTURES
    return usual if usual in pools else pools[0]


def _one_of(words: Any, told: Any, name: str) -> Any:
    try:
        return words(told)
    except ValueError:
        raise SimulatorError(f"{name} must be one of {', '.join(words)}.") from None


def _amount(told: Mapping[str, Any], name: str) -> Decimal:
    text = told.get(name)
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise SimulatorError(f'{name} must be a plain decimal string such as "0.01".')
    return Decimal(text)


def _fees(told: Any) -> Fees:
    if not isinstance(told, list) or not all(
        isinstance(each, dict) and set(each) == {"amount", "currency"} for each in told
    ):
        raise SimulatorError('fees must be like [{"amount": "0.1", "currency": "USDT"}].')
    return tuple((_amount(each, "amount"), _text(each, "currency")) for each in told)


def _text(told: Mapping[str, Any], name: str) -> str:
    text = told.get(name, "")
    if not isinstance(text, str):
        raise SimulatorError(f"{name} must be text.")
    return text


def _moment(told: Mapping[str, Any], now_milliseconds: int) -> int:
    at = told.get("at", now_milliseconds)
    if isinstance(at, bool) or not isinstance(at, int):
        raise SimulatorError("at must be Unix milliseconds, a whole number.")
    if at > now_milliseconds:
        raise SimulatorError("at must not be in the future.")
    return at
