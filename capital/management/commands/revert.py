"""``revert``: give every strategy the capital that it had before a run."""

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import command_origin, errors_translated, read_whole
from capital.management.base import CapitalCommand
from capital.management.output import console_on, print_json
from capital.management.tables import decision_table, report_as_json
from capital.services.allocation import RunReport, preview_revert, report_runs, revert_run


class Command(CapitalCommand):
    """Exit status 0: reverted; 2: refused."""

    help = gettext_lazy(
        "Undo the last allocation that changed an account's capital, if the current balance covers "
        "the earlier amounts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "run", type=read_whole, metavar="RUN_ID", help=_("number of the allocation to revert")
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("show the result, but write nothing")
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            report = _report(options)
        if options["json"]:
            print_json(self.stdout, {"runs": [report_as_json(report)]})
            return
        console = console_on(self.stdout)
        console.print(decision_table([report]))
        console.print(report.reason)
        if options["dry_run"]:
            console.print(_("Dry run: nothing was written."))


def _report(options: dict[str, Any]) -> RunReport:
    if options["dry_run"]:
        return preview_revert(options["run"])
    return report_runs([revert_run(options["run"], origin=command_origin())])[0]
