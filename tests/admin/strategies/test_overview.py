"""The page of a strategy: links, weights, capital, allocations, webhook and performance."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.models import WebhookSecret
from capital.services.webhooks import rotate_secret
from strategies.models import Strategy
from tests.admin.tenants import allow
from tests.factories import make_account, make_link, make_link_day, make_strategy, make_user
from tests.services.overview.timeline.records import decided

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def owner(client: Client) -> Any:
    owner = make_user(username="minsu", is_staff=True, is_superuser=True)
    client.force_login(owner)
    return owner


def words(client: Client, strategy: Strategy) -> str:
    response = client.get(f"/admin/strategies/strategy/{strategy.pk}/change/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_each_account_has_its_weight_its_share_its_capital_and_its_state(
    client: Client, owner: Any
) -> None:
    strategy = make_strategy(owner=owner, name="Trend")
    main = make_account(owner=owner, name="Main")
    link = make_link(account=main, strategy=strategy, weight=Decimal("0.6"), capital="3000")
    make_link(account=main, weight=Decimal("0.4"))
    other = make_account(owner=owner, name="Other")
    make_link(account=other, strategy=strategy, is_active=False)

    page = words(client, strategy)

    table = page.partition('id="links-title"')[2].partition("</section>")[0]
    assert "Main</a>" in table
    assert ">0.6</a>" in table
    assert ">60.0%</span>" in table
    assert f'href="/admin/why/?link={link.pk}">3,000.00 USDT' in table
    assert "Other</a>" in table
    assert "deactivated on this account" in table
    assert f'data-timeline-src="/admin/timeline/?strategy={strategy.pk}"' in page
    assert page.count("data-timeline-src") == 1


def test_what_was_decided_lately_is_told_with_its_cause(client: Client, owner: Any) -> None:
    link = make_link(account=make_account(owner=owner, name="Main"))
    now = timezone.now()
    decided(link, None, "1111", now - 40 * DAY)
    run = decided(link, "1111", "3000", now - DAY, trigger="admin", actor=owner)

    page = words(client, link.strategy)
    table = page.partition('id="strategy-runs-title"')[2].partition("</section>")[0]

    assert f"Allocation #{run.pk}: applied" in table
    assert "Main: 1,111.00 → 3,000.00 USDT" in table
    assert "admin site · minsu" in table
    assert f"#{run.pk - 1}" not in table
    assert f"/admin/capital/allocationrun/?strategy={link.strategy.key}" in page


def test_webhook_is_told_to_be_on_or_off_and_leads_to_its_page(client: Client, owner: Any) -> None:
    link = make_link(account=make_account(owner=owner))
    card = 'id="webhook-title"'

    closed = words(client, link.strategy).partition(card)[2].partition("</section>")[0]
    assert ">off</span>" in closed
    assert "No signal came yet." in closed
    rotate_secret(link.strategy, actor=owner)
    assert WebhookSecret.objects.exists()
    opened = words(client, link.strategy).partition(card)[2].partition("</section>")[0]
    assert ">on</span>" in opened
    assert f"/admin/strategies/strategy/{link.strategy.pk}/webhook" in opened


def test_performance_of_the_last_days_is_told(client: Client, owner: Any) -> None:
    link = make_link(account=make_account(owner=owner), capital="1000")
    card = 'id="performance-title"'
    empty = words(client, link.strategy).partition(card)[2].partition("</section>")[0]
    assert "No fills are known of this period." in empty

    make_link_day(link)
    told = words(client, link.strategy).partition(card)[2].partition("</section>")[0]
    assert "USDT</h3>" in told
    assert ">+30.00</span>" in told
    assert f"/admin/strategies/strategy/{link.strategy.pk}/performance" in told


def test_strategy_without_accounts_says_what_to_do(client: Client, owner: Any) -> None:
    page = words(client, make_strategy(owner=owner))

    assert "It trades on no account yet." in page
    assert "data-timeline-src" not in page


def test_who_may_not_look_at_links_sees_the_settings_alone(client: Client) -> None:
    owner = allow(make_user(is_staff=True), "strategies.view_strategy")
    client.force_login(owner)
    link = make_link(account=make_account(owner=owner), capital="3000")

    page = words(client, link.strategy)

    assert link.strategy.key in page
    assert 'id="links-title"' not in page
    assert "data-timeline-src" not in page


def test_page_costs_the_same_with_more_accounts(client: Client, owner: Any) -> None:
    strategy = make_strategy(owner=owner)

    def cost() -> int:
        link = make_link(account=make_account(owner=owner), strategy=strategy, capital="1")
        decided(link, "1", "2", timezone.now() - DAY)
        words(client, strategy)
        with CaptureQueriesContext(connection) as queries:
            words(client, strategy)
        return len(queries)

    first = cost()
    assert cost() == first
