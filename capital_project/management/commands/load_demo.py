"""``load_demo``: a demo desk, whose exchanges are the simulator's."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from capital.management.arguments import BAD_ARGUMENTS, errors_translated
from capital.services.demo import DEMO_PASSWORD, DEMO_USER, load_demo_desk


class Command(BaseCommand):
    """Harmless to run again."""

    help = "Load a demo desk (DEBUG only). Its keys fit the simulator, not a real exchange."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--show-login", action="store_true", help="print how to log in to the admin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse where real money may be, else load."""
        if not settings.DEBUG:
            raise CommandError(
                "load_demo adds made-up accounts; it works with DEBUG=1 only.",
                returncode=BAD_ARGUMENTS,
            )
        with errors_translated():
            created = load_demo_desk()
        self.stdout.write(f"Demo desk: {created} accounts added, the rest was there already.")
        if options["show_login"]:
            self.stdout.write(
                f"Log in to /admin/ as {DEMO_USER} with the password {DEMO_PASSWORD}."
            )
