"""The picture of a timeline: lines as steps, marks above them. The table behind it is exact.

Coordinates are whole numbers of a thousandth of the width, and of the height.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from capital.domain.money import ROUNDED
from capital.services.overview import Course, Timeline

WIDE = 1000
HIGH = 1000
_ZERO = Decimal(0)
_TICKS = 4
# Colour alone does not tell lines apart for everybody.
_DASHES = ("", "7 4", "2 3", "10 3 2 3")


@dataclass(frozen=True)
class DrawnLine:
    """One link: its name, its colour and its paths, with a gap where nothing is known."""

    name: str
    colour: int
    dash: str
    path: str


@dataclass(frozen=True)
class Tick:
    """A label of an axis; ``place`` is in percent."""

    text: str
    place: Decimal


@dataclass(frozen=True)
class Drawing:
    """What the template draws."""

    lines: Sequence[DrawnLine]
    times: Sequence[Tick]
    highest: Decimal


def draw(timeline: Timeline, names: Sequence[str]) -> Drawing:
    """Lines of one currency.

    Args:
        timeline: Its courses have at least one amount, or nothing is drawn.
        names: Of its courses, in their order.
    """
    amounts = [
        step.amount
        for course in timeline.courses
        for step in course.steps
        if step.amount is not None
    ]
    highest = max(amounts, default=_ZERO)
    lines = [
        DrawnLine(name, number % 8 + 1, _DASHES[number % len(_DASHES)], path)
        for number, (course, name) in enumerate(zip(timeline.courses, names, strict=True))
        if (path := _path(course, timeline, highest))
    ]
    return Drawing(lines, list(_times(timeline)), highest)


def place_of(moment: datetime, timeline: Timeline) -> Decimal:
    """Where a time is, in percent of the width, two decimals."""
    return ROUNDED.quantize(
        ROUNDED.multiply(_share(moment, timeline), Decimal(100)), Decimal("0.01")
    )


def _share(moment: datetime, timeline: Timeline) -> Decimal:
    whole = _micros(timeline.until - timeline.since)
    if whole <= 0:
        return _ZERO
    part = max(0, min(_micros(moment - timeline.since), whole))
    return ROUNDED.divide(Decimal(part), Decimal(whole))


def _micros(passed: timedelta) -> int:
    return passed // timedelta(microseconds=1)


def _path(course: Course, timeline: Timeline, highest: Decimal) -> str:
    """Steps: across, then up or down. Of many within one thousandth, the last counts."""
    by_place: dict[int, Decimal | None] = {}
    for step in course.steps:
        by_place[round(_share(step.at, timeline) * WIDE)] = step.amount
    parts: list[str] = []
    was_drawn = False
    for place, amount in sorted(by_place.items()):
        if was_drawn:
            parts.append(f"H{place}")
        if amount is not None:
            parts.append("V" if was_drawn else f"M{place} ")
            parts.append(str(_height(amount, highest)))
        was_drawn = amount is not None
    if was_drawn:
        parts.append(f"H{WIDE}")
    return "".join(parts)


def _height(amount: Decimal, highest: Decimal) -> int:
    """From above; the highest has a little room over it."""
    if highest <= 0:
        return HIGH
    return HIGH - round(ROUNDED.divide(amount * HIGH * 92, highest * 100))


def _times(timeline: Timeline) -> Iterator[Tick]:
    span = timeline.until - timeline.since
    written = "%m-%d %H:%M" if span <= timedelta(days=2) else "%m-%d"
    for number in range(_TICKS + 1):
        moment = timeline.since + span * number / _TICKS
        place = Decimal(100 * number) / _TICKS
        yield Tick(f"{timezone.localtime(moment):{written}}", place)
