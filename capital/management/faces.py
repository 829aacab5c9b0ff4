"""What the commands share: choosing accounts, translating errors, printing for people."""

import getpass
import json
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TextIO

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError
from django.utils.translation import gettext as _
from rich.console import Console

from capital.domain.errors import CapitalError
from capital.services.accounts.lookup import active_account_ids, find_account_ids
from capital.services.sentences import sentence

BAD_ARGUMENTS = 2
# A pipe or a log file has no width; a table that wraps there helps nobody.
WIDTH_WITHOUT_TERMINAL = 170
# Below this a table would be cut; the terminal wraps it instead, and no figure is lost.
NARROWEST = 130


def add_account_argument(parser: ArgumentParser, *, everyone: str = "every active account") -> None:
    """``--account``, which may be given more than once and with more than one value."""
    parser.add_argument(
        "--account",
        action="extend",
        nargs="+",
        default=[],
        metavar="ID_OR_NAME",
        help=f"only these accounts, by id or exact name (default: {everyone})",
    )


@contextmanager
def errors_translated() -> Iterator[None]:
    """Our errors become one readable line and exit code 2; a broken database exit code 1."""
    try:
        yield
    except CapitalError as error:
        raise CommandError(sentence(error.reason), returncode=BAD_ARGUMENTS) from error
    except (OperationalError, ProgrammingError) as error:
        raise CommandError(
            _("The database cannot be used (%(kind)s). Check DATABASE_URL, then run: %(command)s")
            % {"kind": type(error).__name__, "command": "python manage.py migrate"}
        ) from error


def chosen_account_ids(names: Sequence[str]) -> list[int]:
    """The accounts that were named, or every active one."""
    return find_account_ids(names) if names else active_account_ids()


def print_json(stdout: Any, answer: dict[str, Any]) -> None:
    """One object, in UTF-8."""
    stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))


def console_on(stream: Any) -> Console:
    """Rich, on a command's stream, wide enough for its tables where there is no terminal."""
    file: TextIO = getattr(stream, "_out", stream)
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    console.width = max(console.width, NARROWEST) if file.isatty() else WIDTH_WITHOUT_TERMINAL
    return console


def command_origin() -> str:
    """Who sits at this command line, and where."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def is_terminal() -> bool:
    """Whether somebody watches stderr, where progress is drawn."""
    return sys.stderr.isatty()


def grouped(amount: str | None) -> str:
    """An amount for people: thousands separated, no digit lost. A dash for none."""
    return "—" if amount is None else f"{Decimal(amount):,f}"
