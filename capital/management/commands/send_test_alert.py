"""``send_test_alert``: try the targets of a user, or of everybody, now."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.base import CapitalCommand
from capital.models import DeliveryState
from capital.services.alerts import find_targets, send_test, told_of


class Command(CapitalCommand):
    """Exit status 0: all were taken; 1: one was not; 2: there is no such target."""

    help = gettext_lazy("Send a test message to alert targets at once, and say what came of it.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--user", metavar="NAME", help=_("only the targets of this user; by default all")
        )
        parser.add_argument("--target", metavar="NAME", help=_("only targets with this name"))

    def handle(self, *_args: Any, **options: Any) -> None:
        targets = find_targets(user=options["user"], name=options["target"])
        if not targets:
            raise CommandError(_("There is no such alert target."), returncode=2)
        results = [(target, send_test(target)) for target in targets]
        for target, delivery in results:
            figures = {
                "user": target.user.get_username(),
                "name": target.name,
                "address": target.shown_address,
                "result": told_of(delivery),
            }
            self.stdout.write(_("%(user)s, %(name)s (%(address)s): %(result)s") % figures)
        if any(delivery.state is not DeliveryState.SENT for _target, delivery in results):
            sys.exit(1)
