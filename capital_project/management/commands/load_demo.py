"""``load_demo``: load demo accounts, for use with the simulated exchange."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from capital.management.arguments import BAD_ARGUMENTS, errors_translated
from capital.management.base import CapitalCommand
from capital.services.demo import (
    DEMO_PASSWORD,
    DEMO_USER,
    load_demo_desk,
    trade_demo_desk,
)


class Command(CapitalCommand):
    """May be run again: it adds only what is missing."""

    help = gettext_lazy(
        "Load demo data (DEBUG only). Its API keys work with the simulated exchange only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--trades",
            action="store_true",
            help=_("also report what its bots traded; the simulated exchange must be running"),
        )
        parser.add_argument(
            "--closed",
            action="store_true",
            help=_("with --trades: leave out the position that stays open"),
        )
        parser.add_argument(
            "--show-login", action="store_true", help=_("also print how to log in to the admin")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse outside DEBUG, where real money may be; else load."""
        if not settings.DEBUG:
            raise CommandError(
                _("load_demo adds made-up accounts, so it works only with DEBUG=1."),
                returncode=BAD_ARGUMENTS,
            )
        with errors_translated():
            created = load_demo_desk()
            recorded = trade_demo_desk(only_closed=options["closed"]) if options["trades"] else 0
        self.stdout.write(_trades_text(recorded) if options["trades"] else _data_text(created))
        if options["show_login"]:
            self.stdout.write(
                _("Log in at %(path)s as %(user)s with the password %(password)s.")
                % {"path": "/admin/", "user": DEMO_USER, "password": DEMO_PASSWORD}
            )


def _data_text(created: int) -> str:
    if not created:
        return _("Demo data: already loaded.")
    text = ngettext(
        "Demo data: added %(count)s account.", "Demo data: added %(count)s accounts.", created
    )
    return text % {"count": created}


def _trades_text(recorded: int) -> str:
    text = ngettext(
        "Demo trades: recorded %(count)s fill.", "Demo trades: recorded %(count)s fills.", recorded
    )
    return text % {"count": recorded}
