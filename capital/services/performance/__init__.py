"""How well strategies did: returns, drawdowns, ratios and trades, from the days of their links."""

from capital.services.performance.detail import Curve, PerformanceDetail, performance_detail
from capital.services.performance.distribution import Bin, trade_returns
from capital.services.performance.figures import FIGURES, Figure, Figures, Kind, figures_of
from capital.services.performance.groups import GROUPS, Group
from capital.services.performance.periods import PERIODS, chosen_period
from capital.services.performance.report import PerformanceReport, PerformanceRow, performance
from capital.services.performance.returns import CurvePoint, curve
from capital.services.performance.sparklines import MOST_SPARK_DAYS, sparks
from capital.services.performance.trades import ended_trades
from capital.services.performance.written import (
    detail_as_json,
    report_as_json,
    report_as_table,
)

__all__ = [
    "FIGURES",
    "GROUPS",
    "MOST_SPARK_DAYS",
    "PERIODS",
    "Bin",
    "Curve",
    "CurvePoint",
    "Figure",
    "Figures",
    "Group",
    "Kind",
    "PerformanceDetail",
    "PerformanceReport",
    "PerformanceRow",
    "chosen_period",
    "curve",
    "detail_as_json",
    "ended_trades",
    "figures_of",
    "performance",
    "performance_detail",
    "report_as_json",
    "report_as_table",
    "sparks",
    "trade_returns",
]
