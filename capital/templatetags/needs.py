"""How much needs somebody, for what a page reads again: ``{% load needs %}``."""

from typing import Any

from django import template

from capital.admin.frame.needs import count_needs

register = template.Library()


@register.simple_tag(takes_context=True)
def needs_count(context: Any) -> str:
    """``3``, as beside *Dashboard*; empty for nothing."""
    return count_needs(context["request"]) or ""
