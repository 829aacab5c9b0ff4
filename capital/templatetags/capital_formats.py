"""Formats of ``capital.admin.frame.formats``, and reasons: ``{% load capital_formats %}``."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from capital.admin.dashboard.charts import Row
from capital.admin.frame import formats
from capital.admin.frame.cells import instant, since, why, why_link, with_instants, with_utc

register = template.Library()


@register.filter
def crumbs(parts: Sequence[Any]) -> list[Any]:
    """Where a page is, without what the next part says as well: “Strategies” once, not twice.

    Args:
        parts: As the theme's ``header_title`` makes them, each with its ``title``.
    """
    following = [str(part["title"]).casefold() for part in parts[1:]]
    return [
        part
        for part, after in zip(parts, [*following, ""], strict=True)
        if str(part["title"]).casefold() != after
    ]


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """``{{ row.total|money:row.currency }}``."""
    return formats.money(amount, currency)


@register.filter
def change(amount: Decimal | None, currency: str) -> str:
    """``{{ row.delta|change:row.currency }}``."""
    return formats.change(amount, currency)


@register.filter
def digits(amount: Decimal | None, currency: str) -> str:
    """``{{ row.total|digits:row.currency }}``: without the currency."""
    return formats.digits(amount, currency)


@register.filter
def signed(amount: Decimal | None, currency: str) -> str:
    """``{{ row.delta|signed:row.currency }}``: without the currency."""
    return formats.signed(amount, currency)


@register.filter
def percent(value: Decimal | None) -> str:
    """``{{ row.percent|percent }}``."""
    return formats.percent(value)


@register.filter
def share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """``{{ row.allocated|share:row.total|percent }}``."""
    return formats.share(part, whole)


@register.filter
def ratio(value: Decimal | None) -> str:
    """``{{ link.weight|ratio }}``."""
    return formats.ratio(value)


@register.filter
def moment(value: datetime | None) -> SafeString:
    """``{{ run.created_at|moment }}``, with UTC for who points at it."""
    return instant(value)


@register.filter
def moment_text(value: datetime | None) -> str:
    """The same for a title, as text, with UTC behind it: ``{{ line.at|moment_text }}``."""
    return formats.both_times(value)


@register.filter
def instants(text: str) -> SafeString:
    """``{{ pool.reason|instants }}``: a sentence, with UTC for who points at a time in it."""
    return with_instants(text)


@register.filter
def instants_text(text: str) -> str:
    """The same for a title, as text: ``{{ part.title|instants_text }}``."""
    return with_utc(text)


@register.filter
def age(value: datetime | None, now: datetime | None = None) -> SafeString:
    """``{{ run.created_at|age }}``, as of now or of ``{{ run.created_at|age:seen_at }}``."""
    return since(value, now=now or timezone.now())


@register.filter
def span(value: timedelta | None) -> str:
    """``{{ job.lateness|span }}``."""
    return formats.span(value)


@register.simple_tag
def table_rows(rows: Sequence[Row]) -> SafeString:
    """The rows of a chart's table, of which there may be a thousand: a template takes its time."""
    has_notes = any(row.notes for row in rows)
    return format_html_join(
        "\n",
        '<tr><td class="{}">{}</td>{}{}</tr>',
        (
            (
                "desk-number" if row.is_day else "desk-break",
                format_html('<a class="desk-link" href="{}">{}</a>', row.url, row.name)
                if row.url
                else row.name,
                format_html_join(
                    "",
                    '<td class="desk-right desk-number">{}</td>',
                    ((cell,) for cell in row.cells),
                ),
                format_html('<td class="desk-wide">{}</td>', " · ".join(row.notes))
                if has_notes
                else "",
            )
            for row in rows
        ),
    )


@register.simple_tag
def digits_why(amount: Decimal | None, currency: str, url: str) -> SafeString:
    """Digits of an amount of capital that say why, where there is an amount and an address."""
    return why_link(formats.digits(amount, currency), "" if amount is None else url)


@register.simple_tag
def why_of(amount: Decimal, currency: str, link_id: int) -> SafeString:
    """The present capital of a link, with its currency, that says why."""
    return why(formats.money(amount, currency), link=link_id)


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """``{{ names|lookup:key }}``: the entry of a mapping, None where there is none."""
    return mapping.get(key)


@register.filter
def zone(value: datetime) -> str:
    """``{{ asked.other|zone }}``: the offset of a time, ``UTC-05:00``."""
    offset = f"{timezone.localtime(value):%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"
