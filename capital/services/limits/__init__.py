"""Limits and stops: when a strategy gets no new entries, and who lifts that."""

from capital.services.limits.stops import (
    Scope,
    lift_stop,
    lift_stops,
    may_lift,
    may_stop,
    may_stop_everybody,
    open_stops,
    place_stop,
)

__all__ = [
    "Scope",
    "lift_stop",
    "lift_stops",
    "may_lift",
    "may_stop",
    "may_stop_everybody",
    "open_stops",
    "place_stop",
]
