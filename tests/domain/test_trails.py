"""What a balance is compared with: the last accepted one, and those of the last hour."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.balances import Observation
from capital.domain.jumps import is_suspect
from capital.domain.trails import Jump, Move, Trail, jumped_from, needs_confirmation

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT = Decimal(50)


def read(amount: str | Decimal, minutes: int = 0) -> Observation:
    return Observation(Decimal(amount), NOON + timedelta(minutes=minutes))


def trail_of(*amounts: str) -> Trail:
    """One accepted balance a minute, the first one at noon."""
    trail = Trail()
    for minute, amount in enumerate(amounts):
        trail = trail.followed_by(read(amount, minute))
    return trail


def jump(accepted: Observation | None, trail: Trail, observed: Observation) -> Jump | None:
    return jumped_from(accepted, trail, observed, max_jump_percent=LIMIT)


def test_slide_in_steps_within_the_limit_is_one_jump() -> None:
    halves = ("1000", "500")

    found = jump(read("500", 1), trail_of(*halves), read("250", 2))

    assert found == Jump(Decimal(1000), is_slide=True)


def test_climb_in_steps_within_the_limit_is_one_jump() -> None:
    found = jump(read("1500", 1), trail_of("1000", "1500"), read("2000", 2))

    assert found == Jump(Decimal(1000), is_slide=True)


def test_jump_from_the_last_balance_is_told_from_there() -> None:
    found = jump(read("1000", 1), trail_of("900", "1000"), read("9000", 2))

    assert found == Jump(Decimal(1000))


def test_of_several_balances_the_one_furthest_away_is_told() -> None:
    found = jump(read("400", 2), trail_of("1000", "600", "400"), read("300", 3))

    assert found == Jump(Decimal(1000), is_slide=True)


def test_of_two_that_are_far_away_the_later_may_be_the_one_furthest_away() -> None:
    found = jump(read("550", 2), trail_of("900", "1000", "550"), read("300", 3))

    assert found == Jump(Decimal(1000), is_slide=True)


def test_small_deposits_stay_believed() -> None:
    amounts = ("1000", "1100", "1200", "1300")

    assert jump(read("1300", 3), trail_of(*amounts), read("1500", 4)) is None
    assert jump(read("1300", 3), trail_of(*amounts), read("1500.01", 4)) is not None


@pytest.mark.parametrize(("minutes", "is_slide"), [(60, True), (61, False)])
def test_balances_of_more_than_an_hour_ago_say_nothing(minutes: int, is_slide: bool) -> None:
    trail = trail_of("1000")

    found = jump(read("600", minutes - 1), trail, read("400", minutes))

    assert (found is not None) is is_slide


def test_last_accepted_balance_counts_however_old_it_is() -> None:
    assert jump(read("1000"), trail_of("1000"), read("400", 60 * 24)) == Jump(Decimal(1000))


def test_zero_in_the_trail_is_nothing_to_jump_from() -> None:
    assert jump(read("0", 1), trail_of("0"), read("1000", 2)) is None
    assert jump(read("0", 1), trail_of("1000", "0"), read("9000", 2)) is not None


def test_guard_that_is_off_believes_every_slide() -> None:
    found = jumped_from(read("500"), trail_of("1000", "500"), read("1", 2), max_jump_percent=None)

    assert found is None


@pytest.mark.parametrize(
    ("accepted", "first", "observed", "needed"),
    [
        (None, None, "1000", True),
        (None, None, "0.5", True),
        ("0", None, "1000", True),
        ("1000", "1000", "1000", True),
        ("1000", None, "1100", False),
        (None, None, "0", False),
        ("0", None, "-5", False),
        ("-5", None, "1000", False),
    ],
)
def test_first_balance_and_one_after_zero_need_confirmation(
    accepted: str | None, first: str | None, observed: str, needed: bool
) -> None:
    trail = Trail(first=None if first is None else read(first))

    assert needed is needs_confirmation(
        None if accepted is None else read(accepted), trail, read(observed, 1)
    )


def test_trail_forgets_what_was_read_in_another_basis() -> None:
    trail = Trail((read("1", 1), read("2", 2)), first=read("1", 1))

    assert trail.since(NOON + timedelta(minutes=2)) == Trail((read("2", 2),))
    assert trail.since(NOON + timedelta(minutes=1)) == trail
    assert trail.since(None) == trail


def test_steady_balance_leaves_one_entry() -> None:
    assert trail_of(*["1000"] * 90).hour == (read("1000", 89),)


@pytest.mark.parametrize("step", [1, -1])
def test_balance_that_only_rises_or_falls_leaves_one_entry_each_five_minutes(step: int) -> None:
    trail = trail_of(*(str(100_000 + step * minute) for minute in range(90)))

    assert len(trail.hour) <= 14
    assert trail.hour[0].observed_at <= NOON + timedelta(minutes=34)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 100)), min_size=1, max_size=40))
def test_trail_finds_what_all_balances_of_the_hour_would_find(
    steps: list[tuple[int, int]],
) -> None:
    """Each of them is found until it is 55 minutes old at least."""
    minute, read_so_far, trail = 0, [], Trail()
    for pause, amount in steps:
        minute += pause
        each = read(str(amount), minute)
        found = jump(None, trail, each) is not None
        surely, possibly = (
            any(
                is_suspect(before.amount, each.amount, max_jump_percent=LIMIT)
                for before in read_so_far
                if each.observed_at - before.observed_at <= timedelta(minutes=limit)
            )
            for limit in (55, 60)
        )
        assert surely <= found <= possibly
        read_so_far.append(each)
        trail = trail.followed_by(each)


def test_what_is_known_to_have_come_or_gone_is_no_jump() -> None:
    accepted, observed = read("10369"), read("0.7", 2)

    def jump(*moved: Move) -> Jump | None:
        return jumped_from(
            accepted, trail_of("10369"), observed, max_jump_percent=LIMIT, moved=moved
        )

    bought = Move(observed.observed_at, Decimal("-10368.3"))
    assert jump() == Jump(Decimal(10369))
    assert jump(bought) is None
    # What moved before, or after, explains nothing; nor does what explains too little.
    assert jump(Move(accepted.observed_at, bought.amount)) is not None
    assert jump(Move(observed.observed_at + timedelta(seconds=1), bought.amount)) is not None
    assert jump(Move(observed.observed_at, Decimal(-5000))) is not None
    # And what ought to have moved the balance and did not is one, too.
    assert jumped_from(
        accepted,
        Trail(),
        read("10369", 2),
        max_jump_percent=LIMIT,
        moved=[Move(observed.observed_at, Decimal(20_000))],
    ) == Jump(Decimal(10369))


def test_of_a_slide_what_moved_since_each_balance_is_taken_off() -> None:
    trail = trail_of("1000", "700", "500")
    observed = read("400", 9)
    moved = [Move(each.observed_at, Decimal(-250)) for each in trail.hour[1:]]

    assert jumped_from(None, trail, observed, max_jump_percent=LIMIT) is not None
    assert jumped_from(None, trail, observed, max_jump_percent=LIMIT, moved=moved) is None
