"""Reporting rates: entered on a page by who may, read by the dashboard."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.models import ReportingRate
from capital.services.overview import store_rate
from tests.admin.tenants import make_tenant
from tests.factories import make_account, make_summary, make_user

pytestmark = pytest.mark.django_db

LIST, ADD = (reverse(f"admin:capital_reportingrate_{page}") for page in ("changelist", "add"))


@pytest.fixture
def root(client: Client) -> Any:
    user = make_user(is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def stored() -> dict[tuple[str, str], Decimal]:
    return {(row.base, row.quote): row.rate for row in ReportingRate.objects.all()}


@pytest.mark.usefixtures("root")
def test_rate_is_entered_as_a_person_types_it(client: Client) -> None:
    store_rate("BTC", "USD", "60000")

    answer = client.post(ADD, {"base": "krw", "quote": "usd", "rate": "0.00072"})

    assert answer.status_code == 302
    assert stored() == {("BTC", "USD"): 60000, ("KRW", "USD"): Decimal("0.00072")}
    listed = client.get(LIST).content.decode()
    assert "KRW → USD" in listed
    assert "0.00072 USD" in listed


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("base", "quote", "rate", "field", "told"),
    [
        ("KRW", "KRW", "1", "rate", "1 KRW = 1 KRW"),
        ("KRW", "USD", "0", "rate", "above zero"),
        ("KRW", "USD", "-1", "rate", "above zero"),
        ("KRW", "USD", "1,5", "rate", "number"),
        ("원", "USD", "1", "base", "capital letters and digits"),
        ("btc", "usd", "1", "__all__", "already exists"),
    ],
)
def test_what_is_no_rate_is_refused_beside_its_field(
    client: Client, base: str, quote: str, rate: str, field: str, told: str
) -> None:
    store_rate("BTC", "USD", "60000")

    answer = client.post(ADD, {"base": base, "quote": quote, "rate": rate})

    assert answer.status_code == 200
    assert told in str(answer.context["adminform"].form.errors[field])
    assert stored() == {("BTC", "USD"): 60000}


@pytest.mark.usefixtures("root")
def test_stored_rate_is_replaced_and_its_time_is_now(client: Client) -> None:
    before = timezone.now()
    old = store_rate("KRW", "USD", "0.00072", clock=lambda: before - timedelta(days=3))
    store_rate("BTC", "USD", "60000", clock=lambda: before - timedelta(days=3))
    page = reverse("admin:capital_reportingrate_change", args=[old.pk])

    refused = client.post(page, {"rate": "0"})
    kept = stored()
    answer = client.post(page, {"rate": "0.0007", "base": "EUR", "quote": "EUR"})

    assert refused.status_code == 200
    assert kept["KRW", "USD"] == Decimal("0.00072")
    assert answer.status_code == 302
    assert stored() == {("BTC", "USD"): 60000, ("KRW", "USD"): Decimal("0.0007")}
    times = {row.base: row.observed_at for row in ReportingRate.objects.all()}
    assert times["KRW"] >= before > times["BTC"]


def test_who_lacks_the_permission_neither_sees_nor_stores_one(client: Client) -> None:
    tenant = make_tenant("mine")
    rate = store_rate("KRW", "USD", "0.00072")
    client.force_login(tenant.user)
    page = reverse("admin:capital_reportingrate_change", args=[rate.pk])

    assert client.get(LIST).status_code == 403
    assert client.get(page).status_code == 403
    assert client.post(ADD, {"base": "BTC", "quote": "USD", "rate": "1"}).status_code == 403
    assert client.post(page, {"rate": "1"}).status_code == 403
    assert stored() == {("KRW", "USD"): Decimal("0.00072")}


@pytest.mark.once
@pytest.mark.parametrize("may", [False, True])
def test_missing_rate_leads_to_its_page_for_who_may_store_it(
    client: Client, settings: Any, may: bool
) -> None:
    settings.CAPITAL_REPORTING_CURRENCY = "USD"
    tenant = make_tenant("mine")
    if may:
        named = Permission.objects.filter(codename="add_reportingrate")
        tenant.user.user_permissions.add(*named)
    won = make_account(owner=tenant.user, currency="KRW", venue="upbit")
    make_summary(account=won, spot_balance=Decimal(1000000), ending_balance=Decimal(1000000))
    store_rate("USDT", "USD", "0.9998")
    client.force_login(tenant.user)

    told = client.get(reverse("admin:index")).content.decode()

    address = f"{ADD}?base=KRW&amp;quote=USD"
    assert (address in told) is may
    assert "There is no rate from KRW to USD" in told
    if may:
        assert 'value="KRW"' in client.get(ADD, {"base": "KRW", "quote": "USD"}).content.decode()
