"""What the books need of the instruments of fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from capital.domain.errors import UnknownSymbol
from capital.domain.money import quotient
from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.telling import FillSource
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.models import Market
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.markets.symbols import unknown_symbol
from capital.services.trading.recording.told import NewFill
from capital.services.trading.units import refuse_unbookable


@dataclass(frozen=True)
class BookedInstrument:
    """What the books need of an instrument; where no rules are known, as little as that.

    Attributes:
        contract_size: Of one contract; 1 on spot.
        step: Below which quantity a position is flat.
    """

    contract_size: Decimal = Decimal(1)
    step: Decimal = Decimal(0)


def _booked(rules: InstrumentRules) -> BookedInstrument:
    return BookedInstrument(rules.contract_size, smallest_quantity(rules))


def smallest_quantity(rules: InstrumentRules) -> Decimal:
    """Below which quantity a position in this instrument is flat."""
    least = rules.least_quantity
    return quotient(Decimal(least.numerator), Decimal(least.denominator))


def instruments_of(
    venue: str, fills: Sequence[NewFill], *, source: FillSource
) -> dict[str, BookedInstrument]:
    """The instruments of these fills, by symbol.

    Raises:
        UnknownSymbol: The venue has no such instrument; ``field`` says which.
    """
    refuse_unbookable(venue, (fill.symbol for fill in fills))
    symbols = {fill.symbol for fill in fills}
    rows = Market.objects.filter(venue=venue)
    found = rows.filter(symbol__in=symbols).order_by()
    known = {
        row["symbol"]: _booked(rules_of(row))
        for row in found.values("venue", "symbol", *RULE_COLUMNS)
        # Of one that is written otherwise nobody can say what it is paid in.
        if parse_symbol(row["symbol"]) is not None
    }
    unknown = [symbol for symbol in symbols if symbol not in known]
    if not unknown:
        return known
    is_synced = rows.exists()
    for number, fill in enumerate(fills):
        if fill.symbol not in unknown:
            continue
        parsed = parse_symbol(fill.symbol)
        # Of an inverse contract nobody can say what it was worth.
        is_delisted = (
            source is FillSource.VENUE and parsed is not None and parsed.kind is InstrumentKind.SPOT
        )
        if is_delisted:
            known[fill.symbol] = BookedInstrument()
            continue
        if is_synced or parsed is None or parsed.kind is InstrumentKind.INVERSE:
            field = f"fills.{number}.symbol"
            if is_synced:
                raise unknown_symbol(fill.symbol, venue=venue, field=field)
            raise UnknownSymbol(Code.MARKETS_NOT_SYNCED, field=field, venue=venue)
        known[fill.symbol] = BookedInstrument()
    return known
