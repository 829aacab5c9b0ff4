"""What the documents list, read from their text."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.paths import ROOT

CODE = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"^```.*?^```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("benchmarks/*.md")]
    return sorted(found)


def text_of(path: str) -> str:
    """A document, by its path."""
    return (ROOT / path).read_text(encoding="utf-8")


def table(text: str, first_heading: str) -> list[list[str]]:
    """The rows of the table whose first column is headed so, cell by cell.

    Raises:
        AssertionError: There is no such table.
    """
    lines = iter(text.splitlines())
    for line in lines:
        if _cells(line)[:1] == [first_heading]:
            break
    next(lines, None)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(_cells(line))
    assert rows, f"There is no table that begins with | {first_heading} |."
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def codes_in(text: str) -> list[str]:
    """What stands between backticks."""
    return CODE.findall(text)


def links_of(document: Path) -> Iterator[str]:
    """Where its links and pictures lead, those to other sites left out; code is no link."""
    for target, picture in _LINK.findall(_FENCE.sub("", document.read_text(encoding="utf-8"))):
        link = target or picture
        if not re.match(r"[a-z]+:", link):
            yield link


def anchors_of(document: Path) -> set[str]:
    """The headings as GitHub names them in addresses."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths_in(text: str) -> set[str]:
    """Modules that a text names by a path, such as ``services/balances/live.py``."""
    return set(re.findall(r"(?<![\w/.])(?:\w+/)*\w+\.py\b", text))


def dotted_modules_in(text: str) -> set[str]:
    """Things of the product that a text names in code, such as ``capital.tasks``."""
    dotted = re.compile(r"(?:capital|strategies|capital_project)(?:\.\w+)+")
    return {code for code in codes_in(text) if dotted.fullmatch(code)}
