"""``sync_schedules``: update the queue's schedules from the settings."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.services.jobs import sync_schedules


class Command(CapitalCommand):
    """May be run again at any time."""

    help = gettext_lazy(
        "Update the job schedules from the settings. Unchanged ones keep their next run."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            counts = sync_schedules()
        self.stdout.write(
            _("Schedules: %(created)d created, %(changed)d changed, %(unchanged)d unchanged, "
              "%(removed)d removed.") % counts
        )  # fmt: skip
