"""What a run follows from, as it is stored with the run and told."""

from collections.abc import Mapping, Sequence
from typing import Any

from capital.domain.reasons import Code, Reason
from capital.services.sentences import sentence

# In ``AllocationRun.arguments``, beside what a second use of the run key must match.
CAUSES = "causes"


def causes_as_json(causes: Sequence[Reason]) -> dict[str, Any]:
    """What is stored beside a run's arguments; nothing where nothing is known."""
    if not causes:
        return {}
    return {CAUSES: [{"code": each.code.value, "figures": dict(each.figures)} for each in causes]}


def causes_of(arguments: Mapping[str, Any]) -> list[Reason]:
    """What a run with these arguments follows from, as far as this version knows it."""
    stored = arguments.get(CAUSES, ())
    return [
        Reason(code, each["figures"])
        for each in stored
        if (code := Code.get(each["code"])) is not None
    ]


def told_causes(arguments: Mapping[str, Any]) -> list[str]:
    """The same as sentences, in the reader's language."""
    return [sentence(cause) for cause in causes_of(arguments)]
