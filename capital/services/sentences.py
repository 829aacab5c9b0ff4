"""A reason's sentence, in the reader's language, with its figures as people write them."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import Model
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from capital.domain.money import grouped
from capital.domain.reasons import Code, Reason
from capital.models import AllocationPool, AllocationRun
from capital.models.tokens import Scope


def sentence(reason: Reason) -> str:
    """What ``reason`` says, in the active language."""
    return gettext(reason.code.english).format(**written(reason.figures))


def sentence_of(code: str, figures: Mapping[str, str]) -> str:
    """The sentence of a stored code; the code itself where this version no longer knows it."""
    try:
        return sentence(Reason(Code(code), figures))
    except (ValueError, KeyError):
        return code


def outline_of(code: str, **known: str) -> str:
    """The sentence of a code whose figures were not kept: an ellipsis stands for each.

    Args:
        code: As it is stored.
        **known: Figures that are known all the same.
    """
    try:
        text = gettext(Code(code).english).format_map(_Unknown(written(known)))
    except (ValueError, KeyError):
        return code
    # What stands in brackets only gives the figures.
    return _FIGURES_UNKNOWN.sub("", text)


def written(figures: Mapping[str, str]) -> dict[str, str]:
    """Figures as a sentence shows them: ``10000`` as ``10,000``, ``spot`` by its name."""
    currency = figures.get("currency", "")
    return {name: _written(name, figure, currency) for name, figure in figures.items()}


def _written(name: str, figure: str, currency: str) -> str:
    if name in _AMOUNTS and _NUMBER.fullmatch(figure):
        return grouped(Decimal(figure), "" if name == "percent" else currency)
    if name in _TIMES:
        return _local(figure)
    if names := _NAMES.get(name):
        return ", ".join(str(names.get(each, each)) for each in figure.split(", "))
    return figure


def _local(figure: str) -> str:
    try:
        return f"{timezone.localtime(datetime.fromisoformat(figure)):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return figure


def _choices(model: type[Model], field: str) -> Mapping[str, Promise | str]:
    return dict(model._meta.get_field(field).flatchoices)  # type: ignore[union-attr]


class _Unknown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


_FIGURES_UNKNOWN = re.compile(r" ?\([^()]*…[^()]*\)")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_TIMES = frozenset({"moment", "observed_at", "until"})
_AMOUNTS = frozenset(
    {
        "accepted",
        "after",
        "allocated",
        "balance",
        "before",
        "capital",
        "change",
        "cost",
        "ending",
        "expected",
        "held",
        "limit",
        "observed",
        "percent",
        "position",
        "price",
        "quantity",
        "recorded",
        "reserve",
        "rest",
        "restored",
        "starting",
        "stop",
        "threshold",
        "unallocated",
    }
)

_POOLS = _choices(AllocationPool, "pool")
_MODES = {
    "separate": pgettext_lazy("wallet mode", "separate"),
    "unified": pgettext_lazy("wallet mode", "unified"),
}
_BASES = {
    "wallet": pgettext_lazy("balance basis", "wallet"),
    "equity": pgettext_lazy("balance basis", "equity"),
    "free": pgettext_lazy("balance basis", "free"),
}
_SCOPES = dict(Scope.choices)

_NAMES: Mapping[str, Mapping[str, Promise | str]] = {
    "basis": _BASES,
    "kind": _POOLS,
    "market": _POOLS,
    "missing": {
        "api_key": gettext_lazy("API key"),
        "api_secret": gettext_lazy("API secret"),
        "api_passphrase": gettext_lazy("API passphrase"),
    },
    "mode": _MODES,
    "modes": _MODES,
    "needed": _SCOPES,
    "outcome": _choices(AllocationRun, "outcome"),
    "pool": _POOLS,
    "pools": _POOLS,
    "said": _MODES,
    "scope": _SCOPES,
    "side": {"buy": gettext_lazy("buy"), "sell": gettext_lazy("sell")},
    "source": _choices(AllocationPool, "source"),
}
