"""One daily summary, and the day before it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.audit.summaries import RecordedSummary, check_summary
from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from tests.domain.audit.builders import QUANTUM, amount, codes
from tests.domain.builders import NOON

BOTH = (Pool.SPOT, Pool.FUTURES)
EARLIER = NOON - timedelta(hours=1)


def summary(
    spot: str | None, futures: str | None, ending: str | None, **fields: Any
) -> RecordedSummary:
    balances = {Pool.SPOT: spot, Pool.FUTURES: futures, Pool.UNIFIED: ending}
    return RecordedSummary(
        **{
            "id": 2,
            "date": date(2025, 1, 15),
            "starting": None,
            "balances": {pool: amount(text) for pool, text in balances.items()},
            "times": {pool: None if text is None else NOON for pool, text in balances.items()},
            **fields,
        }
    )


def found(
    row: RecordedSummary,
    previous: RecordedSummary | None = None,
    *,
    pools: Sequence[Pool] | None = BOTH,
    **carried: tuple[str, Any],
) -> list[str]:
    given = {pool: carried.get(pool.value) for pool in Pool}
    return codes(
        check_summary(
            row,
            previous,
            {
                pool: None if each is None else Observation(Decimal(each[0]), each[1])
                for pool, each in given.items()
            },
            pools=pools,
            quantum=QUANTUM,
        )
    )


def timed(row: RecordedSummary, **times: Any) -> RecordedSummary:
    return replace(row, times={**row.times, **{Pool(name): time for name, time in times.items()}})


SOUND = summary("100", "50", "150")
YESTERDAY = replace(SOUND, id=1, date=date(2025, 1, 14))
UNKNOWN_YESTERDAY = summary("100", None, None, id=1, date=date(2025, 1, 14))
THEIRS = replace(summary("0.001", "7", "9", starting=Decimal(3)), times=dict.fromkeys(Pool))
WHOLE = summary(None, None, "77.77")


@pytest.mark.parametrize(
    ("row", "previous", "pools"),
    [
        (SOUND, None, BOTH),
        (SOUND, YESTERDAY, BOTH),
        (replace(SOUND, starting=Decimal(150)), YESTERDAY, BOTH),
        (replace(SOUND, starting=Decimal(9)), None, BOTH),
        (SOUND, UNKNOWN_YESTERDAY, BOTH),
        (
            replace(SOUND, starting=Decimal(150)),
            summary("100", "50", "150.009", id=1, date=date(2025, 1, 14)),
            BOTH,
        ),
        (timed(SOUND, futures=EARLIER, unified=EARLIER), None, BOTH),
        (timed(SOUND, futures=None), None, BOTH),
        (summary("100", None, None), None, BOTH),
        (summary("100", "7", "100"), None, (Pool.SPOT,)),
        (WHOLE, None, (Pool.UNIFIED,)),
        (summary("1", "2", "4"), None, None),
        (THEIRS, YESTERDAY, BOTH),
    ],
)
def test_sound_summary_breaks_no_rule(
    row: RecordedSummary, previous: RecordedSummary | None, pools: Sequence[Pool] | None
) -> None:
    assert found(row, previous, pools=pools) == []


FORGED: dict[str, tuple[RecordedSummary, RecordedSummary | None, Sequence[Pool] | None, str]] = {
    "the same day twice": (SOUND, replace(SOUND, id=1), BOTH, "summary_repeated"),
    "another's day twice": (THEIRS, replace(SOUND, id=1), BOTH, "summary_repeated"),
    "finer than a cent": (summary("100.001", "50", "150.001"), None, BOTH, "summary_not_whole"),
    "whole finer than a cent": (
        summary(None, None, "77.777"),
        None,
        (Pool.UNIFIED,),
        "summary_not_whole",
    ),
    "finer than a cent in whichever pools": (
        summary("100.001", "50", "7"),
        None,
        None,
        "summary_not_whole",
    ),
    "time of nothing": (
        timed(summary("100", None, None), futures=NOON),
        None,
        BOTH,
        "time_without_balance",
    ),
    "another sum": (summary("100", "50", "150.01"), None, BOTH, "ending_wrong"),
    "no sum": (summary("100", "50", None), None, BOTH, "ending_wrong"),
    "sum of an unknown part": (summary("100", None, "100"), None, BOTH, "ending_wrong"),
    "sum of what a spot-only venue has not": (
        summary("100", "50", "150"),
        None,
        (Pool.SPOT,),
        "ending_wrong",
    ),
    "sum that looks fresh": (timed(SOUND, spot=EARLIER), None, BOTH, "ending_time_wrong"),
    "sum that looks old": (timed(SOUND, unified=EARLIER), None, BOTH, "ending_time_wrong"),
    "sum without a time": (timed(SOUND, unified=None), None, BOTH, "ending_time_wrong"),
    "another start": (replace(SOUND, starting=Decimal(149)), YESTERDAY, BOTH, "start_wrong"),
    "start after an unknown yesterday": (
        replace(SOUND, starting=Decimal(150)),
        UNKNOWN_YESTERDAY,
        BOTH,
        "start_wrong",
    ),
    "start of nothing after an unknown yesterday": (
        replace(SOUND, starting=Decimal(0)),
        UNKNOWN_YESTERDAY,
        BOTH,
        "start_wrong",
    ),
    "part of a unified wallet": (
        summary("5", None, "77.77"),
        None,
        (Pool.UNIFIED,),
        "unified_with_parts",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_summary_is_found_and_nothing_else(name: str) -> None:
    row, previous, pools, expected = FORGED[name]

    assert found(row, previous, pools=pools) == [expected]


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        (("5", NOON), []),
        (("5", EARLIER), ["unified_with_parts"]),
        (("6", NOON), ["unified_with_parts"]),
    ],
)
@pytest.mark.parametrize("pool", [Pool.SPOT, Pool.FUTURES])
def test_part_that_another_program_left_on_a_unified_wallet_may_be_carried_on(
    pool: Pool, carried: tuple[str, Any], expected: list[str]
) -> None:
    parts = ("5", None) if pool is Pool.SPOT else (None, "5")
    row = summary(*parts, "77.77")

    assert found(row, YESTERDAY, pools=(Pool.UNIFIED,), **{pool.value: carried}) == expected


def test_what_an_ending_and_a_start_should_be_is_told() -> None:
    row = summary("100", "50", "150.50", starting=Decimal(149))
    told = list(check_summary(row, YESTERDAY, dict.fromkeys(Pool), pools=BOTH, quantum=QUANTUM))

    figures = [{**reason.figures} for reason in told]
    assert [reason.code for reason in told] == [Code.ENDING_WRONG, Code.START_WRONG]
    assert figures == [
        {**row.figures, "ending": "150.5", "expected": "150"},
        {**row.figures, "starting": "149", "ending": "150", "other": "1"},
    ]
