"""Limits of an instrument: those that ccxt passes on, and those that only the raw market has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from capital.domain.money import parse_amount
from capital.domain.sizing.instruments import InstrumentKind, LeverageBracket
from capital.exchange.calls.rules import By, MarginLevels, MarginSteps
from capital.exchange.venues import Venue

# More levels than any venue has: a list that does not end is no list.
MOST_LEVELS = 100
# Quote currencies that are worth a dollar, as far as limits are concerned.
_DOLLARS = frozenset({"USD", "USDC", "USDT"})
_EIGHT_DECIMALS = 10**8


def number(value: Any) -> Decimal | None:
    """An exact number; None for none. ccxt has some constants as floats: as they are written."""
    if value is None or value == "":
        return None
    return parse_amount(repr(value) if type(value) is float else value)


def limit(value: Any) -> Decimal | None:
    """A limit. Venues write 0, or less, if there is none."""
    found = number(value)
    return found if found is not None and found > 0 else None


@dataclass(frozen=True)
class Limits:
    """The limits of one of ccxt's markets.

    Attributes:
        market: ccxt's market.
        venue: Its venue.
        kind: What it is.
    """

    market: Mapping[str, Any]
    venue: Venue
    kind: InstrumentKind

    def as_rules(self) -> dict[str, Any]:
        """The fields of ``InstrumentRules`` that limit an order."""
        call = self.venue.rules_call
        of_ccxt = self.market["limits"]
        amount, cost = of_ccxt.get("amount") or {}, of_ccxt.get("cost") or {}
        of_market_orders = of_ccxt.get("market") or {}
        max_leverage = self._max_leverage()
        market_max_cost, max_cost = self._dearest(max_leverage)
        quote = self.market["quote"]
        return {
            "min_amount": limit(amount.get("min")),
            "max_amount": _least(limit(amount.get("max")), self._raw(call.most)),
            "market_min_amount": limit(of_market_orders.get("min")),
            "market_max_amount": _least(
                limit(of_market_orders.get("max")), self._raw(call.market_most)
            ),
            "market_sell_max_amount": self._raw(call.market_sell_most),
            "min_cost": limit(cost.get("min")) or call.min_costs.get(quote),
            "max_cost": _least(
                limit(cost.get("max")) or call.max_costs.get(quote),
                self._value(call.dearest),
                max_cost,
            ),
            "market_max_cost": _least(self._value(call.market_dearest), market_max_cost),
            "market_buy_max_cost": self._raw(call.market_buy_dearest),
            "max_leverage": max_leverage,
            "brackets": tuple(self._brackets()),
        }

    def step(self) -> Decimal | None:
        """The precision of amounts, as ccxt has it, or as the raw market allows to conclude."""
        precision = number(self.market["precision"]["amount"])
        return self._raw(self.venue.rules_call.steps) if precision is None else precision

    def _raw(self, paths: By) -> Decimal | None:
        path = paths.get(self.kind)
        return limit(_at(self.market["info"], path)) if path else None

    def _value(self, paths: By) -> Decimal | None:
        """As ``_raw``, in the quote currency."""
        in_dollars = self.venue.rules_call.values_in_dollars
        return None if in_dollars and self.market["quote"] not in _DOLLARS else self._raw(paths)

    def _max_leverage(self) -> Decimal | None:
        """What the venue allows at most; spot is never sized with leverage."""
        if self.kind is InstrumentKind.SPOT:
            return None
        call, info = self.venue.rules_call, self.market["info"]
        found = [limit(info.get(field)) for field in call.max_leverage]
        if not call.invents_max_leverage:
            found.append(limit((self.market["limits"].get("leverage") or {}).get("max")))
        rates = [limit(_at(info, path)) for path in call.margin_rates]
        highest = max((each for each in rates if each is not None), default=None)
        return _least(*found, None if highest is None else _leverage_of(highest))

    def _dearest(self, max_leverage: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
        """The largest value of a market order and of any order, where it goes by leverage."""
        call = self.venue.rules_call
        if self.kind is InstrumentKind.SPOT or max_leverage is None:
            return None, None
        for least, dearest in call.market_dearest_by_leverage:
            if max_leverage >= least:
                return dearest, dearest * call.limit_dearest_times
        return None, None

    def _brackets(self) -> Iterator[LeverageBracket]:
        margins = self.venue.rules_call.margins
        if self.kind is InstrumentKind.SPOT or margins is None:
            return
        if isinstance(margins, MarginLevels):
            yield from _levels(_at(self.market["info"], margins.path), margins)
        else:
            yield from _steps(self.market["info"], margins)


def _levels(levels: Any, margins: MarginLevels) -> Iterator[LeverageBracket]:
    """From a list in which each level says where it starts: it ends where the next one does."""
    if not isinstance(levels, list) or len(levels) > MOST_LEVELS:
        return
    found = []
    for level in levels:
        start = next((level[name] for name in margins.starts if level.get(name) is not None), None)
        margin = limit(level.get(margins.margin))
        if start is None or margin is None:
            return
        found.append((number(start), _leverage_of(margin)))
    for index, (_, leverage) in enumerate(found):
        ends = found[index + 1][0] if index + 1 < len(found) else None
        yield LeverageBracket(leverage, max_notional=ends)


def _steps(info: Mapping[str, Any], margins: MarginSteps) -> Iterator[LeverageBracket]:
    """From a first margin that grows by the same with each level."""
    names = (margins.margin, margins.more_margin, margins.first, margins.step, margins.levels)
    found = [limit(info.get(name)) for name in names]
    if None in found:
        return
    margin, more, first, step, levels = (each for each in found if each is not None)
    if levels > MOST_LEVELS:
        return
    for level in range(int(levels)):
        ends = None if level + 1 == int(levels) else first + step * level
        yield LeverageBracket(_leverage_of(margin + more * level), max_amount=ends)


def _leverage_of(margin: Decimal) -> Decimal:
    """With eight decimals, rounded down: a margin of 0.02 is a leverage of 50."""
    return Decimal(int(_EIGHT_DECIMALS / Fraction(margin))) / _EIGHT_DECIMALS


def _at(found: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _least(*limits: Decimal | None) -> Decimal | None:
    return min((each for each in limits if each is not None), default=None)
