"""A cell as the value of a model's field. What is empty says nothing."""

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from capital.domain.errors import InvalidAmount
from capital.domain.money import parse_amount, parse_whole
from capital.domain.reasons import Code, Reason
from capital.models.columns.encrypted import EncryptedTextField
from capital.services.sentences import sentence
from capital.services.tables import Computed, cut, text_of

_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"false", "no", "0"})
# Of a number with more digits a spreadsheet keeps the first fifteen.
_CUT = 10**15
# What every column of whole numbers keeps.
_LONGEST_WHOLE = 10


def read_cells(
    cells: Mapping[str, Any], model: type[models.Model], names: Iterable[str]
) -> dict[str, Any]:
    """The values of those columns in which something stands.

    Raises:
        ValidationError: By column, what cannot be read.
    """
    found: dict[str, Any] = {}
    refused: dict[str, Any] = {}
    for name in names:
        if name not in cells or not text_of(cells[name]):
            continue
        try:
            found[name] = _value(cells[name], model._meta.get_field(name))
        except ValidationError as error:
            refused[name] = error.messages
    if refused:
        raise ValidationError(refused)
    return found


def read_text(cells: Mapping[str, Any], name: str) -> str:
    """What stands in a column; empty where nothing does.

    Raises:
        ValidationError: By column, that a spreadsheet computes it.
    """
    cell = cells.get(name)
    if isinstance(cell, Computed):
        raise ValidationError({name: _refusal(Code.CELL_COMPUTED, text=cut(cell))})
    return text_of(cell)


def _value(cell: Any, field: Any) -> Any:
    is_secret = isinstance(field, EncryptedTextField)
    if isinstance(cell, Computed):
        raise _refusal(Code.CELL_COMPUTED, text="…" if is_secret else cut(cell))
    text = text_of(cell)
    if is_secret and isinstance(cell, Real) and not abs(cell) < _CUT:  # type: ignore[operator]
        raise _refusal(Code.CELL_CUT, text="…")
    if isinstance(field, models.DecimalField):
        try:
            return parse_amount(text)
        except InvalidAmount:
            raise _refusal(Code.CELL_NO_AMOUNT, text=cut(text)) from None
    if isinstance(field, models.BooleanField):
        return _flag(text)
    if isinstance(field, models.IntegerField):
        number = parse_whole(text)
        if number is None or len(text) >= _LONGEST_WHOLE:
            raise ValidationError(_("“%(text)s” is not a whole number.") % {"text": cut(text)})
        return number
    if field.choices:
        known = {str(value).casefold(): value for value, _label in field.choices}
        return known.get(text.casefold(), text)
    return field.to_python(text)


def _flag(text: str) -> bool:
    if text.casefold() in _YES:
        return True
    if text.casefold() in _NO:
        return False
    raise ValidationError(_("“%(text)s” is neither true nor false.") % {"text": cut(text)})


def _refusal(code: Code, **figures: str) -> ValidationError:
    return ValidationError(sentence(Reason(code, figures)))
