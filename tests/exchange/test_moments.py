"""A deadline is a moment of the clock that nobody sets."""

from datetime import UTC, datetime, timedelta

import time_machine

from capital.exchange.moments import Moment

SECOND = timedelta(seconds=1)


def test_moments_are_as_far_apart_as_the_spans_between_them() -> None:
    moment = Moment(100.0)

    assert moment + 2 * SECOND == Moment(102.0)
    assert moment - SECOND == Moment(99.0)
    assert moment < moment + SECOND


def test_what_is_left_is_never_negative() -> None:
    now = Moment.now()

    assert 59 * SECOND < (now + 60 * SECOND).left <= 60 * SECOND
    assert (now - SECOND).left == timedelta()


def test_clock_that_is_set_changes_no_deadline() -> None:
    until = Moment.now() + 60 * SECOND

    with time_machine.travel(datetime.now(UTC) - timedelta(hours=1), tick=True):
        left = until.left

    assert 50 * SECOND < left <= 60 * SECOND
