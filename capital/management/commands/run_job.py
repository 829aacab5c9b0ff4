"""``run_job``: run one job now, in this process, without the queue."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.names import counted
from capital.services.jobs import JOBS, error_of, has_failures, perform_by_hand
from capital.services.labels import labelled


class Command(CapitalCommand):
    """Exit status 0: done; 1: something failed; 2: unknown job."""

    help = gettext_lazy("Run one job now, in this process.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help=", ".join(job.name for job in JOBS))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            run = perform_by_hand(options["name"])
        counts = counted(labelled(run.outcomes))
        self.stdout.write(
            _("%(job)s: %(accounts)d accounts (%(outcomes)s).")
            % {"job": run.name, "accounts": run.accounts, "outcomes": counts or "—"}
        )
        if run.error:
            self.stderr.write(error_of(run))
        if has_failures(run):
            sys.exit(1)
