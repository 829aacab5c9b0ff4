"""``load_demo``: a demo desk, whose exchanges are the simulator's."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from capital.management.faces import BAD_ARGUMENTS, errors_translated
from capital.services.demo import load_demo_desk


class Command(BaseCommand):
    """Harmless to run again."""

    help = "Load a demo desk (DEBUG only). Its keys fit the simulator, not a real exchange."

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
