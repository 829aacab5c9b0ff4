"""``archive``: move old allocations and webhook events into files."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import add_account_argument, errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import print_json
from capital.services.accounts import find_account_ids
from capital.services.archives import ArchiveReport, archive
from capital.services.sentences import sentence


class Command(CapitalCommand):
    """Exit status 0: done; 1: an account's record is not correct; 2: invalid arguments."""

    help = gettext_lazy(
        "Write months of allocations and webhook events to files, and remove them from the "
        "database once the files have been read back. It can be interrupted and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--before",
            type=_date,
            required=True,
            metavar="DATE",
            help=_("archive the months that end before this day (2026-11-01)"),
        )
        parser.add_argument(
            "--to",
            type=Path,
            default=Path("./archive"),
            metavar="FOLDER",
            help=_("the folder that gets a folder for each month (default: ./archive)"),
        )
        add_account_argument(parser, everyone=_("every account, and all webhook events"))
        parser.add_argument("--dry-run", action="store_true", help=_("count, and change nothing"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["account"]
        with errors_translated():
            report = archive(
                options["before"],
                options["to"],
                account_ids=find_account_ids(names) if names else None,
                dry_run=options["dry_run"],
            )
        if options["json"]:
            print_json(self.stdout, _as_json(report))
        else:
            self.stdout.write("\n".join(_sentences(report, dry_run=options["dry_run"])))
        if report.violations:
            sys.exit(1)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            _("%(text)s is not a date like 2026-11-01") % {"text": repr(text)}
        ) from None


def _as_json(report: ArchiveReport) -> dict[str, Any]:
    return {
        "before": report.until.isoformat(),
        "rows": {name: report.rows[name] for name in ("runs", "pools", "entries", "deliveries")},
        "files": [
            {"path": str(file.path), "rows": file.rows, "sha256": file.sha256}
            for file in report.files
        ],
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


def _sentences(report: ArchiveReport, *, dry_run: bool) -> list[str]:
    figures = {
        "until": report.until.isoformat(),
        "runs": report.rows["runs"],
        "deliveries": report.rows["deliveries"],
        "files": len(report.files),
    }
    if dry_run:
        text = _(
            "Before %(until)s: allocations %(runs)s, webhook events %(deliveries)s. Nothing was "
            "changed."
        )
    else:
        text = _(
            "Archived before %(until)s: allocations %(runs)s, webhook events %(deliveries)s; files "
            "%(files)s."
        )
    lines = [text % figures]
    lines += [
        _("Account %(account)s, allocation %(run)s was not archived: %(detail)s (%(code)s)")
        % {
            "account": violation.account_id,
            "run": "—" if violation.run_id is None else f"#{violation.run_id}",
            "detail": sentence(violation.reason),
            "code": violation.reason.code.value,
        }
        for violation in report.violations
    ]
    return lines
