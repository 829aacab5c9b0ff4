"""Which venues are tested, and what to say of one that is not: for forms and for rows."""

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

from capital.domain.errors import UnknownVenue
from capital.domain.reasons import Code, Reason
from capital.exchange.venues import VENUES, get_venue, is_known
from strategies.markets import MarketType

ALL_CREDENTIALS = ("api_key", "api_secret", "api_passphrase")
# What people call them.
_NAMES: Mapping[str, object] = MappingProxyType(
    {
        "binance": _("Binance"),
        "bingx": _("BingX"),
        "bitget": _("Bitget"),
        "bithumb": _("Bithumb"),
        "bybit": _("Bybit"),
        "coinbase": _("Coinbase"),
        "deribit": _("Deribit"),
        "gate": _("Gate"),
        "htx": _("HTX"),
        "hyperliquid": _("Hyperliquid"),
        "kraken": _("Kraken"),
        "krakenfutures": _("Kraken Futures"),
        "kucoin": _("KuCoin"),
        "mexc": _("MEXC"),
        "okx": _("OKX"),
        "upbit": _("Upbit"),
    }
)


def proven_venues() -> tuple[str, ...]:
    """The ids of the venues that have a row of their own, for a form to offer; in order."""
    return tuple(sorted(VENUES))


def is_proven(venue_id: str) -> bool:
    """Whether the venue has a row of its own; others are read in a general way."""
    return venue_id in VENUES


def venue_names() -> dict[str, str]:
    """What the tested venues are called in the active language, by their ids; in order."""
    return {venue: str(_NAMES.get(venue, venue)) for venue in proven_venues()}


def venue_called(typed: str) -> str:
    """The id of the venue that is called so in the active language; else the text, as ids are."""
    written = typed.strip().casefold()
    names = {"".join(name.split()).casefold(): venue for venue, name in venue_names().items()}
    return names.get("".join(written.split()), written)


def unproven_notice(venue_id: str) -> Reason | None:
    """What to tell whoever enters a venue that only ccxt knows; None for every other text."""
    if is_proven(venue_id) or not is_known(venue_id):
        return None
    return Reason(Code.VENUE_UNPROVEN, {"venue": venue_id})


def asked_credentials(venue_id: str) -> tuple[str, ...]:
    """The account's fields that the venue asks for; all of them where only ccxt knows it."""
    venue = VENUES.get(venue_id)
    return ALL_CREDENTIALS if venue is None else tuple(venue.credentials)


def markets_of(venue_id: str) -> tuple[MarketType, ...]:
    """What can be traded there; both markets where that is not known."""
    try:
        markets = get_venue(venue_id).markets
    except UnknownVenue:
        return tuple(MarketType)
    return tuple(market for market in MarketType if market in markets)
