"""``upgrade_check``: what an upgrade would migrate, and whether old processes still run."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import print_json
from capital.services.upgrades import UpgradeCheck, check_upgrade
from capital_project import __version__


class Command(CapitalCommand):
    """Exit status 0: nothing is to be done; 1: something is."""

    help = gettext_lazy(
        "Say what upgrading to this version would migrate, and whether web or worker processes of "
        "another version are still connected. Nothing is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            found = check_upgrade(__version__)
        if options["json"]:
            print_json(self.stdout, _as_json(found))
        else:
            self.stdout.write("\n".join(_sentences(found)))
        if not found.is_clear:
            sys.exit(1)


def _as_json(found: UpgradeCheck) -> dict[str, Any]:
    return {
        "version": __version__,
        "migrations": list(found.migrations),
        "is_older": found.is_older,
        "others": None if found.others is None else dict(found.others),
        "is_clear": found.is_clear,
    }


def _sentences(found: UpgradeCheck) -> Iterator[str]:
    yield _("This is version %(version)s.") % {"version": __version__}
    if found.is_older:
        yield _("The database is of a newer version: do not start this one on it.")
    if found.migrations:
        names = "".join(f"\n  {name}" for name in found.migrations)
        yield ngettext(
            "`migrate` would apply %(count)s migration:%(names)s",
            "`migrate` would apply %(count)s migrations:%(names)s",
            len(found.migrations),
        ) % {"count": len(found.migrations), "names": names}
    elif not found.is_older:
        yield _("The database fits this version.")
    if found.others is None:
        yield _(
            "SQLite cannot say which processes are connected. Restart the site and the workers "
            "after an upgrade."
        )
    if found.migrations:
        yield _("CHANGELOG.md says under “When upgrading” what else is to be done.")
    for version, count in (found.others or {}).items():
        yield ngettext(
            "%(count)s connection of version %(version)s is open. Restart the site and the "
            "workers.",
            "%(count)s connections of version %(version)s are open. Restart the site and the "
            "workers.",
            count,
        ) % {"count": count, "version": version}
