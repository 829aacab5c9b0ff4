"""The filters that are active on a list, each as a chip that takes it off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext

from capital.services.access import ACCOUNT_PATHS, visible_to
from capital.services.labels import label

_SEARCH = "q"
# Of the page that is shown, not of what is looked for.
_NO_FILTERS = frozenset({"p", "o", "all", "e", "_facets", "_popup", "_to_field"})


@dataclass(frozen=True)
class Chip:
    """One filter: what it is, what it is set to, and the list without it."""

    name: str
    value: str
    url: str


def active_chips(request: HttpRequest, cl: Any) -> list[Chip]:
    """What narrows the list now: the search, each filter, and what an address asked beside them.

    Args:
        request: Of the list.
        cl: Django's ``ChangeList``.
    """
    asked = request.GET
    left = [key for key in asked if key not in _NO_FILTERS and key != _SEARCH and asked[key]]
    chips = []
    if asked.get(_SEARCH):
        chips.append(Chip(gettext("Search"), asked[_SEARCH], _without(request, [_SEARCH])))
    for spec in cl.filter_specs:
        keys = [str(key) for key in spec.expected_parameters() if key]
        if used := [key for key in keys if key in left]:
            left = [key for key in left if key not in used]
            name = capfirst(str(spec.title))
            chips.append(Chip(name, _value(request, spec, used), _without(request, used)))
    return chips + [
        Chip(_named(cl.model, key), label(asked[key]), _without(request, [key])) for key in left
    ]


def without_filters(request: HttpRequest) -> str:
    """The list with nothing asked, in the order that was chosen."""
    return _without(request, [key for key in request.GET if key != "o"])


def _without(request: HttpRequest, keys: Sequence[str]) -> str:
    """The address without these, on the first page."""
    asked = request.GET.copy()
    for key in (*keys, "p"):
        asked.pop(key, None)
    return f"?{asked.urlencode()}"


def _value(request: HttpRequest, spec: Any, used: Sequence[str]) -> str:
    """What the filter is set to, as it offers it."""
    asked = {key: request.GET[key] for key in used}
    words = dict(_choices(spec))
    related = getattr(getattr(spec, "field", None), "related_model", None)
    if related is not None and not words.keys() >= {value.lower() for value in asked.values()}:
        return _rows_named(request, related, list(asked.values()))
    sides = [
        " ".join(value for key, value in asked.items() if side in key) for side in ("_from", "_to")
    ]
    if any(sides):
        return " – ".join(sides).strip()
    return ", ".join(str(words.get(value.lower(), value)) for value in asked.values())


def _choices(spec: Any) -> Iterator[tuple[str, Any]]:
    """From a value in an address, in small letters, to the words that the filter has for it."""
    for value, word in getattr(spec, "lookup_choices", None) or ():
        yield str(value).lower(), word
    field = getattr(spec, "field", None)
    if field is None or field.is_relation:
        return
    for value, word in field.flatchoices or ():
        yield str(value).lower(), word
    if field.get_internal_type() == "BooleanField":
        for value in ("1", "true"):
            yield value, gettext("yes")
        for value in ("0", "false"):
            yield value, gettext("no")


def _rows_named(request: HttpRequest, model: type[Model], values: Sequence[str]) -> str:
    """The names of the rows, where the user may see them; else what the address says."""
    keys = [value for value in values if value.isdecimal()]
    rows: Any = model._default_manager.filter(pk__in=keys)
    if model in ACCOUNT_PATHS:
        rows = visible_to(request.user, rows)
    names = [str(row) for row in rows]
    return ", ".join(names) or ", ".join(values)


def _named(model: type[Model], key: str) -> str:
    """The column that the address asks for, in words."""
    found, name = model, key
    for part in key.split("__"):
        try:
            field: Any = found._meta.get_field(part)
        except FieldDoesNotExist:
            break
        name = str(getattr(field, "verbose_name", part))
        if field.related_model is None:
            break
        found = field.related_model
    return capfirst(name)
