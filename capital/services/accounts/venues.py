"""Which venues are tested, and what to say of one that is not: for forms and for rows."""

from capital.domain.reasons import Code, Reason
from capital.exchange.venues import VENUES, is_known


def proven_venues() -> tuple[str, ...]:
    """The ids of the venues that have a row of their own, for a form to offer; in order."""
    return tuple(sorted(VENUES))


def is_proven(venue_id: str) -> bool:
    """Whether the venue has a row of its own; others are read in a general way."""
    return venue_id in VENUES


def unproven_notice(venue_id: str) -> Reason | None:
    """What to tell whoever enters a venue that only ccxt knows; None for every other text."""
    if is_proven(venue_id) or not is_known(venue_id):
        return None
    return Reason(Code.VENUE_UNPROVEN, {"venue": venue_id})
