"""What came of a table, or would: of each line what was done, or why it cannot be used."""

import hashlib
import json
from dataclasses import dataclass, field

from capital.services.desks.steps import Step


@dataclass(frozen=True)
class SheetProblem:
    """Why a line cannot be used.

    Attributes:
        number: Of the line.
        column: Whose cell it is.
        text: What is wrong, and what would be taken, in the reader's language.
    """

    number: int
    column: str
    text: str


@dataclass
class SheetReport:
    """What an import did, or would do.

    Attributes:
        steps: The number of each line, and what came of it.
        problems: Why lines cannot be used. Where there is one, nothing is imported.
    """

    steps: list[tuple[int, Step]] = field(default_factory=list)
    problems: list[SheetProblem] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Of all of it, to see whether it would be the same again."""
        told = [
            [number, step.verb, step.kind, step.name, sorted(map(str, step.fields.items()))]
            for number, step in self.steps
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()
