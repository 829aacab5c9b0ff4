"""``first_user``: make the first user of a site. Used by ``manage.py init``."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand

_FROM_ENVIRONMENT = "DJANGO_SUPERUSER_PASSWORD"


class Command(CapitalCommand):
    """Exit status 0: it was made, or with --exists there is one; 1: there is none, or it failed."""

    help = gettext_lazy(
        "Make the first user, who may do everything. The password is taken from "
        "DJANGO_SUPERUSER_PASSWORD. Refused once there is a user."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", nargs="?", default="admin", help=_("the user's name"))
        parser.add_argument(
            "--exists", action="store_true", help=_("only say by the exit status if there is one")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        with errors_translated(), transaction.atomic():
            exists = users.objects.exists()
            if options["exists"]:
                sys.exit(0 if exists else 1)
            if exists:
                raise CommandError(_("There is a user already. Make more in the admin."))
            user = users(username=options["username"], is_staff=True, is_superuser=True)
            password = os.environ.get(_FROM_ENVIRONMENT, "")
            try:
                user.clean_fields(exclude=["password"])
                validate_password(password, user)
            except ValidationError as error:
                raise CommandError(" ".join(error.messages), returncode=2) from error
            user.set_password(password)
            user.save()
        self.stdout.write(_("Made the user %(name)s.") % {"name": user.get_username()})
