"""``sync_schedules``: set the queue's schedules to what is configured."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from capital.management.arguments import errors_translated
from capital.services.jobs import sync_schedules


class Command(BaseCommand):
    """Harmless to run again."""

    help = "Register the jobs' schedules as configured. Unchanged ones keep their next run."

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            counts = sync_schedules()
        self.stdout.write(
            _("Schedules: %(created)d created, %(changed)d changed, %(unchanged)d unchanged, "
              "%(removed)d removed.") % counts
        )  # fmt: skip
