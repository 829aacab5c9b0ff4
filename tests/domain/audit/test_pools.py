"""A recorded pool: a sound one breaks no rule, and each forged figure breaks exactly its own."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from capital.domain.allocation.gate import Inputs, LinkState
from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.policies.contract import Known
from capital.domain.allocation.pools import PoolDecision
from capital.domain.allocation.rules import Rules
from capital.domain.audit.pools import (
    RecordedEntry,
    RecordedPool,
    check_pool,
    check_restored_pool,
    is_whole,
    shown,
)
from capital.domain.balances import Source
from capital.domain.money import CENT
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from strategies.markets import MarketType
from tests.domain.allocation.policies.drawn import balances, decide, pools
from tests.domain.builders import NOON, reserves

D = Decimal


def entry(
    number: int | None,
    after: str | None,
    *,
    weight: str = "1",
    before: str | None = "5",
    code: str = "share",
) -> RecordedEntry:
    """What a run recorded of one link, in the row of a hundred times its number."""
    return RecordedEntry(
        row=f"{number}00",
        link_id=number,
        weight=D(weight),
        before=None if before is None else D(before),
        after=None if after is None else D(after),
        code=code,
    )


# 900 of 1000.019 divided as 1 to 2, a tenth kept back rounded up.
SOUND = RecordedPool(
    row="7",
    pool=Pool.SPOT,
    balance=D("1000.019"),
    source=Source.LIVE,
    observed_at=NOON,
    reserve=D("100.01"),
    unallocated=D(0),
    entries=(
        entry(1, "300.00"),
        entry(2, "600.00", weight="2"),
        entry(3, "0.00", code="strategy_paused"),
    ),
)
TENTH = Reserve(percent=D(10))
UNREAD = RecordedPool(
    row="7",
    pool=Pool.SPOT,
    balance=None,
    source=Source.NONE,
    observed_at=None,
    reserve=None,
    unallocated=None,
    entries=(entry(1, "5", code="kept"), entry(3, "0", code="strategy_paused")),
)
DEBT = replace(
    SOUND,
    balance=D("-5.5"),
    reserve=D(0),
    unallocated=D("-5.50"),
    entries=(entry(1, "0", code="negative_balance"),),
)
# Link 2 was not part of the run that was reverted.
RESTORED = replace(
    SOUND,
    unallocated=D("800.00"),
    entries=(entry(1, "95.00", code="restored"), entry(2, "5.00", code="untouched")),
)


def forged(pool: RecordedPool, link: int = 1, **fields: Any) -> RecordedPool:
    """The pool with one entry changed."""
    entries = tuple(
        replace(entry, **fields) if entry.link_id == link else entry for entry in pool.entries
    )
    return replace(pool, entries=entries)


def breaches(
    pool: RecordedPool,
    reserve: Reserve | None = TENTH,
    *,
    check: Any = check_pool,
    quantum: Decimal = CENT,
) -> list[tuple[str, dict[str, str]]]:
    return [
        (reason.code.value, dict(reason.figures))
        for reason in check(pool, quantum=quantum, reserve=reserve)
    ]


def codes(*args: Any, **kwargs: Any) -> list[str]:
    return [code for code, _ in breaches(*args, **kwargs)]


NO_RESERVE = replace(SOUND, reserve=D(0), entries=(entry(1, "1000.01"),))


@pytest.mark.parametrize(
    ("pool", "reserve"),
    [
        (SOUND, TENTH),
        (SOUND, None),
        (UNREAD, TENTH),
        (DEBT, TENTH),
        (forged(DEBT, after=None), TENTH),
        (NO_RESERVE, Reserve()),
        # Everything may be kept back.
        (replace(SOUND, reserve=D("1000.01"), entries=(entry(1, "0.00"),)), Reserve(D(100))),
        # Nobody is active: all of it is unallocated.
        (replace(SOUND, entries=SOUND.entries[2:], unallocated=D("900.00")), TENTH),
        # A balance of nothing at all.
        (replace(NO_RESERVE, balance=D("0.009"), entries=(entry(1, "0"),)), Reserve()),
        # Kept although the link is paused: a reserve below one unit of the balance.
        (replace(NO_RESERVE, balance=D("0.019"), entries=(entry(1, "0.01"),)), Reserve()),
    ],
)
def test_sound_pool_breaks_no_rule(pool: RecordedPool, reserve: Reserve | None) -> None:
    assert breaches(pool, reserve) == []


def test_tie_goes_to_the_lower_link_however_the_entries_are_ordered() -> None:
    halves = replace(NO_RESERVE, balance=D("0.03"), entries=(entry(9, "0.01"), entry(2, "0.02")))

    assert breaches(halves, Reserve()) == []
    turned = replace(halves, entries=(entry(9, "0.02"), entry(2, "0.01")))
    assert breaches(turned, Reserve()) == [
        ("share_wrong", {"link": "2", "entry": "200", "after": "0.01", "expected": "0.02"}),
        ("share_wrong", {"link": "9", "entry": "900", "after": "0.02", "expected": "0.01"}),
    ]


def test_entry_of_a_snapshot_says_a_question_mark_and_comes_first() -> None:
    pool = replace(NO_RESERVE, balance=D("0.03"), entries=(entry(1, "0.01"), entry(None, "0.02")))

    assert breaches(pool, Reserve()) == []
    turned = replace(pool, entries=(entry(1, "0.02"), entry(None, "0.01")))
    assert breaches(turned, Reserve())[0] == (
        "share_wrong",
        {"link": "?", "entry": "None00", "after": "0.01", "expected": "0.02"},
    )


# Entries

ONE = {"link": "1", "entry": "100"}


def test_negative_amount_is_found() -> None:
    found = breaches(forged(SOUND, after=D("-0.01")))

    assert found[0] == ("entry_negative", {**ONE, "after": "-0.01"})
    assert [code for code, _ in found[1:]] == ["pool_not_conserved", "share_wrong"]


def test_paused_link_holds_nothing() -> None:
    three = {"link": "3", "entry": "300"}

    found = breaches(forged(SOUND, 3, after=D("0.5")))

    assert found[0] == ("idle_not_released", {**three, "after": "0.5"})
    assert breaches(forged(SOUND, 3, after=None))[0] == (
        "idle_not_released",
        {**three, "after": "—"},
    )
    assert codes(forged(SOUND, 3, after=D("0.5"))) == ["idle_not_released", "pool_not_conserved"]


@pytest.mark.parametrize("code", sorted(code.value for code in Code if code.is_idle))
def test_idle_link_holds_nothing_whatever_idles_it(code: str) -> None:
    assert codes(forged(SOUND, 3, code=code)) == codes(forged(UNREAD, 3, code=code)) == []

    for after in (D(5), None):
        assert codes(forged(UNREAD, 3, code=code, after=after)) == ["idle_not_released"]


@pytest.mark.parametrize("code", ["share", "nonsense", "negative_balance", "restored"])
def test_active_link_of_an_unread_pool_keeps_its_capital_and_says_why(code: str) -> None:
    assert breaches(forged(UNREAD, code=code)) == [("entry_code_wrong", {**ONE, "code": code})]
    assert breaches(forged(UNREAD, after=D("5.10"))) == [
        ("kept_but_changed", {**ONE, "before": "5", "after": "5.1"})
    ]
    assert codes(forged(UNREAD, code=code, after=D(6))) == ["entry_code_wrong", "kept_but_changed"]


@pytest.mark.parametrize("code", ["nonsense", "negative_balance", "kept"])
def test_active_link_of_a_balance_has_a_share(code: str) -> None:
    assert breaches(forged(SOUND, code=code)) == [("entry_code_wrong", {**ONE, "code": code})]


def test_active_link_of_a_debt_says_so() -> None:
    assert breaches(forged(DEBT, code="share")) == [("entry_code_wrong", {**ONE, "code": "share"})]


def test_balance_of_zero_is_no_debt() -> None:
    pool = replace(NO_RESERVE, balance=D(0), entries=(entry(1, "0"),))

    assert breaches(pool, Reserve()) == []
    assert codes(forged(pool, code="negative_balance"), Reserve()) == ["entry_code_wrong"]
    assert codes(replace(forged(pool, after=D(5)), unallocated=D(-5)), Reserve()) == ["share_wrong"]
    kept_back = replace(pool, reserve=D(5), unallocated=D(-5))
    assert codes(kept_back, Reserve()) == ["reserve_wrong"]


# The reading


@pytest.mark.parametrize(
    ("pool", "source"),
    [
        (replace(SOUND, source=Source.NONE), "none"),
        (replace(SOUND, observed_at=None), "live"),
        (replace(UNREAD, source=Source.CACHED), "cached"),
        (replace(UNREAD, observed_at=NOON), "none"),
    ],
)
def test_balance_without_its_source_or_time_is_contradicted_and_not_checked_further(
    pool: RecordedPool, source: str
) -> None:
    of_pool = {"pool": "spot", "row": "7", "source": source}

    assert breaches(pool) == [("reading_contradicted", of_pool)]
    assert codes(replace(pool, reserve=D(3))) == ["reading_contradicted"]


@pytest.mark.parametrize("fields", [{"reserve": D(0)}, {"unallocated": D(0)}])
def test_nothing_is_divided_without_a_balance(fields: dict[str, Decimal]) -> None:
    assert breaches(replace(UNREAD, **fields)) == [
        ("divided_without_balance", {"pool": "spot", "row": "7"})
    ]


# The division

PARTS = {
    "pool": "spot",
    "row": "7",
    "balance": "1000.01",
    "allocated": "900",
    "reserve": "100.01",
    "unallocated": "0",
}


@pytest.mark.parametrize(
    ("fields", "shown_as"),
    [
        ({"unallocated": D("0.01")}, {"unallocated": "0.01"}),
        ({"unallocated": D("-0.01")}, {"unallocated": "-0.01"}),
        ({"unallocated": None}, {"unallocated": "—"}),
        ({"balance": D("1000.029")}, {"balance": "1000.02"}),
    ],
)
def test_parts_are_the_floored_balance(fields: dict[str, Any], shown_as: dict[str, str]) -> None:
    found = breaches(replace(SOUND, **fields), None)

    assert found[0] == ("pool_not_conserved", {**PARTS, **shown_as})


def test_unknown_reserve_beside_a_balance_is_not_conserved_even_where_the_sum_is_right() -> None:
    pool = replace(NO_RESERVE, reserve=None)

    assert codes(pool, Reserve()) == ["pool_not_conserved"]
    assert codes(replace(NO_RESERVE, unallocated=None), Reserve()) == ["pool_not_conserved"]


@pytest.mark.parametrize(
    "pool",
    [
        forged(DEBT, after=D("0.01")),
        replace(DEBT, reserve=D("0.01")),
        replace(DEBT, reserve=D("-0.01")),
    ],
)
def test_debt_gives_nothing_and_keeps_nothing_back(pool: RecordedPool) -> None:
    assert codes(pool) == ["pool_not_conserved", "debt_allocated"]
    assert breaches(pool)[1][1] == {"pool": "spot", "row": "7", "balance": "-5.5"}


def test_conserved_debt_that_is_allocated_is_found() -> None:
    pool = replace(forged(DEBT, after=D("4.5")), unallocated=D(-10))

    assert codes(pool) == ["debt_allocated"]


@pytest.mark.parametrize(
    ("reserve", "after", "expected"),
    [("100.00", "900.01", ["reserve_wrong"]), ("100.02", "899.99", ["reserve_wrong"])],
)
def test_reserve_is_that_of_the_rule(reserve: str, after: str, expected: list[str]) -> None:
    pool = replace(SOUND, reserve=D(reserve), entries=(entry(1, after),))

    assert codes(pool) == expected
    assert breaches(pool)[0][1] == {
        "pool": "spot",
        "row": "7",
        "balance": "1000.01",
        "reserve": "100" if reserve == "100.00" else "100.02",
        "expected": "100.01",
    }
    # Where nothing recorded the rule, any reserve within the balance is right.
    assert codes(pool, None) == []


@pytest.mark.parametrize(
    ("reserve", "after", "unallocated"),
    [("-0.01", "1000.02", "0"), ("1000.02", "0", "-0.01"), ("100.005", "900.00", "0.005")],
)
def test_reserve_lies_within_the_balance_in_whole_units_whatever_the_rule(
    reserve: str, after: str, unallocated: str
) -> None:
    pool = replace(
        SOUND, reserve=D(reserve), unallocated=D(unallocated), entries=(entry(1, after),)
    )

    # Shares of what such a reserve leaves would mean nothing.
    assert codes(pool, None) == ["reserve_wrong"]
    assert breaches(pool, None)[0][1]["expected"] == "—"


# Shares


def test_share_is_what_the_weights_give() -> None:
    moved = replace(forged(forged(SOUND, after=D("300.01")), 2, after=D("599.99")))

    assert breaches(moved) == [
        ("share_wrong", {**ONE, "after": "300.01", "expected": "300"}),
        ("share_wrong", {"link": "2", "entry": "200", "after": "599.99", "expected": "600"}),
    ]


def test_share_below_one_unit_is_not_whole() -> None:
    moved = replace(forged(forged(SOUND, after=D("299.995")), 2, after=D("600.005")))

    assert breaches(moved) == [
        ("entry_not_whole", {**ONE, "after": "299.995"}),
        ("entry_not_whole", {"link": "2", "entry": "200", "after": "600.005"}),
    ]


def test_missing_share_is_wrong() -> None:
    found = breaches(forged(SOUND, after=None))

    assert found[-1] == ("share_wrong", {**ONE, "after": "—", "expected": "300"})


def test_weights_that_divide_nothing_are_said_once() -> None:
    found = breaches(
        replace(SOUND, entries=(entry(1, "900.00", weight="0"), entry(2, "0", weight="0")))
    )

    assert found == [
        ("weights_unusable", {"pool": "spot", "row": "7", "problem": "no weight is above zero"})
    ]


def test_idle_links_weigh_nothing() -> None:
    heavy = replace(SOUND, entries=(entry(1, "900.00"), *SOUND.entries[2:]))

    assert breaches(forged(heavy, 3, weight=D(50))) == []


# Restored pools


def restored(pool: RecordedPool, reserve: Reserve | None = TENTH) -> list[Any]:
    return breaches(pool, reserve, check=check_restored_pool)


@pytest.mark.parametrize("reserve", [TENTH, None])
def test_sound_revert_breaks_no_rule(reserve: Reserve | None) -> None:
    assert restored(RESTORED, reserve) == []
    never = forged(replace(RESTORED, unallocated=D("805.00")), 2, before=None, after=None)
    assert restored(never, reserve) == []


def test_revert_may_reach_into_the_reserve() -> None:
    pool = forged(replace(RESTORED, reserve=D("95.01"), unallocated=D(0)), after=D("900.00"))

    assert restored(pool) == []
    assert [code for code, _ in restored(replace(pool, reserve=D(95)))] == [
        "pool_not_conserved",
        "reserve_wrong",
    ]


@pytest.mark.parametrize("code", ["share", "nonsense", "strategy_paused"])
def test_entry_of_a_revert_says_so(code: str) -> None:
    assert restored(forged(RESTORED, code=code)) == [("entry_code_wrong", {**ONE, "code": code})]


def test_link_that_the_revert_left_alone_keeps_its_capital() -> None:
    changed = forged(RESTORED, 2, before=D("4.00"))

    assert restored(changed) == [
        ("kept_but_changed", {"link": "2", "entry": "200", "before": "4", "after": "5"})
    ]


def test_restored_amount_is_whole_and_not_negative() -> None:
    broken = forged(forged(RESTORED, after=D("95.005")), 2, before=D("4.995"), after=D("4.995"))

    assert restored(broken) == [
        ("entry_not_whole", {**ONE, "before": "5", "after": "95.005"}),
        ("entry_not_whole", {"link": "2", "entry": "200", "before": "4.995", "after": "4.995"}),
    ]
    negative = forged(replace(RESTORED, unallocated=D("895.01")), after=D("-0.01"))
    assert restored(negative) == [("entry_negative", {**ONE, "before": "5", "after": "-0.01"})]
    zero = forged(replace(RESTORED, unallocated=D("895.00")), after=D(0))
    assert restored(zero) == []


def test_revert_is_conserved_and_its_reading_sound() -> None:
    assert [code for code, _ in restored(replace(RESTORED, unallocated=D(800) + CENT))] == [
        "pool_not_conserved"
    ]
    assert restored(replace(RESTORED, source=Source.NONE)) == [
        ("reading_contradicted", {"pool": "spot", "row": "7", "source": "none"})
    ]
    unread = replace(UNREAD, entries=RESTORED.entries)
    assert restored(unread) == []
    assert restored(replace(unread, reserve=D(1))) == [
        ("divided_without_balance", {"pool": "spot", "row": "7"})
    ]


def test_reserve_of_a_revert_is_that_of_the_rule() -> None:
    pool = replace(RESTORED, reserve=D(100), unallocated=D("800.01"))

    assert restored(pool) == [
        (
            "reserve_wrong",
            {
                "pool": "spot",
                "row": "7",
                "balance": "1000.01",
                "reserve": "100",
                "expected": "100.01",
            },
        )
    ]
    assert restored(pool, None) == []


# What is shown


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "—"), (D("1E+3"), "1000"), (D("1.50000000"), "1.5"), (D("0E-8"), "0"), (D("-2"), "-2")],
)
def test_amount_is_shown_without_zeros_that_only_a_column_adds(
    amount: Decimal | None, text: str
) -> None:
    assert shown(amount) == text


def test_whole_is_a_multiple_of_the_quantum() -> None:
    assert is_whole(D("1.10"), CENT)
    assert not is_whole(D("1.105"), CENT)
    assert not is_whole(D("-1.105"), CENT)


def test_idle_link_that_a_band_kept_as_it_was_breaks_no_rule() -> None:
    """Its code says that it was kept, and not that its strategy is paused."""
    link = Link(
        id=1,
        strategy_key="s1",
        market=MarketType.SPOT,
        weight=D(1),
        idle=Code.STRATEGY_PAUSED,
        capital=None,
    )
    rules = Rules(drift_band_percent=D(20))
    inputs = Inputs(
        links={1: LinkState(link.strategy_key, link.weight, link.idle, False, link.bounds)},
        reserve=Reserve(),
        rules=rules,
        known=Known(),
        aside={},
    )

    decision = decide(D("0.01"), ([link], Known(), rules), Reserve())

    assert [entry.code for entry in decision.entries] == [Code.WITHIN_BAND]
    found = check_pool(recorded(decision), quantum=CENT, reserve=Reserve(), inputs=inputs)
    assert list(found) == []


@given(balances, pools(), reserves)
def test_what_was_decided_breaks_no_rule(balance, pool, reserve):
    links, known, rules = pool
    decision = decide(balance, pool, reserve)
    states = {
        link.id: LinkState(link.strategy_key, link.weight, link.idle, link.is_stopped, link.bounds)
        for link in links
    }
    inputs = Inputs(
        links=states,
        reserve=reserve,
        rules=rules,
        known=known,
        aside={link.id: link.set_aside for link in links},
    )

    assert list(check_pool(recorded(decision), quantum=CENT, reserve=reserve, inputs=inputs)) == []


def recorded(decision: PoolDecision) -> RecordedPool:
    """What a run records of a decision."""
    return replace(
        SOUND,
        balance=decision.reading.amount,
        reserve=decision.reserve,
        unallocated=decision.unallocated,
        entries=tuple(
            RecordedEntry(
                row=f"{each.link.id}00",
                link_id=each.link.id,
                weight=each.link.weight,
                before=each.before,
                after=each.after,
                code=each.code.value,
            )
            for each in decision.entries
        ),
    )
