"""How each simulated venue takes orders. The modules are found, not listed."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from capital.simulator.orders.ordering import Ordering

__all__ = ["ORDERS"]


def _found() -> Iterator[tuple[str, Ordering]]:
    for name in sorted(module.name for module in iter_modules(__path__)):
        yield from import_module(f"{__name__}.{name}").ORDERS.items()


ORDERS: Mapping[str, Ordering] = MappingProxyType(dict(_found()))
"""By their ccxt id."""
