"""What a store gives out: never more than the limit in any minute, and nearly all of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capital.exchange.politeness import LONGEST_RETRY_AFTER
from capital.exchange.sharing.slices import (
    LEASE_SECONDS,
    WINDOW_SECONDS,
    LeaseRequest,
    State,
    granted,
    with_refusal,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def request(wanted: int = 1000, *, limit: int | None = 1000, **fields: Any) -> LeaseRequest:
    return LeaseRequest(
        **{"holder": "a:1", "weight": 10, "wanted": wanted, "limit": limit, **fields}
    )


def drained(state: State, at: datetime, **fields: Any) -> tuple[State, int]:
    """All that can be had now, slice by slice."""
    total = 0
    while True:
        state, lease = granted(state, request(**fields), at)
        if not lease.weight:
            return state, total
        total += lease.weight


def test_slice_is_what_is_wanted_in_whole_requests_and_a_tenth_at_most() -> None:
    for wanted, weight in ((10, 10), (25, 20), (5, 0), (500, 90)):
        _, lease = granted({}, request(wanted), START)
        assert lease.weight == weight


def test_processes_share_one_limit_and_a_part_of_it_is_kept_for_who_is_in_a_hurry() -> None:
    state, first = granted({}, request(holder="a:1"), START)
    state, rest = drained(state, START, holder="a:2")

    assert first.weight + rest == 950
    state, lease = granted(state, request(holder="a:3"), START + SECOND)
    assert (lease.weight, lease.wait_seconds) == (0, WINDOW_SECONDS - 1)
    assert lease.processes == 3
    _, urgent = drained(state, START, is_urgent=True)
    assert urgent == 50


def test_what_was_given_out_counts_until_no_minute_can_hold_it_any_more() -> None:
    state, _ = drained({}, START)

    _, early = granted(state, request(), START + (WINDOW_SECONDS - 1) * SECOND)
    _, late = granted(state, request(), START + WINDOW_SECONDS * SECOND)

    assert (early.weight, early.wait_seconds) == (0, 1)
    assert late.weight == 90
    assert late.processes == 1


def test_slice_of_a_killed_process_is_given_out_again_after_little_more_than_a_minute() -> None:
    state, _ = drained({}, START, holder="killed")
    state, waiting = granted(state, request(holder="alive"), START)

    state, total = drained(state, START + timedelta(seconds=waiting.wait_seconds), holder="alive")

    assert waiting.wait_seconds <= 60 + LEASE_SECONDS
    assert total == 950


def test_clock_that_was_set_back_costs_no_more_than_a_minute() -> None:
    state, _ = drained({}, START + timedelta(hours=1))

    state, now = granted(state, request(), START)
    _, later = granted(state, request(), START + WINDOW_SECONDS * SECOND)

    assert now.weight == 0
    assert later.weight == 90


def test_refusal_holds_for_the_address_until_it_ends_and_never_for_longer_than_is_sane() -> None:
    state = with_refusal({}, "", 20 * SECOND, START)
    state = with_refusal(state, "", 5 * SECOND, START)
    state = with_refusal(state, "key", 900000 * SECOND, START)

    state, refused = granted(state, request(), START + 5 * SECOND)
    _, again = granted(state, request(), START + 20 * SECOND)

    assert (refused.weight, refused.wait_seconds) == (0, 15)
    assert refused.refused == {"": 15, "key": LONGEST_RETRY_AFTER.total_seconds()}
    assert again.weight == 90
    assert list(again.refused) == ["key"]


def test_venue_that_does_not_count_by_address_gives_plenty_and_counts_processes() -> None:
    state: State = {}
    for number in (1, 2, 1, 1):
        state, lease = granted(state, request(limit=None, holder=f"a:{number}"), START)
        assert lease.weight > 10**6

    assert lease.processes == 2
    assert len(state["grants"]) == 2


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20_000), st.sampled_from("abc"), st.integers(1, 40), st.booleans()
        ),
        max_size=60,
    ),
    st.floats(0, LEASE_SECONDS),
)
def test_no_minute_has_more_than_the_limit_whenever_slices_are_used(
    asked: list[tuple[int, str, int, bool]], used_after: float
) -> None:
    state: State = {}
    now, used = START, []
    for index, (wait, holder, number, is_urgent) in enumerate(asked):
        now += timedelta(milliseconds=wait)
        wanted = request(number * 10, limit=100, holder=holder, is_urgent=is_urgent)
        state, lease = granted(state, wanted, now)
        # At once, or as late as a slice may be used.
        delay = timedelta(seconds=used_after if index % 2 else 0)
        used.append((now + delay, lease.weight))

    for begin, _ in used:
        in_minute = [weight for at, weight in used if begin <= at < begin + timedelta(minutes=1)]
        assert sum(in_minute) <= 100
