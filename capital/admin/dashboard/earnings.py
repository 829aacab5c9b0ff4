"""The card of trading: today's PnL by currency, apart from deposits, and what does not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from capital.admin.dashboard.charts import POOL_NAME
from capital.admin.frame.formats import NOTHING, change, digits, on_quantum
from capital.admin.frame.navigation import listing
from capital.domain.pools import Pool
from capital.services.overview import Earnings

MOST_POOLS = 5


@dataclass(frozen=True)
class Figure:
    """An amount as text, whether it is a gain or a loss, and where its rows are."""

    text: str
    direction: str = ""
    url: str = ""
    why: str = ""


@dataclass(frozen=True)
class EarningsRow:
    """One currency."""

    currency: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Look:
    """Something that does not fit: how much of it, and where it is."""

    text: str
    url: str


@dataclass(frozen=True)
class EarningsCard:
    """Trading today."""

    rows: Sequence[EarningsRow]
    notes: Sequence[str]
    looks: Sequence[Look]


def earnings_card(earnings: Earnings) -> EarningsCard | None:
    """None where nothing was traded yet."""
    currencies = sorted({*earnings.earned, *earnings.unexplained, *earnings.unknown})
    looks = _looks(earnings)
    if not currencies and not looks:
        return None
    rows = [EarningsRow(each, _figures(earnings, each)) for each in currencies]
    notes = [
        f"{row.currency}: {why}"
        for row in rows
        for why in dict.fromkeys(figure.why for figure in row.figures if figure.why)
    ]
    return EarningsCard(rows, notes, looks)


def _figures(earnings: Earnings, currency: str) -> list[Figure]:
    earned, fills = earnings.earned.get(currency), fills_on(earnings.today)
    flows = flows_on(earnings.today)
    no_days = gettext("Nothing was traded in this currency yet.")
    no_mark = gettext("A position has no fresh mark.")
    pnl = None if earned is None else earned.pnl
    return [
        signed(pnl, currency, url=fills, why=no_days if earned is None else no_mark),
        signed(None if earned is None else earned.realized, currency, url=fills, why=no_days),
        Figure(
            shown(None if earned is None else earned.fees, currency),
            url=fills,
            why=no_days if earned is None else "",
        ),
        signed(None if earned is None else earned.funding, currency, url=flows, why=no_days),
        _unexplained(earnings, currency, flows),
    ]


def _unexplained(earnings: Earnings, currency: str, url: str) -> Figure:
    unknown = earnings.unknown.get(currency, 0)
    told = ngettext("Not known in %(count)s pool.", "Not known in %(count)s pools.", unknown)
    note = told % {"count": unknown} if unknown else ""
    amount = earnings.unexplained.get(currency)
    return Figure(shown(amount, currency, is_signed=True), url=url, why=note)


def _looks(earnings: Earnings) -> list[Look]:
    found = []
    if earnings.unattributed:
        text = gettext("Fills that no strategy is known to have traded: %(count)s")
        found.append(
            Look(text % {"count": earnings.unattributed}, listing("fill", attribution="none"))
        )
    if earnings.mismatched:
        text = gettext("Positions that their bot reports otherwise than their fills: %(count)s")
        found.append(Look(text % {"count": earnings.mismatched}, listing("position", match="no")))
    for each in earnings.pools[:MOST_POOLS]:
        text = gettext("%(account)s, %(pool)s: %(amount)s of today's change are unexplained")
        figures = {
            "account": each.account.name,
            "pool": POOL_NAME[Pool(each.pool)],
            "amount": change(each.amount, each.account.currency),
        }
        found.append(
            Look(text % figures, reverse("admin:capital_account_change", args=[each.account.pk]))
        )
    if len(earnings.pools) > MOST_POOLS:
        text = gettext("Other pools with an unexplained change: %(count)s")
        more = len(earnings.pools) - MOST_POOLS
        found.append(Look(text % {"count": more}, listing("account", state="active")))
    return found


def signed(amount: Decimal | None, currency: str, *, url: str = "", why: str = "") -> Figure:
    """A gain or a loss; a dash with the reason where it is not known."""
    direction = "" if not amount else "up" if amount > 0 else "down"
    return Figure(
        shown(amount, currency, is_signed=True), direction, url, why if amount is None else ""
    )


def shown(amount: Decimal | None, currency: str, *, is_signed: bool = False) -> str:
    """In the digits of its currency, rounded: the rows behind it have all of them."""
    if amount is None:
        return NOTHING
    rounded = on_quantum(amount, currency)
    text = digits(rounded, currency)
    return f"+{text}" if is_signed and rounded > 0 else text


def fills_on(day: date, **filters: str) -> str:
    """The list of the fills of a day."""
    return listing("fill", **on("executed_at", day), **filters)


def flows_on(day: date, **filters: str) -> str:
    """The list of the flows of a day."""
    return listing("flow", **on("occurred_at", day), **filters)


def on(column: str, day: date) -> dict[str, str]:
    """What a list's calendar filters by, for one day."""
    return {
        f"{column}__year": str(day.year),
        f"{column}__month": str(day.month),
        f"{column}__day": str(day.day),
    }
