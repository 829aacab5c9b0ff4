"""One card for each currency: its figures, the parts of the whole, and its charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext

from capital.admin.dashboard.charts import MOST_ROWS, Chart, Line, line_chart, pool_bars
from capital.admin.dashboard.histories import chart_marks
from capital.admin.frame.cells import why_url
from capital.admin.frame.formats import change, moment, money, percent, share
from capital.admin.frame.navigation import listing
from capital.services.overview import CurrencyOverview, Dashboard
from capital.services.sentences import sentence


@dataclass(frozen=True)
class Part:
    """One part of a whole: ``width`` in percent of it, None where it cannot be drawn."""

    name: str
    amount: str
    share: str
    url: str
    colour: int
    width: Decimal | None
    is_bad: bool = False
    why_url: str = ""


@dataclass(frozen=True)
class CurrencyCard:
    """One currency: its figures and its charts."""

    currency: str
    total: str
    url: str
    accounts: str
    change: str
    change_percent: str
    direction: str
    change_url: str
    notes: Sequence[str]
    parts: Sequence[Part]
    equity: Chart
    strategies: Chart
    venues: Chart


@dataclass(frozen=True)
class ReportCard:
    """All currencies as one: an amount with the age of its oldest rate, or why there is none.

    Attributes:
        store_url: Where the missing rate is stored, for who may.
    """

    currency: str
    amount: str
    rates: str
    rates_at: datetime | None
    notes: Sequence[str]
    store_url: str = ""


def currency_card(figures: CurrencyOverview, user: AbstractUser) -> CurrencyCard:
    """The figures and charts of one currency, as text and addresses."""
    currency = figures.currency
    changed, relative = figures.change_today, _relative_change(figures)
    sign = "+" if relative is not None and relative > 0 else ""
    accounts = listing("account", currency=currency, state="active")
    return CurrencyCard(
        currency=currency,
        total=money(figures.total, currency),
        url=accounts,
        accounts=gettext("Accounts: %(count)s") % {"count": figures.accounts},
        change=change(changed, currency),
        change_percent="" if relative is None else f"{sign}{percent(relative)}",
        direction="" if not changed else "up" if changed > 0 else "down",
        change_url=listing("dailyaccountsummary", currency=currency),
        notes=_notes(figures),
        parts=_parts(figures, accounts),
        equity=line_chart(
            gettext("Balance, last 30 days (%(currency)s)") % {"currency": currency},
            currency,
            [day.date for day in figures.equity],
            [Line(gettext("Total"), [day.total for day in figures.equity])],
            chart_marks(figures.marks, user),
        ),
        strategies=pool_bars(
            gettext("Capital by strategy (%(currency)s)") % {"currency": currency},
            currency,
            figures.strategies,
            name=gettext("Strategy"),
            urls=_strategy_urls(figures),
            rest_url=listing("strategycapital", currency=currency),
        ),
        venues=pool_bars(
            gettext("Balance by exchange (%(currency)s)") % {"currency": currency},
            currency,
            figures.venues,
            name=gettext("Exchange"),
            urls={
                each.key: listing("account", venue=each.key, currency=currency, state="active")
                for each in figures.venues
            },
        ),
    )


def _relative_change(figures: CurrencyOverview) -> Decimal | None:
    """Today's change in percent, where it is known of every account."""
    changed, total = figures.change_today, figures.total
    if changed is None or total is None or figures.changes_known != figures.accounts:
        return None
    return share(changed, total - changed)


def report_card(overview: Dashboard, user: AbstractUser) -> ReportCard | None:
    """All currencies together; None where no currency to report in is set."""
    reported = overview.reported
    if reported is None:
        return None
    notes, rates, rates_at, store_url = [], "", None, ""
    if reported.missing is not None:
        notes.append(sentence(reported.missing))
        if user.has_perm("capital.add_reportingrate"):
            pair = {name: reported.missing.figures[name] for name in ("base", "quote")}
            store_url = f"{reverse('admin:capital_reportingrate_add')}?{urlencode(pair)}"
    elif reported.is_partial:
        notes.append(gettext("Some balances are unknown and not included."))
    total = reported.total
    if total is not None and total.oldest_at is not None:
        rates_at = total.oldest_at
        rates = gettext("Oldest rate used: %(moment)s") % {"moment": moment(rates_at)}
    amount = money(None if total is None else total.amount, reported.currency)
    return ReportCard(reported.currency, amount, rates, rates_at, notes, store_url)


def _strategy_urls(figures: CurrencyOverview) -> dict[str, str]:
    """From each shown strategy's key to its capital."""
    return {
        each.key: listing(
            "strategycapital",
            strategy_account__strategy__id__exact=each.key,
            currency=figures.currency,
        )
        for each in figures.strategies[:MOST_ROWS]
    }


def _notes(figures: CurrencyOverview) -> list[str]:
    """What the figures leave out."""
    notes = []
    if figures.unknown:
        notes.append(
            gettext("The balance of %(count)s of %(accounts)s accounts is not fully known.")
            % {"count": figures.unknown, "accounts": figures.accounts}
        )
    if 0 < figures.changes_known < figures.accounts:
        notes.append(
            gettext("The change covers only %(count)s of %(accounts)s accounts.")
            % {"count": figures.changes_known, "accounts": figures.accounts}
        )
    if figures.unallocated is not None and figures.unallocated < 0:
        notes.append(gettext("Allocated and reserved amounts exceed the balance."))
    return notes


def _parts(figures: CurrencyOverview, accounts: str) -> list[Part]:
    """What becomes of the whole. Widths only where every part fits into it."""
    currency = figures.currency
    allocated = listing("strategycapital", currency=currency)
    named = (
        (gettext("Allocated"), figures.allocated, allocated, 1),
        (gettext("Reserved"), figures.reserved, accounts, 2),
        (gettext("Unallocated"), figures.unallocated, accounts, 8),
    )
    shares = [share(amount, figures.total) for _, amount, _, _ in named]
    fits = all(each is None or 0 <= each <= 100 for each in shares)
    return [
        Part(
            name=name,
            amount=money(amount, currency),
            share="" if part is None else percent(part),
            url=url,
            colour=colour,
            width=part if fits else None,
            is_bad=amount is not None and amount < 0,
            why_url=why_url(currency=currency) if url == allocated and amount else "",
        )
        for (name, amount, url, colour), part in zip(named, shares, strict=True)
    ]
