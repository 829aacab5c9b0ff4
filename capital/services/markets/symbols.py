"""Symbols as people write them, against what each venue lists."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from capital.domain.errors import UnknownSymbol, UnknownVenue
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.symbols import Listed, Listing, Named
from capital.exchange.venues import get_venue
from capital.models import Market
from capital.services.accounts.lookup import stands_for
from strategies.markets import MarketType

_COLUMNS = ("venue", "symbol", "market_id", "kind", "base", "quote", "settle", "is_active")


@dataclass
class Directory:
    """The names of everything that some venues list.

    Attributes:
        listed: By venue; one whose rules were never fetched has none.
    """

    listed: Mapping[str, list[Listed]]
    _listings: dict[tuple[str, MarketType, str], Listing] = field(default_factory=dict)

    @classmethod
    def of(cls, venues: Collection[str]) -> "Directory":
        """Read them, in one query."""
        listed: dict[str, list[Listed]] = {venue: [] for venue in venues}
        rows = Market.objects.filter(venue__in=sorted(venues)).order_by()
        for venue, symbol, market_id, kind, *names in rows.values_list(*_COLUMNS):
            listed[venue].append(Listed(symbol, market_id, InstrumentKind(kind), *names))
        return cls(listed)

    def is_synced(self, venue: str) -> bool:
        """Whether anything is known of the venue."""
        return bool(self.listed.get(venue))

    def listing(self, venue: str, market: MarketType, currency: str) -> Listing:
        """What a strategy of that market, on an account in that currency, may name."""
        key = (venue, market, currency)
        if key not in self._listings:
            self._listings[key] = Listing(
                venue,
                self.listed.get(venue, ()),
                market=market,
                currency=currency,
                stands_for=stands_for(venue, currency),
                prefixes=_prefixes(venue),
            )
        return self._listings[key]


def canonical_symbols(
    asked: Mapping[str, str],
    *,
    venue: str,
    market: MarketType,
    currency: str,
    held: AbstractSet[str] = frozenset(),
) -> dict[str, Named]:
    """The instrument of each name, and the other exchange that it named.

    What is held already keeps its name, and so does everything on a venue whose rules were never
    fetched: nobody can say better. One query where all names are symbols, else one more.

    Args:
        asked: The names as they were written, each with the field where it first stands.
        venue: The account's.
        market: The strategy's.
        currency: The account's.
        held: Symbols that need not be listed any more.

    Raises:
        UnknownSymbol: A name means no instrument, or several. ``field`` says which.
    """
    listed = Market.objects.filter(venue=venue, symbol__in=sorted(asked))
    known = held | set(listed.values_list("symbol", flat=True))
    found = {name: Named(name) for name in asked}
    lacking = [name for name in asked if name not in known]
    directory = Directory.of([venue]) if lacking else Directory({})
    if not directory.is_synced(venue):
        return found
    listing = directory.listing(venue, market, currency)
    for name in lacking:
        try:
            found[name] = listing.find(name)
        except UnknownSymbol as error:
            error.field = asked[name]
            raise
    return found


def unknown_symbol(asked: str, *, venue: str, field: str) -> UnknownSymbol:
    """That the venue, whose rules are known, has nothing of that name, with the nearest ones."""
    listing = Directory.of([venue]).listing(venue, MarketType.FUTURES, "")
    error = listing.unknown(asked)
    error.field = field
    return error


def _prefixes(venue: str) -> AbstractSet[str]:
    try:
        return get_venue(venue).ticker_prefixes
    except UnknownVenue:
        return frozenset({venue.upper()})
