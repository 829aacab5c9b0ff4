"""Sharpe, Sortino, Calmar and the annual figures: as empyrical has them, where it has any."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.performance.measures.drawdowns import Drawdowns, return_drawdowns
from capital.domain.performance.measures.ratios import (
    Ratios,
    annual_return,
    annual_volatility,
    calmar,
    ratios_of,
    sharpe,
    sortino,
)
from capital.domain.reasons import Code, Reason
from tests.domain.performance.measures.builders import D, chained, percents, returned, returns

# The series of empyrical's own tests, less its NaN.
ITS_OWN = percents(1, 10, -4, 2, 3, 2, 1, -10)


def depth(values: list[Decimal]) -> Decimal:
    found = return_drawdowns(returned(values))
    assert isinstance(found, Drawdowns)
    return found.depth


def test_its_own_series_gives_its_own_figures() -> None:
    assert round(float(chained(ITS_OWN)), 5) == 0.03893
    assert round(float(sharpe(returned(ITS_OWN))), 5) == 2.07467
    assert round(float(sortino(returned(ITS_OWN))), 5) == 3.13576
    assert depth(ITS_OWN) == D("0.1")


def ours(values: list[Decimal]) -> dict[str, Decimal | Reason]:
    return {
        "cum_returns_final": chained(values),
        "annual_return": annual_return(returned(values)),
        "annual_volatility": annual_volatility(returned(values)),
        "sharpe_ratio": sharpe(returned(values)),
        "sortino_ratio": sortino(returned(values)),
        "calmar_ratio": calmar(returned(values), depth(values)),
        "max_drawdown": -depth(values),
    }


def theirs(values: list[Decimal]) -> dict[str, float]:
    # They bring scipy and pandas: every process of a run would import them, to collect tests.
    import empyrical
    import numpy

    floats = numpy.array([float(each) for each in values])
    yearly = {"annualization": 365}
    return {
        name: float(getattr(empyrical, name)(floats, **(yearly if "_" in name and of_year else {})))
        for name, of_year in (
            ("cum_returns_final", False),
            ("annual_return", True),
            ("annual_volatility", True),
            ("sharpe_ratio", True),
            ("sortino_ratio", True),
            ("calmar_ratio", True),
            ("max_drawdown", False),
        )
    }


def test_two_hundred_random_series_agree_with_empyrical_to_twelve_digits() -> None:
    chance = random.Random(18)
    for _ in range(200):
        length = chance.randint(30, 400)
        values = [D(str(round(chance.gauss(0.0005, 0.02), 6))) for _ in range(length)]
        of_empyrical = theirs(values)
        for name, figure in ours(values).items():
            assert isinstance(figure, Decimal), name
            assert float(figure) == pytest.approx(of_empyrical[name], rel=1e-12), name


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([], [Code.NO_DAYS] * 5),
        (percents(1), [None, Code.ONE_DAY, Code.ONE_DAY, Code.ONE_DAY, Code.NO_DRAWDOWN]),
        (
            percents(0, 0, 0),
            [None, None, Code.ALL_ZERO, Code.ALL_ZERO, Code.NO_DRAWDOWN],
        ),
        (
            percents(1, 1, 1),
            [None, None, Code.CONSTANT, Code.NO_LOSING_DAY, Code.NO_DRAWDOWN],
        ),
        (percents(-1, -1, -1), [None, None, Code.CONSTANT, Code.CONSTANT, None]),
        (percents(1, 2, 0), [None, None, None, Code.NO_LOSING_DAY, Code.NO_DRAWDOWN]),
        (percents(5, -100, 5), [Code.RUIN] * 5),
        (percents(5, -160, 5), [Code.RUIN] * 5),
    ],
)
def test_edges_answer_reasons_where_empyrical_answers_infinity_or_nothing(values, codes) -> None:
    found = return_drawdowns(returned(values))
    deepest = found.depth if isinstance(found, Drawdowns) else D(0)
    figures = (
        annual_return(returned(values)),
        annual_volatility(returned(values)),
        sharpe(returned(values)),
        sortino(returned(values)),
        calmar(returned(values), deepest),
    )

    assert [each.code if isinstance(each, Reason) else None for each in figures] == codes


def test_a_day_of_each_year_gives_its_growth() -> None:
    assert annual_return(returned([D("0.001")] * 365)) == pytest.approx(
        D("1.001") ** 365 - 1, abs=D("1e-15")
    )
    assert annual_volatility(returned(percents(1, 1))) == 0


def test_fewer_than_thirty_days_answer_so() -> None:
    days, more = percents(*range(-9, 20)), percents(*range(-9, 21))
    too_few = Reason(Code.TOO_FEW_DAYS, {"days": "29", "least": "30"})

    assert ratios_of(returned(days), D("0.1")) == Ratios(why=too_few)
    assert Ratios(why=too_few).calmar == Ratios(why=too_few).sortino == too_few
    found = ratios_of(returned(more), D("0.1"))
    assert found.sharpe == sharpe(returned(more))
    assert found.calmar == calmar(returned(more), D("0.1"))
    assert ratios_of(returned([]), None).sharpe == Reason(Code.NO_DAYS)


@given(returns)
def test_turning_every_return_around_turns_sharpe_around(values) -> None:
    figure = sharpe(returned(values))
    if isinstance(figure, Decimal):
        assert sharpe(returned([-each for each in values])) == -figure


@given(returns, st.sampled_from(["0.5", "0.25"]))
def test_half_of_every_return_has_half_the_volatility_and_the_same_sharpe(values, part) -> None:
    parts = [each * D(part) for each in values]
    whole, lesser = annual_volatility(returned(values)), annual_volatility(returned(parts))

    assert isinstance(whole, Decimal)
    assert lesser == pytest.approx(whole * D(part), abs=D("2e-15"))
    figure = sharpe(returned(values))
    if isinstance(figure, Decimal):
        assert sharpe(returned(parts)) == pytest.approx(figure, abs=D("2e-15"))


@given(returns)
def test_sortino_has_the_sign_of_the_mean(values) -> None:
    figure = sortino(returned(values))
    if isinstance(figure, Decimal):
        assert (figure > 0) == (sum(values) > 0)
