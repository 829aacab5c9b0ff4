"""When a signal says that it was sent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from capital.domain.errors import InvalidOrder
from capital.domain.reasons import Code
from capital.domain.sizing.words import in_plain_words, sent_at

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("timenow", "at"),
    [
        (None, None),
        ("2026-11-24T03:00:00Z", AT),
        (" 2026-11-24T12:00:00+09:00 ", AT),
        (int(AT.timestamp()), AT),
        (str(int(AT.timestamp()) * 1000), AT),
    ],
)
def test_it_is_read_as_tradingview_and_programs_write_it(timenow: Any, at: datetime | None) -> None:
    assert sent_at({} if timenow is None else {"timenow": timenow}) == at


@pytest.mark.parametrize("timenow", ["yesterday", "2026-11-24T03:00:00", "{{timenow}}", ""])
def test_what_is_no_moment_is_refused(timenow: str) -> None:
    with pytest.raises(ValueError, match=r"^$|isoformat string"):
        sent_at({"timenow": timenow})


def test_side_and_action_may_say_the_same_and_not_two_things() -> None:
    same = {"symbol": "BTC/USDT", "side": "buy", "action": "BUY", "qty_per": "50"}
    assert in_plain_words(dict(same)) == in_plain_words(
        {name: value for name, value in same.items() if name != "action"}
    )
    with pytest.raises(InvalidOrder) as refused:
        in_plain_words({**same, "action": "sell"})
    assert refused.value.code is Code.WORDS_CONTRADICT
