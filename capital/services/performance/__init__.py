"""How well strategies did: returns, drawdowns, ratios and trades, from the days of their links."""

from capital.services.performance.detail import Curve, PerformanceDetail, performance_detail
from capital.services.performance.distribution import Bin, trade_returns
from capital.services.performance.figures import (
    FIGURES,
    Figure,
    Figures,
    Kind,
    columns_of,
    figures_of,
)
from capital.services.performance.groups import GROUPS, Group, currencies_of
from capital.services.performance.periods import PERIODS, chosen_month, chosen_period
from capital.services.performance.report import PerformanceReport, PerformanceRow, performance
from capital.services.performance.returns import CurvePoint, curve
from capital.services.performance.sheets import (
    report_as_table,
    report_as_workbook,
    statements_as_table,
    statements_as_workbook,
)
from capital.services.performance.sparklines import Spark, spark
from capital.services.performance.statements import (
    LINES,
    Line,
    Statement,
    account_statements,
    owner_statements,
)
from capital.services.performance.trades import ended_trades
from capital.services.performance.written import (
    detail_as_json,
    report_as_json,
    statement_as_json,
)

__all__ = [
    "FIGURES",
    "GROUPS",
    "LINES",
    "PERIODS",
    "Bin",
    "Curve",
    "CurvePoint",
    "Figure",
    "Figures",
    "Group",
    "Kind",
    "Line",
    "PerformanceDetail",
    "PerformanceReport",
    "PerformanceRow",
    "Spark",
    "Statement",
    "account_statements",
    "chosen_month",
    "chosen_period",
    "columns_of",
    "currencies_of",
    "curve",
    "detail_as_json",
    "ended_trades",
    "figures_of",
    "owner_statements",
    "performance",
    "performance_detail",
    "report_as_json",
    "report_as_table",
    "report_as_workbook",
    "spark",
    "statement_as_json",
    "statements_as_table",
    "statements_as_workbook",
    "trade_returns",
]
