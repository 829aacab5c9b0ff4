"""What a preview of an import shows: sums, why they differ, problems, and line by line."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from capital.admin.frame.cells import badge, gain
from capital.admin.frame.formats import change, money, number
from capital.domain.reasons import Code
from capital.models import Fill
from capital.services.sentences import sentence
from capital.services.trading import (
    FillCode,
    ImportedLine,
    ImportedSum,
    ImportReport,
    ProblemLines,
    TradeFile,
    alike_problems,
)

# Of more lines, whoever reads them sees what is in the file; of more problems, what is wrong.
MOST_SHOWN = 200
# So many are shown opened, on a phone too.
FEW_LINES = 20
MOST_PROBLEMS = 50

# What became of the lines of a strategy, as it is counted.
COUNTS = [
    ("recorded", gettext_lazy("New fills")),
    ("known", gettext_lazy("Already known")),
    ("differs", gettext_lazy("Known, with other figures")),
    ("provisional", gettext_lazy("Provisional")),
    ("uncounted", gettext_lazy("Not counted")),
    ("fundings", gettext_lazy("Funding payments")),
]
_STATES: dict[FillCode, tuple[Any, str, Any]] = {
    FillCode.RECORDED: (gettext_lazy("new"), "success", ""),
    FillCode.KNOWN: (gettext_lazy("known"), "", ""),
    FillCode.DIFFERS: (
        gettext_lazy("known, with other figures"),
        "warning",
        gettext_lazy("What was recorded first stays. The difference is recorded."),
    ),
}

# What is said beside a line that is taken, in two words.
_WARNINGS = {
    Code.SYMBOL_OF_OTHER_MARKET: gettext_lazy("other market"),
    Code.FUNDING_DIFFERS: gettext_lazy("other funding"),
}


def preview_context(
    file: TradeFile, report: ImportReport, names: Mapping[str, Any]
) -> dict[str, Any]:
    """What the page shows of a report.

    Args:
        file: What was uploaded.
        report: What it would do.
        names: How the strategies are called, by their keys.
    """
    lines = sorted(report.lines, key=lambda each: (not _is_notable(each), each.line.number))
    problems = alike_problems(report.problems)
    columns = [
        (name, label)
        for name, label in COUNTS
        if name in ("recorded", "known") or any(getattr(link, name) for link in report.links)
    ]
    return {
        "may_lack_last": file.may_lack_last,
        "problems": [_problem(each) for each in problems[:MOST_PROBLEMS]],
        "more_problems": max(len(problems) - MOST_PROBLEMS, 0),
        "columns": [label for _, label in columns],
        "links": [
            (
                names.get(link.strategy, link.strategy),
                [(label, getattr(link, name)) for name, label in columns],
            )
            for link in report.links
        ],
        "has_provisional": any(link.provisional for link in report.links),
        "has_uncounted": any(link.uncounted for link in report.links),
        "sums": [_sum(currency, sums) for currency, sums in report.sums.items()],
        "lines": [_line(each, names) for each in lines[:MOST_SHOWN]],
        "shows_lines": len(lines) <= FEW_LINES or any(map(_is_notable, lines)),
        "more_lines": max(len(lines) - MOST_SHOWN, 0),
        "is_empty": not report.lines and not report.problems,
        "is_new": any(link.recorded or link.fundings or link.differs for link in report.links),
    }


def _is_notable(line: ImportedLine) -> bool:
    return line.code is FillCode.DIFFERS or not line.result.is_counted or bool(line.result.warnings)


def _problem(problem: ProblemLines) -> dict[str, Any]:
    return {
        "number": problem.ranges,
        "column": problem.column,
        "text": sentence(problem.reason),
    }


def _sum(currency: str, sums: ImportedSum) -> dict[str, Any]:
    said = sums.explained
    return {
        "currency": currency,
        "realized": gain(sums.realized, currency),
        "fees": money(sums.fees, currency),
        "funding": money(sums.funding, currency),
        "unvalued": [money(fee, name) for name, fee in sums.fees_unvalued.items()],
        "stated": None if said is None else change(said.stated, currency),
        "difference": list(_difference(currency, sums)),
        "unsettled": money(sums.unsettled, currency) if sums.unsettled else "",
    }


def _difference(currency: str, sums: ImportedSum) -> Iterator[tuple[str, Any]]:
    for amount, why in sums.difference:
        yield change(amount, currency), why


def _line(each: ImportedLine, names: Mapping[str, Any]) -> dict[str, Any]:
    fill = each.line.fill
    text, colour, title = _STATES[each.code]
    labels = [badge(text, colour, str(title))]
    if not each.result.is_counted:
        why = gettext("Better rows tell of this order: this one stands beside them.")
        labels.append(badge(gettext("not counted"), "warning", why))
    elif each.is_provisional:
        why = gettext("It counts until the exchange's own fills of its order are known.")
        labels.append(badge(gettext("provisional"), "info", why))
    labels += [
        badge(str(_WARNINGS[reason.code]), "warning", sentence(reason))
        for reason in each.result.warnings
    ]
    return {
        "number": each.line.number,
        "strategy": names.get(each.strategy, each.strategy),
        "executed_at": fill.executed_at,
        "symbol": fill.symbol,
        "side": Fill(side=fill.side.value).get_side_display(),
        "quantity": number(fill.quantity),
        "price": number(fill.price),
        "funding": number(each.line.funding),
        "labels": labels,
    }
