"""What is counted beside pages of the menu, for what a page reads again: ``{% load needs %}``."""

from typing import Any

from django import template

from capital.admin.frame import navigation

register = template.Library()


@register.simple_tag(takes_context=True)
def counts_of_menu(context: Any) -> list[tuple[str, str]]:
    """The name of each such page, and ``3`` as it stands there; empty for nothing."""
    return navigation.counts_of_menu(context["request"])
