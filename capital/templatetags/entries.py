"""What stands on every page of stops: ``{% load entries %}``."""

from typing import Any

from django import template

from capital.admin.frame.stops import wide_stop_lines
from capital.services.limits import may_stop_all

register = template.Library()


@register.inclusion_tag("capital/frame/entries_bar.html", takes_context=True)
def entries_bar(context: Any) -> dict[str, Any]:
    """What is stopped for everybody or an owner, and where it is resumed."""
    return {"stops": wide_stop_lines(context["request"])}


@register.inclusion_tag("capital/frame/stop_all.html", takes_context=True)
def stop_all_button(context: Any) -> dict[str, Any]:
    """The button, for whoever may stop everybody, or has accounts of their own to stop."""
    return {"may_stop_all": may_stop_all(context["request"].user)}
