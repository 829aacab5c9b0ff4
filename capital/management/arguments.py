"""Shared by the commands: choosing accounts, and turning errors into messages."""

import getpass
import re
import socket
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError
from django.utils.translation import gettext as _

from capital.domain.errors import CapitalError
from capital.services.accounts import active_account_ids, find_account_ids
from capital.services.database_errors import told
from capital.services.sentences import sentence

BAD_ARGUMENTS = 2


def add_account_argument(parser: ArgumentParser, *, everyone: str | None = None) -> None:
    """Add ``--account``, which may be repeated and takes one or more values."""
    everyone = everyone or _("every active account")
    parser.add_argument(
        "--account",
        action="extend",
        nargs="+",
        default=[],
        metavar="ID_OR_NAME",
        help=_("limit to these accounts, by id or exact name (default: %(everyone)s)")
        % {"everyone": everyone},
    )


def read_whole(text: str) -> int:
    """The type of an argument that is a whole number."""
    # Python itself leaves underscores out: 1_5 would be 15.
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    raise ArgumentTypeError(_("“%(text)s” is not a whole number.") % {"text": text})


def read_day(text: str) -> date:
    """The type of an argument that is a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = _("“%(text)s” is not a date. Write it as 2026-11-30.") % {"text": text}
        raise ArgumentTypeError(message) from None


@contextmanager
def errors_translated() -> Iterator[None]:
    """Turn our errors into one line and exit status 2, database errors into exit status 1."""
    try:
        yield
    except CapitalError as error:
        raise CommandError(sentence(error.reason), returncode=BAD_ARGUMENTS) from error
    except (OperationalError, ProgrammingError) as error:
        raise CommandError(told(error)) from error


def chosen_account_ids(names: Sequence[str]) -> list[int]:
    """The ids of the named accounts; without names, of every active one."""
    return find_account_ids(names) if names else active_account_ids()


def command_origin() -> str:
    """The user and machine that ran the command, for the audit record."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
