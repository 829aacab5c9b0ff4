"""The first page: the desk at a glance, each figure with a link to the rows behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy

from capital.admin.dashboard.charts import Chart, Line, line_chart, pool_bars
from capital.admin.frame.formats import age, change, moment, money, percent, share, span
from capital.services.access.visibility import sees_everything
from capital.services.jobs.health import Health
from capital.services.overview.concerns import Concern
from capital.services.overview.currencies import CurrencyFigures
from capital.services.overview.dashboard import Dashboard, FirstSteps, read_dashboard
from capital.services.sentences import sentence

# More accounts than this are a link to the list of them.
MOST_CONCERNS = 8

_CONCERN_NAME = {
    Concern.FAILED: gettext_lazy("failed"),
    Concern.SUSPECT: gettext_lazy("suspect balance"),
    Concern.HELD: gettext_lazy("held"),
    Concern.NO_BALANCE: gettext_lazy("no balance"),
    Concern.NEVER: gettext_lazy("never read"),
    Concern.EXPIRED: gettext_lazy("too old"),
    Concern.STALE: gettext_lazy("stale"),
}
_CONCERN_COLOUR = {
    Concern.FAILED: "bad",
    Concern.SUSPECT: "bad",
    Concern.HELD: "warn",
    Concern.NO_BALANCE: "bad",
    Concern.NEVER: "bad",
    Concern.EXPIRED: "bad",
    Concern.STALE: "warn",
}
# Which list shows them, and by which filter.
_CONCERN_ROWS = {
    Concern.FAILED: ("allocationrun", {"outcome__exact": "failed"}),
    Concern.SUSPECT: ("account", {"state": "suspect"}),
    Concern.HELD: ("allocationrun", {"outcome__exact": "held"}),
    Concern.NO_BALANCE: ("account", {"last_check_code": "no_balance"}),
    Concern.NEVER: ("account", {"freshness": "never", "is_active__exact": "1"}),
    Concern.EXPIRED: ("account", {"freshness": "expired", "is_active__exact": "1"}),
    Concern.STALE: ("account", {"freshness": "stale", "is_active__exact": "1"}),
}


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
    """All currencies as one: an amount with the age of its oldest rate, or why there is none."""

    currency: str
    amount: str
    rates: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Step:
    """One thing to do first."""

    title: str
    text: str
    is_done: bool
    url: str = ""


@dataclass(frozen=True)
class ConcernRow:
    """One account that needs a look."""

    name: str
    where: str
    url: str
    badges: Sequence[tuple[str, str, str]] = field(default_factory=tuple)
    observed_at: datetime | None = None


def with_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's callback for the index: one service call, made readable."""
    user = cast(AbstractUser, request.user)
    desk = read_dashboard(user)
    cards = [_card(figures) for figures in desk.currencies]
    return {
        **context,
        "title": gettext("Dashboard"),
        "desk": desk,
        "cards": cards,
        "report": _report(desk),
        "steps": [] if desk.steps.are_done else _steps(desk.steps, user),
        "concerns": _concerns(desk),
        "concern_links": _concern_links(desk),
        "accounts_url": listing("account", state="active"),
        "accounts_off_url": listing("account", state="inactive"),
        "runs_url": listing("allocationrun"),
        "jobs": _jobs(desk.health),
        "jobs_url": _jobs_url(user),
    }


def listing(model: str, /, **filters: str) -> str:
    """The address of a list of ours, filtered."""
    app = "strategies" if model == "strategy" else "capital"
    address = reverse(f"admin:{app}_{model}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def _card(figures: CurrencyFigures) -> CurrencyCard:
    currency = figures.currency
    changed = figures.change_today
    start = (
        figures.total - changed
        if changed is not None
        and figures.total is not None
        and figures.changes_known == figures.accounts
        else None
    )
    relative = share(changed, start)
    sign = "+" if relative is not None and relative > 0 else ""
    accounts = listing("account", currency=currency, state="active")
    return CurrencyCard(
        currency=currency,
        total=money(figures.total, currency),
        url=accounts,
        accounts=gettext("Accounts: %(count)s") % {"count": figures.accounts},
        change=change(changed, currency),
        change_percent="" if relative is None else f"{sign}{percent(relative)}",
        direction="" if not changed else "good" if changed > 0 else "bad",
        change_url=listing("dailyaccountsummary", currency=currency),
        notes=_notes(figures),
        parts=_parts(figures, accounts),
        equity=line_chart(
            gettext("Equity over 30 days, %(currency)s") % {"currency": currency},
            currency,
            [day.date for day in figures.equity],
            [Line(gettext("Total"), [day.total for day in figures.equity])],
        ),
        strategies=pool_bars(
            gettext("Capital by strategy, %(currency)s") % {"currency": currency},
            currency,
            figures.strategies,
            name=gettext("Strategy"),
            urls=_strategy_urls(figures),
        ),
        venues=pool_bars(
            gettext("Where the money is, %(currency)s") % {"currency": currency},
            currency,
            figures.venues,
            name=gettext("Venue"),
            urls={
                each.key: listing("account", venue=each.key, currency=currency, state="active")
                for each in figures.venues
            },
        ),
    )


def _report(desk: Dashboard) -> ReportCard | None:
    reported = desk.reported
    if reported is None:
        return None
    notes, rates = [], ""
    if reported.missing is not None:
        notes.append(sentence(reported.missing))
    elif reported.is_partial:
        notes.append(gettext("Not all balances are known; those that are not are not in it."))
    total = reported.total
    if total is not None and total.oldest_at is not None:
        rates = gettext("The oldest rate in it is of %(moment)s (%(age)s).") % {
            "moment": moment(total.oldest_at),
            "age": age(total.oldest_at, now=desk.seen_at),
        }
    amount = money(None if total is None else total.amount, reported.currency)
    return ReportCard(reported.currency, amount, rates, notes)


def _strategy_urls(figures: CurrencyFigures) -> dict[str, str]:
    """From each strategy's key to its capital. There may be a thousand: one address for all."""
    address = listing("strategycapital")
    return {
        each.key: address
        + "?"
        + urlencode(
            {"strategy_account__strategy__id__exact": each.key, "currency": figures.currency}
        )
        for each in figures.strategies
    }


def _notes(figures: CurrencyFigures) -> list[str]:
    """What the figures leave out."""
    notes = []
    if figures.unknown:
        notes.append(
            gettext("Not all of the balance is known on %(count)s of %(accounts)s accounts.")
            % {"count": figures.unknown, "accounts": figures.accounts}
        )
    if 0 < figures.changes_known < figures.accounts:
        notes.append(
            gettext("The change is that of %(count)s of %(accounts)s accounts.")
            % {"count": figures.changes_known, "accounts": figures.accounts}
        )
    if figures.unallocated is not None and figures.unallocated < 0:
        notes.append(gettext("More is allocated and reserved than there is."))
    return notes


def _parts(figures: CurrencyFigures, accounts: str) -> list[Part]:
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
        )
        for (name, amount, url, colour), part in zip(named, shares, strict=True)
    ]


def _concerns(desk: Dashboard) -> list[ConcernRow]:
    names = _CONCERN_NAME
    return [
        ConcernRow(
            name=each.account.name,
            where=f"{each.account.venue} · {each.account.currency}",
            url=reverse("admin:capital_account_change", args=[each.account.pk]),
            badges=[
                (str(names[one]), _CONCERN_COLOUR[one], why) for one, why in each.concerns.items()
            ],
            observed_at=each.overview.read_at,
        )
        for each in desk.concerns[:MOST_CONCERNS]
    ]


def _concern_links(desk: Dashboard) -> list[tuple[str, int, str]]:
    """How many accounts there are of each concern, and the list of them where there is one."""
    names = _CONCERN_NAME
    counts = {
        concern: sum(concern in each.concerns for each in desk.concerns) for concern in Concern
    }
    found = []
    for concern, count in counts.items():
        if count:
            rows, filters = _CONCERN_ROWS[concern]
            found.append((str(names[concern]), count, listing(rows, **filters)))
    return found


def _jobs(health: Health) -> dict[str, Any]:
    """Whether the jobs are in time, in a sentence or two."""
    late = [
        gettext("%(job)s is late by %(span)s") % {"job": job.name, "span": span(job.lateness)}
        if job.lateness
        else gettext("%(job)s is not scheduled") % {"job": job.name}
        for job in health.jobs
        if job.is_late
    ]
    alive = sum(cluster.is_alive for cluster in health.clusters)
    problems = list(late)
    if not alive:
        problems.append(gettext("No cluster is alive, so nothing runs by itself."))
    if health.is_stuck:
        waited = {"span": span(health.oldest_wait)}
        problems.append(gettext("The oldest task waits for %(span)s.") % waited)
    return {"late": len(late), "alive": alive, "problems": problems}


def _jobs_url(user: AbstractUser) -> str:
    return reverse("admin:capital_jobrun_health") if sees_everything(user) else ""


def _steps(steps: FirstSteps, user: AbstractUser) -> list[Step]:
    """What to do first, with a link where the user may do it."""

    def adding(permission: str, name: str) -> str:
        return reverse(f"admin:{name}_add") if user.has_perm(permission) else ""

    return [
        Step(
            gettext("Add an account"),
            gettext("Its venue, its currency and its API keys. The keys are kept encrypted."),
            steps.has_account,
            adding("capital.add_account", "capital_account"),
        ),
        Step(
            gettext("Add a strategy"),
            gettext("A name, and the key by which programs know it: spot or futures."),
            steps.has_strategy,
            adding("strategies.add_strategy", "strategies_strategy"),
        ),
        Step(
            gettext("Link them"),
            gettext("On the account's page: which strategies trade there, and with what weight."),
            steps.has_link,
            listing("account") if steps.has_account else "",
        ),
        Step(
            gettext("Allocate capital"),
            gettext("Choose accounts in their list, look at the preview, and apply it."),
            steps.has_run,
            listing("account") if steps.has_link else "",
        ),
    ]
