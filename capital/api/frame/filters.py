"""Filters for lists. They refuse values that they do not understand."""

from typing import Any

import django_filters
from django import forms
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from capital.api.frame.base import refusal

LARGEST_ID = 2**63 - 1


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": LARGEST_ID})
class IdFilter(django_filters.Filter):
    """A primary key."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=LARGEST_ID, **kwargs)


class SwitchField(forms.NullBooleanField):
    """``true`` or ``false``, and nothing else."""

    def to_python(self, value: Any) -> bool | None:  # type: ignore[override]
        known = {"true": True, "false": False, None: None, "": None}
        if value not in known:
            raise forms.ValidationError(_("Write true or false."))
        return known[value]

    def validate(self, value: Any) -> None:
        """Accept None too: the parameter is optional."""


class _PlainInput(forms.Widget):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name)


@extend_schema_field({"type": "boolean"})
class SwitchFilter(django_filters.Filter):
    """``true`` or ``false``."""

    field_class = SwitchField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=_PlainInput(), **kwargs)


def read_switch(request: Request, name: str) -> bool:
    """A boolean query parameter: ``true`` or ``false``; False where it is not given."""
    try:
        return bool(SwitchField().to_python(request.query_params.get(name)))
    except forms.ValidationError as error:
        raise refusal(name, " ".join(error.messages)) from None
