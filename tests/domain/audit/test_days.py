"""Days of links: what begins before the first decision has no equity that is known."""

from datetime import date
from decimal import Decimal

import pytest

from capital.domain.audit.days import DayFigures, RecordedDay, check_link_day

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
