"""What commands call stored codes, in the reader's language. ``--json`` prints the codes."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from capital.services.labels import OUTCOME_NAMES, POOL_NAMES, SIDE_NAMES, SOURCE_NAMES


def pool_name(pool: str) -> str:
    """``spot``, ``futures`` or ``unified``, as the reader calls it."""
    return str(POOL_NAMES.get(pool, pool))


def source_name(source: str) -> str:
    """``live``, ``cached`` or ``none``, as the reader calls it."""
    return str(SOURCE_NAMES.get(source, source))


def side_name(side: str) -> str:
    """``buy`` or ``sell``, as the reader calls it."""
    return str(SIDE_NAMES.get(side, side))


def outcome_name(outcome: str) -> str:
    """The outcome of an allocation, as the reader calls it."""
    return str(OUTCOME_NAMES.get(outcome, outcome))


def counted(counts: Mapping[str, int]) -> str:
    """How many of each: ``6 applied, 1 held``."""
    return ", ".join(
        _("%(number)s %(what)s") % {"number": number, "what": what}
        for what, number in counts.items()
    )
