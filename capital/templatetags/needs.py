"""What needs somebody, and its count in the menu: ``{% load needs %}``."""

from collections.abc import Sequence
from typing import Any

from django import template

from capital.admin.frame import navigation, needs

register = template.Library()


@register.filter
def by_kind(lines: Sequence[needs.NeedLine]) -> list[needs.NeedGroup]:
    """``{% for group in needs|by_kind %}``: with ``kind``, ``shown`` and ``rest``."""
    return needs.by_kind(lines)


@register.simple_tag(takes_context=True)
def counts_of_menu(context: Any) -> list[tuple[str, str]]:
    """The name of each such page, and ``3`` as it stands there; empty for nothing."""
    return navigation.counts_of_menu(context["request"])
