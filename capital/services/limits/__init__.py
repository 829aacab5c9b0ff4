"""Never more than the capital: reservations, and stops that keep new entries away."""

from capital.services.limits.concerns import (
    links_resumed_by,
    losses_of,
    stops_beside,
    stops_of_strategy,
    stops_seen,
    stops_when_decided,
    wide_stops,
)
from capital.services.limits.events import limit_stops_changed
from capital.services.limits.filled import use_reservations
from capital.services.limits.held import end_expired_reservations
from capital.services.limits.limits import judge_limits, limit_states
from capital.services.limits.reservations import (
    in_state,
    place_reservation,
    present_reservations,
    release_reservation,
    reservation_as_json,
    reservations_of,
)
from capital.services.limits.scopes import (
    Scope,
    find_owner,
    find_scope,
    may_lift,
    may_stop,
    may_stop_all,
    may_stop_everybody,
    scope_name,
    widest_scopes,
)
from capital.services.limits.stops import (
    LONGEST_REASON,
    lift_stop,
    lift_stops,
    open_stops,
    place_stop,
    who_stopped,
    why_stopped,
)

__all__ = [
    "LONGEST_REASON",
    "Scope",
    "end_expired_reservations",
    "find_owner",
    "find_scope",
    "in_state",
    "judge_limits",
    "lift_stop",
    "lift_stops",
    "limit_states",
    "limit_stops_changed",
    "links_resumed_by",
    "losses_of",
    "may_lift",
    "may_stop",
    "may_stop_all",
    "may_stop_everybody",
    "open_stops",
    "place_reservation",
    "place_stop",
    "present_reservations",
    "release_reservation",
    "reservation_as_json",
    "reservations_of",
    "scope_name",
    "stops_beside",
    "stops_of_strategy",
    "stops_seen",
    "stops_when_decided",
    "use_reservations",
    "who_stopped",
    "why_stopped",
    "wide_stops",
    "widest_scopes",
]
