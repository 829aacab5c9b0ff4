"""``webhook_secret``: open, rotate or close the webhook of one strategy."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils.translation import gettext as _

from capital.management.arguments import BAD_ARGUMENTS, errors_translated
from capital.services.webhooks import remove_secret, rotate_secret
from strategies.models import Strategy


class Command(BaseCommand):
    """Exit 0: done; 2: arguments."""

    help = "Give a strategy's webhook a new secret and show it, this once; or remove it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("strategy", metavar="STRATEGY_KEY", help="the strategy's key")
        parser.add_argument(
            "--remove", action="store_true", help="close the webhook: its secret opens nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with errors_translated():
            strategy = _strategy(options["strategy"])
            if options["remove"]:
                closed = remove_secret(strategy)
                self.stdout.write(
                    _("The webhook is off and its secret no longer works.")
                    if closed
                    else _("The webhook is already off.")
                )
                return
            secret = rotate_secret(strategy)
        self.stdout.write(secret)
        self.stderr.write(_("Copy it now. It will not be shown again."))
        path = reverse("hooks", args=[strategy.key])
        self.stderr.write(_("It opens: POST %(path)s") % {"path": path})


def _strategy(key: str) -> Strategy:
    try:
        return Strategy.objects.get(key=key)
    except Strategy.DoesNotExist:
        raise CommandError(
            _("There is no strategy with the key %(key)s.") % {"key": key},
            returncode=BAD_ARGUMENTS,
        ) from None
