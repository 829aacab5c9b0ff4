"""``lift_stop``: let new entries go on."""

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.domain.errors import InvalidStop
from capital.domain.reasons import Code
from capital.management.arguments import errors_translated, read_whole
from capital.management.base import CapitalCommand
from capital.management.output import console_on, print_json
from capital.management.stops import add_scope_arguments, scope_asked, stop_as_json, stops_table
from capital.models import Stop
from capital.services.limits import lift_stop, lift_stops


class Command(CapitalCommand):
    """Exit status 0: done; 2: invalid arguments."""

    help = gettext_lazy(
        "Lift a stop of entries, with a reason. What was running resumes. A limit that stopped it "
        "starts over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "stop",
            type=read_whole,
            nargs="?",
            metavar="STOP_ID",
            help=_("only this stop, by its id"),
        )
        add_scope_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            lifted = _lifted(options)
        if options["json"]:
            print_json(self.stdout, {"stops": [stop_as_json(each) for each in lifted]})
            return
        if lifted:
            console_on(self.stdout).print(stops_table(lifted))
        self.stdout.write(_("The stop was lifted.") if lifted else _("Nothing is stopped."))


def _lifted(options: dict[str, Any]) -> list[Stop]:
    how: dict[str, Any] = {"reason": options["reason"], "actor": None}
    if options["stop"] is None:
        return lift_stops(scope_asked(options), **how)
    if any(options[name] for name in ("account", "strategy", "owner", "everybody")):
        raise InvalidStop(Code.STOP_SCOPE_UNCLEAR)
    return [lift_stop(options["stop"], **how)]
