"""The table of performance: a row for each, in each currency, sorted by any column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from capital.admin.performance.asked import Asked
from capital.admin.performance.cells import Cell, figure_cell, numbered
from capital.admin.performance.drawing import sparkline
from capital.services.performance import (
    FIGURES,
    Figure,
    Kind,
    PerformanceReport,
    PerformanceRow,
    columns_of,
    figures_of,
    spark,
)

ORDERS = tuple(dict.fromkeys(("name", *columns_of("strategy"), *columns_of("symbol"))))
HEADS: Mapping[str, Any] = {
    "strategy": gettext_lazy("Strategy"),
    "link": gettext_lazy("Strategy / account"),
    "account": gettext_lazy("Account"),
    "owner": gettext_lazy("Owner"),
    "symbol": gettext_lazy("Symbol"),
}


@dataclass(frozen=True)
class Head:
    """The head of a column, by which the table may be sorted."""

    title: Any
    url: str
    sorted: str = ""
    figure: Figure | None = None


@dataclass(frozen=True)
class TableRow:
    """One row; ``url`` leads to the page of what it is about."""

    name: str
    note: str
    url: str
    currency: str
    cells: Sequence[Cell]
    spark: SafeString


@dataclass(frozen=True)
class Table:
    """What ``capital/performance/table.html`` shows.

    ``whys``: why figures are missing, each reason once.
    """

    name: Head
    heads: Sequence[Head]
    rows: Sequence[TableRow]
    has_sparks: bool
    whys: Sequence[str] = ()


def in_order(report: PerformanceReport, order: str) -> list[PerformanceRow]:
    """The rows of a report by a column; those without a figure come last.

    Args:
        report: By name.
        order: Of ``ORDERS``, after a ``-`` the largest first; empty for the report's own order.
            Amounts of different currencies are not compared: currencies stand together.
    """
    name, is_reverse = order.removeprefix("-"), order.startswith("-")
    rows = list(report.rows)
    if name in ("", "name"):
        return rows[::-1] if is_reverse else rows
    values: dict[int, Any] = {id(row): FIGURES[name].of(row) for row in rows}
    known: list[Any] = [row for row in rows if isinstance(values[id(row)], Decimal | int)]
    known.sort(key=lambda row: values[id(row)], reverse=is_reverse)
    rest = [row for row in rows if not isinstance(values[id(row)], Decimal | int)]
    ordered = [*known, *rest]
    if FIGURES[name].kind is Kind.AMOUNT:
        ordered.sort(key=lambda row: row.currency)
    return ordered


def table_of(
    asked: Asked,
    by: str,
    rows: Sequence[PerformanceRow],
    *,
    names: Mapping[int, tuple[str, str]],
    has_sparks: bool = False,
) -> Table:
    """The table.

    Args:
        asked: What the page was asked for; its heads lead to the same, sorted otherwise.
        by: Of ``GROUPS``.
        rows: In their order.
        names: By primary key, what each is called and its address.
        has_sparks: Whether each has a sparkline.
    """
    columns = columns_of(by)
    told, whys = [], list[str]()
    for row in rows:
        figures = figures_of(row, columns)
        name, url = names.get(row.group.id, (row.group.name, ""))
        told.append(
            TableRow(
                name=name,
                # By what bots name it, where that is something else.
                note=row.group.name if by == "strategy" and name != row.group.name else "",
                url=url,
                currency=row.currency,
                cells=numbered(
                    (figure_cell(figures, each, row.currency) for each in columns), whys
                ),
                spark=sparkline(spark(row)) if has_sparks else SafeString(),
            )
        )
    heads = [_head(asked, each, FIGURES[each].title, FIGURES[each]) for each in columns]
    return Table(_head(asked, "name", HEADS[by]), heads, told, has_sparks, whys)


def _head(asked: Asked, name: str, title: Any, figure: Figure | None = None) -> Head:
    """A click sorts from the largest; a second one from the smallest. Names begin with A."""
    first, second = ("", "-name") if name == "name" else (f"-{name}", name)
    is_first, is_second = asked.order == first, asked.order == second
    directions = ("ascending", "descending") if name == "name" else ("descending", "ascending")
    sorted_ = directions[0] if is_first else directions[1] if is_second else ""
    return Head(title, asked.url(o=second if is_first else first), sorted_, figure)
