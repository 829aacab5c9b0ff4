"""Filters for lists. They refuse invalid values."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django_filters.fields import IsoDateTimeField
from drf_spectacular.drainage import set_override
from rest_framework.request import Request

from capital.api.frame.base import refusal
from capital.api.frame.fields import NO_OFFSET

LARGEST_ID = 2**63 - 1


class IdFilter(django_filters.Filter):
    """A primary key."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, help_text: str, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=LARGEST_ID, **kwargs)
        described = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
        set_override(self, "field", {**described, "description": help_text})


class MomentField(IsoDateTimeField):
    """A date and a time with its offset, in ISO 8601."""

    def to_python(self, value: Any) -> datetime | None:
        """Refuse a time without an offset; Django takes the site's time zone."""
        if value in self.empty_values:
            return None
        with suppress(ValueError, OverflowError):
            moment = parse_datetime(str(value).strip())
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        # The plus sign of an offset stands for a blank in an address.
        hint = _("In an address, write the plus sign as %2B.")
        # As a figure: the library reads the text itself as a pattern.
        raise forms.ValidationError(
            "%(problem)s", code="no_offset", params={"problem": f"{NO_OFFSET} {hint}"}
        )


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A date and a time with its offset."""

    field_class = MomentField


class SwitchField(forms.NullBooleanField):
    """``true`` or ``false``, and nothing else."""

    def to_python(self, value: Any) -> bool | None:  # type: ignore[override]
        known = {"true": True, "false": False, None: None, "": None}
        if value not in known:
            raise forms.ValidationError(_("Must be true or false."), code="invalid")
        return known[value]

    def validate(self, value: Any) -> None:
        """Accept None: the parameter is optional."""


class _PlainInput(forms.Widget):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name)


class SwitchFilter(django_filters.Filter):
    """``true`` or ``false``."""

    field_class = SwitchField

    def __init__(self, *args: Any, help_text: str, **kwargs: Any) -> None:
        super().__init__(*args, widget=_PlainInput(), **kwargs)
        set_override(self, "field", {"type": "boolean", "description": help_text})


def read_switch(request: Request, name: str) -> bool:
    """A boolean query parameter: ``true`` or ``false``; False where it is not given."""
    try:
        return bool(SwitchField().to_python(request.query_params.get(name)))
    except forms.ValidationError as error:
        raise refusal(name, " ".join(error.messages)) from None
