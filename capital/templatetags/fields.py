"""Fields that are named where no label stands beside them: ``{% load fields %}``."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def named_field(bound: Any) -> SafeString:
    """A field of a table: its column's head is its name, for who does not see the table.

    Args:
        bound: The form's field.
    """
    bound.field.widget.attrs.setdefault("aria-label", str(bound.label))
    return SafeString(bound)
