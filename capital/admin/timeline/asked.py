"""What a page of capital at a time is asked for: whose, and when, as a person writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import gettext

from capital.models import Account, StrategyAccount
from capital.services.access import visible_to
from strategies.models import Strategy

PERMISSION = "capital.view_strategycapital"
# A time is told to the second: what happened within it has happened.
_WITHIN_THE_SECOND = timedelta(microseconds=999_999)
_LARGEST_KEY = 2**63 - 1
# Which rows each may ask for, beside a currency.
_KINDS: Mapping[str, Any] = {"link": StrategyAccount, "account": Account, "strategy": Strategy}


@dataclass(frozen=True)
class AskedMoment:
    """When, and what is to be said of it.

    Attributes:
        at: The moment; now, where none was asked for, or none that can be read.
        is_now: Whether it is.
        problem: Why it is another one than was asked for; empty where it is not.
        other: The same time of day a second time, where clocks were set back; else None.
    """

    at: datetime
    is_now: bool = False
    problem: str = ""
    other: datetime | None = None

    @property
    def field_text(self) -> str:
        """For a field of date and time."""
        return f"{timezone.localtime(self.at):%Y-%m-%dT%H:%M:%S}"


def read_moment(text: str, *, now: datetime) -> AskedMoment:
    """A date and a time as a field sends them, in the reader's time zone, or with an offset."""
    text = text.strip()
    if not text:
        return AskedMoment(now, is_now=True)
    try:
        # A plus sign of an address that was typed is a blank by now.
        asked = parse_datetime(text.replace(" ", "+") if text.count(":") > 1 else text)
        moment, other, problem = _localised(asked) if asked is not None else (None, None, "")
    except (ValueError, OverflowError):
        moment, other, problem = None, None, ""
    if moment is None:
        problem = gettext("Enter a date and a time such as 2026-11-24 14:00. This is now.")
        return AskedMoment(now, is_now=True, problem=problem)
    if moment > now:
        if moment - _WITHIN_THE_SECOND <= now:
            return AskedMoment(now, is_now=True)
        return AskedMoment(
            now, is_now=True, problem=gettext("That time is still to come. This is now.")
        )
    return AskedMoment(moment, problem=problem, other=other)


def _localised(asked: datetime) -> tuple[datetime, datetime | None, str]:
    """The moment; the second one, where clocks were set back; what is to be said of it."""
    if asked.tzinfo is not None:
        return _end_of_second(asked), None, ""
    zone = timezone.get_current_timezone()
    first, second = (asked.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    offsets = first.utcoffset(), second.utcoffset()
    if offsets[0] == offsets[1]:
        return _end_of_second(first), None, ""
    if offsets[0] is not None and offsets[1] is not None and offsets[0] < offsets[1]:
        # The clock jumped over it.
        problem = gettext("There was no such time that day: clocks were set forward.")
        return _end_of_second(first), None, problem
    problem = gettext("There were two such times that day: clocks were set back.")
    return _end_of_second(first), _end_of_second(second), problem


def _end_of_second(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment if moment.microsecond else moment + _WITHIN_THE_SECOND


def zone_text(moment: datetime) -> str:
    """``Asia/Seoul, UTC+09:00``: in which time zone times are told."""
    offset = f"{timezone.localtime(moment):%z}"
    return f"{timezone.get_current_timezone_name()}, UTC{offset[:3]}:{offset[3:5]}"


@dataclass(frozen=True)
class Asked:
    """Whose capital is asked for.

    Attributes:
        links: Those, of what the user may see.
        query: The address's filters, to be asked again with another time.
        rows: The rows that were named, by kind.
        currency: Of accounts; empty for any.
    """

    links: QuerySet[StrategyAccount]
    query: Mapping[str, str]
    rows: Mapping[str, Any] = field(default_factory=dict)
    currency: str = ""

    @classmethod
    def read(cls, request: HttpRequest) -> "Asked":
        """Of an address.

        Raises:
            PermissionDenied: The user may not look at capital.
            Http404: A row is not there, or not for this user.
        """
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        rows = {
            kind: _row(request, kind, request.GET[kind]) for kind in _KINDS if request.GET.get(kind)
        }
        links = visible_to(request.user, StrategyAccount.objects.all())
        if "link" in rows:
            links = links.filter(pk=rows["link"].pk)
        if "account" in rows:
            links = links.filter(account=rows["account"])
        if "strategy" in rows:
            links = links.filter(strategy=rows["strategy"])
        query = {kind: str(row.pk) for kind, row in rows.items()}
        currency = request.GET.get("currency", "")
        if currency:
            links = links.filter(account__currency=currency)
            query["currency"] = currency
        return cls(links, query, rows, currency)

    @property
    def name(self) -> str:
        """What was asked for, as a title has it; empty for everything."""
        names = [str(row if kind == "link" else row.name) for kind, row in self.rows.items()]
        return " · ".join([*names, *([self.currency] if self.currency else [])])

    def url(self, page: str, **more: str) -> str:
        """The address of a page, asked for the same."""
        return f"{reverse(page)}?{urlencode({**self.query, **more})}"


def _row(request: HttpRequest, kind: str, key: str) -> Any:
    rows = visible_to(request.user, _KINDS[kind].objects.all())
    if kind == "link":
        rows = rows.select_related("account", "strategy")
    row = rows.filter(pk=whole_number(key)).first()
    if row is None:
        raise Http404
    return row


def whole_number(text: str) -> int:
    """A primary key of an address. Raises ``Http404`` where it is none."""
    if not (text.isascii() and text.isdecimal()) or int(text[:20]) > _LARGEST_KEY:
        raise Http404
    return int(text[:20])


def is_part(query: QueryDict) -> bool:
    """Whether only the answer is wanted, and no page around it."""
    return "part" in query
