"""Two users, each with everything: nothing of one is on any page that the other asks for."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from capital.models import Account, StrategyAccount
from strategies.models import Strategy
from tests.admin.frame.crawl import pages, values_for
from tests.admin.tenants import Tenant, allow, allow_everything, make_tenant
from tests.factories import make_strategy, make_user

pytestmark = pytest.mark.django_db

WORD = "victim"
# The pages of one row of a model that somebody owns: not found, for others.
NOT_FOUND = {404}
# A page that is no row's may also be refused, or lead elsewhere.
ABSENT = {200, 302, 400, 403, 404, 405}


@pytest.fixture
def victim() -> Tenant:
    return make_tenant(WORD)


@pytest.fixture
def stranger(client: Client, victim: Tenant) -> Tenant:
    """Someone with every permission but the one to see everyone's rows, logged in."""
    tenant = make_tenant("stranger")
    tenant.user = allow_everything(tenant.user)
    client.force_login(tenant.user)
    return tenant


def body(response: Any) -> str:
    content = b"".join(response) if response.streaming else response.content
    return content.decode("utf-8", "replace") + response.headers.get("Location", "")


def test_the_crawl_reaches_every_kind_of_page() -> None:
    routes = {page.route for page in pages()}

    assert "admin/capital/account/<path:object_id>/change/" in routes
    assert "admin/capital/allocationrun/<path:object_id>/history/" in routes
    assert "admin/autocomplete/" in routes
    assert "admin/search/" in routes
    assert len(routes) > 60


def test_no_page_shows_anything_of_another_user(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    wrong = []
    for page in pages():
        of_a_row = page.model_admin is not None and victim.rows(page.model_admin.model)
        for values in values_for(page, victim):
            path = page.filled(values)
            if path.endswith("/logout/"):
                continue
            response = client.get(path, follow=True)
            allowed = NOT_FOUND if of_a_row and values else ABSENT
            if of_a_row and response.status_code == 403:
                # Not even who owns it may open this.
                continue
            if response.status_code not in allowed or WORD in body(response):
                wrong.append((path, response.status_code))
    assert wrong == []


@pytest.mark.once
def test_the_same_pages_are_there_for_the_owner(client: Client, victim: Tenant) -> None:
    """Otherwise the test above would prove nothing."""
    client.force_login(allow_everything(victim.user))
    seen = set()
    for page in pages():
        if page.model_admin is None or not page.route.endswith("/change/"):
            continue
        for values in values_for(page, victim):
            response = client.get(page.filled(values))
            if response.status_code == 200 and WORD in body(response):
                seen.add(page.model_admin.model._meta.label)
    assert seen >= {
        "auth.User",
        "capital.Account",
        "capital.AllocationRun",
        "capital.ApiToken",
        "capital.DailyAccountSummary",
        "capital.Position",
        "capital.StrategyAccount",
        "capital.StrategyCapital",
        "capital.WebhookDelivery",
        "strategies.Strategy",
    }


def test_no_search_finds_anything_of_another_user(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    paths = [
        reverse("admin:search") + f"?s={WORD}",
        reverse("admin:search") + f"?s={WORD}&extended=1",
    ]
    for model in admin.site._registry:
        options = model._meta
        name = f"admin:{options.app_label}_{options.model_name}_changelist"
        paths.append(reverse(name) + f"?q={WORD}")
        for field in options.get_fields():
            if field.is_relation and field.concrete:
                paths += [
                    (
                        f"{reverse('admin:autocomplete')}?term={WORD[:4]}&app_label={options.app_label}"
                        f"&model_name={options.model_name}&field_name={field.name}"
                    ),
                    f"{reverse(name)}?{field.name}__id__exact=1",
                ]

    # The term itself stands in the search field, and in the chip of what is searched for.
    found = [
        path
        for path in paths
        if WORD
        in body(client.get(path))
        .replace(f'value="{WORD}"', "")
        .replace(f'title="{WORD}">{WORD}<', "")
        .replace(f': {WORD}">×', "")
        .replace(f"={WORD}", "")
        .replace(f"%3D{WORD}", "")
    ]

    assert found == []


def test_no_filter_names_what_is_hidden(client: Client, victim: Tenant, stranger: Tenant) -> None:
    keys = {
        Account: victim.account.pk,
        Strategy: victim.strategies[0].pk,
    }
    names = {
        "account__id__exact": keys[Account],
        "strategy__id__exact": keys[Strategy],
        "strategy_account__account__id__exact": keys[Account],
        "strategy_account__strategy__id__exact": keys[Strategy],
        "owner__id__exact": victim.user.pk,
    }
    for model in admin.site._registry:
        options = model._meta
        path = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        for name, key in names.items():
            response = client.get(path, {name: key}, follow=True)

            assert WORD not in body(response), (path, name)


def test_permission_to_see_all_widens_the_sight(client: Client, victim: Tenant) -> None:
    client.force_login(
        allow(
            make_user(is_staff=True),
            "capital.view_all_accounts",
            "capital.view_account",
        )
    )

    response = client.get(reverse("admin:capital_account_change", args=[victim.account.pk]))

    assert response.status_code == 200


def test_no_action_reaches_another_users_rows(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    before = _state(victim)
    for model, page in admin.site._registry.items():
        options = model._meta
        rows = victim.rows(model)
        path = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        response = client.get(path)
        for action in page.get_actions(response.wsgi_request):
            answer = client.post(
                path,
                {
                    "action": action,
                    "_selected_action": [row.pk for row in rows],
                    "index": "0",
                    "select_across": "0",
                },
                follow=True,
            )
            assert WORD not in body(answer), (path, action)
    assert _state(victim) == before


def test_no_export_holds_another_users_rows(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    for name in ("allocationrun", "dailyaccountsummary"):
        path = reverse(f"admin:capital_{name}_changelist")
        rows = [str(row.pk) for tenant in (victim, stranger) for row in _rows(tenant, name)]

        answer = client.post(
            path, {"action": "export", "_selected_action": rows, "select_across": "1"}
        )

        assert answer.headers["Content-Type"].startswith("text/csv")
        text = body(answer)
        assert "stranger-account" in text
        assert WORD not in text


@pytest.mark.once
def test_nothing_of_another_user_can_be_posted_to(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    before = _state(victim)
    for page in pages():
        if page.model_admin is None or not victim.rows(page.model_admin.model):
            continue
        for values in values_for(page, victim):
            if values:
                answer = client.post(
                    page.filled(values), {"post": "yes", "name": "taken"}, follow=True
                )
                assert answer.status_code in (403, 404), page.route
    assert _state(victim) == before


def test_another_users_strategy_cannot_be_linked(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    answer = client.post(
        reverse("admin:capital_strategyaccount_add"),
        {
            "account": stranger.account.pk,
            "strategy": victim.strategies[0].pk,
            "weight": "1",
            "leverage": "1",
        },
    )

    assert answer.status_code == 200
    assert not StrategyAccount.objects.filter(
        account=stranger.account, strategy=victim.strategies[0]
    ).exists()
    assert WORD not in body(answer)


def test_own_account_with_anothers_strategy_shows_the_strategy_and_lets_nobody_change_it(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    """Someone who sees all linked it. A strategy is seen with its accounts, and is its owner's."""
    StrategyAccount.objects.create(account=stranger.account, strategy=victim.strategies[0])
    strategy_page = reverse("admin:strategies_strategy_change", args=[victim.strategies[0].pk])

    page = client.get(reverse("admin:capital_account_change", args=[stranger.account.pk]))

    assert victim.strategies[0].name in body(page)
    shown = body(client.get(strategy_page))
    assert victim.strategies[0].name in shown
    assert 'name="_save"' not in shown
    assert victim.account.name not in shown
    assert client.post(strategy_page, {"name": "taken"}).status_code == 403
    webhook = f"/admin/strategies/strategy/{victim.strategies[0].pk}/webhook/"
    assert client.post(webhook, {"ask": "rotate"}).status_code == 403
    other = reverse("admin:strategies_strategy_change", args=[victim.strategies[1].pk])
    assert client.get(other).status_code == 404


def test_strategy_on_anothers_account_does_not_show_that_accounts_capital(
    client: Client, victim: Tenant, stranger: Tenant
) -> None:
    strategy = make_strategy(owner=stranger.user, name="shared")
    StrategyAccount.objects.create(account=victim.account, strategy=strategy)

    for path in (
        reverse("admin:strategies_strategy_changelist"),
        reverse("admin:strategies_strategy_change", args=[strategy.pk]),
    ):
        assert WORD not in body(client.get(path))


def test_recent_actions_are_the_users_own(client: Client, victim: Tenant, stranger: Tenant) -> None:
    LogEntry.objects.create(
        user=victim.user,
        content_type=ContentType.objects.get_for_model(Account),
        object_id=str(victim.account.pk),
        object_repr=str(victim.account),
        action_flag=CHANGE,
    )

    assert WORD not in body(client.get(reverse("admin:index")))


def test_search_forgets_what_may_no_longer_be_seen(client: Client, victim: Tenant) -> None:
    watcher = allow(make_user(is_staff=True), "capital.view_all_accounts", "capital.view_account")
    client.force_login(watcher)
    path = reverse("admin:search") + f"?s={WORD}&extended=1"
    assert f"{WORD}-account" in body(client.get(path))

    watcher.user_permissions.clear()

    assert f"{WORD}-account" not in body(client.get(path))


def _rows(tenant: Tenant, name: str) -> list[Any]:
    return [*tenant.runs] if name == "allocationrun" else [tenant.summary]


def _state(tenant: Tenant) -> list[Any]:
    """Every row of the desk with all of its columns."""
    return [
        (
            model._meta.label,
            {
                field.attname: row.__dict__.get(field.attname)
                for field in model._meta.concrete_fields
            },
        )
        for model in tenant.models
        for row in tenant.rows(model)
    ]
