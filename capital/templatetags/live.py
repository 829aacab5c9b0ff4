"""What lives on a page after it was sent: ``{% load live %}``."""

import re
from hashlib import sha256
from typing import Any

from django import template
from django.template.base import NodeList, Parser, Token
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from capital.admin.dashboard.doors import without_closed_doors

register = template.Library()

# What is another at each reading, and no change: an age, and the token of a form.
_TICKS = re.compile(
    r"(<time [^>]*data-age>)[^<]*(</time>)|(<input [^>]*name=\"csrfmiddlewaretoken\")[^>]*>"
)
_MARK_LETTERS = 16


@register.simple_tag
def age_words() -> SafeString:
    """The words of ages for ``ages.js``, with the time at which the page was made."""
    return format_html(
        '<template id="desk-ages" data-seen="{}" data-now="{}" data-ago="{}" data-ahead="{}" '
        'data-seconds="{}" data-minutes="{}" data-hours="{}" data-days="{}"></template>',
        timezone.now().isoformat(),
        gettext("just now"),
        gettext("%(span)s ago"),
        gettext("in %(span)s"),
        gettext("%(count)s s"),
        gettext("%(count)s min"),
        gettext("%(count)s h"),
        gettext("%(count)s d"),
    )


class LivePart(template.Node):
    """A part of a page that ``parts.js`` replaces when it became another one."""

    def __init__(self, name: str, nodelist: NodeList) -> None:
        self.name = name
        self.nodelist = nodelist

    def render(self, context: Any) -> SafeString:
        """The part with its mark, and without its text for a reader who has that already."""
        name = str(template.Variable(self.name).resolve(context))
        shown = without_closed_doors(self.nodelist.render(context).strip(), context["request"])
        mark = sha256(_TICKS.sub(r"\1\2\3", shown).encode()).hexdigest()[:_MARK_LETTERS]
        if f"{name}:{mark}" in context["request"].GET.getlist("have"):
            return format_html('<div data-live="{}" data-mark="{}" data-same></div>', name, mark)
        return format_html(
            '<div data-live="{}" data-mark="{}">{}</div>',
            name,
            mark,
            shown,
        )


@register.tag
def livepart(parser: Parser, token: Token) -> LivePart:
    """``{% livepart "runs" %}…{% endlivepart %}``; the name may be a variable."""
    _, name = token.split_contents()
    nodelist = parser.parse(("endlivepart",))
    parser.delete_first_token()
    return LivePart(name, nodelist)
