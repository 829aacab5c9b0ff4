"""The parts of ARCHITECTURE.md that are drawn from the code: modules, imports and rules.

``make architecture`` writes them; ``test_drawing`` fails if they are out of date.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import grimp

from tests.house.rules import markdown
from tests.paths import ROOT

PAGE = ROOT / "ARCHITECTURE.md"
PACKAGES = ("capital_project", "capital", "strategies")
# Folders whose modules are listed, each with the first line of its docstring.
LISTED = (
    "strategies",
    "capital/domain",
    "capital/models",
    "capital/exchange",
    "capital/simulator",
    "capital/services",
    "capital/admin",
    "capital/api",
    "capital/management",
    "capital_project",
)
# One module a venue, or one a command: what they are is said once.
SUMMED_UP = {"venues": "one module for each venue", "commands": "one module for each command"}
NOT_LISTED = {"migrations", "__pycache__"}


def room_of(module: str) -> str:
    """The room of a module: ``capital.services.sizing.orders`` stands in ``services.sizing``."""
    parts = module.split(".")
    if parts[0] != "capital":
        return parts[0]
    depth = 3 if module.startswith("capital.services.") else 2
    return ".".join(parts[1:depth]) or "capital"


def read_arrows() -> dict[str, set[str]]:
    """For each room, the rooms that it imports."""
    graph = grimp.build_graph(*PACKAGES)
    arrows: dict[str, set[str]] = {}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            if room_of(importer) != room_of(imported):
                arrows.setdefault(room_of(importer), set()).add(room_of(imported))
    return arrows


def draw_arrows(arrows: Mapping[str, set[str]]) -> str:
    """A Markdown table: rooms, and what each imports, by name."""
    rows = [
        f"| `{room}` | {' '.join(f'`{each}`' for each in sorted(imported))} |"
        for room, imported in sorted(arrows.items())
    ]
    return "\n".join(["| room | imports |", "|---|---|", *rows])


def draw_modules() -> str:
    """A tree of the listed folders as a code block."""
    lines = [line for folder in LISTED for line in _folder(ROOT / folder, folder + "/", 0)]
    width = max(len(name) for name, _ in lines) + 2
    drawn = [f"{name:<{width}}{said}".rstrip() for name, said in lines]
    return "\n".join(["```", *drawn, "```"])


def _folder(path: Path, name: str, depth: int) -> list[tuple[str, str]]:
    said = SUMMED_UP.get(path.name) or _first_line(path / "__init__.py")
    lines = [("  " * depth + name, said)]
    if path.name in SUMMED_UP:
        return lines
    for module in sorted(path.glob("*.py")):
        if not module.name.startswith("__"):
            lines.append(("  " * (depth + 1) + module.stem, _first_line(module)))
    for folder in sorted(each for each in path.iterdir() if (each / "__init__.py").exists()):
        if folder.name not in NOT_LISTED:
            lines += _folder(folder, folder.name + "/", depth + 1)
    return lines


def _first_line(module: Path) -> str:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].replace("``", "`")


def drawn() -> dict[str, str]:
    """Each part by its name in the document."""
    return {
        "modules": draw_modules(),
        "arrows": draw_arrows(read_arrows()),
        "rules": "\n".join(markdown()),
    }


def written(name: str) -> str:
    """A part as it stands in the document."""
    found = _block(name).search(PAGE.read_text(encoding="utf-8"))
    return "" if found is None else found["body"].strip()


def _block(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<begin><!-- {name}: written by `make architecture` -->)(?P<body>.*?)"
        rf"(?P<end><!-- end of {name} -->)",
        re.DOTALL,
    )


def main() -> None:
    """Write every part into the document."""
    text = PAGE.read_text(encoding="utf-8")
    for name, part in drawn().items():
        text = _block(name).sub(
            lambda found, part=part: f"{found['begin']}\n\n{part}\n\n{found['end']}", text
        )
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
