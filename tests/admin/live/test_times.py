"""Times are in the project's time zone, with UTC for who points at them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from capital.admin.frame.cells import instant, since
from tests.admin.frame.crawl import pages, values_for
from tests.admin.tenants import make_tenant

pytestmark = pytest.mark.django_db

WRITTEN = re.compile(r">\s*(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*<")
TOLD = re.compile(r'<time [^>]*title="([^"]*)">\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s*</time>')
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
def test_lists_and_records_tell_utc(client: Client, settings: LazySettings) -> None:
    settings.TIME_ZONE = "Asia/Seoul"
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    shown, bare = 0, {}
    wanted = ("allocationrun", "webhookdelivery", "fill", "flow", "stop", "settingchange", "alert")
    for page in pages():
        if not re.fullmatch(
            rf"admin/capital/({'|'.join(wanted)})/(<path:object_id>/change/)?", page.route
        ):
            continue
        for values in values_for(page, tenant):
            text = client.get(page.filled(values), follow=True).content.decode()
            told = TOLD.findall(text)
            shown += len(told)
            assert all(each.endswith(" UTC") for each in told), page.route
            alone = len(WRITTEN.findall(text)) - len(told)
            if alone > 0 and not page.arguments:
                bare[page.route] = alone
    assert shown > 5
    assert bare == {}
