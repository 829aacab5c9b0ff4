"""``reallocate``: allocate the capital of accounts now, and say why."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console
from rich.text import Text

from capital.management.arguments import (
    BAD_ARGUMENTS,
    add_account_argument,
    chosen_account_ids,
    command_origin,
    errors_translated,
)
from capital.management.base import CapitalCommand
from capital.management.names import counted, outcome_name
from capital.management.output import console_on, print_json, progress_bar
from capital.management.tables import decision_table, report_as_json
from capital.models import Trigger
from capital.services.allocation import (
    AllocationPreview,
    RunReport,
    allocate_capital,
    preview_allocation,
    reallocate_where_due,
    report_decision,
    report_not_due,
    report_runs,
)


class Command(CapitalCommand):
    """Exit status 0: every pool with active links is applied or unchanged; 1: not; 2: arguments."""

    help = gettext_lazy(
        "Allocate each account's balances to its active strategies, and record why."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_account_argument(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help=_("show the result, but write nothing")
        )
        parser.add_argument(
            "--cached",
            action="store_true",
            help=_("use cached balances instead of asking the exchange"),
        )
        parser.add_argument(
            "--run-key",
            metavar="KEY",
            help=_("idempotency key; an account already allocated with it returns that result"),
        )
        parser.add_argument(
            "--if-due",
            action="store_true",
            help=_("allocate only accounts that are due, as the scheduled job does"),
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help=_("allocate even if positions are open; logged and marked on the allocation"),
        )
        parser.add_argument(
            "--accept-jump",
            action="store_true",
            help=_("accept balances that are on hold because they jumped; needs --account"),
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_contradictions(options)
        with errors_translated():
            reports = _reports(options)
        if options["json"]:
            print_json(self.stdout, {"runs": [report_as_json(report) for report in reports]})
        else:
            _print_for_people(console_on(self.stdout), reports, dry_run=options["dry_run"])
        if not all(report.complete for report in reports):
            sys.exit(1)


def _reports(options: dict[str, Any]) -> list[RunReport]:
    ids = chosen_account_ids(options["account"])
    given = {
        "trigger": Trigger.COMMAND,
        "run_key": options["run_key"],
        "live": not options["cached"],
    }
    past_holds = {"force": options["force"], "accept_jump": options["accept_jump"]}
    if options["dry_run"]:
        previews = preview_allocation(ids, if_due=options["if_due"], **given, **past_holds)
        return [_report_preview(preview) for preview in previews]
    with progress_bar(_("Allocating")) as tell:

        def advance(more: int) -> None:
            tell(more, len(ids))

        if options["if_due"]:
            checked = reallocate_where_due(ids, on_progress=advance, **given)
            runs = iter(report_runs([result.run for result in checked if result.run is not None]))
            return [
                report_not_due(result.account, result.reason) if result.run is None else next(runs)
                for result in checked
            ]
        return report_runs(
            allocate_capital(
                ids, on_progress=advance, origin=command_origin(), **given, **past_holds
            )
        )


def _report_preview(preview: AllocationPreview) -> RunReport:
    if preview.run is not None:
        return report_runs([preview.run])[0]
    if preview.decision is None:
        return report_not_due(preview.account, preview.reason)
    return report_decision(preview.account, preview.decision)


def _refuse_contradictions(options: dict[str, Any]) -> None:
    if options["if_due"] and (options["force"] or options["accept_jump"]):
        raise CommandError(
            _("--if-due cannot be combined with --force or --accept-jump."),
            returncode=BAD_ARGUMENTS,
        )
    if options["accept_jump"] and not options["account"]:
        raise CommandError(
            _("--accept-jump needs --account: check an account before you accept its balance."),
            returncode=BAD_ARGUMENTS,
        )


def _print_for_people(console: Console, reports: Sequence[RunReport], *, dry_run: bool) -> None:
    if not reports:
        console.print(_("No active accounts."))
        return
    console.print(decision_table(reports))
    for report in reports:
        if not report.complete or not report.pools:
            style = "yellow" if report.complete else "bold red"
            console.print(Text(f"{report.account}: {report.reason}", style=style))
        if report.is_suspicious:
            how = f"reallocate --account {report.account_id} --accept-jump"
            console.print(Text(_("To accept it: %(command)s") % {"command": how}, style="yellow"))
    counts = Counter(report.outcome for report in reports)
    outcomes = counted({outcome_name(each): number for each, number in sorted(counts.items())})
    console.print(
        _("Accounts: %(number)s (%(outcomes)s).") % {"number": len(reports), "outcomes": outcomes}
    )
    if dry_run:
        console.print(_("Dry run: nothing was written."))
