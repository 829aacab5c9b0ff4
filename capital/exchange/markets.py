"""Markets as services see them: what a venue trades by which rules, and at what price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from django.conf import settings

from capital.domain.reasons import Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.exchange.venues import Venue


@dataclass(frozen=True)
class Listing:
    """One market as its venue lists it.

    Attributes:
        rules: By which orders are sized.
        market_id: The venue's own name.
        base: Currency.
        is_active: Whether it is traded now.
    """

    rules: InstrumentRules
    market_id: str
    base: str
    is_active: bool


@dataclass(frozen=True)
class Quoted:
    """A market whose price is asked for: what ccxt must know of it, so that it loads no others."""

    venue: str
    symbol: str
    market_id: str
    kind: InstrumentKind
    base: str
    quote: str
    settle: str


class MarketGateway(Protocol):
    """Reads public answers. Safe to call outside a transaction only: it waits for the network."""

    def fetch_listings(self, venues: Sequence[Venue]) -> Mapping[str, list[Listing] | Reason]:
        """What each venue trades, concurrently.

        Returns:
            For each venue id its markets, never none of them, or why there are none. Options and
            what nobody could size (no step, no contract size) are left out.
        """

    def fetch_prices(self, quoted: Sequence[Quoted]) -> Mapping[Quoted, Decimal | Reason]:
        """The last price of each market, concurrently, within a deadline for all of them.

        Returns:
            For each market its price, > 0, or why there is none. It never raises for what an
            exchange or a network does.
        """


def get_market_gateway(*, patience: timedelta | None = None) -> MarketGateway:
    """The gateway that the settings describe.

    Args:
        patience: How long all prices of a call may take; None: as long as is usual.
    """
    from capital.exchange.ccxt.markets import PRICE_SECONDS, CcxtMarkets

    return CcxtMarkets(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
        price_seconds=PRICE_SECONDS if patience is None else patience.total_seconds(),
    )
