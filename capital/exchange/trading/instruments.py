"""Which instrument a venue's row is of: by the row's own name for it, never by what was asked."""

from collections.abc import Iterable
from decimal import Decimal

from capital.domain.sizing.instruments import InstrumentKind
from capital.exchange.entries import CodeOf
from capital.exchange.trading.contract import Instrument
from capital.exchange.trading.rows import SPOT, Naming

# What Kraken calls these in the names of pairs.
_PAIR_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
_SEPARATORS = "-_/"


class Instruments:
    """The instruments of one venue, by the names that its rows give them."""

    def __init__(self, known: Iterable[Instrument], naming: Naming, code_of: CodeOf) -> None:
        self._code_of = code_of
        self._by_name: dict[tuple[InstrumentKind, str], Instrument] = {}
        self._quotes: set[str] = set()
        for each in known:
            if each.kind is InstrumentKind.SPOT:
                self._quotes.add(each.quote)
            for name in _names(each, naming):
                self._by_name[each.kind, _plain(name)] = each

    def find(self, name: str, kinds: Iterable[InstrumentKind]) -> Instrument | None:
        """The instrument; None where the venue lists none of that name here.

        A pair of spot that is no longer listed is known by its name alone: it has no contract.
        """
        kinds = frozenset(kinds)
        for kind in sorted(kinds):
            if (found := self._by_name.get((kind, _plain(name)))) is not None:
                return found
        return self._delisted(name) if kinds == SPOT else None

    def _delisted(self, name: str) -> Instrument | None:
        words = name.upper()
        for quote in sorted(self._quotes, key=len, reverse=True):
            for written in (quote, _PAIR_NAMES.get(quote, quote)):
                base = _before(words, written)
                if base:
                    code = self._code_of(base)
                    symbol = f"{code}/{quote}"
                    return Instrument(symbol, name, InstrumentKind.SPOT, code, quote, quote)
        return None


def size_of(instrument: Instrument) -> Decimal:
    """What one contract is; 1 on spot."""
    return Decimal(1) if instrument.kind is InstrumentKind.SPOT else instrument.contract_size


def _names(instrument: Instrument, naming: Naming) -> list[str]:
    names = [instrument.market_id]
    if naming == "coin" and instrument.kind is not InstrumentKind.SPOT:
        names = [instrument.base]
    if naming == "pair":
        base, quote = (_PAIR_NAMES.get(code, code) for code in (instrument.base, instrument.quote))
        names += [f"{base}{quote}", f"{base}/{quote}"]
    return names


def _plain(name: str) -> str:
    # Hyperliquid writes the exchange of a coin before a colon, ccxt before a hyphen.
    return name.casefold().replace(":", "-")


def _before(words: str, quote: str) -> str:
    """The base of a pair that ends with ``quote``, or begins with it as Upbit's do."""
    if words.startswith(f"{quote}-"):
        return words.removeprefix(f"{quote}-")
    for separator in _SEPARATORS:
        if words.endswith(f"{separator}{quote}"):
            return words.removesuffix(f"{separator}{quote}")
    if any(separator in words for separator in _SEPARATORS) or not words.endswith(quote):
        return ""
    base = words.removesuffix(quote)
    # Kraken's old names have four letters each: XICNXETH, XXBTZUSD.
    if len(words) == 8 and len(base) == 5 and base[0] == "X" and base[-1] in "XZ":
        return base[1:-1]
    return base
