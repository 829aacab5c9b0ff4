"""Times are in the project's time zone, with UTC for who points at them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from capital.admin.frame.cells import instant, since
from tests.words.everything import addresses, make_everything

pytestmark = pytest.mark.django_db

WRITTEN = re.compile(r">\s*(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)\s*<")
TOLD = re.compile(r'<time [^>]*title="([^"]*)">\s*\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?\s*</time>')
LIST_OR_RECORD = re.compile(r"/admin/\w+/(\w+)/(?:[^/]+/change/)?")
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
def test_every_time_of_a_list_and_of_a_record_tells_its_utc(
    client: Client, settings: LazySettings
) -> None:
    settings.TIME_ZONE = "Asia/Seoul"
    everything = make_everything("mine")
    client.force_login(everything.tenant.user)
    bare: dict[str, list[str]] = {}
    shown: dict[str, int] = {}
    for address in addresses(everything):
        if not (found := LIST_OR_RECORD.fullmatch(address)):
            continue
        text = client.get(address).content.decode()
        told = TOLD.findall(text)
        shown[found[1]] = shown.get(found[1], 0) + len(told)
        assert all(each.endswith(" UTC") for each in told), address
        if alone := WRITTEN.findall(TOLD.sub("", text)):
            bare[address] = alone
    assert bare == {}
    # Fields as the models have them, and columns and lines that pages write.
    for model in ("account", "allocationrun", "apitoken", "settingchange", "success", "user"):
        assert shown[model], model
