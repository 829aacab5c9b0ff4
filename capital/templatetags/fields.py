"""How fields are shown: named where no label stands beside them, and times with their UTC.

``{% load fields %}``.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.db.models import DateTimeField
from django.utils.safestring import SafeString

from capital.admin.frame.cells import figure, instant
from capital.admin.frame.formats import number

register = template.Library()


@register.simple_tag
def named_field(bound: Any) -> SafeString:
    """A field of a table: its column's head is its name, for who does not see the table.

    Args:
        bound: The form's field.
    """
    bound.field.widget.attrs.setdefault("aria-label", str(bound.label))
    return SafeString(bound)


@register.simple_tag
def shown_contents(field: Any) -> Any:
    """What a field shows that is not edited, as lists do: times with UTC, figures without zeros.

    Args:
        field: As the theme makes it of a readonly field.
    """
    if isinstance(resolved := getattr(field, "resolved_field", None), tuple):
        column, _, value = resolved
        if isinstance(column, DateTimeField) and isinstance(value, datetime):
            return instant(value)
        if isinstance(value, Decimal):
            return figure(number(value))
    contents = getattr(field, "contents", "")
    return contents() if callable(contents) else contents
