"""First steps: exchange, keys, check, strategies, preview; and strategies within an account."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from capital.models import (
    Account,
    AccountAccess,
    AllocationPlan,
    AllocationRun,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.balances.sync import sync_balances
from capital.simulator.state import SimulatedAccount
from strategies.models import Strategy
from tests.admin.tenants import allow, allow_everything
from tests.factories import make_account, make_link, make_strategy, make_user
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

START = "/admin/capital/account/first-steps/"
VENUE = {"venue": "bybit", "name": "Main"}
KEYS = {"api_key": "CANARY-key", "api_secret": "CANARY-secret"}
ROWS = {
    "rows": "2",
    "new-0-name": "Trend",
    "new-0-market": "futures",
    "new-0-weight": "3",
    "new-1-name": "Grid",
    "new-1-market": "spot",
    "new-1-weight": "2",
}


@pytest.fixture
def user() -> User:
    return make_user(username="minsu", is_staff=True, is_superuser=True)


@pytest.fixture
def page(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


@pytest.fixture
def wallet(exchange: Exchange) -> SimulatedAccount:
    """What the keys open."""
    simulated = SimulatedAccount(
        venue="bybit", currency="USDT", wallets={"unified": {"USDT": "10000"}}, **KEYS
    )
    exchange.state.add(simulated)
    return simulated


def text(answer: Any) -> str:
    return answer.content.decode()  # type: ignore[no-any-return]


def of(account: Account, step: str = "") -> str:
    return f"/admin/capital/account/{account.pk}/first-steps/{step}"


def test_from_an_exchange_to_a_preview_nothing_moves_before_it_is_applied(
    page: Client, user: User, wallet: SimulatedAccount
) -> None:
    assert START in text(page.get("/admin/"))

    to_keys = page.post(START, VENUE)
    assert to_keys.status_code == 302
    assert not Account.objects.exists()
    assert "passphrase" not in text(page.get(to_keys.url))

    to_check = page.post(to_keys.url, KEYS)
    account = Account.objects.get()
    assert (account.owner, account.name, account.venue, account.currency) == (
        user,
        "Main",
        "bybit",
        "USDT",
    )
    assert account.api_secret == "CANARY-secret"
    assert to_check.url == of(account, "check/")
    assert "10,000.00 USDT" in text(page.get(to_check.url))

    to_plan = page.post(of(account, "strategies/"), {**ROWS, "_preview": ""})
    assert "/plans/" in to_plan.url
    plan = text(page.get(to_plan.url))
    assert "6,000.00" in plan
    assert not AllocationRun.objects.exists()
    # The last of the steps, with the ways back.
    assert re.search(r'first-step-here"[^>]*>\s*Preview', plan)
    assert of(account, "strategies/") in plan

    page.post(to_plan.url, {"_apply": ""})
    held = StrategyCapital.objects.order_by("pk").values_list("allocated_capital", flat=True)
    assert sorted(held) == [Decimal(4000), Decimal(6000)]
    assert "first-bar" not in text(page.get(to_plan.url))


def test_keys_are_in_no_page_no_address_and_no_session(
    page: Client, wallet: SimulatedAccount
) -> None:
    to_keys = page.post(START, VENUE)
    refused = page.post(to_keys.url, {"api_key": "CANARY-alone"})
    assert refused.status_code == 200
    assert "CANARY" not in text(refused)
    assert text(refused).count("Type this again.") == 1
    to_check = page.post(to_keys.url, KEYS)
    account = Account.objects.get()

    pages = [to_keys.url, to_check.url, of(account), of(account, "keys/"), "/admin/"]
    for address in pages:
        assert "CANARY" not in address + text(page.get(address))
    assert all("CANARY" not in str(row.get_decoded()) for row in Session.objects.all())


def test_going_back_keeps_what_was_typed(page: Client) -> None:
    to_keys = page.post(START, {**VENUE, "currency": "USDC", "is_sandbox": "on"})

    back = page.get(to_keys.url).context["back"]

    assert parse_qs(urlsplit(back).query)["currency"] == ["USDC"]
    form = page.get(back).context["form"]
    assert [form[name].value() for name in ("venue", "name", "currency")] == [
        "bybit",
        "Main",
        "USDC",
    ]
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"venue": "nowhere", "name": "Main"}, "Unknown exchange: nowhere."),
        ({"venue": "bybit", "name": ""}, "This field is required."),
        ({"venue": "bybit", "name": "Taken"}, "already"),
        ({"venue": "upbit", "name": "Main", "is_sandbox": "on"}, "sandbox"),
    ],
)
def test_exchange_that_is_refused_says_why_and_goes_no_further(
    page: Client, user: User, typed: dict[str, str], why: str
) -> None:
    make_account(owner=user, name="Taken")

    answer = page.post(START, typed)

    assert answer.status_code == 200
    assert why in text(answer)
    # Nor by the address of the next step.
    keys = reverse("admin:capital_account_first_keys")
    assert page.get(keys, typed).url.startswith(START)
    assert Account.objects.count() == 1


def test_leaving_after_the_keys_loses_nothing_and_the_steps_go_on_from_there(
    page: Client, user: User, wallet: SimulatedAccount
) -> None:
    make_account(owner=make_user(), name="Another")
    account = make_account(owner=user, venue="bybit", name="Main", **KEYS)

    dashboard = text(page.get("/admin/"))
    assert of(account, "strategies/") in dashboard
    answer = page.post(of(account), {"venue": "bybit", "name": "Renamed", "currency": "USDT"})
    assert answer.url == of(account, "keys/")
    answer = page.post(answer.url, {"api_key": ""})
    assert answer.url == of(account, "check/")

    stored = Account.objects.get(pk=account.pk)
    assert (stored.name, stored.api_key, stored.api_secret) == (
        "Renamed",
        "CANARY-key",
        "CANARY-secret",
    )


def test_who_may_not_replace_the_keys_is_led_past_them(
    client: Client, wallet: SimulatedAccount
) -> None:
    """A manager of somebody else's account changes it, and never opens the page of its keys."""
    account = make_account(venue="bybit", name="Main", **KEYS)
    manager = allow_everything(make_user(is_staff=True))
    AccountAccess.objects.create(account=account, user=manager, role="manager")
    client.force_login(manager)

    answer = client.post(of(account), {"venue": "bybit", "name": "Renamed", "currency": "USDT"})

    assert answer.url == of(account, "check/")
    assert Account.objects.get(pk=account.pk).name == "Renamed"
    assert [step.url for step in client.get(answer.url).context["steps"][:2]] == [of(account), ""]


def test_wrong_keys_say_what_the_exchange_says_and_can_be_replaced(
    page: Client, user: User, wallet: SimulatedAccount
) -> None:
    account = make_account(owner=user, venue="bybit", api_key="CANARY-wrong", api_secret="x")

    checked = text(page.get(of(account, "check/")))
    assert "refused the API key" in checked
    # It did respond, and it is not some of its pools.
    for label in ("API key refused", "cannot be read"):
        assert label in checked
    for label in ("no response", "some pools not readable"):
        assert label not in checked
    assert of(account, "keys/") in checked
    page.post(of(account, "keys/"), KEYS)

    checked = text(page.get(of(account, "check/")))
    assert "10,000.00 USDT" in checked
    # Strategies come with the next step: that none uses the money is no news.
    assert "no active strategy uses" not in checked


def test_another_row_keeps_what_was_typed_and_saves_nothing(page: Client, user: User) -> None:
    account = make_account(owner=user, venue="bybit")

    answer = page.post(of(account, "strategies/"), {**ROWS, "_more": ""})

    rows = answer.context["page"].rows
    assert [row["name"].value() for row in rows] == ["Trend", "Grid", None]
    assert [str(row["weight"].value()) for row in rows] == ["3", "2", "1"]
    assert not Strategy.objects.exists()


def test_all_rows_say_at_once_what_is_wrong_with_them(page: Client, user: User) -> None:
    account = make_account(owner=user, venue="bybit")
    typed = {**ROWS, "new-0-weight": "-3", "new-1-weight": "", "_save": ""}

    answer = text(page.post(of(account, "strategies/"), typed))

    assert "The weight must be above 0 and at most 100." in answer
    assert "Enter its weight." in answer
    assert not Strategy.objects.exists()


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"rows": "1"}, "Name a strategy first"),
        ({"rows": "1", "new-0-name": "Trend", "new-0-market": "spot"}, "Enter its weight."),
        (
            {"rows": "1", "new-0-name": "Trend", "new-0-market": "spot", "new-0-weight": "0"},
            "The weight must be above 0 and at most 100.",
        ),
        (
            {"rows": "1", "new-0-name": "T", "new-0-strategy": "{there}", "new-0-weight": "1"},
            "not both",
        ),
        (
            {"rows": "1", "new-0-strategy": "{strange}", "new-0-weight": "1"},
            "Select a valid choice",
        ),
    ],
)
def test_row_that_is_refused_says_why_and_nothing_is_saved(
    client: Client, typed: dict[str, str], why: str
) -> None:
    user = allow(
        make_user(is_staff=True),
        "capital.view_account",
        "capital.add_account",
        "capital.add_strategyaccount",
        "strategies.add_strategy",
    )
    client.force_login(user)
    account = make_account(owner=user, venue="bybit")
    there, strange = make_strategy(owner=user), make_strategy(owner=make_user())
    keys = {"there": there.pk, "strange": strange.pk}

    answer = client.post(
        of(account, "strategies/"),
        {name: value.format(**keys) for name, value in typed.items()} | {"_save": ""},
    )

    assert answer.status_code == 200
    assert why in text(answer)
    assert Strategy.objects.count() == 2
    assert not StrategyAccount.objects.exists()


def test_weight_without_a_strategy_is_asked_about_and_nothing_is_saved(
    page: Client, user: User
) -> None:
    """A row of the usual weight is one that nobody filled."""
    account = make_account(owner=user, venue="bybit")
    unnamed = {**ROWS, "new-1-name": "", "_save": ""}

    answer = page.post(of(account, "strategies/"), unnamed)

    assert "Which strategy has this weight?" in text(answer)
    assert [list(row.errors) for row in answer.context["page"].rows] == [[], ["name"]]
    assert not Strategy.objects.exists()
    answer = page.post(of(account, "strategies/"), {**unnamed, "new-1-weight": "1.0"})
    assert answer.status_code == 302
    assert Strategy.objects.get().name == "Trend"


def test_new_strategy_from_within_the_account_is_linked_to_it(page: Client, user: User) -> None:
    account = make_account(owner=user, venue="bybit")
    link = make_link(account=account, weight=Decimal(1))
    address = f"/admin/capital/account/{account.pk}/new-strategy/"
    assert address in text(page.get(f"/admin/capital/account/{account.pk}/change/"))

    answer = page.post(
        address,
        {
            "rows": "1",
            "new-0-name": "Trend",
            "new-0-market": "futures",
            "new-0-weight": "2",
            f"link-{link.pk}-weight": "5",
            f"link-{link.pk}-seen": "1",
            "_save": "",
        },
    )

    assert answer.url == f"/admin/capital/account/{account.pk}/change/"
    told = account.strategy_accounts.order_by("pk").values_list("strategy__key", "weight")
    assert list(told) == [(link.strategy.key, 5), ("trend", 2)]


def test_weight_that_changed_meanwhile_is_told(page: Client, user: User) -> None:
    account = make_account(owner=user, venue="bybit")
    link = make_link(account=account, weight=Decimal(4))

    answer = page.post(
        of(account, "strategies/"),
        {"rows": "1", f"link-{link.pk}-weight": "5", f"link-{link.pk}-seen": "1", "_save": ""},
    )

    assert "Weights were changed or strategies added here meanwhile." in text(answer)
    assert StrategyAccount.objects.get().weight == 4


def test_second_click_makes_no_second_strategy_and_no_second_plan(
    page: Client, user: User, exchange: Exchange
) -> None:
    account = exchange.open_account(
        owner=user, venue="bybit", wallets={"unified": {"USDT": "10000"}}
    )
    link = make_link(account=account, weight=Decimal(1))
    address = of(account, "strategies/")
    once = re.search(r'name="once" [^>]*value="([^"]+)"', text(page.get(address)))
    assert once is not None
    sent = {
        **ROWS,
        "once": once[1],
        "there": f"{link.pk},",
        f"link-{link.pk}-weight": "5",
        f"link-{link.pk}-seen": "1",
        "_preview": "",
    }
    first, second = page.post(address, sent), page.post(address, sent)

    plan = AllocationPlan.objects.get()
    assert first.url == second.url == reverse("admin:capital_account_plan", args=[plan.public_id])
    names = account.strategy_accounts.order_by("pk").values_list("strategy__name", flat=True)
    assert list(names) == [link.strategy.name, "Trend", "Grid"]


def test_strategies_saved_twice_to_allocate_later_are_refused_the_second_time(
    page: Client, user: User
) -> None:
    account = make_account(owner=user, venue="bybit")
    sent = {**ROWS, "once": str(uuid4()), "there": "", "_save": ""}
    page.post(of(account, "strategies/"), sent)
    again = page.post(of(account, "strategies/"), sent)

    assert "strategies added here meanwhile" in text(again)
    assert account.strategy_accounts.count() == 2


def test_only_who_may_add_accounts_takes_the_steps(client: Client) -> None:
    viewer = allow(make_user(is_staff=True), "capital.view_account", "capital.change_account")
    account = make_account(owner=viewer)
    client.force_login(viewer)

    for address in (START, f"{START}keys/", of(account), of(account, "strategies/")):
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403
    assert START not in text(client.get("/admin/"))
    assert START not in text(client.get("/admin/capital/account/"))

    adder = allow(viewer, "capital.add_account")
    client.force_login(adder)
    assert START in text(client.get("/admin/capital/account/"))


def test_without_more_rights_the_account_is_stored_and_shown(client: Client) -> None:
    user = allow(make_user(is_staff=True), "capital.view_account", "capital.add_account")
    client.force_login(user)

    to_keys = client.post(START, VENUE)
    answer = client.post(to_keys.url, KEYS)

    account = Account.objects.get()
    assert answer.url == f"/admin/capital/account/{account.pk}/change/"
    assert client.get(answer.url).status_code == 200


@pytest.mark.parametrize(
    "address", ["/admin/capital/account/add/", "/admin/strategies/strategy/add/"]
)
def test_one_person_desk_chooses_no_owner(page: Client, user: User, address: str) -> None:
    gone = make_user(is_active=False)
    assert 'name="owner"' not in text(page.get(address))
    account = make_account(owner=user)
    own = f"/admin/capital/account/{account.pk}/change/"
    assert 'name="owner"' not in text(page.get(own))
    of_another = make_account(owner=gone)
    its = f"/admin/capital/account/{of_another.pk}/change/"
    assert 'name="owner"' in text(page.get(its))

    make_user()

    assert 'name="owner"' in text(page.get(address))
    assert 'name="owner"' in text(page.get(own))


def test_two_new_strategies_of_one_name_are_told_at_the_second(page: Client, user: User) -> None:
    account = make_account(owner=user)

    told = page.post(of(account, "strategies/"), {**ROWS, "new-1-name": "trend", "_save": ""})

    first, second = told.context["page"].rows
    assert not first.errors
    assert second.non_field_errors() == ["Another row has this name already: take another one."]
    assert not Strategy.objects.exists()


def ticked(answer: Any) -> list[str]:
    """The steps that the bar says are done."""
    steps = re.findall(r'<li class="first-step([^"]*)"[^>]*>(.*?)</li>', text(answer), re.S)
    words = (re.sub("<[^>]*>", " ", step).split("(")[0] for how, step in steps if "done" in how)
    return [" ".join(each.split()) for each in words]


def test_step_is_ticked_by_what_holds_and_not_by_what_comes_after_it(
    page: Client, user: User, wallet: SimulatedAccount
) -> None:
    account = make_account(owner=user, venue="bybit", name="Main")
    assert ticked(page.get(of(account, "strategies/"))) == ["Exchange"]

    Account.objects.filter(pk=account.pk).delete()
    account = make_account(owner=user, venue="bybit", name="Main", **KEYS)
    # That it can be read is known once it was.
    assert ticked(page.get(of(account, "strategies/"))) == ["Exchange", "API keys"]
    onward = re.search(
        rf'href="({of(account, "strategies/")}[^"]*)"', text(page.get(of(account, "check/")))
    )
    assert onward is not None
    assert ticked(page.get(onward[1])) == ["Exchange", "API keys", "Check"]

    make_link(account=account)
    sync_balances([account.pk])
    assert ticked(page.get(of(account))) == ["API keys", "Check", "Strategies"]
    Account.objects.filter(pk=account.pk).update(connection_code="key_rejected")
    assert ticked(page.get(of(account))) == ["API keys", "Strategies"]
