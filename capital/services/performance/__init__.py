"""How well strategies did: returns, drawdowns, ratios and trades, from the days of their links."""

from capital.services.performance.detail import Curve, PerformanceDetail, performance_detail
from capital.services.performance.figures import FIGURES, Figure, Figures, Kind, figures_of
from capital.services.performance.groups import GROUPS, Group
from capital.services.performance.periods import PERIODS, chosen_period
from capital.services.performance.report import PerformanceReport, PerformanceRow, performance
from capital.services.performance.returns import CurvePoint, curve
from capital.services.performance.trades import ended_trades
from capital.services.performance.written import (
    detail_as_json,
    report_as_json,
    report_as_table,
)

__all__ = [
    "FIGURES",
    "GROUPS",
    "PERIODS",
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
]
