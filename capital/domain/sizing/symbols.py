"""Which instrument a name means: ccxt's symbol, the venue's own id, or TradingView's ticker.

Nothing is guessed. A name is an instrument's, or it is refused with the nearest names: ``PEPE`` is
never ``1000PEPE``, whose price is another.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from capital.domain.errors import UnknownSymbol
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.nearest import nearest
from strategies.markets import MarketType

# How TradingView ends the ticker of a perpetual contract.
_PERPETUAL = ".p"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Listed:
    """An instrument, as far as its names go.

    Attributes:
        symbol: ccxt's.
        market_id: The venue's own id.
        kind: What it is.
        base: Its base coin.
        quote: What its price is in.
        settle: What it is paid in.
        is_active: Whether it is traded now.
    """

    symbol: str
    market_id: str
    kind: InstrumentKind
    base: str
    quote: str
    settle: str
    is_active: bool = True

    @property
    def is_perpetual(self) -> bool:
        """Whether it is a contract that never expires: ccxt writes the day behind a hyphen."""
        return self.kind is not InstrumentKind.SPOT and "-" not in self.symbol.rpartition(":")[2]


@dataclass(frozen=True)
class Named:
    """The instrument that a name means.

    Attributes:
        symbol: ccxt's.
        exchange: The other exchange that the name began with, which was ignored; else empty.
    """

    symbol: str
    exchange: str = ""

    def warnings(self, venue: str) -> tuple[Reason, ...]:
        """That the other exchange was ignored on ``venue``; none where the name had none."""
        if not self.exchange:
            return ()
        figures = {"exchange": self.exchange, "venue": venue, "symbol": self.symbol}
        return (Reason(Code.OTHER_EXCHANGE, figures),)


class Listing:
    """The instruments of a venue, as one account and one strategy may name them.

    Args:
        venue: Its id, for sentences.
        listed: All that the venue lists, or ever listed.
        market: What the strategy trades.
        currency: The account's.
        stands_for: Settle currencies of contracts that the account's currency stands for.
        prefixes: How TradingView names the venue before a ticker, in capital letters.
    """

    def __init__(
        self,
        venue: str,
        listed: Iterable[Listed],
        *,
        market: MarketType,
        currency: str,
        stands_for: AbstractSet[str] = frozenset(),
        prefixes: AbstractSet[str] = frozenset(),
    ) -> None:
        self._venue = venue
        self._listed = list(listed)
        self._market = market
        self._currency = currency
        self._stands_for = stands_for
        self._prefixes = prefixes

    def find(self, asked: str) -> Named:
        """The instrument that ``asked`` means, in any case, with blanks around it or not.

        A name with a slash is ccxt's symbol, whatever the strategy trades: what it may not trade is
        refused for what it is. Any other name is of an instrument of the strategy's market that is
        paid in the account's currency: the venue's id first, then TradingView's ticker, with its
        exchange in front or not. One that is traded goes before one that was, and a perpetual
        contract before one with a last day.

        Raises:
            UnknownSymbol: Nothing has that name (``unknown_symbol``, with the nearest ones), or
                several have (``ambiguous_symbol``, with all of them).
        """
        text = asked.strip()
        exchange, text = _without_exchange(text)
        if exchange.upper() in self._prefixes:
            exchange = ""
        found = self._by_symbol(text) if "/" in text else self._by_name(text)
        if not found:
            raise self.unknown(asked)
        if len(found) > 1:
            named = sorted(each.symbol for each in found)
            raise UnknownSymbol(
                Code.AMBIGUOUS_SYMBOL,
                field="symbol",
                venue=self._venue,
                symbol=asked,
                symbols=", ".join(named[:_MOST_NAMED]),
            )
        return Named(found[0].symbol, exchange.upper())

    def unknown(self, asked: str) -> UnknownSymbol:
        """That nothing has this name, and which names are nearest."""
        _, text = _without_exchange(asked.strip())
        if text.casefold().endswith(_PERPETUAL):
            text = text[: -len(_PERPETUAL)]
        near = (
            nearest(text, self._nearest_among(self._own)) or self._nearest_among(self._listed)[:3]
        )
        return UnknownSymbol(
            Code.UNKNOWN_SYMBOL,
            field="symbol",
            venue=self._venue,
            symbol=asked,
            nearest=", ".join(near),
        )

    def _nearest_among(self, rows: Iterable[Listed]) -> list[str]:
        return sorted(each.symbol for each in rows if each.is_active)

    @cached_property
    def _own(self) -> list[Listed]:
        """What the strategy may trade on the account."""
        return [each for each in self._listed if self._is_own(each)]

    def _is_own(self, each: Listed) -> bool:
        if each.kind.market_type is not self._market:
            return False
        is_contract = each.kind is not InstrumentKind.SPOT
        return each.settle == self._currency or (is_contract and each.settle in self._stands_for)

    def _by_symbol(self, text: str) -> list[Listed]:
        found = self._symbols.get(text.casefold(), [])
        return _preferred(found, lambda each: each.symbol == text)

    def _by_name(self, text: str) -> list[Listed]:
        ways = [self._by_id(text), self._by_ticker(text)]
        traded = [[each for each in found if each.is_active] for found in ways]
        found = next((found for found in [*traded, *ways] if found), [])
        return _preferred(found, lambda each: each.is_perpetual)

    def _by_id(self, text: str) -> list[Listed]:
        return _preferred(self._ids.get(text.casefold(), []), lambda each: each.market_id == text)

    def _by_ticker(self, text: str) -> list[Listed]:
        is_perpetual = text.casefold().endswith(_PERPETUAL)
        pair = text[: -len(_PERPETUAL)] if is_perpetual else text
        found = self._pairs.get(pair.casefold(), [])
        if is_perpetual:
            found = [each for each in found if each.is_perpetual]
        return _preferred(found, lambda each: each.base + each.quote == pair)

    @cached_property
    def _symbols(self) -> Mapping[str, Sequence[Listed]]:
        return _by(self._listed, lambda each: each.symbol)

    @cached_property
    def _ids(self) -> Mapping[str, Sequence[Listed]]:
        return _by(self._own, lambda each: each.market_id)

    @cached_property
    def _pairs(self) -> Mapping[str, Sequence[Listed]]:
        return _by(self._own, lambda each: each.base + each.quote)


def _by(rows: Iterable[Listed], name_of: Callable[[Listed], str]) -> Mapping[str, list[Listed]]:
    found: dict[str, list[Listed]] = defaultdict(list)
    for row in rows:
        found[name_of(row).casefold()].append(row)
    return found


def _preferred(rows: Sequence[Listed], *wishes: Callable[[Listed], bool]) -> list[Listed]:
    """Of several, those of which each wish in turn is true, where it is true of any."""
    found = list(rows)
    for is_wished in wishes:
        found = [each for each in found if is_wished(each)] or found
    return found


def _without_exchange(text: str) -> tuple[str, str]:
    """The exchange that TradingView names before a ticker, and the rest; no symbol has one."""
    before, _, after = text.partition(":")
    return (before.strip(), after.strip()) if after and "/" not in text else ("", text)
