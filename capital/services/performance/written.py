"""Reports as programs read them: the same in the API, the command's JSON and CSV.

Amounts and parts are texts without an exponent, unrounded; spans are seconds.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from capital.domain.money import EXACT, plain
from capital.domain.reasons import Code, Reason
from capital.services.performance.detail import Curve, PerformanceDetail
from capital.services.performance.figures import figures_of
from capital.services.performance.report import PerformanceReport, PerformanceRow
from capital.services.performance.statements import Statement
from capital.services.sentences import sentence

# Of one day of a curve.
_OF_DAY = (
    *("date", "equity_start", "capital", "pnl", "equity_end", "daily_return", "chained"),
    "drawdown",
)


def report_as_json(report: PerformanceReport) -> dict[str, Any]:
    """The whole report; what is missing is told with each row."""
    return {
        "by": report.by,
        "since": written(report.period.since),
        "until": written(report.period.until),
        "results": [row_as_json(row) for row in report.rows],
        "without_source": [group.name for group in report.without_source],
    }


def detail_as_json(detail: PerformanceDetail) -> dict[str, Any]:
    """One strategy in detail."""
    whole = report_as_json(detail.whole)
    return {
        "since": whole["since"],
        "until": whole["until"],
        "rows": whole["results"],
        "links": report_as_json(detail.links)["results"],
        "symbols": report_as_json(detail.symbols)["results"],
        "curves": [_curve_as_json(each) for each in detail.curves],
        "missing": [] if detail.whole.rows else [missing_as_json("rows", Reason(Code.NO_SOURCE))],
    }


def _curve_as_json(curve: Curve) -> dict[str, Any]:
    return {
        "currency": curve.currency,
        "days": [
            {name: written(getattr(point, name)) for name in _OF_DAY} for point in curve.points
        ],
        "months": [
            {
                "month": month,
                "return": None if isinstance(told, Reason) else written(told),
                "code": told.code.value if isinstance(told, Reason) else None,
            }
            for month, told in curve.months
        ],
    }


def row_as_json(row: PerformanceRow) -> dict[str, Any]:
    """One row: its figures by name, null with an entry in ``missing`` where one has no answer."""
    told = figures_of(row)
    return {
        "id": row.group.id or None,
        "name": row.group.name,
        "currency": row.currency,
        "is_account_currency": row.is_own,
        **{name: written(value) for name, value in told.values.items()},
        "fees_unvalued": {name: plain(amount) for name, amount in told.fees_unvalued.items()},
        "missing": [missing_as_json(name, reason) for name, reason in told.reasons.items()],
    }


def missing_as_json(name: str, reason: Reason) -> dict[str, Any]:
    """Why a figure has no answer."""
    return {
        "figure": name,
        "code": reason.code.value,
        "figures": dict(reason.figures),
        "reason": sentence(reason),
    }


def statement_as_json(statement: Statement) -> dict[str, Any]:
    """One statement: its amounts by name, null with an entry in ``missing`` where unknown."""
    found = statement.amounts
    return {
        "id": statement.whose.id,
        "name": statement.whose.name,
        "currency": statement.currency,
        "month": f"{statement.month:%Y-%m}",
        "begins_at": _moment(statement.begins_at),
        "ends_at": _moment(statement.ends_at),
        **{
            name: None if isinstance(amount, Reason) else written(amount)
            for name, amount in found.items()
        },
        "missing": [
            missing_as_json(name, amount)
            for name, amount in found.items()
            if isinstance(amount, Reason)
        ],
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat()


def written(value: Decimal | int | date | timedelta | None) -> str | int | None:
    """One value as programs read it."""
    if isinstance(value, Decimal):
        return plain(EXACT.normalize(value))
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, date):
        return value.isoformat()
    return value
