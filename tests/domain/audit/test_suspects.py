"""A suspect balance that waits can be read, or it is found."""

from datetime import datetime
from typing import Any

import pytest

from capital.domain.audit.suspects import check_suspects, suspect_times
from tests.domain.audit.builders import codes

TOLD = {"amount": "1", "accepted": "2", "observed_at": "2025-01-15T12:00:00+00:00"}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in TOLD.items() if key != name}


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"spot": TOLD},
        {"spot": TOLD, "futures": TOLD, "unified": {**TOLD, "is_recorded": True}},
        {"spot": {**TOLD, "amount": "-1"}},
        {"spot": {**TOLD, "amount": "0"}},
    ],
)
def test_sound_suspects_break_no_rule(stored: Any) -> None:
    assert codes(check_suspects(stored)) == []
    assert list(suspect_times(stored)) == [datetime.fromisoformat(TOLD["observed_at"])] * len(
        stored
    )


@pytest.mark.parametrize("stored", [None, [], [TOLD], "spot", 5])
def test_what_is_no_list_of_suspects_is_found(stored: Any) -> None:
    assert codes(check_suspects(stored)) == ["suspect_malformed"]
    assert list(suspect_times(stored)) == []


@pytest.mark.parametrize(
    "suspect",
    [
        None,
        [],
        "1",
        without("amount"),
        without("accepted"),
        without("observed_at"),
        {**TOLD, "amount": "NaN"},
        {**TOLD, "amount": "2"},
        {**TOLD, "accepted": "0"},
        {**TOLD, "accepted": "many"},
        {**TOLD, "observed_at": "yesterday"},
        {**TOLD, "observed_at": None},
        {**TOLD, "observed_at": "2025-01-15T12:00:00"},
    ],
)
def test_malformed_suspect_is_found_beside_a_sound_one(suspect: Any) -> None:
    stored = {"futures": TOLD, "spot": suspect}

    assert [reason.figures for reason in check_suspects(stored)] == [{"pool": "spot"}]
    assert len(list(suspect_times(stored))) == 1


def test_suspect_of_no_pool_is_found() -> None:
    assert [reason.figures for reason in check_suspects({"margin": TOLD})] == [{"pool": "margin"}]
