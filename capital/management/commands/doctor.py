"""``doctor``: look at what a site needs, and say what to do."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from capital.management.base import CapitalCommand
from capital.management.output import print_json
from capital.services.diagnosis import Finding, State, diagnose

_NAMES = {
    "database": gettext_lazy("database"),
    "migrations": gettext_lazy("migrations"),
    "hosts": gettext_lazy("host names"),
    "disk": gettext_lazy("disk"),
    "keys": gettext_lazy("encryption keys"),
    "clock": gettext_lazy("clock"),
    "workers": gettext_lazy("workers"),
    "queue": gettext_lazy("queue"),
    "venues": gettext_lazy("exchanges"),
}


class Command(CapitalCommand):
    """Exit status 0: nothing stands in the way; 1: there is a problem."""

    help = gettext_lazy(
        "Check the database, encryption keys, clock, workers, queue, exchanges, host names and "
        "disk, and say what to do. Nothing is changed."
    )
    # It is to run where they fail.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help=_("ask no exchange"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for finding in diagnose(asks_venues=not options["offline"]):
            found.append(finding)
            if not options["json"]:
                self.stdout.write(self._line(finding))
        is_sound = all(each.state is not State.PROBLEM for each in found)
        if options["json"]:
            checks = [each.as_json() for each in found]
            print_json(self.stdout, {"is_sound": is_sound, "checks": checks})
        if not is_sound:
            sys.exit(1)

    def _line(self, finding: Finding) -> str:
        mark, paint = {
            State.OK: (pgettext("check", "ok"), self.style.SUCCESS),
            State.WARNING: (pgettext("check", "look"), self.style.WARNING),
            State.PROBLEM: (pgettext("check", "problem"), self.style.ERROR),
        }[finding.state]
        return f"{paint(mark)} · {_NAMES[finding.check]}: {finding.text}"
