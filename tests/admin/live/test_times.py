"""Times are in the project's time zone, with UTC for who points at them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from capital.admin.frame.cells import instant, sentence_with, since, with_instants, with_utc
from tests.words.everything import addresses, make_everything

pytestmark = pytest.mark.django_db

TIMED = re.compile(r'<time [^>]*title="[^"]* UTC"[^>]*>[^<]*</time>')
TOLD = re.compile(r'<time [^>]*title="([^"]*)">\s*\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?\s*</time>')
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?!:| · \d| UTC)")
# What nobody points at, and what is there to be typed, or for programs.
NOT_POINTED_AT = re.compile(
    r"<(head|script|style|template|textarea|pre|code|select)\b.*?</\1>", re.DOTALL
)
TITLE = re.compile(r'\b(?:title|aria-label)="([^"]*)"')
LIST_OR_RECORD = re.compile(r"/admin/\w+/(\w+)/(?:[^/]+/change/)?")
HISTORY = re.compile(r"/admin/\w+/\w+/[^/]+/(history)/")
AT = datetime(2026, 11, 22, 11, 0, 21, tzinfo=UTC)


def test_time_has_utc_on_hover_and_none_where_that_is_the_zone() -> None:
    with timezone.override(ZoneInfo("Asia/Seoul")):
        assert 'title="2026-11-22 11:00:21 UTC">2026-11-22 20:00:21</time>' in instant(AT)
        told = since(AT, now=AT)
        assert 'title="2026-11-22 20:00:21 · 2026-11-22 11:00:21 UTC"' in told
    with timezone.override(UTC):
        assert 'title="">2026-11-22 11:00:21</time>' in instant(AT)
    assert instant(None) == "—"


@pytest.mark.once
def test_every_time_that_stands_by_itself_tells_its_utc(
    client: Client, settings: LazySettings
) -> None:
    settings.TIME_ZONE = "Asia/Seoul"
    everything = make_everything("mine")
    client.force_login(everything.tenant.user)
    bare: dict[str, list[str]] = {}
    shown: dict[str, int] = {}
    for address in addresses(everything):
        kinds = (each.fullmatch(address) for each in (LIST_OR_RECORD, HISTORY))
        kind = next((found[1] for found in kinds if found), "other pages")
        text = client.get(address).content.decode()
        told = TOLD.findall(text)
        shown[kind] = shown.get(kind, 0) + len(told)
        assert all(each.endswith(" UTC") for each in told), address
        if alone := without_utc(text):
            bare[address] = alone
    assert bare == {}
    # Fields as the models have them, columns and lines that pages write, and Django's histories.
    kinds = ("account", "allocationrun", "apitoken", "settingchange", "success", "user")
    for each in (*kinds, "history"):
        assert shown[each], each


def without_utc(text: str) -> list[str]:
    """What of a page has a time, and no UTC for who points at it: texts, titles, breadcrumbs."""
    text = TIMED.sub("", NOT_POINTED_AT.sub("", text))
    shown = [each.strip() for each in re.split(r"<[^>]*>", text)]
    return [each for each in (*shown, *TITLE.findall(text)) if TIME.search(each)]


def test_a_time_is_missed_in_a_text_and_in_a_title() -> None:
    time = "2026-11-28 00:10"
    assert without_utc(f"<h1>job {time}</h1>") == [f"job {time}"]
    assert without_utc(f'<b title="at {time}">x</b>') == [f"at {time}"]
    told = f'<time title="2026-11-27 15:10:00 UTC">{time}</time>'
    title = f'<b title="{time} · 2026-11-27 15:10:00 UTC">x</b>'
    assert without_utc(f"<title>{time}</title><head>{time}</head>{told}{title}") == [time]


def test_sentence_holds_a_time_with_utc_and_escapes_the_rest() -> None:
    with timezone.override(ZoneInfo("Asia/Seoul")):
        told = sentence_with("<b>%(name)s</b> at %(time)s", name="A & B", time=instant(AT))

    assert told == f"&lt;b&gt;A &amp; B&lt;/b&gt; at {instant_in_seoul()}"
    assert 'title="2026-11-22 11:00:21 UTC"' in told


def instant_in_seoul() -> str:
    with timezone.override(ZoneInfo("Asia/Seoul")):
        return instant(AT)


def test_times_in_a_sentence_have_utc_behind_them() -> None:
    with timezone.override(ZoneInfo("Asia/Seoul")):
        told = with_instants("Cached balance of 2026-11-28 00:10, read 2026-11-28 00:10:30 <b>.")

    assert told == (
        'Cached balance of <time title="2026-11-27 15:10:00 UTC">2026-11-28 00:10</time>, '
        'read <time title="2026-11-27 15:10:30 UTC">2026-11-28 00:10:30</time> &lt;b&gt;.'
    )
    assert with_utc("trend 2026-11-28 00:10") == (
        "trend 2026-11-28 00:10 · 2026-11-27 15:10:00 UTC"
    )
    for text in ("2026-11-28", "order 12026-11-28 00:10", "2026-11-28 00:10:00 UTC"):
        assert with_instants(text) == text
