"""The parts of a long span, and the pages of a full answer: what is asked next.

Pure: times are datetimes in UTC, and what is asked is a mapping of arguments.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from capital.exchange.trading.contract import Instrument
from capital.exchange.trading.rows import Call, OrderCall

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Span = tuple[datetime, datetime]
"""From the first moment on, before the second."""


def parts_of(since: datetime, until: datetime, longest: timedelta | None) -> Iterator[Span]:
    """The span in parts, from the earliest on, none longer than the venue takes at once."""
    while since < until:
        end = until if longest is None else min(until, since + longest)
        yield since, end
        since = end


def halves_of(span: Span, call: Call[Any]) -> tuple[Span, Span] | None:
    """The two halves of a span; None where it is as short as the call can ask for."""
    since, until = span
    step = timedelta(seconds=1) if _counts_seconds(call) else _MILLISECOND
    half = (until - since) / 2 // step * step
    if half <= timedelta():
        return None
    return (since, since + half), (since + half, until)


def order_arguments(call: OrderCall, instrument: Instrument, order_id: str) -> dict[str, Any]:
    """The call's ``params`` for one order."""
    given = {"{symbol}": instrument.market_id, "{order}": order_id}
    return {name: given.get(value, value) for name, value in call.params.items()}


def arguments(
    call: Call[Any],
    span: Span,
    *,
    instrument: Instrument | None = None,
    currency: str = "",
    api_key: str = "",
) -> dict[str, Any]:
    """The call's ``params`` for a span, an instrument and an account."""
    since, until = span
    # Until is the last moment that is asked for, to the millisecond or second.
    last = max(since, until - _MILLISECOND)
    numbers = {
        "{since}": (since - _EPOCH) // _MILLISECOND,
        "{until}": (last - _EPOCH) // _MILLISECOND,
        # Kraken leaves out what was at its first second.
        "{since_s}": (since - _EPOCH) // timedelta(seconds=1) - 1,
        "{until_s}": (last - _EPOCH) // timedelta(seconds=1) + 1,
        "{since_iso}": iso(since),
        "{until_iso}": iso(until),
    }
    names = {"{currency}": currency, "{settle}": currency.lower(), "{key}": api_key}
    if instrument is not None:
        names.update({"{symbol}": instrument.market_id, "{base}": instrument.base})
    given = {**numbers, **names}
    return {
        name: given.get(value, value) if isinstance(value, str) else value
        for name, value in call.params.items()
    }


def iso(moment: datetime) -> str:
    """To the millisecond, as venues write it."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _counts_seconds(call: Call[Any]) -> bool:
    return any(value in ("{since_s}", "{until_s}") for value in call.params.values())


def has_span(params: Mapping[str, Any]) -> bool:
    """Whether a call is about a span at all."""
    return any(isinstance(value, str) and "{since" in value for value in params.values())
