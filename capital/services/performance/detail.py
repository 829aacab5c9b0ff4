"""One strategy or account in detail: its rows, its symbols, and a curve in each currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import Measured, Returns
from capital.models import StrategyAccount
from capital.services.performance.report import (
    PerformanceReport,
    PerformanceRow,
    performance,
)
from capital.services.performance.returns import CurvePoint, curve


@dataclass(frozen=True)
class Curve:
    """How it went in one currency, day by day.

    Attributes:
        points: One for each day.
        months: The chained return of each calendar month, as ``2026-11``, or why there is none.
    """

    currency: str
    points: Sequence[CurvePoint]
    months: Sequence[tuple[str, Measured]]


@dataclass(frozen=True)
class PerformanceDetail:
    """Of the links that were asked for.

    Attributes:
        whole: A row for each currency of the strategy, or of what else it is about.
        links: A row for each link and currency.
        symbols: A row for each symbol and currency.
        curves: In each currency of its accounts.
    """

    whole: PerformanceReport
    links: PerformanceReport
    symbols: PerformanceReport
    curves: Sequence[Curve]


def performance_detail(
    links: "QuerySet[StrategyAccount]",
    period: Period,
    *,
    by: str = "strategy",
    currency: str | None = None,
) -> PerformanceDetail:
    """How these links did. A constant number of queries.

    Args:
        links: Of one strategy, or of one account.
        period: Which days.
        by: Of ``GROUPS``: what they are all of.
        currency: Only what was earned in it.
    """
    whole, by_link, symbols = (
        performance(links, by=each, period=period, currency=currency)
        for each in (by, "link", "symbol")
    )
    curves = [_curve(row) for row in whole.rows if row.is_own]
    return PerformanceDetail(whole, by_link, symbols, curves)


def _curve(row: PerformanceRow) -> Curve:
    series = row.measures.series
    months: dict[str, tuple[list[date], list[int]]] = {
        f"{day:%Y-%m}": ([], []) for day in series.dates
    }
    for day, each in zip(series.returns.dates, series.returns.values, strict=True):
        dates, values = months[f"{day:%Y-%m}"]
        dates.append(day)
        values.append(each)
    return Curve(
        row.currency,
        curve(series.days),
        [(month, Returns(*returns).total) for month, returns in months.items()],
    )
