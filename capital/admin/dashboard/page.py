"""The first page: everything at a glance, each figure with a link to the rows behind it."""

from typing import Any, cast

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from capital.admin.dashboard.concerns import concern_links, concern_rows
from capital.admin.dashboard.currencies import currency_card, report_card
from capital.admin.dashboard.earnings import earnings_card
from capital.admin.dashboard.steps import first_steps, first_steps_url, may_look, sees_nothing
from capital.admin.frame.formats import span
from capital.admin.frame.navigation import listing
from capital.admin.frame.needs import need_lines
from capital.services.access import sees_everything
from capital.services.jobs import Health
from capital.services.overview import Dashboard, read_dashboard
from capital.services.sentences import sentence

REFRESHED_EVERY_SECONDS = 20


def with_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's callback for the index: one service call, made readable."""
    user = cast(AbstractUser, request.user)
    overview = read_dashboard(user)
    dust = frozenset[str]() if overview.reported is None else overview.reported.dust
    cards: list[Any] = []
    dust_cards: list[Any] = []
    for figures in overview.currencies:
        (dust_cards if figures.currency in dust else cards).append(currency_card(figures, user))
    return {
        **context,
        "title": gettext("Dashboard"),
        "overview": overview,
        "cards": cards,
        "dust_cards": dust_cards,
        "report": report_card(overview, user),
        "earnings": earnings_card(overview.earnings),
        "steps": [] if overview.steps.are_done else first_steps(overview.steps, user),
        "sees_nothing": sees_nothing(overview.steps, user),
        "may_look": may_look(user),
        "first_steps_url": "" if overview.steps.has_account else first_steps_url(user),
        "needs": need_lines(request),
        "needs_title": gettext("What needs you"),
        "concerns": concern_rows(overview),
        "concern_links": concern_links(overview),
        "accounts_url": listing("account", state="active"),
        "accounts_off_url": listing("account", state="inactive"),
        "runs_url": listing("allocationrun"),
        "jobs": _jobs(overview.health, sees_all=sees_everything(user)),
        "in_turns": [sentence(each.reason) for each in overview.in_turns],
        "round": _round(overview),
        "jobs_url": _jobs_url(user),
        "live_from": reverse("admin:dashboard_parts"),
        "live_every": REFRESHED_EVERY_SECONDS,
        "live_at": overview.seen_at,
    }


def dashboard_parts(request: HttpRequest) -> TemplateResponse:
    """The dashboard without its frame, as it refreshes itself."""
    context = with_dashboard(request, {"base_template": "capital/live/answer.html"})
    return TemplateResponse(request, "capital/dashboard/page.html", context)


def _round(overview: Dashboard) -> str:
    """In what time every account is read once; empty without accounts."""
    if not overview.accounts:
        return ""
    minutes = overview.minutes_of_a_round
    return ngettext("every %(minutes)s minute", "every %(minutes)s minutes", minutes) % {
        "minutes": minutes
    }


def _jobs(health: Health, *, sees_all: bool) -> dict[str, Any]:
    """Whether the jobs are on time, in a sentence or two."""
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
        problems.append(gettext("No worker cluster is running, so scheduled jobs do not run."))
    if health.is_stuck:
        waited = {"span": span(health.oldest_wait)}
        problems.append(gettext("The oldest task has been waiting for %(span)s.") % waited)
    if health.accounts.are_many and health.accounts.reason is not None:
        # How many accounts others have, and where, is for who sees them.
        problems.append(
            sentence(health.accounts.reason)
            if sees_all
            else gettext("Half of all accounts, or more, could not be read from their exchange.")
        )
    return {"late": len(late), "alive": alive, "problems": problems}


def _jobs_url(user: AbstractUser) -> str:
    return reverse("admin:capital_jobrun_health") if sees_everything(user) else ""
