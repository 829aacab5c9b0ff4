"""How commands print: JSON for programs, tables and amounts for people."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, TextIO

from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from capital.domain import money
from capital.domain.money import CENT, ROUNDED, plain

# For a pipe or a log file, which have no width of their own.
WIDTH_WITHOUT_TERMINAL = 170
# On a narrower terminal rich would cut cells off. Wrapped lines show every figure.
NARROWEST = 130
# What is done before anybody wonders needs no progress bar.
_FEW = 20


def print_json(stdout: Any, answer: dict[str, Any]) -> None:
    """Print one JSON object, in UTF-8."""
    stdout.write(json.dumps(answer, ensure_ascii=False, indent=2, default=_as_text))


def _as_text(value: Any) -> str:
    """Amounts without an exponent, times as ISO 8601 in the project's time zone."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat()
    raise TypeError(f"{type(value).__name__} is not written as JSON")


def console_on(stream: Any) -> Console:
    """A rich console on a command's stream, wide enough for its tables."""
    file: TextIO = getattr(stream, "_out", stream)
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    console.width = max(console.width, NARROWEST) if file.isatty() else WIDTH_WITHOUT_TERMINAL
    return console


def is_terminal() -> bool:
    """Whether stderr, where progress is drawn, is a terminal."""
    return sys.stderr.isatty()


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr while many rows are worked on, on a terminal only.

    Yields its callback, which takes how many more rows are done, and of how many.
    """
    if not is_terminal():
        yield lambda _more, _of: None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, visible=False)
        yield lambda more, of: bar.update(task, advance=more, total=of, visible=of > _FEW)


def in_percent(part: Decimal) -> Decimal:
    """A part in percent, to hundredths, half even: 0.09725 is 9.72."""
    return hundredths(part.scaleb(2, ROUNDED))


def hundredths(ratio: Decimal) -> Decimal:
    """Rounded half even, to be shown."""
    return ratio.quantize(CENT, context=ROUNDED)


def grouped(amount: Decimal | None) -> str:
    """An amount with thousands separators and all of its digits; a dash for None."""
    return "—" if amount is None else money.grouped(amount)
