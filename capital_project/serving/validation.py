"""What Django and the REST framework refuse is told with what they would take.

Django says that a value “is not a valid choice” and lets people guess which are; of a date or a
number it says that it is none. One place for every model, form, filter and serializer, ours and the
libraries'.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

_INVALID = "invalid_choice"
_MOST_NAMED = 30

Validate = Callable[..., Any]


def install() -> None:
    """Let both say which choices there are, and how a date, a time and a number are written."""
    for field, message in (
        (forms.DateField, _("Enter a date such as 2026-11-30.")),
        (forms.TimeField, _("Enter a time of day such as 22:30.")),
        (forms.DateTimeField, _("Enter a date and a time such as 2026-11-30 22:30.")),
        (forms.IntegerField, _("Enter a whole number such as 1500, without separators.")),
        (
            forms.DecimalField,
            _(
                "Enter a number such as 1500.25: with a point before the decimals, and nothing "
                "between the thousands."
            ),
        ),
    ):
        messages: dict[str, Any] = field.default_error_messages
        messages["invalid"] = message
    for number in (forms.DecimalField, forms.IntegerField):
        number.to_python = _as_written(number.to_python)  # type: ignore[method-assign]
    for kind in (models.Field, forms.ChoiceField, forms.MultipleChoiceField):
        kind.validate = _told(kind.validate)  # type: ignore[method-assign]
    serializers.ChoiceField.to_internal_value = _told_by_api(  # type: ignore[method-assign]
        serializers.ChoiceField.to_internal_value
    )


def _as_written(convert: Validate) -> Validate:
    """Django's reading of a number, but for the underscores that Python leaves out: 1_5 is 15."""

    @wraps(convert)
    def read(field: Any, value: Any) -> Any:
        if isinstance(value, str) and "_" in value:
            raise ValidationError(field.error_messages["invalid"], code="invalid")
        return convert(field, value)

    return read


def _told(validate: Validate) -> Validate:
    """Django's check of a value, which names the choices."""

    @wraps(validate)
    def checked(field: Any, value: Any, *rest: Any) -> Any:
        try:
            return validate(field, value, *rest)
        except ValidationError as error:
            if getattr(error, "code", None) != _INVALID or not (names := _names(field.choices)):
                raise
            text = f"{' '.join(error.messages)} {_choose(names)}"
            # As a figure: the library of filters reads the text itself as a pattern.
            raise ValidationError("%(problem)s", code=_INVALID, params={"problem": text}) from None

    return checked


def _told_by_api(convert: Validate) -> Validate:
    """The REST framework's, which does so too."""

    @wraps(convert)
    def checked(field: Any, data: Any) -> Any:
        try:
            return convert(field, data)
        except serializers.ValidationError as error:
            detail = error.detail
            if not isinstance(detail, list) or getattr(detail[0], "code", None) != _INVALID:
                raise
            text = f"{detail[0]} {_choose(_names(field.choices.items()))}"
            raise serializers.ValidationError([text], code=_INVALID) from None

    return checked


def _names(choices: Iterable[Any]) -> list[str]:
    """What may be sent, whatever it is called on a page."""
    found: list[str] = []
    for value, label in choices or ():
        found += _names(label) if isinstance(label, list | tuple) else [str(value)]
    return [name for name in found if name]


def _choose(names: list[str]) -> str:
    shown = [*names[:_MOST_NAMED], *(["…"] if len(names) > _MOST_NAMED else [])]
    return gettext("Choose one of: %(choices)s.") % {"choices": ", ".join(shown)}
