"""Contracts that the books cannot keep: what they earn follows from no quantity of the books."""

from collections.abc import Iterable

from capital.domain.errors import TradingRefused
from capital.domain.performance.symbols import parse_symbol
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.trading.contract import ReadFill, Told, Unread
from capital.exchange.venues import VENUES


def is_bookable(venue: str, symbol: str) -> bool:
    """Whether the books know what a position in it earns.

    An inverse contract of the books is an amount of the quote currency. Where a venue counts them
    in the base coin, closing as many coins earns (exit - entry) / exit of them, and no amount of
    the quote currency is closed by it.
    """
    row, parsed = VENUES.get(venue), parse_symbol(symbol)
    if row is None or parsed is None or parsed.kind is not InstrumentKind.INVERSE:
        return True
    return row.rules_call.amount_units.get(parsed.kind) is not AmountUnit.BASE


def bookable(venue: str, told: Told[ReadFill]) -> Told[ReadFill]:
    """What an exchange tells of fills: those that cannot be booked are unread, and said to be."""
    known = {symbol: is_bookable(venue, symbol) for symbol in {row.symbol for row in told.rows}}
    rows = tuple(row for row in told.rows if known[row.symbol])
    left_out = tuple(
        Unread(row.symbol, "coin-margined, counted in the base coin", row.venue_fill_id)
        for row in told.rows
        if not known[row.symbol]
    )
    return Told(rows, (*told.unread, *left_out))


def refuse_unbookable(venue: str, symbols: Iterable[str]) -> None:
    """Refuse fills that cannot be booked.

    Raises:
        TradingRefused: ``field`` is the symbol of the first of these.
    """
    # Each is looked at once, with the number of the first fill in it.
    first: dict[str, int] = {}
    for number, symbol in enumerate(symbols):
        first.setdefault(symbol, number)
    for symbol, number in first.items():
        if not is_bookable(venue, symbol):
            raise TradingRefused(
                Code.CONTRACT_UNBOOKABLE,
                field=f"fills.{number}.symbol",
                venue=venue,
                symbol=symbol,
            )
