"""``addstatictoken``: a code for a user who lost the phone of the second factor."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import BAD_ARGUMENTS, errors_translated
from capital.management.base import CapitalCommand
from capital.services.access import add_backup_code


class Command(CapitalCommand):
    """django-otp's command of this name, which stores the code as it is. Exit status 0: done."""

    help = gettext_lazy(
        "Create a backup code for a user who lost the phone and print it once. It works once, "
        "instead of the code that the phone shows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="USERNAME", help=_("name of the user"))

    def handle(self, *_args: Any, **options: Any) -> None:
        name = options["username"]
        with errors_translated():
            user = User.objects.filter(username=name).first()
            if user is None:
                raise CommandError(
                    _("User %(name)s not found.") % {"name": name}, returncode=BAD_ARGUMENTS
                )
            code = add_backup_code(user)
        self.stdout.write(code)
        self.stderr.write(_("Copy it now. It will not be shown again."))
