"""``audit_capital``: check every invariant on the stored data."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from capital.management.arguments import add_account_argument, errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import print_json
from capital.services.accounts import find_account_ids
from capital.services.audit import AuditReport, Violation, as_figures, audit_and_tell
from capital.services.sentences import sentence


class Command(CapitalCommand):
    """Exit status 0: all invariants hold; 1: one is broken; 2: invalid arguments."""

    help = gettext_lazy(
        "Check all invariants on the stored data, and change none of it. Allocations and fills of "
        "more than a week ago that were found correct before are not read again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_account_argument(parser, everyone=_("every account"))
        parser.add_argument(
            "--full", action="store_true", help=_("read every allocation and fill again")
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            names = options["account"]
            report = audit_and_tell(
                find_account_ids(names) if names else None, full=options["full"]
            )
        if options["json"]:
            print_json(self.stdout, _as_json(report))
        else:
            self._print_for_people(report)
        if report.violations:
            sys.exit(1)

    def _print_for_people(self, report: AuditReport) -> None:
        for violation in report.violations:
            self.stdout.write(_line(violation))
        names = {
            "accounts": _("accounts"),
            "runs": _("allocations"),
            "pools": _("pools"),
            "entries": _("entries"),
            "capital": _("strategy capital"),
            "summaries": _("daily summaries"),
            "fills": _("fills"),
            "flows": _("flows"),
            "positions": _("positions"),
            "days": _("days of PnL"),
        }
        checked = ", ".join(f"{names[kind]} {count}" for kind, count in as_figures(report).items())
        self.stdout.write(
            _("Checked: %(checked)s. Violations: %(number)s.")
            % {"checked": checked, "number": len(report.violations)}
        )
        if report.resumed:
            self.stdout.write(
                ngettext(
                    "%(count)s account: older allocations and fills were found correct before and "
                    "were not read again. To read them: audit_capital --full",
                    "%(count)s accounts: older allocations and fills were found correct before and "
                    "were not read again. To read them: audit_capital --full",
                    len(report.resumed),
                )
                % {"count": len(report.resumed)}
            )


def _line(violation: Violation) -> str:
    figures = {
        "account": violation.account_id,
        "run": "—" if violation.run_id is None else f"#{violation.run_id}",
        "code": violation.reason.code.value,
        "detail": sentence(violation.reason),
    }
    return _("Account %(account)s, allocation %(run)s: %(detail)s (%(code)s)") % figures


def _as_json(report: AuditReport) -> dict[str, Any]:
    return {
        "checked": as_figures(report),
        "violations": [
            {
                "code": violation.reason.code.value,
                "account_id": violation.account_id,
                "run_id": violation.run_id,
                "detail": sentence(violation.reason),
            }
            for violation in report.violations
        ],
    }
