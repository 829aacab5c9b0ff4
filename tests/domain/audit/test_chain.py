"""Each run starts where the last one ended, and so do the links now."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from capital.domain.audit.chain import Ledger, PresentCapital, ledger_from_json
from capital.domain.audit.runs import RecordedRun
from capital.domain.pools import Pool
from tests.domain.audit.builders import QUANTUM, amount, codes, entry, pool, run

FIRST = run(
    pool("300", entry(1, "100", before=None), entry(2, "200", before=None, weight="2")), id=1
)
SECOND = run(
    pool("150", entry(1, "50", before="100"), entry(2, "100", before="200", weight="2")), id=2
)
BACK = run(
    pool(
        "300",
        entry(1, "100", before="50", code="restored"),
        entry(2, "200", before="100", weight="2", code="restored"),
    ),
    id=3,
    reverts=2,
)


def follow(*runs: RecordedRun) -> tuple[Ledger, list[str]]:
    ledger = Ledger()
    return ledger, [code for each in runs for code in codes(ledger.follow(each, quantum=QUANTUM))]


def present(ledger: Ledger, *held: tuple[int, str | None]) -> list[str]:
    return codes(
        ledger.check_present(PresentCapital(link, Pool.SPOT, amount(text)) for link, text in held)
    )


def with_entries(of: RecordedRun, *changes: tuple[int, dict[str, str | None]]) -> RecordedRun:
    """The run with other amounts in the entries of these numbers."""
    entries = list(of.pools[0].entries)
    for number, fields in changes:
        entries[number] = replace(
            entries[number], **{name: amount(text) for name, text in fields.items()}
        )
    return replace(of, pools=(replace(of.pools[0], entries=tuple(entries)),))


def test_sound_chain_breaks_no_rule() -> None:
    ledger, found = follow(FIRST, SECOND, BACK)

    assert found == []
    assert present(ledger, (1, "100"), (2, "200"), (9, None)) == []


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("100", []),
        ("100.00", []),
        ("99.99", ["chain_broken"]),
        ("0", ["chain_broken"]),
        (None, ["chain_broken"]),
    ],
)
def test_run_starts_from_what_the_last_one_left(before: str | None, expected: list[str]) -> None:
    assert follow(FIRST, with_entries(SECOND, (0, {"before": before})))[1] == expected


@pytest.mark.parametrize(("before", "expected"), [(None, []), ("0", ["chain_broken"])])
def test_link_that_was_left_nothing_starts_without_anything(
    before: str | None, expected: list[str]
) -> None:
    kept = run(pool(None, entry(1, None, code="kept")), id=1)
    then = run(pool("300", entry(1, "300", before=before)), id=2)

    assert follow(kept, then)[1] == expected


def test_link_that_the_record_does_not_know_may_start_with_anything() -> None:
    assert follow(run(pool("300", entry(1, "300", before="77"))))[1] == []


def test_entry_that_names_no_link_breaks_no_chain() -> None:
    nobody = run(pool("300", entry(None, "300", before="77")))

    assert follow(FIRST, nobody, nobody)[1] == []


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([(1, "100"), (2, "200")], []),
        ([(1, "99.99"), (2, "200")], ["capital_not_recorded"]),
        ([(1, None), (2, "200")], ["capital_not_recorded"]),
        ([(1, "100"), (2, "200"), (9, "0")], []),
        ([(1, "100"), (2, "200"), (9, "0.01")], ["capital_exceeds_balance"]),
        ([(9, "-0.01")], ["capital_negative"]),
        ([(9, "300")], []),
        ([(9, "300.01")], ["capital_exceeds_balance"]),
    ],
)
def test_links_hold_what_the_record_left_them(
    held: list[tuple[int, str | None]], expected: list[str]
) -> None:
    ledger, _ = follow(FIRST)

    assert present(ledger, *held) == expected


def test_balance_below_zero_bears_no_capital() -> None:
    ledger, _ = follow(run(pool("-5", entry(1, "0", code="negative_balance"), unallocated="-5")))

    assert present(ledger, (9, "0")) == []
    assert present(ledger, (9, "0.01")) == ["capital_exceeds_balance"]


@pytest.mark.parametrize(("kept", "expected"), [("300", []), ("301", ["capital_exceeds_balance"])])
def test_capital_that_a_run_kept_is_within_the_last_balance(kept: str, expected: list[str]) -> None:
    """Of a link that the record meets for the first time."""
    unread = run(pool(None, entry(9, kept, code="kept")), id=2)

    assert follow(FIRST, unread)[1] == expected


def test_balances_of_another_wallet_mode_limit_nothing() -> None:
    unified = run(pool(None, entry(9, "999", code="kept"), pool=Pool.UNIFIED), id=2)
    separate = run(pool(None, entry(9, "999", code="kept")), id=3)
    whole = replace(FIRST, pools=(replace(FIRST.pools[0], pool=Pool.UNIFIED),))

    assert follow(FIRST, unified, separate)[1] == []
    assert follow(whole, separate)[1] == []


# Reverts


def test_only_the_last_run_that_changed_capital_is_reverted() -> None:
    same = run(pool("150", entry(1, "50"), entry(2, "100", weight="2")), id=5)

    assert follow(FIRST, SECOND, same, BACK)[1] == []
    assert follow(FIRST, SECOND, replace(BACK, reverts=1))[1] == ["revert_not_of_last"]
    assert follow(FIRST, SECOND, BACK, replace(BACK, id=4))[1] == [
        "revert_not_of_last",
        "chain_broken",
        "chain_broken",
    ]


def test_revert_of_a_record_without_a_change_is_found() -> None:
    assert follow(BACK)[1] == ["revert_not_of_last"]


def test_restored_capital_is_what_was_there_before() -> None:
    forged = with_entries(BACK, (0, {"after": "99.99"}))

    assert follow(FIRST, SECOND, forged)[1] == ["restored_wrong"]


@pytest.mark.parametrize(("after", "expected"), [("0", []), ("0.01", ["restored_wrong"])])
def test_what_was_never_allocated_is_restored_to_nothing(after: str, expected: list[str]) -> None:
    back = run(
        pool(
            "300",
            entry(1, after, before="100", code="restored"),
            entry(2, "0", before="200", code="restored"),
        ),
        id=2,
        reverts=1,
    )

    assert follow(FIRST, back)[1] == expected


def test_untouched_link_of_a_revert_is_not_compared_with_before() -> None:
    back = replace(
        BACK,
        pools=(
            replace(
                BACK.pools[0],
                entries=(BACK.pools[0].entries[0], entry(2, "100", code="untouched")),
            ),
        ),
    )

    assert follow(FIRST, SECOND, back)[1] == []


def test_finding_tells_both_figures() -> None:
    ledger, _ = follow(FIRST)
    (broken,) = ledger.follow(with_entries(SECOND, (0, {"before": None})), quantum=QUANTUM)

    assert broken.figures == {"link": "1", "entry": "row 1", "recorded": "100", "before": "—"}
    (over,) = ledger.check_present([PresentCapital(9, Pool.SPOT, Decimal(151))])
    assert over.figures == {"pool": "spot", "capital": "151", "balance": "150"}


def test_each_finding_names_what_it_is_about() -> None:
    ledger, _ = follow(FIRST, SECOND)
    negative, unrecorded = ledger.check_present(
        [
            PresentCapital(9, Pool.SPOT, Decimal(-1)),
            PresentCapital(1, Pool.SPOT, Decimal("49.99")),
        ]
    )
    assert negative.figures == {"link": "9", "capital": "-1"}
    assert unrecorded.figures == {"link": "1", "capital": "49.99", "recorded": "50"}

    (earlier,) = ledger.follow(replace(BACK, reverts=1, pools=()), quantum=QUANTUM)
    assert earlier.figures == {"reverts": "1", "last": "2"}
    (first,) = Ledger().follow(replace(BACK, pools=()), quantum=QUANTUM)
    assert first.figures == {"reverts": "2", "last": "—"}
    forged = with_entries(BACK, (1, {"after": "199.99"}))
    (wrong,) = ledger.follow(forged, quantum=QUANTUM)
    assert wrong.figures == {
        "link": "2",
        "entry": "row 2",
        "after": "199.99",
        "expected": "200",
    }


def test_ledger_goes_on_where_it_was_kept() -> None:
    kept = run(pool(None, entry(3, None, code="kept"), pool=Pool.FUTURES), id=3)
    ledger, _ = follow(FIRST, SECOND, kept)

    assert ledger_from_json(json.loads(json.dumps(ledger.as_json()))) == ledger
    assert ledger.after == {1: 50, 2: 100, 3: None}
    assert (ledger.changed_by, ledger.before) == (2, {1: 100, 2: 200})
    assert (ledger.pool_of[3], ledger.limits) == (Pool.FUTURES, {Pool.SPOT: 150})
