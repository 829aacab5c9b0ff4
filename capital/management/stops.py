"""What ``stop`` and ``lift_stop`` share: whom they are asked about, and how stops are shown."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rich.table import Table

from capital.models import Stop
from capital.services.limits import Scope, find_scope, scope_name, who_stopped, why_stopped
from capital.services.sentences import sentence


def add_scope_arguments(parser: ArgumentParser) -> None:
    """Add the flags that say whom a stop is of, ``--reason`` and ``--json``."""
    parser.add_argument(
        "--account", metavar="ID_OR_NAME", help=_("all strategies on this account, by id or name")
    )
    parser.add_argument(
        "--strategy", metavar="KEY", help=_("with --account: only this strategy there, by key")
    )
    parser.add_argument("--owner", metavar="USERNAME", help=_("all accounts of this user"))
    parser.add_argument("--everybody", action="store_true", help=_("every account"))
    parser.add_argument(
        "--reason", default="", help=_("why; shown to whoever asks why nothing is ordered")
    )
    parser.add_argument("--json", action="store_true", help=_("print one JSON object"))


def scope_asked(options: dict[str, Any]) -> Scope:
    """Whom the flags say. Raises ``InvalidStop`` for none and for several."""
    return find_scope(
        account=options["account"],
        strategy=options["strategy"],
        owner=options["owner"],
        everybody=options["everybody"],
    )


def stops_table(stops: Sequence[Stop]) -> Table:
    """One line for each."""
    table = Table(header_style="bold")
    for name in (_("Id"), _("Stopped"), _("Stopped since"), _("By"), _("Reason")):
        table.add_column(name, overflow="fold")
    for stop in stops:
        table.add_row(
            str(stop.pk),
            scope_name(stop),
            f"{timezone.localtime(stop.at):%Y-%m-%d %H:%M:%S}",
            who_stopped(stop),
            _why(stop),
        )
    return table


def stop_as_json(stop: Stop) -> dict[str, Any]:
    """The object that ``--json`` prints for one stop."""
    return {
        "id": stop.pk,
        "scope": stop.scope,
        "account": stop.account_id,
        "strategy_account": stop.strategy_account_id,
        "owner": None if stop.owner is None else stop.owner.get_username(),
        "by": None if stop.actor is None else stop.actor.get_username(),
        "code": stop.code,
        "reason": _why(stop),
        "at": stop.at,
        "lifted_at": stop.lifted_at,
        "lifted_reason": stop.lifted_reason,
    }


def _why(stop: Stop) -> str:
    found = why_stopped(stop)
    return found if isinstance(found, str) else sentence(found)
