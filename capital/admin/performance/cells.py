"""Figures of performance as text: percent, amounts, counts, spans; a dash with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from capital.admin.dashboard.earnings import shown
from capital.admin.frame.formats import NOTHING, on_quantum, span
from capital.domain.money import CENT, EXACT, ROUNDED, grouped
from capital.domain.reasons import Reason
from capital.services.performance import FIGURES, Figure, Figures, Kind
from capital.services.sentences import sentence

# Above zero is good news, below zero bad: these have a sign and a colour.
SIGNED = frozenset(
    (
        *("return", "pnl", "roi", "realized", "funding", "unrealized_change", "annual_return"),
        *("expectancy", "largest_win", "largest_loss"),
    )
)


@dataclass(frozen=True)
class Cell:
    """A figure as text.

    Attributes:
        text: A dash where there is none.
        direction: ``up`` or ``down`` of a gain or a loss.
        why: Why there is none.
        why_number: Of the same table, which reason that is, from 1 on; 0 of none.
        figure: What it is; its definition stands behind it.
    """

    text: str
    direction: str = ""
    why: str = ""
    figure: Figure | None = None
    why_number: int = 0


def numbered(cells: Iterable[Cell], whys: list[str]) -> list[Cell]:
    """The cells with the number of their reason; one that is new is added to ``whys``."""
    found = []
    for cell in cells:
        if cell.why and cell.why not in whys:
            whys.append(cell.why)
        number = whys.index(cell.why) + 1 if cell.why else 0
        found.append(replace(cell, why_number=number))
    return found


def figure_cell(figures: Figures, name: str, currency: str) -> Cell:
    """One figure of a row."""
    figure, value = FIGURES[name], figures.values[name]
    if value is None:
        reason: Reason | None = figures.reasons.get(name)
        return Cell(NOTHING, why=sentence(reason) if reason else "", figure=figure)
    is_signed = name in SIGNED
    text = _text(figure.kind, value, currency, is_signed=is_signed)
    direction = ""
    if is_signed and isinstance(value, Decimal) and value:
        direction = "up" if value > 0 else "down"
    return Cell(text, direction, figure=figure)


def _text(kind: Kind, value: Any, currency: str, *, is_signed: bool) -> str:
    match value:
        case date():
            return value.isoformat()
        case timedelta():
            return span(value)
        case int():
            return f"{value:,}"
    if kind is Kind.AMOUNT:
        return shown(value, currency, is_signed=is_signed)
    return part(value, is_signed=is_signed) if kind is Kind.PART else hundredths(value)


def part(value: Decimal | None, *, is_signed: bool = False) -> str:
    """A part in percent, to hundredths: 0.09725 is ``+9.72%``; a dash for None."""
    if value is None:
        return NOTHING
    rounded = in_percent(value)
    text = f"{grouped(rounded)}%"
    return f"+{text}" if is_signed and rounded > 0 else text


def in_percent(value: Decimal) -> Decimal:
    """A part in percent, rounded half even to hundredths, for what is looked at."""
    return EXACT.plus(value.scaleb(2, ROUNDED).quantize(CENT, context=ROUNDED))


def hundredths(value: Decimal) -> str:
    """A ratio as it is looked at: ``2.61``."""
    return grouped(EXACT.plus(value.quantize(CENT, context=ROUNDED)))


def amount(value: Decimal | None, currency: str) -> Decimal | None:
    """An amount for a chart: in the digits of its currency."""
    return None if value is None else on_quantum(value, currency)
