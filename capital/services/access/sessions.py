"""Whether a session of the admin is good: asked by the admin, its second factor, API and docs."""

from enum import Enum, auto
from typing import Any

from django.conf import settings

from capital.domain.errors import SessionRefused
from capital.domain.reasons import Code


class SessionState(Enum):
    """How far a person got who logged in, or did not."""

    NOBODY = auto()
    NOT_STAFF = auto()
    SECOND_FACTOR_MISSING = auto()
    GOOD = auto()


_REFUSALS = {
    SessionState.NOT_STAFF: Code.SESSION_NOT_OF_STAFF,
    SessionState.SECOND_FACTOR_MISSING: Code.SECOND_FACTOR_MISSING,
}


def session_state(user: Any) -> SessionState:
    """How far the session of this user got.

    Args:
        user: The user of a request, with ``is_verified`` as django-otp's middleware gives it.
    """
    if not user.is_authenticated or not user.is_active:
        return SessionState.NOBODY
    if not user.is_staff:
        return SessionState.NOT_STAFF
    if settings.CAPITAL_REQUIRE_TOTP and not user.is_verified():
        return SessionState.SECOND_FACTOR_MISSING
    return SessionState.GOOD


def require_good_session(user: Any) -> bool:
    """Whether there is a session. Raises ``SessionRefused`` for one that is not good."""
    state = session_state(user)
    if state in _REFUSALS:
        raise SessionRefused(_REFUSALS[state])
    return state is SessionState.GOOD
