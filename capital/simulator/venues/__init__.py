"""The simulated venues. Each module says what its venues answer; they are found, not listed."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from capital.domain.pools import Pool
from capital.simulator.endpoint import SimulatedVenue

__all__ = ["ROOTS", "VENUES", "pools_of_venue"]


def _found() -> Iterator[SimulatedVenue]:
    for name in sorted(module.name for module in iter_modules(__path__)):
        yield from import_module(f"{__name__}.{name}").VENUES


def _roots(venues: Mapping[str, SimulatedVenue]) -> Iterator[tuple[str, str]]:
    """A question for markets carries no key: only its path can tell whom it is for."""
    taken: dict[str, object] = {}
    for venue in venues.values():
        is_other = any(
            taken.setdefault(market.path, market.answer) is not market.answer
            for market in venue.markets
            if market.accepts is None
        )
        yield venue.id, f"/{venue.id}" if is_other else ""


VENUES: Mapping[str, SimulatedVenue] = MappingProxyType({venue.id: venue for venue in _found()})
"""By their ccxt id."""

ROOTS: Mapping[str, str] = MappingProxyType(dict(_roots(VENUES)))
"""What a venue's paths begin with: its id where another has one of them, else nothing."""


def pools_of_venue(venue: str) -> tuple[Pool, ...]:
    """The pools that ``venue`` answers for, none for an unknown one."""
    if venue not in VENUES:
        return ()
    return tuple(dict.fromkeys(endpoint.pool for endpoint in VENUES[venue].balances))
