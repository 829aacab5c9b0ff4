"""Reports of performance as files: CSV as the command writes it, and a workbook for people."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext

from capital.admin.frame.exports import Column, csv_response, workbook_response
from capital.admin.performance.table import HEADS
from capital.domain.money import EXACT
from capital.services.performance import FIGURES, Kind, PerformanceReport, figures_of

_FORMATS = {Kind.PART: "0.00%", Kind.RATIO: "0.00", Kind.COUNT: "0", Kind.SPAN: "[h]:mm:ss"}


def exported(form: str, name: str, report: PerformanceReport) -> HttpResponseBase:
    """All rows and all figures of a report; empty cells are not known.

    Args:
        form: ``csv`` as programs read it, ``xlsx`` with titles and formats.
        name: Of the file.
        report: In its order.

    Raises:
        Http404: Another form.
    """
    if form == "csv":
        return csv_response(name, [report.by, "currency", *FIGURES], _rows(report, _plain))
    if form != "xlsx":
        raise Http404
    columns = [
        Column(str(HEADS[report.by])),
        Column(gettext("Currency")),
        *(Column(str(each.title), _FORMATS.get(each.kind, "")) for each in FIGURES.values()),
    ]
    return workbook_response(name, columns, _rows(report))


def _rows(
    report: PerformanceReport, told: Callable[[Any], Any] = lambda cell: cell
) -> Iterator[list[Any]]:
    for row in report.rows:
        values = figures_of(row).values
        yield [row.group.name, row.currency, *(told(values[each]) for each in FIGURES)]


def _plain(value: Any) -> Any:
    """As programs read it, in the command's CSV, too."""
    if isinstance(value, Decimal):
        return EXACT.normalize(value)
    return value // timedelta(seconds=1) if isinstance(value, timedelta) else value
