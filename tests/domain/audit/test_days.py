"""Days of links: what begins before the first decision has no equity that is known."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.audit.days import (
    AccountDay,
    DayFigures,
    RecordedDay,
    check_account_day,
    check_link_day,
)
from capital.domain.reasons import Code, Reason

D = Decimal
FIGURES = DayFigures(realized=D(20))


def day(number: int, equity: str | None, settled: str, added: str = "0") -> RecordedDay:
    return RecordedDay(
        link_id=1,
        date=date(2026, 3, number),
        currency="USDT",
        figures=FIGURES,
        equity_start=None if equity is None else D(equity),
        settled_start=D(settled),
        capital_added=D(added),
        unrealized=D(0),
    )


@pytest.mark.parametrize(
    ("previous", "row", "found"),
    [
        (day(1, None, "0"), day(2, None, "20"), []),
        (day(1, None, "0"), day(2, "20", "20"), []),
        (day(1, None, "0"), day(2, "21", "20"), ["day_start_wrong"]),
        (day(1, None, "0"), day(2, None, "30"), ["day_start_wrong"]),
        (day(1, "0", "0"), day(2, None, "20"), ["day_start_wrong"]),
        (day(1, None, "0", added="480"), day(2, None, "500"), ["day_start_wrong"]),
        (day(1, None, "0", added="480"), day(2, "500", "500"), []),
    ],
)
def test_equity_is_unknown_only_until_capital_was_decided(
    previous: RecordedDay, row: RecordedDay, found: list[str]
) -> None:
    told = check_link_day(row, previous, [FIGURES], is_own=True)

    assert [reason.code.value for reason in told] == found


NAMED = {"link": "1", "date": "2026-03-02", "currency": "USDT"}
WHOLE = DayFigures(D(20), D(1), D("0.5"), D(900), Counter(fills=4, trades=2, wins=1, losses=1))
PARTS = [
    DayFigures(D(15), D(1), D(0), D(500), Counter(fills=1, trades=1, wins=1)),
    DayFigures(D(5), D(0), D("0.5"), D(400), Counter(fills=3, trades=1, losses=1)),
]


@pytest.mark.parametrize(
    ("what", "changed", "recorded", "expected"),
    [
        ("realized", {"realized": D(21)}, "21", "20"),
        ("fees", {"fees": D("1.10")}, "1.1", "1"),
        ("funding", {"funding": D("-0.5")}, "-0.5", "0.5"),
        ("volume", {"volume": D(0)}, "0", "900"),
        ("fills", {"counts": Counter(WHOLE.counts, fills=1)}, "5", "4"),
        ("trades", {"counts": Counter(WHOLE.counts, trades=1)}, "3", "2"),
        ("wins", {"counts": Counter(WHOLE.counts, wins=1)}, "2", "1"),
        ("losses", {"counts": Counter(WHOLE.counts, losses=1)}, "2", "1"),
        ("realized", {"realized": D(0), "fees": D(0)}, "0", "20"),  # the first that differs
    ],
)
def test_a_day_says_which_figure_is_not_that_of_its_positions(
    what: str, changed: dict[str, Any], recorded: str, expected: str
) -> None:
    row = replace(day(2, "0", "0"), figures=replace(WHOLE, **changed))

    found = list(check_link_day(row, None, PARTS, is_own=True))

    told = {"what": what, "recorded": recorded, "expected": expected}
    assert found == [Reason(Code.DAY_NOT_OF_POSITIONS, {**NAMED, **told})]


def test_a_day_that_is_what_its_positions_come_to_breaks_no_rule() -> None:
    row = replace(day(2, "0", "0"), figures=WHOLE)

    assert list(check_link_day(row, None, PARTS, is_own=True)) == []


def test_a_gap_names_the_day_that_is_missing_and_is_not_compared_across() -> None:
    found = check_link_day(day(5, "999", "999"), day(2, "0", "0"), [FIGURES], is_own=True)

    assert list(found) == [Reason(Code.DAY_MISSING, {**NAMED, "date": "2026-03-03"})]


@pytest.mark.parametrize(
    ("equity", "settled", "told"),
    [
        ("20", "30", {"what": "settled_start", "recorded": "30", "expected": "20"}),
        ("25", "20", {"what": "equity_start", "recorded": "25", "expected": "20"}),
        (None, "20", {"what": "equity_start", "recorded": "—", "expected": "20"}),
    ],
)
def test_a_start_says_what_it_should_be(
    equity: str | None, settled: str, told: dict[str, str]
) -> None:
    found = list(check_link_day(day(2, equity, settled), day(1, "0", "0"), [FIGURES], is_own=True))

    assert found == [Reason(Code.DAY_START_WRONG, {**NAMED, **told})]
    # Of another currency than the account's there is no equity.
    assert not list(
        check_link_day(day(2, equity, settled), day(1, "0", "0"), [FIGURES], is_own=False)
    )


@pytest.mark.parametrize(
    ("what", "recorded", "told"),
    [
        ("realized_pnl", D("19.50"), ("19.5", "20")),
        ("realized_pnl", None, ("—", "20")),
        ("total_trades", 3, ("3", "2")),
        ("unrealized_pnl", D(0), ("0", "—")),
    ],
)
def test_a_summary_says_which_figure_is_not_that_of_its_links(
    what: str, recorded: Decimal | int | None, told: tuple[str, str]
) -> None:
    expected: dict[str, Decimal | int | None] = {
        "realized_pnl": D(20),
        "unrealized_pnl": None,
        "total_trades": 2,
    }
    row = AccountDay(7, date(2026, 3, 2), {**expected, what: recorded})

    assert list(check_account_day(row, expected)) == [
        Reason(
            Code.SUMMARY_NOT_OF_LINKS,
            {
                "summary": "7",
                "date": "2026-03-02",
                "what": what,
                "recorded": told[0],
                "expected": told[1],
            },
        )
    ]
    assert list(check_account_day(replace(row, figures=expected), expected)) == []


def test_a_summary_is_empty_only_where_nothing_was_told() -> None:
    assert AccountDay(7, date(2026, 3, 2), {"a": None, "b": None}).is_empty
    assert not AccountDay(7, date(2026, 3, 2), {"a": None, "b": 0}).is_empty
