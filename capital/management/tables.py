"""Allocations as several commands print them: as a table, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _
from rich.table import Table
from rich.text import Text

from capital.domain.balances import Source
from capital.domain.money import plain
from capital.domain.reasons import Code
from capital.management.names import pool_name, source_name
from capital.management.output import grouped
from capital.services.allocation import EntryReport, RunReport, told_steps


def decision_table(reports: Sequence[RunReport]) -> Table:
    """A table of every pool and strategy of each account, with amounts before and after."""
    table = Table(header_style="bold")
    # On a narrow terminal cells fold at spaces, so that no amount is cut off.
    table.add_column(_("Account"), overflow="fold")
    table.add_column(_("Pool"), no_wrap=True)
    table.add_column(_("Source"), no_wrap=True)
    table.add_column(_("Balance"), justify="right", overflow="fold")
    table.add_column(_("Strategy"), overflow="fold")
    table.add_column(_("Weight"), justify="right", no_wrap=True)
    table.add_column(_("Before → after"), justify="right", overflow="fold")
    table.add_column(_("Reason"), overflow="fold", min_width=20, ratio=1)
    for report in reports:
        name = report.account
        for pool in report.pools:
            of_pool: list[str | Text] = [
                pool_name(pool.pool),
                Text(
                    source_name(pool.source), style="" if pool.source == Source.LIVE else "yellow"
                ),
                grouped(pool.balance) + ("" if pool.balance is None else f" {report.currency}"),
            ]
            why = "" if pool.code == Code.LIVE_BALANCE else pool.reason
            for entry in pool.entries:
                own = pool.reason_of(entry)
                code = Code.get(entry.code)
                if code is not None and code.is_by_reading:
                    own, why = f"{own}\n{why}".strip(), ""
                table.add_row(
                    name, *of_pool, entry.strategy, plain(entry.weight), _change(entry), own
                )
                name, of_pool = "", ["", "", ""]
        table.add_section()
    return table


def report_as_json(report: RunReport) -> dict[str, Any]:
    """The object that ``--json`` prints for one account."""
    answer = asdict(report)
    for pool, told in zip(answer["pools"], report.pools, strict=True):
        del pool["figures"]
        for entry, each in zip(pool["entries"], told.entries, strict=True):
            del entry["steps"]
            entry["how"] = told_steps(each.steps, report.currency)
    return answer


def _change(entry: EntryReport) -> Text:
    style = "" if entry.before == entry.after else "bold"
    return Text(f"{grouped(entry.before)} → {grouped(entry.after)}", style=style)
