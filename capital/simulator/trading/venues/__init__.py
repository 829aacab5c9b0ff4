"""What each simulated venue tells of trading. The modules are found, not listed."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from capital.simulator.trading.question import TradingVenue

__all__ = ["TRADING"]


def _found() -> Iterator[tuple[str, TradingVenue]]:
    for name in sorted(module.name for module in iter_modules(__path__)):
        yield from import_module(f"{__name__}.{name}").TRADING.items()


TRADING: Mapping[str, TradingVenue] = MappingProxyType(dict(_found()))
"""By their ccxt id."""
