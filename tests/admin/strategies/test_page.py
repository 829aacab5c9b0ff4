"""Strategies: paused, activated and archived by POST, with what follows said."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from strategies.models import Strategy
from strategies.services import archive_strategies, pause_strategies
from tests.admin.tenants import Tenant, allow, make_tenant
from tests.factories import make_account, make_link, make_position, make_strategy, make_user

pytestmark = pytest.mark.django_db

LIST = "admin:strategies_strategy_changelist"


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine")
    tenant.user = allow(
        tenant.user,
        "strategies.view_strategy",
        "strategies.add_strategy",
        "strategies.change_strategy",
        "strategies.delete_strategy",
    )
    client.force_login(tenant.user)
    return tenant


def act(client: Client, action: str, *strategies: Strategy, confirmed: bool = True) -> str:
    chosen = {"action": action, "_selected_action": [strategy.pk for strategy in strategies]}
    data = {**chosen, "confirmed": "1"} if confirmed else chosen
    return client.post(reverse(LIST), data, follow=True).content.decode()


@pytest.mark.parametrize(
    ("action", "status", "word"),
    [("pause", "PAUSED", "paused"), ("archive", "ARCHIVED", "archived")],
)
def test_action_changes_the_status_and_says_what_follows(
    client: Client, tenant: Tenant, action: str, status: str, word: str
) -> None:
    page = act(client, action, *tenant.strategies)

    assert set(Strategy.objects.values_list("status", flat=True)) == {status}
    assert f"2 strategies are now {word}. A reallocation of 1 account was requested." in page
    assert LogEntry.objects.filter(user=tenant.user).count() == 2


@pytest.mark.parametrize("action", ["pause", "archive"])
def test_capital_that_goes_to_zero_is_said_before_it_does(
    client: Client, tenant: Tenant, action: str
) -> None:
    link = make_link(
        account=make_account(owner=tenant.user, name="Alone"),
        strategy=make_strategy(owner=tenant.user, name="Lonely"),
        capital="1234.50",
    )

    asked = act(client, action, link.strategy, confirmed=False)

    assert "capital goes to zero" in asked
    assert "1,234.50 USDT" in asked
    assert "nobody gets what they had" in asked
    assert set(Strategy.objects.values_list("status", flat=True)) == {"ACTIVE"}
    make_link(account=link.account, strategy=make_strategy(owner=tenant.user))
    shared = act(client, action, link.strategy, confirmed=False)
    assert "the others in its pool" in shared
    assert "nobody gets what they had" not in shared
    act(client, action, link.strategy)
    link.strategy.refresh_from_db()
    assert link.strategy.status != "ACTIVE"


def test_what_could_no_longer_be_closed_is_said_before_a_strategy_is_archived(
    client: Client, tenant: Tenant
) -> None:
    link = make_link(
        account=make_account(owner=tenant.user, name="<Alone>"),
        strategy=make_strategy(owner=tenant.user, name="Lonely"),
    )
    told = "not even to close its open positions"
    assert told not in client.get(change(link.strategy)).content.decode()
    make_position(link, "-0.5", "ETH/USDT")
    make_position(link, "0", "BTC/USDT")

    asked = act(client, "archive", link.strategy, confirmed=False)

    assert f"{told}: ETH/USDT (Lonely, &lt;Alone&gt;)." in asked
    assert "goes to zero" not in asked
    assert f"{told}: ETH/USDT (Lonely, &lt;Alone&gt;)." in (
        client.get(change(link.strategy)).content.decode()
    )
    assert Strategy.objects.get(pk=link.strategy.pk).status == "ACTIVE"
    # Paused, it still closes: nobody is asked.
    assert "is now paused" in act(client, "pause", link.strategy, confirmed=False)
    assert "is now archived" in act(client, "archive", link.strategy)
    assert told not in client.get(change(link.strategy)).content.decode()


def test_forms_say_beforehand_what_goes_to_zero(client: Client, tenant: Tenant) -> None:
    tenant.user = allow(
        tenant.user, "capital.view_strategyaccount", "capital.change_strategyaccount"
    )
    link = make_link(
        account=make_account(owner=tenant.user, name="Alone"),
        strategy=make_strategy(owner=tenant.user, name="Lonely"),
        capital="1234.50",
    )
    nothing = make_link(account=link.account, strategy=make_strategy(owner=tenant.user))
    page = client.get(change(link.strategy)).content.decode()

    assert "its capital goes to zero with the reallocation that follows: 1,234.50 USDT" in page
    assert "Nobody gets it" not in page
    assert "goes to zero" not in client.get(change(nothing.strategy)).content.decode()
    assert "its capital of 1,234.50 USDT goes to zero" in client.get(change(link)).content.decode()
    assert "goes to zero" not in client.get(change(nothing)).content.decode()

    pause_strategies([nothing.strategy.pk])
    assert "Nobody gets it on Alone" in client.get(change(link.strategy)).content.decode()


def change(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def test_activating_brings_them_back(client: Client, tenant: Tenant) -> None:
    pause_strategies([strategy.pk for strategy in tenant.strategies])

    page = act(client, "activate", tenant.strategies[0])

    assert "1 strategy is now active. A reallocation of 1 account was requested." in page
    assert Strategy.objects.get(pk=tenant.strategies[0].pk).status == "ACTIVE"


def test_action_that_changes_nothing_says_so(client: Client, tenant: Tenant) -> None:
    assert "the selected strategies already have this status." in act(
        client, "activate", *tenant.strategies
    )


@pytest.mark.once
def test_strategy_without_accounts_moves_no_capital(client: Client, tenant: Tenant) -> None:
    page = act(client, "archive", make_strategy(owner=tenant.user))

    assert "No account trades them, so no capital changes." in page


def test_action_asks_for_a_reallocation(
    tenant: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    OrmQ.objects.all().delete()

    with django_capture_on_commit_callbacks(execute=True):
        archive_strategies([tenant.strategies[0].pk])

    assert OrmQ.objects.count() == 1


@pytest.mark.once
def test_opening_an_address_changes_nothing(client: Client, tenant: Tenant) -> None:
    client.get(reverse(LIST), {"action": "pause", "_selected_action": tenant.strategies[0].pk})

    assert Strategy.objects.get(pk=tenant.strategies[0].pk).status == "ACTIVE"


@pytest.mark.once
def test_market_that_a_venue_does_not_have_is_said_in_the_form(
    client: Client, tenant: Tenant
) -> None:
    strategy = make_strategy(owner=tenant.user)
    make_link(account=make_account(owner=tenant.user, venue="upbit"), strategy=strategy)
    url = reverse("admin:strategies_strategy_change", args=[strategy.pk])

    page = client.post(url, {**model_to_dict(strategy), "market_type": "futures"})

    assert page.context["adminform"].form.errors == {
        "market_type": ["upbit does not offer futures trading."]
    }
    strategy.refresh_from_db()
    assert strategy.market_type == "spot"


@pytest.mark.once
def test_viewer_has_no_actions(client: Client, tenant: Tenant) -> None:
    tenant.user.user_permissions.clear()
    client.force_login(allow(tenant.user, "strategies.view_strategy"))

    act(client, "pause", *tenant.strategies)

    assert set(Strategy.objects.values_list("status", flat=True)) == {"ACTIVE"}


@pytest.mark.once
def test_capital_is_shown_by_currency_and_never_added_up(client: Client, tenant: Tenant) -> None:
    from tests.factories import make_account

    won = make_account(owner=tenant.user, venue="upbit", currency="KRW")
    make_link(account=won, strategy=tenant.strategies[0], capital="1234567")

    page = client.get(reverse(LIST)).content.decode()

    assert "1,234,567 KRW" in page
    assert "10,369.00 USDT" in page


def test_strategy_that_trades_is_not_deleted(client: Client, tenant: Tenant) -> None:
    url = reverse("admin:strategies_strategy_delete", args=[tenant.strategies[0].pk])

    page = client.post(url, {"post": "yes"}, follow=True).content.decode()

    assert "Archive it instead. Its history is kept." in page
    assert Strategy.objects.filter(pk=tenant.strategies[0].pk).exists()


def test_new_strategy_belongs_to_who_made_it(client: Client, tenant: Tenant) -> None:
    client.post(
        reverse("admin:strategies_strategy_add"),
        {
            "name": "New",
            "key": "new",
            "market_type": "spot",
            "status": "ACTIVE",
            "owner": make_user().pk,
        },
    )

    assert Strategy.objects.get(key="new").owner == tenant.user


def edit(client: Client, strategy: Strategy, **changes: str) -> str:
    strategy.refresh_from_db()
    url = reverse("admin:strategies_strategy_change", args=[strategy.pk])
    answer = client.post(url, {**model_to_dict(strategy), **changes}, follow=True)
    return answer.content.decode()


@pytest.mark.once
def test_what_programs_have_to_do_about_another_key_is_said(client: Client, tenant: Tenant) -> None:
    strategy = make_strategy(owner=tenant.user, name="Trend", key="old-key")

    body = edit(client, strategy, key="new-key")

    assert "Its key is “new-key” now. Bots and webhooks that call it “old-key” are refused" in body
    assert "Its orders are those that begin with “new-key” now." in body
    assert "enter “old-key” as its order tag" in body


@pytest.mark.once
def test_a_key_that_is_not_the_tag_changes_no_tag(client: Client, tenant: Tenant) -> None:
    strategy = make_strategy(owner=tenant.user, name="Trend", key="old-key", order_tag="tr")

    body = edit(client, strategy, key="new-key")

    assert "Its key is “new-key” now." in body
    assert "Its orders are" not in body
    assert "Its orders are those that begin with “new-key” now." in edit(
        client, strategy, order_tag=""
    )


@pytest.mark.once
def test_nothing_is_said_where_programs_need_do_nothing(client: Client, tenant: Tenant) -> None:
    strategy = make_strategy(owner=tenant.user, name="Trend", key="old-key")

    body = edit(client, strategy, name="Trend 2", order_tag="old-key")

    assert "Its key is" not in body
    assert "Its orders are" not in body
    strategy.refresh_from_db()
    assert (strategy.name, strategy.order_tag) == ("Trend 2", "old-key")
