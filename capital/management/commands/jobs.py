"""``jobs``: show whether jobs run on time and workers are alive."""

import sys
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console
from rich.table import Table
from rich.text import Text

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import console_on, print_json
from capital.management.stops import stop_as_json, stops_table
from capital.services.balances import all_reading_times, read_in_turns
from capital.services.jobs import (
    ClusterHealth,
    Health,
    JobHealth,
    check_health,
    get_job,
    refused_tasks,
)
from capital.services.limits import open_stops
from capital.services.sentences import sentence


class Command(CapitalCommand):
    """Exit status 0: all is well; 1: a job is late, or no cluster is alive."""

    help = gettext_lazy("Show whether jobs run on time and workers are alive.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            health = check_health()
        if options["json"]:
            stops = [stop_as_json(stop) for stop in open_stops().order_by("pk")]
            print_json(self.stdout, {**health.as_json(), "stops": stops})
        else:
            _print_for_people(console_on(self.stdout), health)
            if stopped := list(open_stops().order_by("pk")):
                self.stdout.write(_("Stops of entries"))
                console_on(self.stdout).print(stops_table(stopped))
        if not health.is_healthy:
            sys.exit(1)


def _print_for_people(console: Console, health: Health) -> None:
    console.print(_jobs_table(health.jobs))
    if health.clusters:
        console.print(_clusters_table(health.clusters))
    if health.is_a_clock_wrong:
        text = _(
            "A cluster whose clock is too far off the database's takes no tasks. Set the clock."
        )
        console.print(Text(text, style="bold red"))
    if not any(cluster.is_alive for cluster in health.clusters):
        console.print(
            Text(
                _("No worker cluster is running. Start one: python manage.py qcluster"),
                style="bold red",
            )
        )
    for each in read_in_turns(all_reading_times()):
        console.print(Text(sentence(each.reason), style="yellow"))
    if (unread := health.accounts.reason) is not None:
        style = "bold red" if health.accounts.are_many else "yellow"
        console.print(Text(sentence(unread), style=style))
    for task in refused_tasks():
        console.print(Text(f"{_time(task.at)} {task.shown_reason}", "red"))
    if health.oldest_wait is None:
        console.print(_("No tasks are waiting."))
    else:
        console.print(
            Text(
                _("The oldest task has been waiting for %(span)s.")
                % {"span": _span(health.oldest_wait)},
                style="bold red" if health.is_stuck else "",
            )
        )


def _jobs_table(jobs: list[JobHealth]) -> Table:
    table = Table(header_style="bold")
    table.add_column(_("Job"), no_wrap=True)
    table.add_column(_("What it does"), overflow="fold")
    table.add_column(_("Last success"), no_wrap=True)
    table.add_column(_("Next run"), no_wrap=True)
    table.add_column(_("Late by"), justify="right", no_wrap=True)
    table.add_column(_("Error"), overflow="fold", min_width=20, ratio=1)
    for job in jobs:
        late = Text(_span(job.lateness), style="bold red" if job.is_late else "dim")
        table.add_row(
            Text(job.name, style="bold red" if job.is_late else ""),
            str(get_job(job.name).summary),
            _time(job.last_success_at),
            _time(job.next_run_at),
            late if job.lateness else "—",
            Text(job.shown_error, style="red"),
        )
    return table


def _clusters_table(clusters: list[ClusterHealth]) -> Table:
    table = Table(header_style="bold")
    table.add_column(_("Cluster"), overflow="fold")
    table.add_column(_("Process"), justify="right", no_wrap=True)
    table.add_column(_("Last heartbeat"), no_wrap=True)
    table.add_column(_("Status"), no_wrap=True)
    for cluster in clusters:
        beat = _("%(time)s, %(span)s ago") % {
            "time": _time(cluster.beat_at), "span": _span(cluster.age)
        }  # fmt: skip
        table.add_row(cluster.host, str(cluster.pid), beat, _state(cluster))
    return table


def _state(cluster: ClusterHealth) -> Text:
    if cluster.is_alive:
        return Text(_("alive"), style="green")
    if not cluster.clock_ahead:
        return Text(_("no heartbeat"), "red")
    off = {"span": _span(abs(cluster.clock_ahead))}
    is_ahead = cluster.clock_ahead > timedelta()
    said = _("clock %(span)s ahead") if is_ahead else _("clock %(span)s behind")
    return Text(said % off, "bold red")


def _time(moment: datetime | None) -> str:
    return "—" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def _span(span: timedelta) -> str:
    return str(timedelta(seconds=span // timedelta(seconds=1)))
