"""The passphrase of a desk's file: from another file or the terminal, never from an argument."""

import getpass
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from capital.domain.errors import DeskFileRefused
from capital.domain.reasons import Code
from capital.management.arguments import BAD_ARGUMENTS


def add_passphrase_argument(parser: ArgumentParser) -> None:
    """Add ``--passphrase-file``. An argument itself would stand in the list of processes."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help=_("take the passphrase from this file (default: it is asked for)"),
    )


def chosen_passphrase(file: Path | None, *, is_new: bool) -> str:
    """The passphrase: of the file, without its last line break, or as it is typed.

    Args:
        file: None asks whoever sits at the terminal.
        is_new: It is asked for twice.
    """
    if file is not None:
        return read_file(file).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise DeskFileRefused(Code.DESK_PASSPHRASE_NEEDED)
    typed = getpass.getpass(_("Passphrase: "))
    if is_new and getpass.getpass(_("Once more: ")) != typed:
        raise CommandError(_("The two passphrases differ."), returncode=BAD_ARGUMENTS)
    return typed


def read_file(file: Path) -> str:
    """The text of a file, or a sentence that it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise DeskFileRefused(Code.DESK_FILE_MISSING, file=str(file)) from None
