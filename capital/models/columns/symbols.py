"""A list of symbols in one column; people type it with commas between them."""

import json
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

_BETWEEN = re.compile(r"[\s,;]+")


def split_symbols(text: str) -> list[str]:
    """The symbols of a text, each once, in their order."""
    return list(dict.fromkeys(each for each in _BETWEEN.split(text) if each))


class SymbolsFormField(forms.CharField):
    """Symbols with commas, blanks or line ends between them."""

    def prepare_value(self, value: Any) -> Any:
        """As a person writes them."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """A list, each symbol once."""
        if isinstance(value, list):
            return value
        return split_symbols(super().to_python(value) or "")


class SymbolsField(models.JSONField):
    """A list of texts. Empty: none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(default=list, blank=True)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        """A list; from a fixture or a text as well."""
        if not isinstance(value, str):
            return value
        return json.loads(value) if value.startswith("[") else split_symbols(value)

    def value_to_string(self, obj: models.Model) -> str:
        """For fixtures, and for the version of the row."""
        return json.dumps(self.value_from_object(obj))

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Refuse what is no list of texts."""
        super().validate(value, model_instance)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValidationError(_("Must be a list of symbols."), code="invalid")

    def formfield(self, **kwargs: Any) -> Any:
        """A text field."""
        return models.Field.formfield(self, **{"form_class": SymbolsFormField, **kwargs})
