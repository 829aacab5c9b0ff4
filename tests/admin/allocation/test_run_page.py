"""The page of a run says what was changed together with it."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from capital.services.allocation.weights.edit import set_weights
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_weights_that_were_changed_with_a_run_stand_on_its_page_with_who_did_it() -> None:
    root = make_user(username="minsu", is_staff=True, is_superuser=True)
    account = make_account(owner=root)
    make_link(account=account, strategy=make_strategy(key="trend"), weight=Decimal("0.5"))
    make_summary(account=account, spot_balance=Decimal(100))
    report = set_weights(account.pk, {"trend": Decimal("50")}, actor=root)
    assert report.run is not None
    client = Client()
    client.force_login(root)

    page = client.get(
        reverse("admin:capital_allocationrun_change", args=[report.run.pk])
    ).content.decode()

    assert 'trend <span class="desk-number">0.5 → 50</span>' in page
    assert "minsu" in page
