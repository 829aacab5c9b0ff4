"""What went wrong in a job: kept as a code with figures, said in the language of who reads it."""

from typing import Any

from capital.domain.reasons import Reason
from capital.models import JobRun
from capital.services.sentences import sentence, sentence_of


def error_fields(reason: Reason) -> dict[str, Any]:
    """The fields of a JobRun that keep ``reason``."""
    return {"error": f"{reason.code}: {sentence(reason)}", "error_figures": dict(reason.figures)}


def error_of(run: JobRun) -> str:
    """What went wrong, in the reader's language; empty when nothing did.

    As it was recorded, where this version does not know the code or the figures were not kept.
    """
    code, _, recorded = run.error.partition(": ")
    said = sentence_of(code, run.error_figures)
    return recorded or run.error if said == code else said
