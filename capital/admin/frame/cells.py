"""What more than one page shows in a cell: a badge, a bar, a sentence, a link."""

import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from capital.admin.frame.formats import (
    NOTHING,
    age,
    both_times,
    change,
    digits,
    moment,
    money,
    on_quantum,
    percent,
    signed,
    utc_text,
)
from capital.domain.allocation.decision import Outcome
from capital.domain.money import ROUNDED
from capital.services.overview import Freshness

OUTCOME_COLOUR = {
    Outcome.APPLIED.value: "success",
    Outcome.UNCHANGED.value: "info",
    Outcome.SKIPPED.value: "",
    Outcome.HELD.value: "warning",
    Outcome.FAILED.value: "danger",
}
FRESHNESS = {
    Freshness.FRESH: (gettext_lazy("fresh"), "success"),
    Freshness.STALE: (gettext_lazy("stale"), "warning"),
    Freshness.EXPIRED: (gettext_lazy("too old"), "danger"),
    Freshness.NEVER: (gettext_lazy("never read"), "danger"),
}


def badge(text: Any, colour: str = "", title: str = "") -> SafeString:
    """A small coloured label."""
    return _badge(str(text), colour, str(title))


@lru_cache(maxsize=1024)
def _badge(text: str, colour: str, title: str) -> SafeString:
    """Of a list's fifty rows most say the same."""
    context = {"text": text, "type": colour, "label_title": title}
    return SafeString(render_to_string("unfold/helpers/label.html", context).strip())


def bar(value: Decimal | None, title: str = "") -> SafeString:
    """A percentage as a bar with its number; more than everything is red."""
    if value is None:
        return SafeString(NOTHING)
    width = max(Decimal(0), min(value, Decimal(100))).quantize(
        Decimal("0.1"), ROUND_HALF_UP, ROUNDED
    )
    colour = "bg-red-600 dark:bg-red-500" if value > 100 else "bg-primary-600 dark:bg-primary-500"
    return format_html(
        '<span class="flex flex-row gap-2 items-center" title="{}">'
        '<span class="bg-base-200 block h-1.5 overflow-hidden rounded-default w-16 '
        'dark:bg-base-700"><span class="block h-1.5 {}" style="width: {}%"></span></span>'
        '<span class="desk-number">{}</span></span>',
        title,
        colour,
        width,
        percent(value),
    )


def figure(text: Any) -> SafeString:
    """A number that stands under other numbers: right-aligned, on one line."""
    return format_html('<span class="block desk-number">{}</span>', text)


def why(text: str, **asked: Any) -> SafeString:
    """An amount of capital that says why it is so: a popover, and without JavaScript a page.

    Args:
        text: The amount, as it is written.
        **asked: Whose it is: ``link``, ``account``, ``strategy``, ``currency``; ``run`` of a link.
    """
    return why_link(text, why_url(**asked))


def why_link(text: str, url: str) -> SafeString:
    """An amount that leads to an address of ``why_url``; without one, the amount alone."""
    if not url:
        return format_html("{}", text)
    return format_html(
        '<a class="desk-why" data-why aria-haspopup="dialog" href="{}">{}'
        '<span class="sr-only"> {}</span></a>',
        url,
        text,
        gettext("Why?"),
    )


def why_url(**asked: Any) -> str:
    """Where it is said why capital is what it is."""
    return f"{reverse('admin:why')}?{urlencode(asked)}"


def gain(amount: Decimal | None, currency: str, *, has_unit: bool = True) -> SafeString:
    """A difference or a PnL: with its sign, and in the colours that the user chose."""
    direction = "" if not amount else "desk-up" if amount > 0 else "desk-down"
    text = change(amount, currency) if has_unit else signed(amount, currency)
    return format_html('<span class="{}">{}</span>', direction, figure(text))


def _plain(amount: Decimal, currency: str, has_unit: bool) -> SafeString:  # noqa: FBT001
    return figure(money(amount, currency) if has_unit else digits(amount, currency))


def rounded(
    amount: Decimal | None, currency: str, *, is_gain: bool = False, has_unit: bool = True
) -> SafeString:
    """What was computed, in the digits of its currency, with all of them for who points at it.

    A dash for None. What somebody told, such as a fee or a deposit, is shown with all digits.

    Args:
        amount: In ``currency``.
        currency: Its code.
        is_gain: Whether its sign is always said, and coloured.
        has_unit: Whether the currency stands behind it, and not in a column of its own.
    """
    if amount is None:
        return figure(NOTHING)
    shown = on_quantum(amount, currency)
    cell = (
        gain(shown, currency, has_unit=has_unit) if is_gain else _plain(shown, currency, has_unit)
    )
    if shown == amount:
        return cell
    return format_html('<span title="{}">{}</span>', money(amount, currency), cell)


def instant(value: datetime | None) -> SafeString:
    """A time in the project's time zone, with UTC for who points at it; a dash for None."""
    if value is None:
        return SafeString(NOTHING)
    return format_html(
        '<time class="whitespace-nowrap" datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        utc_text(value),
        moment(value),
    )


# As sentences and names of rows have it, with or without seconds.
_WRITTEN = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?\b(?!:| UTC)")


def with_instants(text: Any) -> SafeString:
    """A sentence, or a row's name, the times in which have UTC for who points at them.

    They are in the project's time zone, as everywhere: of an hour that comes twice, the first.
    """

    def told(found: re.Match[str]) -> str:
        return format_html('<time title="{}">{}</time>', utc_text(_meant(found[0])), found[0])

    return SafeString(_WRITTEN.sub(told, conditional_escape(text)))


def with_utc(text: Any) -> str:
    """The same as text, for what is shown to who points at something: UTC stands behind each time.

    ``trend 2026-11-28 09:10:00 · 2026-11-28 00:10:00 UTC``
    """

    def told(found: re.Match[str]) -> str:
        utc = utc_text(_meant(found[0]))
        return f"{found[0]} · {utc}" if utc else found[0]

    return _WRITTEN.sub(told, str(text))


def _meant(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=timezone.get_current_timezone())


def sentence_with(sentence: str, **figures: Any) -> SafeString:
    """A translated sentence with a time in it, or what else is HTML: ``%(time)s`` by ``instant``.

    Args:
        sentence: With its places as ``%(name)s``; it is escaped, as its figures are.
        **figures: For each place its text, or HTML that is safe.
    """
    safe = {name: conditional_escape(figure) for name, figure in figures.items()}
    return SafeString(conditional_escape(sentence) % safe)


def since(value: datetime | None, *, now: datetime) -> SafeString:
    """How long ago, with the exact time for who points at it. It ticks: see ``ages.js``."""
    if value is None:
        return SafeString(NOTHING)
    return format_html(
        '<time class="whitespace-nowrap" datetime="{}" title="{}" data-age>{}</time>',
        value.isoformat(),
        both_times(value),
        age(value, now=now),
    )


def lines(*texts: Any) -> SafeString:
    """Each on its own line, also on a phone, whose cells put what is in them side by side."""
    told = format_html_join(
        "", '<span class="block">{}</span>', ((text,) for text in texts if text)
    )
    return format_html('<span class="block">{}</span>', told) if told else told


def small(text: Any) -> SafeString:
    """What is said beside a cell's own text, quietly."""
    return format_html('<span class="desk-small desk-muted whitespace-nowrap">{}</span>', text)


# A name of more letters than these is clipped in a cell.
LONGEST_NAME = 32


def clipped(name: str) -> SafeString:
    """A name; a long one is cut where the column ends, with all of it for who points at it."""
    if len(name) <= LONGEST_NAME:
        return format_html("{}", name)
    return format_html('<span class="desk-name-clip" title="{}">{}</span>', name, name)


def link_to(row: Any, text: Any) -> SafeString:
    """A link to the row's own page. A long name is clipped."""
    text = clipped(text) if type(text) is str else text
    options = row._meta
    name = f"admin:{options.app_label}_{options.model_name}_change"
    return format_html('<a class="text-link" href="{}">{}</a>', reverse(name, args=[row.pk]), text)
