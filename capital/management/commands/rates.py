"""``rates``: show the stored reporting rates, or store one."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.domain.money import plain
from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.models import ReportingRate
from capital.services.overview import store_rate


class Command(CapitalCommand):
    """Exit status 0: shown or stored; 2: invalid arguments."""

    help = gettext_lazy(
        "Show the stored reporting rates and their age, or store one. Used in reports only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "pair",
            nargs="*",
            metavar="FROM TO RATE",
            help=_("store a rate: 1 FROM is worth RATE in TO (give all three)"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        pair = options["pair"]
        if len(pair) not in (0, 3):
            self.print_help("manage.py", "rates")
            raise SystemExit(2)
        with errors_translated():
            rows = [store_rate(*pair)] if pair else list(ReportingRate.objects.all())
        if not rows:
            self.stdout.write(_("No rates are stored."))
        for row in rows:
            age = _("%(age)s ago") % {"age": timesince(row.observed_at, timezone.now())}
            self.stdout.write(f"1 {row.base} = {plain(row.rate.normalize())} {row.quote} ({age})")
