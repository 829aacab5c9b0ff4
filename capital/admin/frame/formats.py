"""How values are written for people: amounts with their currency, changes, shares, ages.

Everything is exact: an amount keeps every digit that it has, and at least those of its
currency's quantum. Absent is a dash, never zero. The answers are plain text, for cells, pages,
messages and titles alike; whoever puts them into HTML escapes them as any text.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from capital.domain.money import EXACT, ROUNDED, grouped, plain, quantum_of

NOTHING = "—"

_TENTH = Decimal("0.1")
_HUNDRED = Decimal(100)


def few(texts: Sequence[str], most: int) -> list[str]:
    """The first ones, and ``and 3 more`` where there are more than ``most``."""
    more = len(texts) - most
    if more <= 0:
        return list(texts)
    rest = ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}
    return [*texts[:most], rest]


def money(amount: Decimal | None, currency: str) -> str:
    """``1,234,567 KRW``, ``10,369.00 USDT``, ``0.00000001 BTC``; a dash for None.

    Args:
        amount: In ``currency``. Zeros behind the quantum's digits are not shown, other digits
            are: an unrounded reading of 0.123456 USDT stays 0.123456 USDT.
        currency: Its code.
    """
    return NOTHING if amount is None else f"{grouped(amount, currency)} {currency}"


def on_quantum(amount: Decimal, currency: str) -> Decimal:
    """Rounded to the digits of its currency, for what is looked at; zero has no sign."""
    rounded = amount.quantize(quantum_of(currency), rounding=ROUND_HALF_EVEN, context=ROUNDED)
    return EXACT.plus(rounded)


def change(amount: Decimal | None, currency: str) -> str:
    """A difference with its sign: ``+1,000 KRW``, ``-12.50 USDT``; zero has none."""
    if amount is None or amount <= 0:
        return money(amount, currency)
    return f"+{money(amount, currency)}"


def digits(amount: Decimal | None, currency: str) -> str:
    """The number alone, for a column whose head names the currency: ``10,369.00``."""
    if amount is None:
        return NOTHING
    return grouped(amount, currency)


def signed(amount: Decimal | None, currency: str) -> str:
    """A difference alone, for a column whose head names the currency: ``+10,369.00``."""
    return (
        digits(amount, currency)
        if amount is None or amount <= 0
        else f"+{digits(amount, currency)}"
    )


def share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """``part`` of ``whole`` in percent, rounded for display; None where there is no telling."""
    if part is None or whole is None or whole <= 0:
        return None
    return ROUNDED.divide(EXACT.multiply(part, _HUNDRED), whole)


def percent(value: Decimal | None) -> str:
    """``33.3%``. A little is ``<0.1%``, nearly all is ``>99.9%``: neither looks like 0 or 100."""
    if value is None:
        return NOTHING
    if 0 < value < _TENTH / 2:
        return "<0.1%"
    if _HUNDRED - _TENTH / 2 <= value < _HUNDRED:
        return ">99.9%"
    return f"{value.quantize(_TENTH, ROUND_HALF_UP, ROUNDED):,f}%"


def ratio(value: Decimal | None) -> str:
    """A weight or a leverage without idle zeros: ``0.5``, ``2``."""
    if value is None:
        return NOTHING
    text = plain(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: Decimal | None) -> str:
    """A quantity or a price, whose currency stands elsewhere: ``98,000``, ``-1.5``."""
    return NOTHING if value is None else f"{Decimal(ratio(value)):,f}"


def moment(value: datetime | None) -> str:
    """``2026-11-22 20:00:21`` in the project's time zone; a dash for None."""
    return NOTHING if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"


def utc_text(value: datetime) -> str:
    """The same in UTC, as exchanges and logs tell it; empty where that is the project's zone."""
    if not timezone.localtime(value).utcoffset():
        return ""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def both_times(value: datetime | None) -> str:
    """Both, for a title: ``2026-11-22 20:00:21 · 2026-11-22 11:00:21 UTC``; a dash for None."""
    if value is None:
        return NOTHING
    return " · ".join(each for each in (moment(value), utc_text(value)) if each)


def age(value: datetime | None, *, now: datetime) -> str:
    """``3 min ago``; ``in 3 min`` for what is to come; a dash for None."""
    if value is None:
        return NOTHING
    passed = now - value
    if abs(passed) < timedelta(seconds=1):
        return gettext("just now")
    if passed < timedelta():
        return gettext("in %(span)s") % {"span": span(-passed)}
    return gettext("%(span)s ago") % {"span": span(passed)}


def span(value: timedelta | None) -> str:
    """``45 s``, ``3 min``, ``2 h``, ``5 d``: the largest unit that fits, rounded down.

    Never below zero, which is what lies between two times if the clock was set back.
    """
    if value is None:
        return NOTHING
    seconds = max(value, timedelta()) // timedelta(seconds=1)
    if seconds < 60:
        return gettext("%(count)s s") % {"count": seconds}
    if seconds < 60 * 60:
        return gettext("%(count)s min") % {"count": seconds // 60}
    if seconds < 2 * 24 * 60 * 60:
        return gettext("%(count)s h") % {"count": seconds // (60 * 60)}
    return gettext("%(count)s d") % {"count": seconds // (24 * 60 * 60)}
