"""Charts of amounts: what ``charts.js`` draws, and the table that says the same.

Amounts stay text here; they become numbers in the browser, where a pixel is coarser than any.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import get_language, gettext, gettext_lazy

from capital.admin.frame.formats import digits, few
from capital.domain.money import amount_text
from capital.domain.pools import Pool
from capital.services.overview import Slice, add

# More bars, or lines, than these tell nothing: the rest becomes one.
MOST_BARS = 12
# Of the table below them: whoever wants more of a thousand strategies wants a list with a search.
MOST_ROWS = 50
MOST_LINES = 7
MOST_TEXTS = 6
# What makes amounts jump that nobody earned or lost; by the names of the timeline's marks.
MARK_NAMES = {
    "money": gettext_lazy("deposit or withdrawal"),
    "account": gettext_lazy("new account"),
    "basis": gettext_lazy("another balance type"),
    "jump": gettext_lazy("jump accepted"),
}

# The same colour wherever a pool is shown.
POOL_COLOUR = {Pool.SPOT: 1, Pool.FUTURES: 2, Pool.UNIFIED: 3}
POOL_NAME = {
    Pool.SPOT: gettext_lazy("spot"),
    Pool.FUTURES: gettext_lazy("futures"),
    Pool.UNIFIED: gettext_lazy("unified"),
}
_REST_COLOUR = 8
_LINE_HEIGHT_PIXELS = 34
_AROUND_PIXELS = 96


@dataclass(frozen=True)
class Row:
    """One row of the table; ``url`` leads to what stands behind it. A day stays on its line.

    Attributes:
        notes: What happened on it: the last cell of a table that has marks.
    """

    name: str
    cells: Sequence[str]
    url: str = ""
    is_day: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Chart:
    """What ``capital/dashboard/chart.html`` shows.

    Attributes:
        title: Also what a screen reader calls the picture.
        data: JSON for ``charts.js``; empty where there is nothing to draw.
        head: Of the table's columns.
        rows: The same amounts, exact.
        height: Of the picture, in pixels.
        marks: The kinds of marks that it has, with their names; empty for none.
        instead: What stands where there is nothing to draw; empty for "no data".
    """

    title: str
    data: str
    head: Sequence[str]
    rows: Sequence[Row]
    height: int = 240
    marks: Sequence[tuple[str, str]] = ()
    instead: str = ""


@dataclass(frozen=True)
class Mark:
    """What happened on a day, by which amounts jumped.

    Attributes:
        kind: Of ``MARK_NAMES``.
    """

    date: date
    kind: str
    text: str


@dataclass(frozen=True)
class Line:
    """One line over the days; None is a gap. Left out, its colour is that of its place."""

    name: str
    amounts: Sequence[Decimal | None]
    colour: int | None = None


def line_chart(
    title: str,
    currency: str,
    days: Sequence[date],
    lines: Sequence[Line],
    marks: Sequence[Mark] = (),
) -> Chart:
    """Amounts over days. The newest day is the table's first.

    Args:
        title: What it shows.
        currency: Of all amounts.
        days: Oldest first.
        lines: Each with one amount a day, the most important first.
        marks: What is marked of these days.
    """
    lines = _few_lines([line for line in lines if any(each is not None for each in line.amounts)])
    series = [
        {
            "name": line.name,
            "colour": line.colour or (_REST_COLOUR if position == MOST_LINES else position + 1),
            "amounts": [_text(amount, currency) for amount in line.amounts],
        }
        for position, line in enumerate(lines)
    ]
    labels = [day.isoformat() for day in days]
    by_day = _by_day(days, marks)
    return Chart(
        title=title,
        data=chart_data("line", currency, labels, series, _drawn(by_day)) if series else "",
        head=[gettext("Day"), *(line.name for line in lines)],
        rows=[
            Row(
                labels[day],
                [digits(line.amounts[day], currency) for line in lines],
                notes=few([mark.text for mark in by_day[day]], MOST_TEXTS),
            )
            for day in reversed(range(len(days)))
        ],
        marks=[
            (kind, str(name))
            for kind, name in MARK_NAMES.items()
            if any(mark.kind == kind for marked in by_day.values() for mark in marked)
        ],
    )


def _by_day(days: Sequence[date], marks: Sequence[Mark]) -> Mapping[int, list[Mark]]:
    """The marks of each day, by its place."""
    by_day: dict[int, list[Mark]] = defaultdict(list)
    places = {day: place for place, day in enumerate(days)}
    for mark in marks:
        if mark.date in places:
            by_day[places[mark.date]].append(mark)
    return by_day


def _drawn(by_day: Mapping[int, Sequence[Mark]]) -> list[Mapping[str, object]]:
    """What ``charts.js`` draws above each day."""
    return [
        {
            "day": day,
            "kinds": [kind for kind in MARK_NAMES if any(mark.kind == kind for mark in marks)],
            "texts": few([mark.text for mark in marks], MOST_TEXTS),
        }
        for day, marks in by_day.items()
        if marks
    ]


def pool_bars(
    title: str,
    currency: str,
    slices: Sequence[Slice],
    *,
    name: str,
    urls: Mapping[str, str],
    rest_url: str = "",
) -> Chart:
    """Amounts by name, each bar stacked by pool.

    Args:
        title: What it shows.
        currency: Of all amounts.
        slices: The largest first.
        name: What the names are names of.
        urls: From a slice's key to the rows behind it.
        rest_url: To the rows behind those that are too many to be named.
    """
    shown = _few_slices(slices, MOST_BARS)
    pools = [pool for pool in Pool if any(pool in each.amounts for each in slices)]
    series = [
        {
            "name": str(POOL_NAME[pool]),
            "colour": POOL_COLOUR[pool],
            "amounts": [_text(each.amounts.get(pool), currency) for each in shown],
        }
        for pool in pools
    ]
    several = len(pools) > 1
    return Chart(
        title=title,
        data=chart_data("bars", currency, [each.name for each in shown], series) if shown else "",
        head=[name, *(str(POOL_NAME[pool]) for pool in pools)]
        + ([gettext("Total")] if several else []),
        rows=[
            Row(
                each.name,
                [digits(each.amounts.get(pool), currency) for pool in pools]
                + ([digits(each.total, currency)] if several else []),
                urls.get(each.key, "") if each.key else rest_url,
            )
            for each in _few_slices(slices, MOST_ROWS)
        ],
        height=bars_height(len(shown)),
    )


def bars_height(count: int) -> int:
    """How high the picture of so many lying bars is, in pixels."""
    return _AROUND_PIXELS + _LINE_HEIGHT_PIXELS * count


@dataclass(frozen=True)
class Bars:
    """What stands in the bar of each day; None is no bar. Below zero it hangs."""

    name: str
    amounts: Sequence[Decimal | None]
    colour: int


def day_bars(
    title: str,
    currency: str,
    days: Sequence[date],
    series: Sequence[Bars],
    *,
    head: Sequence[str],
    rows: Sequence[Row],
    all_zero: str = "",
) -> Chart:
    """A bar for each day, stacked. The table is the caller's: it may say more than the picture.

    Args:
        title: What it shows.
        currency: Of all amounts.
        days: Oldest first.
        series: Each with one amount a day, in as many digits as are to be shown.
        head: Of the table's columns, without that of the days.
        rows: Of the table, the newest day first.
        all_zero: What is said instead of a picture in which every bar would be zero.
    """
    known = [amount for each in series for amount in each.amounts if amount is not None]
    is_drawn = any(known) if all_zero else bool(known)
    told: list[Mapping[str, object]] = [
        {
            "name": each.name,
            "colour": each.colour,
            "amounts": [_text(amount, currency) for amount in each.amounts],
        }
        for each in series
    ]
    labels = [day.isoformat() for day in days]
    return Chart(
        title=title,
        data=chart_data("days", currency, labels, told) if is_drawn else "",
        head=[gettext("Day"), *head],
        rows=rows,
        instead=all_zero if known else "",
    )


def _few_lines(lines: Sequence[Line]) -> Sequence[Line]:
    if len(lines) <= MOST_LINES:
        return lines
    rest = lines[MOST_LINES:]
    by_day = zip(*(line.amounts for line in rest), strict=True)
    return [*lines[:MOST_LINES], Line(_rest_name(len(rest)), [_add_known(day) for day in by_day])]


def _few_slices(slices: Sequence[Slice], most: int) -> Sequence[Slice]:
    """The first so many, of which the last stands for the rest, without a key."""
    if len(slices) <= most:
        return slices
    rest = slices[most - 1 :]
    amounts = {
        pool: total
        for pool in Pool
        if (total := _add_known(each.amounts.get(pool) for each in rest)) is not None
    }
    return [*slices[: most - 1], Slice("", _rest_name(len(rest)), amounts)]


def _rest_name(count: int) -> str:
    return gettext("%(count)s others") % {"count": count}


def _add_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    return add(amount for amount in amounts if amount is not None)


def _text(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else amount_text(amount, currency)


def chart_data(
    kind: str,
    currency: str,
    labels: Sequence[str],
    series: Sequence[Mapping[str, object]],
    marks: Sequence[Mapping[str, object]] = (),
) -> str:
    """What ``charts.js`` draws; the currency stands behind each number: ``%``, or nothing, too."""
    return json.dumps(
        {
            "kind": kind,
            "labels": labels,
            "series": series,
            **({"marks": marks} if marks else {}),
            "currency": currency,
            "locale": get_language() or "en",
        },
        ensure_ascii=False,
    )
