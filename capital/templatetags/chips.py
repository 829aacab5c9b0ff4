"""The filters that are active on a list: ``{% load chips %}``."""

from typing import Any

from django import template

from capital.admin.frame.chips import active_chips, without_filters

register = template.Library()


@register.inclusion_tag("capital/frame/chips.html", takes_context=True)
def filter_chips(context: Any, cl: Any) -> dict[str, Any]:
    """Each with what it is set to and the list without it."""
    request = context["request"]
    return {"chips": active_chips(request, cl), "none": without_filters(request)}
