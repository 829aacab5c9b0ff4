"""``import_desk``: what ``export_desk`` wrote, or what was written by hand, into this site."""

from argparse import ArgumentParser
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from capital.domain.money import plain
from capital.management.arguments import command_origin, errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import progress_bar
from capital.management.passphrases import (
    add_passphrase_argument,
    chosen_passphrase,
    read_file,
)
from capital.services.desks import Step, Verb, holds_secrets, import_desk


class Command(CapitalCommand):
    """Exit status 0: it was imported, or would be; 2: a line was refused, and nothing was done."""

    help = gettext_lazy(
        "Make and change what a file of export_desk says: everything, or nothing. What the file "
        "does not name stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help=_("a file of export_desk"))
        parser.add_argument(
            "--dry-run", action="store_true", help=_("say what would be done, and do nothing")
        )
        add_passphrase_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        is_dry_run = options["dry_run"]
        with errors_translated():
            text = read_file(options["file"])
            passphrase = None
            if holds_secrets(text):
                passphrase = chosen_passphrase(options["passphrase_file"], is_new=False)
            with progress_bar(_("Importing")) as tell:
                steps = import_desk(
                    text,
                    passphrase=passphrase,
                    is_dry_run=is_dry_run,
                    origin=command_origin(),
                    on_progress=tell,
                )
        for step in steps:
            if step.verb is not Verb.KEPT:
                self.stdout.write(_line(step))
        count = Counter(step.verb for step in steps)
        counts = {verb.value: count[verb] for verb in Verb}
        if is_dry_run:
            told = _("Would make %(made)s, change %(changed)s and keep %(kept)s. Nothing was done.")
        else:
            told = _("Made %(made)s, changed %(changed)s, kept %(kept)s.")
        self.stdout.write(told % counts)
        if not is_dry_run and any(step.verb is Verb.MADE and step.kind == "user" for step in steps):
            self.stdout.write(
                _("New users have no password yet: python manage.py changepassword NAME")
            )


def _line(step: Step) -> str:
    """One row: what was done with it, and what was changed."""
    verbs = {Verb.MADE: pgettext("import", "made"), Verb.CHANGED: pgettext("import", "changed")}
    kinds = {
        "group": _("group"),
        "user": _("user"),
        "alert_target": _("alert target"),
        "strategy": _("strategy"),
        "account": _("account"),
        "access": _("account access"),
        "link": _("strategy link"),
    }
    changes = ", ".join(
        f"{name} ({_('secret')})"
        if pair == (None, None)
        else f"{name} {_text(pair[0])} → {_text(pair[1])}"
        for name, pair in step.fields.items()
    )
    line = f"{verbs[step.verb]}  {kinds[step.kind]} {step.name}"
    return f"{line}: {changes}" if step.verb is Verb.CHANGED else line


def _text(value: Any) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
