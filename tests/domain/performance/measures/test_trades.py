"""Statistics of trades."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.performance.measures.trades import (
    EndedTrade,
    TradeStatistics,
    TradeSums,
    sums_of,
    trade_statistics,
)
from capital.domain.reasons import Code, Reason
from tests.domain.performance.measures.builders import D

STATED = ("100", "200", "50", "-150", "300", "-100", "80", "-30")


def statistics(*amounts: str | Decimal, **fields: bool) -> TradeStatistics:
    return trade_statistics(
        [
            EndedTrade(D(amount), timedelta(hours=number), **fields)
            for number, amount in enumerate(amounts, start=1)
        ]
    )


def rounded(figure: Decimal | Reason, places: int = 6) -> Decimal:
    assert isinstance(figure, Decimal)
    return round(figure, places)


def test_the_trades_of_the_ruling() -> None:
    found = statistics(*STATED)

    assert (found.trades, found.wins, found.losses, found.incomplete) == (8, 5, 3, 0)
    assert found.win_rate == D("0.625")
    assert rounded(found.profit_factor) == D("2.607143")
    assert found.expectancy == D("56.25")
    assert rounded(found.sqn) == D("1.062390")
    # 146 on average against 93.33
    assert rounded(found.payoff) == D("1.564286")
    assert (found.largest_win, found.largest_loss) == (300, -150)
    assert found.longest_losing_series == 1
    assert found.average_held_for == timedelta(hours=4, minutes=30)


def test_sums_of_two_months_are_those_of_all_their_trades() -> None:
    trades = [
        EndedTrade(D(amount), timedelta(hours=number), is_complete=number % 3 != 0)
        for number, amount in enumerate(STATED, start=1)
    ]

    first, second = sums_of(trades[:3]), sums_of(trades[3:])
    first.add(second)

    assert first == sums_of(trades)
    assert first == TradeSums(
        trades=8,
        wins=5,
        losses=3,
        incomplete=2,
        won=D(730),
        lost=D(-280),
        squares=D(182300),
        held_for=timedelta(hours=36),
        largest_win=D(300),
        largest_loss=D(-150),
    )


def test_the_smallest_win_is_no_loss() -> None:
    found = statistics("0.5")

    assert (found.largest_win, found.largest_loss) == (D("0.5"), None)


def test_a_trade_of_exactly_nothing_is_neither_and_ends_a_losing_series() -> None:
    found = statistics("-1", "-1", "0", "-1", "3")

    assert (found.trades, found.wins, found.losses) == (5, 1, 3)
    assert found.win_rate == D("0.25")
    assert found.longest_losing_series == 2
    assert found.expectancy == 0


def test_what_is_not_quite_known_is_counted() -> None:
    assert statistics("1", "2", is_complete=False).incomplete == 2


@pytest.mark.parametrize(
    ("amounts", "codes"),
    [
        ([], [Code.NO_TRADES] * 5),
        (["5"], [None, Code.NO_LOSSES, Code.NO_LOSSES, None, Code.ONE_TRADE]),
        (["-5", "-5"], [None, None, Code.NO_WINS, None, Code.CONSTANT]),
        (["0", "0"], [Code.NO_TRADES, Code.NO_TRADES, Code.NO_TRADES, None, Code.ALL_ZERO]),
        (["5", "-5"], [None] * 5),
    ],
)
def test_edges_answer_reasons(amounts, codes) -> None:
    found = statistics(*amounts)
    figures = (found.win_rate, found.profit_factor, found.payoff, found.expectancy, found.sqn)

    assert [each.code if isinstance(each, Reason) else None for each in figures] == codes


def test_without_trades_nothing_is_largest_and_nothing_was_held() -> None:
    found = statistics()

    assert (found.largest_win, found.largest_loss, found.average_held_for) == (None, None, None)


@given(st.lists(st.decimals("-99", "99", places=2), min_size=2, max_size=30))
def test_winners_and_losers_change_places_when_all_is_turned_around(amounts) -> None:
    found, turned = statistics(*amounts), statistics(*(-each for each in amounts))

    assert (found.wins, found.losses) == (turned.losses, turned.wins)
    assert isinstance(found.expectancy, Decimal)
    assert isinstance(turned.expectancy, Decimal)
    assert found.expectancy == -turned.expectancy
    if isinstance(found.profit_factor, Decimal) and isinstance(turned.profit_factor, Decimal):
        assert rounded(found.profit_factor * turned.profit_factor, 9) in (0, 1)
