"""Charts of performance: a sparkline, equity, drawdown, months, symbols, and returns of trades."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext

from capital.admin.dashboard.charts import (
    MOST_BARS,
    Chart,
    Line,
    Row,
    bars_height,
    chart_data,
    line_chart,
)
from capital.admin.dashboard.earnings import shown
from capital.admin.frame.formats import NOTHING, on_quantum
from capital.admin.performance.cells import amount, in_percent, part
from capital.domain.money import EXACT, ROUNDED, plain, quotient
from capital.domain.performance.measures.returns import Measured
from capital.domain.reasons import Reason
from capital.services.performance import Bin, Curve, PerformanceRow, Spark
from capital.services.sentences import sentence

# Of a sparkline, in the units of its own picture.
_WIDTH, _HEIGHT = 96, 24
_MOST_POINTS = 48
_TENTH = Decimal("0.1")


def sparkline(spark: Spark | None) -> SafeString:
    """A line without axes, which says in words where it begins, turns and ends."""
    if spark is None:
        return SafeString(NOTHING)
    text = gettext("%(days)s days: return %(last)s, lowest %(low)s, highest %(high)s")
    text = text % {
        "days": spark.days,
        "last": part(spark.last, is_signed=True),
        "low": part(spark.lowest, is_signed=True),
        "high": part(spark.highest, is_signed=True),
    }
    # It begins at 0: where it was before the first day.
    levels = _thinned([Decimal(0), *spark.points])
    low, high = min(levels), max(levels)
    room = high - low or Decimal(1)
    step = Decimal(_WIDTH) / (len(levels) - 1)
    places = " ".join(
        f"{(step * at).quantize(_TENTH, context=ROUNDED)},{_down(level, low, room)}"
        for at, level in enumerate(levels)
    )
    direction = "up" if spark.last > 0 else "down" if spark.last < 0 else "flat"
    return format_html(
        '<svg class="perf-spark desk-{}" viewBox="0 -2 {} {}" role="img" aria-label="{}">'
        '<title>{}</title><line x1="0" x2="{}" y1="{}" y2="{}"/><polyline points="{}"/></svg>',
        direction,
        _WIDTH,
        _HEIGHT + 4,
        text,
        text,
        _WIDTH,
        _down(Decimal(0), low, room),
        _down(Decimal(0), low, room),
        places,
    )


def _down(level: Decimal, low: Decimal, room: Decimal) -> Decimal:
    """How far from the top: a picture's y grows downwards."""
    height = ROUNDED.divide((level - low) * _HEIGHT, room)
    return (Decimal(_HEIGHT) - height).quantize(_TENTH, context=ROUNDED)


def _thinned(levels: Sequence[Decimal]) -> Sequence[Decimal]:
    """As many as the picture is wide, with both ends."""
    if len(levels) <= _MOST_POINTS:
        return levels
    last = len(levels) - 1
    return [levels[at * last // (_MOST_POINTS - 1)] for at in range(_MOST_POINTS)]


def equity_chart(curve: Curve) -> Chart:
    """Equity at the end of each day against the capital that its PnL was earned with."""
    currency = curve.currency
    return line_chart(
        gettext("Equity and capital (%(currency)s)") % {"currency": currency},
        currency,
        [point.date for point in curve.points],
        [
            Line(gettext("Equity"), [amount(each.equity_end, currency) for each in curve.points]),
            Line(gettext("Capital"), [amount(each.capital, currency) for each in curve.points]),
        ],
    )


def drawdown_chart(curve: Curve) -> Chart:
    """How far below its highest level the chained return was, and the return itself."""
    title = gettext("Drawdown (%(currency)s)") % {"currency": curve.currency}
    labels = [point.date.isoformat() for point in curve.points]
    has_returns = any(point.daily_return is not None for point in curve.points)
    depths = [plain(in_percent(EXACT.minus(point.drawdown))) for point in curve.points]
    series = [{"name": pgettext("of a day", "Drawdown"), "colour": 5, "amounts": depths}]
    return Chart(
        title=title,
        data=chart_data("line", "%", labels, series) if has_returns else "",
        head=[
            gettext("Day"),
            pgettext("of a day", "Drawdown"),
            gettext("Return so far"),
            gettext("Return of the day"),
        ],
        rows=[
            Row(
                point.date.isoformat(),
                [
                    part(EXACT.minus(point.drawdown)),
                    part(point.chained, is_signed=True),
                    part(point.daily_return, is_signed=True),
                ],
                is_day=True,
            )
            for point in reversed(curve.points)
        ],
        height=180,
    )


def symbol_bars(rows: Sequence[PerformanceRow], currency: str) -> Chart:
    """What was realised of each symbol, after fees and funding, the largest first."""
    told = sorted(
        (row for row in rows if row.currency == currency),
        key=lambda row: row.sums.earned,
        reverse=True,
    )
    # The largest gains and the largest losses: the table has those between.
    half = MOST_BARS // 2
    drawn = told if len(told) <= MOST_BARS else [*told[:half], *told[-half:]]
    series = [
        {
            "name": gettext("Result"),
            "colour": 1,
            "amounts": [plain(on_quantum(row.sums.earned, currency)) for row in drawn],
        }
    ]
    return Chart(
        title=gettext("PnL by symbol (%(currency)s)") % {"currency": currency},
        data=chart_data("bars", currency, [row.group.name for row in drawn], series)
        if drawn
        else "",
        head=[
            gettext("Symbol"),
            gettext("Result"),
            gettext("Fees"),
            gettext("Funding"),
            pgettext("round trips", "Trades"),
            gettext("Win rate"),
        ],
        rows=[
            Row(
                row.group.name,
                [
                    shown(row.sums.earned, currency, is_signed=True),
                    shown(row.sums.fees, currency),
                    shown(row.sums.funding, currency, is_signed=True),
                    f"{row.trades.trades:,}",
                    _rate(row.trades.win_rate),
                ],
            )
            for row in told
        ],
        height=bars_height(len(drawn)),
    )


def _rate(rate: Measured) -> str:
    return NOTHING if isinstance(rate, Reason) else part(rate)


def trade_bars(bins: Sequence[Bin]) -> Chart:
    """How many trades lost and won how much of what they entered with."""
    labels = [_range(each) for each in bins]
    total = sum(each.trades for each in bins)
    series = [
        {
            "name": pgettext("round trips", "Trades"),
            "colour": 1,
            "amounts": [str(each.trades) for each in bins],
        }
    ]
    return Chart(
        title=gettext("Trades by their return"),
        data=chart_data("bars", "", labels, series) if total else "",
        head=[gettext("Return of the trade"), pgettext("round trips", "Trades"), gettext("Share")],
        rows=[
            Row(
                label,
                [
                    f"{each.trades:,}",
                    part(quotient(Decimal(each.trades), Decimal(total)) if total else None),
                ],
            )
            for label, each in zip(labels, bins, strict=True)
        ],
        height=bars_height(len(bins)),
    )


def _range(each: Bin) -> str:
    """``-2% … -1%``; ``> 10%`` of what has no end."""
    if not each.sign:
        return "0%"
    near, sign = percent_of(each.above), "-" if each.sign < 0 else ""
    if each.most is None:
        return f"{'<' if each.sign < 0 else '>'} {sign}{near}"
    far = percent_of(each.most)
    near = near if near == "0%" else f"{sign}{near}"
    return f"{sign}{far} … {near}" if each.sign < 0 else f"{near} … {far}"


def percent_of(bound: Decimal) -> str:
    """A round part without idle zeros: ``5%``."""
    return f"{plain(EXACT.normalize(bound.scaleb(2, EXACT)))}%"


@dataclass(frozen=True)
class Month:
    """One field of the heat map; ``heat`` is ``up-1`` to ``up-4``, ``down-1`` to ``down-4``."""

    name: str
    text: str
    heat: str = ""
    why: str = ""


@dataclass(frozen=True)
class Heat:
    """The returns of months: the names of twelve, and by year what each came to."""

    title: str
    head: Sequence[str]
    years: Sequence[tuple[str, Sequence[Month]]]


# From which return on a field is how strong.
_STRENGTHS = tuple(Decimal(each) for each in ("0", "0.01", "0.03", "0.1"))


def heat_map(curve: Curve) -> Heat | None:
    """The return of each calendar month; None where there is none at all."""
    told = dict(curve.months)
    if all(isinstance(each, Reason) for each in told.values()):
        return None
    years = sorted({month[:4] for month in told}, reverse=True)
    names = [date_format(date(2026, month, 1), "M") for month in range(1, 13)]
    return Heat(
        gettext("Monthly returns (%(currency)s)") % {"currency": curve.currency},
        names,
        [
            (year, [_month(name, told.get(f"{year}-{at:02}")) for at, name in enumerate(names, 1)])
            for year in years
        ],
    )


def _month(name: str, told: Measured | None) -> Month:
    if told is None:
        return Month(name, "")
    if isinstance(told, Reason):
        return Month(name, NOTHING, why=sentence(told))
    strength = sum(abs(told) > least for least in _STRENGTHS)
    heat = f"{'up' if told > 0 else 'down'}-{strength}" if strength else ""
    return Month(name, part(told, is_signed=True), heat)
