"""The figures of two courses, beside each other: what each is called, and what it came to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy

from capital.domain.money import EXACT, ROUNDED, plain, quantum_of
from capital.domain.performance.measures.returns import Measured
from capital.domain.reasons import Reason
from capital.domain.whatif.course import ZERO, Course, CourseDay
from capital.services.allocation.whatif.comparing import Comparison
from capital.services.sentences import sentence


@dataclass(frozen=True)
class Figure:
    """One figure of a course.

    Attributes:
        title: What it is called.
        definition: How it is calculated.
        of: Reads it from a course.
        is_part: Whether it is a part, to be shown in percent, and not an amount.
        is_signed: Whether above and below zero say something.
    """

    title: Any
    definition: Any
    of: Callable[[Course], Measured | int]
    is_part: bool = False
    is_signed: bool = False


COURSE_FIGURES: Mapping[str, Figure] = {
    "equity_start": Figure(
        gettext_lazy("Equity at the start"),
        gettext_lazy("All pools of its strategies, with what was not allocated."),
        lambda course: course.days[0].start,
    ),
    "equity_end": Figure(
        gettext_lazy("Equity at the end"),
        gettext_lazy("The same after the last day, with deposits and withdrawals."),
        lambda course: course.days[-1].equity,
    ),
    "earned": Figure(
        gettext_lazy("PnL"),
        gettext_lazy("After fees and funding, with what is unrealised."),
        lambda course: course.earned,
        is_signed=True,
    ),
    "return": Figure(
        gettext_lazy("Return"),
        gettext_lazy("Daily returns on the equity of the pools, chained."),
        lambda course: course.total_return,
        is_part=True,
        is_signed=True,
    ),
    "drawdown": Figure(
        gettext_lazy("Deepest drawdown"),
        gettext_lazy("On the chained return, from the highest level before."),
        lambda course: course.drawdown,
        is_part=True,
    ),
    "turnover": Figure(
        gettext_lazy("Turnover"),
        gettext_lazy("What allocations gave to strategies and took from them, added up."),
        lambda course: course.turnover,
    ),
    "allocations": Figure(
        gettext_lazy("Days with a change of capital"),
        gettext_lazy("On which an allocation gave or took capital."),
        lambda course: course.allocations,
    ),
}


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """Both courses, with each day; amounts as text, to the currency's quantum."""
    account, rules = comparison.account, comparison.rules
    return {
        "account": account.pk,
        "account_name": account.name,
        "currency": account.currency,
        "policy": rules.policy.value,
        "parameters": {
            "lookback_days": rules.lookback_days,
            "drift_band_percent": plain(EXACT.normalize(rules.drift_band_percent)),
        },
        "from": comparison.days[0].isoformat(),
        "to": comparison.days[-1].isoformat(),
        "recorded": _course(comparison, comparison.recorded),
        "replayed": _course(comparison, comparison.replayed),
        "unknown": [
            {
                "code": reason.code.value,
                "figures": dict(reason.figures),
                "reason": sentence(reason),
            }
            for reason in comparison.unknown
        ],
    }


def last_capital(course: Course, link_id: int) -> Decimal | None:
    """What a link traded with at last: 0 where it is idle by then, None where it never did."""
    found = [day.capital[link_id] for day in course.days if link_id in day.capital]
    if found and link_id not in course.days[-1].earned:
        return ZERO
    return found[-1] if found else None


def in_quanta_of(amount: Decimal, currency: str) -> Decimal:
    """To be shown: rounded half even."""
    return EXACT.add(ROUNDED.quantize(amount, quantum_of(currency)), ZERO)


def _course(comparison: Comparison, course: Course) -> dict[str, Any]:
    currency = comparison.account.currency
    return {
        **{name: _figure(figure, course, currency) for name, figure in COURSE_FIGURES.items()},
        "strategies": [
            {
                "strategy": link.strategy_key,
                "capital": _amount(last_capital(course, link.id), currency),
                "earned": _amount(course.earned_by(link.id), currency),
            }
            for link in comparison.links
        ],
        "days": [_day(comparison, day) for day in course.days],
    }


def _figure(figure: Figure, course: Course, currency: str) -> Any:
    value = figure.of(course)
    if isinstance(value, Reason):
        return None
    if isinstance(value, int):
        return value
    return plain(value) if figure.is_part else _amount(value, currency)


def _day(comparison: Comparison, day: CourseDay) -> dict[str, Any]:
    currency, keys = comparison.account.currency, _keys(comparison)
    daily = day.daily_return
    return {
        "date": day.date.isoformat(),
        "equity": _amount(day.equity, currency),
        "return": None if daily is None else plain(daily),
        "moved": _amount(day.moved, currency),
        "capital": {
            key: _amount(day.capital[link_id], currency)
            for link_id, key in keys
            if link_id in day.capital
        },
    }


def _keys(comparison: Comparison) -> Sequence[tuple[int, str]]:
    return [(link.id, link.strategy_key) for link in comparison.links]


def _amount(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else plain(in_quanta_of(amount, currency))
