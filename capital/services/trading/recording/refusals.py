"""What cannot be booked is refused, with its place in the request."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from capital.domain.errors import TradingRefused
from capital.domain.money import BOOKED_DECIMALS, MAX_DIGITS, MAX_INTEGER_DIGITS, decimals_of, plain
from capital.domain.reasons import Code
from capital.services.trading.recording.told import NewFill

# Nothing is older than the first coin. A time of another century is a mistake of units.
_FIRST_MOMENT = datetime(2009, 1, 1, tzinfo=UTC)
# Of a figure of the books: with 15 digits before the point, it is exact up to a thousand trillion.
_MOST_DECIMALS = MAX_DIGITS - 15
# Before its point. What a symbol's fills come to has three digits more.
_MOST_DIGITS = MAX_INTEGER_DIGITS - 3
# By how much a bot's clock may be ahead.
_AHEAD = timedelta(minutes=10)


def refuse_problem(number: int, fill: NewFill, now: datetime) -> None:
    """Refuse a fill that makes no sense, or that nobody could find again.

    Raises:
        TradingRefused: ``field`` is the wrong one of this fill.
    """
    refuse_figures(number, fill, now)
    if not (fill.venue_fill_id or fill.order_id or fill.client_order_id):
        raise TradingRefused(Code.FILL_NAMELESS, field=f"fills.{number}.venue_fill_id")


def refuse_figures(number: int, fill: NewFill, now: datetime) -> None:
    """Refuse figures and times that make no sense.

    Raises:
        TradingRefused: ``field`` is the wrong one of this fill.
    """
    for name, amount in (("quantity", fill.quantity), ("price", fill.price)):
        if amount <= 0:
            place = f"fills.{number}.{name}"
            raise TradingRefused(
                Code.FILL_NOT_POSITIVE, field=place, name=name, number=plain(amount)
            )
    place = f"fills.{number}."
    refuse_digits(fill.quantity, name="quantity", field=f"{place}quantity")
    beside = decimals_of(fill.quantity)
    refuse_digits(fill.price, name="price", field=f"{place}price", beside=beside)
    for index, fee in enumerate(fill.fees):
        refuse_digits(fee.amount, name="amount", field=f"{place}fees.{index}.amount")
    refuse_moment(fill.executed_at, now, field=f"fills.{number}.executed_at")


def refuse_digits(amount: Decimal, *, name: str, field: str, beside: int = BOOKED_DECIMALS) -> None:
    """Refuse an amount that would leave the books no digits for what follows, on either side.

    They keep every product and sum exactly, and what is recorded stays: were it taken, all that is
    told of its symbol later could not be booked.

    Args:
        amount: What was told.
        name: Its name.
        field: Its place in the request.
        beside: How many decimals what the books multiply it by may have.

    Raises:
        TradingRefused: It has too many decimals, or too many digits before the point.
    """
    refuse_large(amount, name=name, field=field)
    decimals, most = decimals_of(amount), _MOST_DECIMALS - beside
    if decimals > most:
        raise TradingRefused(
            Code.TOO_MANY_DECIMALS,
            field=field,
            name=name,
            decimals=str(decimals),
            most=str(most),
        )


def refuse_large(amount: Decimal, *, name: str, field: str) -> None:
    """Refuse an amount that would leave sums of it no digits before the point.

    Raises:
        TradingRefused: ``field`` has too many of them.
    """
    if amount.adjusted() >= _MOST_DIGITS:
        raise TradingRefused(
            Code.AMOUNT_TOO_LARGE,
            field=field,
            name=name,
            digits=str(amount.adjusted() + 1),
            most=str(_MOST_DIGITS),
        )


def refuse_moment(moment: datetime, now: datetime, *, field: str) -> None:
    """Refuse a time that is still to come, or from before anything was traded.

    Raises:
        TradingRefused: ``field`` is wrong.
    """
    if now - moment < -_AHEAD:
        raise TradingRefused(Code.FILL_IN_FUTURE, field=field, moment=moment.isoformat())
    if moment < _FIRST_MOMENT:
        raise TradingRefused(Code.MOMENT_TOO_OLD, field=field, moment=moment.isoformat())
