"""``webhook_secret``: create, replace or remove the secret of a strategy's webhook."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import BAD_ARGUMENTS, command_origin, errors_translated
from capital.management.base import CapitalCommand
from capital.services.webhooks import remove_secret, rotate_secret, webhook_name
from strategies.models import Strategy


class Command(CapitalCommand):
    """Exit status 0: done; 2: invalid arguments."""

    help = gettext_lazy(
        "Create a new secret for a strategy's webhook and print it once, or remove it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("strategy", metavar="STRATEGY_KEY", help=_("key of the strategy"))
        parser.add_argument(
            "--remove",
            action="store_true",
            help=_("turn the webhook off: its secret stops working"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with errors_translated():
            strategy = _strategy(options["strategy"])
            if options["remove"]:
                closed = remove_secret(strategy, origin=command_origin())
                self.stdout.write(
                    _("The webhook is off and its secret no longer works.")
                    if closed
                    else _("The webhook is already off.")
                )
                return
            secret = rotate_secret(strategy, origin=command_origin())
        self.stdout.write(secret)
        self.stderr.write(_("Copy it now. It will not be shown again."))
        name = webhook_name(strategy)
        path = reverse("hooks", args=[part for part in (strategy.key, name) if part])
        self.stderr.write(_("Use it with: POST %(path)s") % {"path": path})


def _strategy(key: str) -> Strategy:
    try:
        return Strategy.objects.get(key=key)
    except Strategy.DoesNotExist:
        raise CommandError(
            _("Strategy %(key)s not found.") % {"key": key},
            returncode=BAD_ARGUMENTS,
        ) from None
