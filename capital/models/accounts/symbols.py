"""The symbols that a link declares as its own: in ccxt's notation, of its venue and market."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from capital.domain.performance.symbols import parse_symbol
from capital.domain.sizing.instruments import InstrumentKind
from capital.models.markets import Market
from strategies.markets import MarketType

# So that a row stays small. Who trades more symbols tags their orders.
_MOST = 200


def market_of(symbol: str) -> MarketType | None:
    """The market on which a symbol is traded; None where it is none."""
    parsed = parse_symbol(symbol)
    if parsed is None:
        return None
    return MarketType.SPOT if parsed.kind is InstrumentKind.SPOT else MarketType.FUTURES


def symbols_problem(venue: str, market: str, symbols: Sequence[str]) -> Any:
    """What is wrong with these symbols; None where all of them can be traded there.

    Where a venue's rules were never fetched, it is not asked which symbols it has.
    """
    if len(symbols) > _MOST:
        return _("These are more than %(most)s symbols.") % {"most": _MOST}
    for symbol in symbols:
        found = market_of(symbol)
        if found is None:
            return _(
                "“%(symbol)s” is no symbol in ccxt's notation, such as BTC/USDT or BTC/USDT:USDT."
            ) % {"symbol": symbol}
        if found != market:
            names = {MarketType.SPOT: _("spot"), MarketType.FUTURES: _("futures")}
            return _("%(symbol)s is traded on the market %(market)s, and this strategy is not.") % {
                "symbol": symbol,
                "market": names[found],
            }
    rules = Market.objects.filter(venue=venue).order_by()
    known = set(rules.filter(symbol__in=symbols).values_list("symbol", flat=True))
    missing = [symbol for symbol in symbols if symbol not in known]
    if missing and rules.exists():
        return _("%(venue)s has no symbol %(symbol)s.") % {"venue": venue, "symbol": missing[0]}
    return None
