"""``stop``: refuse new entries of an account, a strategy on it, an owner, or everybody."""

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import console_on, print_json
from capital.management.stops import add_scope_arguments, scope_asked, stop_as_json, stops_table
from capital.services.limits import open_stops, place_stop


class Command(CapitalCommand):
    """Exit status 0: it is stopped; 2: invalid arguments."""

    help = gettext_lazy(
        "Stop new entries of an account, of one strategy on it, of an owner, or of everybody, from "
        "the next order on. Closing goes on, and no capital moves."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_scope_arguments(parser)
        parser.add_argument(
            "--list", action="store_true", help=_("only show what is stopped now, and why")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            stops, said = list(open_stops().order_by("pk")), ""
        else:
            with errors_translated():
                stop, is_new = place_stop(
                    scope_asked(options), reason=options["reason"], actor=None
                )
            stops = [stop]
            said = _("New entries are stopped.") if is_new else _("This is already stopped.")
        if options["json"]:
            print_json(self.stdout, {"stops": [stop_as_json(each) for each in stops]})
            return
        if stops:
            console_on(self.stdout).print(stops_table(stops))
        self.stdout.write(said or (_("Nothing is stopped.") if not stops else ""))
