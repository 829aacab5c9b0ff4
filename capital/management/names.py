"""What commands call stored codes, in the reader's language. ``--json`` prints the codes."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from capital.domain.sizing.orders import Side
from capital.models import AllocationPool, AllocationRun


def pool_name(pool: str) -> str:
    """``spot``, ``futures`` or ``unified``, as the reader calls it."""
    return _choice(AllocationPool, "pool", pool)


def source_name(source: str) -> str:
    """``live``, ``cached`` or ``none``, as the reader calls it."""
    return _choice(AllocationPool, "source", source)


def side_name(side: str) -> str:
    """``buy`` or ``sell``, as the reader calls it."""
    return {Side.BUY.value: _("buy"), Side.SELL.value: _("sell")}.get(side, side)


def outcome_name(outcome: str) -> str:
    """The outcome of an allocation, as the reader calls it."""
    return _choice(AllocationRun, "outcome", outcome)


def counted(counts: Mapping[str, int]) -> str:
    """How many of each: ``6 applied, 1 held``."""
    return ", ".join(
        _("%(number)s %(what)s") % {"number": number, "what": what}
        for what, number in counts.items()
    )


def _choice(model: type[AllocationPool | AllocationRun], field: str, code: str) -> str:
    names = dict(model._meta.get_field(field).flatchoices)  # type: ignore[union-attr]
    return str(names.get(code, code))
