"""How far a session got, and what it is told that got no further."""

from types import SimpleNamespace
from typing import Any

import pytest

from capital.domain.errors import SessionRefused
from capital.services.access.sessions import SessionState, require_good_session, session_state


def person(**but: bool) -> Any:
    """As django-otp's middleware leaves a user of the desk who showed the second factor."""
    is_verified = but.pop("is_verified", True)
    fields = {"is_authenticated": True, "is_active": True, "is_staff": True, **but}
    return SimpleNamespace(is_verified=lambda: is_verified, **fields)


@pytest.mark.parametrize(
    ("but", "asked", "state"),
    [
        ({}, True, SessionState.GOOD),
        ({"is_authenticated": False}, True, SessionState.NOBODY),
        ({"is_active": False}, True, SessionState.NOBODY),
        ({"is_staff": False}, True, SessionState.NOT_STAFF),
        ({"is_verified": False}, True, SessionState.SECOND_FACTOR_MISSING),
        ({"is_verified": False}, False, SessionState.GOOD),
        ({"is_staff": False, "is_verified": False}, True, SessionState.NOT_STAFF),
    ],
    ids=["good", "nobody", "switched_off", "not_staff", "no_factor", "none_asked", "neither"],
)
def test_session_is_good_where_every_gate_was_passed(
    settings: Any, but: dict[str, bool], asked: bool, state: SessionState
) -> None:
    settings.CAPITAL_REQUIRE_TOTP = asked

    assert session_state(person(**but)) is state


@pytest.mark.parametrize(
    ("but", "code"),
    [
        ({"is_staff": False}, "session_not_of_staff"),
        ({"is_verified": False}, "second_factor_missing"),
    ],
    ids=["not_staff", "no_factor"],
)
def test_session_that_is_not_good_is_told_what_is_missing(
    settings: Any, but: dict[str, bool], code: str
) -> None:
    settings.CAPITAL_REQUIRE_TOTP = True

    with pytest.raises(SessionRefused) as refused:
        require_good_session(person(**but))

    assert refused.value.reason.code.value == code


def test_nobody_has_no_session_and_is_refused_nothing(settings: Any) -> None:
    settings.CAPITAL_REQUIRE_TOTP = True

    assert require_good_session(person()) is True
    assert require_good_session(person(is_authenticated=False)) is False
