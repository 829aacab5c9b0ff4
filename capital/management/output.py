"""What commands print: JSON for programs, tables and amounts for people."""

import json
import sys
from decimal import Decimal
from typing import Any, TextIO

from rich.console import Console

# A pipe or a log file has no width; a table that wraps there helps nobody.
WIDTH_WITHOUT_TERMINAL = 170
# Below this a table would be cut; the terminal wraps it instead, and no figure is lost.
NARROWEST = 130


def print_json(stdout: Any, answer: dict[str, Any]) -> None:
    """One object, in UTF-8."""
    stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))


def console_on(stream: Any) -> Console:
    """Rich, on a command's stream, wide enough for its tables where there is no terminal."""
    file: TextIO = getattr(stream, "_out", stream)
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    console.width = max(console.width, NARROWEST) if file.isatty() else WIDTH_WITHOUT_TERMINAL
    return console


def is_terminal() -> bool:
    """Whether somebody watches stderr, where progress is drawn."""
    return sys.stderr.isatty()


def grouped(amount: str | None) -> str:
    """An amount for people: thousands separated, no digit lost. A dash for none."""
    return "—" if amount is None else f"{Decimal(amount):,f}"
