"""The page of a run says what was changed together with it, and why each amount is so."""

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.services.allocation.weights.edit import set_weights
from tests.admin.tenants import make_tenant
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.services.overview.timeline.records import decided

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_weights_that_were_changed_with_a_run_stand_on_its_page_with_who_did_it() -> None:
    root = make_user(username="minsu", is_staff=True, is_superuser=True)
    account = make_account(owner=root)
    trend = make_strategy(key="trend", name="Trend")
    make_link(account=account, strategy=trend, weight=Decimal("0.5"))
    make_summary(account=account, spot_balance=Decimal(100))
    report = set_weights(account.pk, {"trend": Decimal("50")}, actor=root)
    assert report.run is not None
    client = Client()
    client.force_login(root)

    page = client.get(
        reverse("admin:capital_allocationrun_change", args=[report.run.pk])
    ).content.decode()

    assert 'Trend <span class="desk-number">0.5 → 50</span>' in page
    assert "minsu" in page


def test_amounts_of_runs_and_previews_say_why(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    link = make_link(
        account=make_account(owner=tenant.user, name="Alone"),
        strategy=make_strategy(owner=tenant.user, name="Lonely", key="lonely"),
    )
    other = make_link(strategy=link.strategy)
    run = decided(link, "3000", "4000", timezone.now())
    page = client.get(reverse("admin:capital_allocationrun_change", args=[run.pk]))
    text = page.content.decode()
    before, after = re.findall(r'data-why aria-haspopup="dialog" href="([^"]+)">([^<]+)<', text)

    assert (before[1], after[1]) == ("3,000.00", "4,000.00")
    assert f"link={link.pk}&amp;run={run.pk}" in after[0]
    assert f"link={other.pk}" not in text
    told = client.get(before[0].replace("&amp;", "&")).content.decode()
    assert "4,000.00" not in told
    assert "4,000.00 USDT" in client.get(after[0].replace("&amp;", "&")).content.decode()
    listed = client.get(reverse("admin:capital_strategyaccount_change", args=[link.pk]))
    assert "Lonely @ Alone" in listed.content.decode()
    assert "lonely @ Alone" not in listed.content.decode()
