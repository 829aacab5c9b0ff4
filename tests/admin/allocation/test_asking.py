"""The buttons above the list of accounts, the page that waits, and many accounts in one table."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.models import Account, AllocationPlan, PlanRequest, Position, StrategyAccount
from strategies.models import Strategy
from tests.factories import make_link, make_strategy, make_user
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LIST = "/admin/capital/account/"
KEY = UUID("33333333-3333-4333-8333-333333333333")


@pytest.fixture
def owner(client: Client) -> Any:
    user = make_user(username="minsu", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


@pytest.fixture
def accounts(exchange: Exchange, owner: Any) -> list[Account]:
    strategy = make_strategy(owner=owner, name="Grid")
    made = []
    for number in range(3):
        account = exchange.open_account(
            name=f"Desk {number}",
            owner=owner,
            wallets={"spot": {"USDT": f"{number + 1}00"}, "futures": {"USDT": "0"}},
        )
        make_link(account=account, strategy=strategy)
        made.append(account)
    return made


def post(client: Client, path: str, **data: Any) -> Any:
    return client.post(
        f"{LIST}{path}", {"once": str(KEY), **data}, headers={"accept-language": "en"}
    )


def planned(plan: AllocationPlan) -> set[int]:
    return set(plan.accounts.values_list("account_id", flat=True))


def test_buttons_stand_above_the_list_for_who_may_allocate(client: Client, owner: Any) -> None:
    page = client.get(LIST).content.decode()
    assert "Allocate all that are due" in page
    assert f'formaction="{LIST}allocate-selected/"' in page


def test_ticked_accounts_are_previewed_and_a_second_click_leads_to_the_same_plan(
    client: Client, accounts: list[Account]
) -> None:
    ticked = [accounts[0].pk, accounts[2].pk]
    first = post(client, "allocate-selected/", _selected_action=ticked)
    second = post(client, "allocate-selected/", _selected_action=ticked)

    plan = AllocationPlan.objects.get()
    assert first.url == second.url == reverse("admin:capital_account_plan", args=[plan.public_id])
    assert planned(plan) == set(ticked)


def test_nothing_ticked_says_so_and_all_found_are_those_of_the_filter(
    client: Client, accounts: list[Account]
) -> None:
    answer = post(client, "allocate-selected/?q=Desk+1")
    assert answer.url == f"{LIST}?q=Desk+1"
    assert not AllocationPlan.objects.exists()

    post(client, "allocate-selected/?q=Desk+1", select_across="1")
    assert planned(AllocationPlan.objects.get()) == {accounts[1].pk}


def test_due_accounts_are_previewed_together(client: Client, accounts: list[Account]) -> None:
    Account.objects.filter(pk=accounts[1].pk).update(is_active=False)
    post(client, "allocate-due/")
    assert planned(AllocationPlan.objects.get()) == {accounts[0].pk, accounts[2].pk}

    Account.objects.update(is_active=False)
    assert post(client, "allocate-due/").url == LIST
    assert AllocationPlan.objects.count() == 1


def test_script_is_told_where_the_plan_is(client: Client, accounts: list[Account]) -> None:
    answer = client.post(
        f"{LIST}allocate-selected/",
        {"once": str(KEY), "_selected_action": [accounts[0].pk]},
        headers={"accept": "application/json"},
    )
    plan = AllocationPlan.objects.get()
    assert answer.json() == {"url": reverse("admin:capital_account_plan", args=[plan.public_id])}


def test_page_that_waits_shows_who_answered_and_leads_to_the_plan(
    client: Client, accounts: list[Account], owner: Any
) -> None:
    asked = PlanRequest.objects.create(
        key=KEY,
        actor=owner,
        started_at=timezone.now(),
        accounts=[each.pk for each in accounts],
        answers={
            str(accounts[0].pk): [["spot", "100", "", {}]],
            str(accounts[1].pk): [
                ["spot", None, "exchange_refused_key", {"venue": "binance", "kind": "Refused"}]
            ],
        },
    )
    address = reverse("admin:capital_account_plan_asked", args=[KEY])
    for path in (address, f"{address}?parts=1"):
        text = re.sub(r"\s+", " ", client.get(path).content.decode())
        assert "<strong>2</strong> of 3 accounts have answered" in text
        assert "spot 100.00 USDT" in text
        assert "refused the API key" in text
        assert "waiting …" in text

    asked.plan = AllocationPlan.objects.create(actor=owner)
    asked.save()
    plan = reverse("admin:capital_account_plan", args=[asked.plan.public_id])
    assert client.get(address).url == plan
    assert f'href="{plan}" data-live-go' in client.get(f"{address}?parts=1").content.decode()

    client.force_login(make_user(is_staff=True, is_superuser=True))
    assert client.get(address).url == LIST
    assert "Desk" not in client.get(f"{address}?parts=1").content.decode()


def test_second_click_while_it_waits_leads_to_the_page_that_waits(
    client: Client, accounts: list[Account]
) -> None:
    post(client, "allocate-selected/", _selected_action=[accounts[0].pk])
    PlanRequest.objects.update(plan=None)
    answer = post(client, "allocate-selected/", _selected_action=[accounts[0].pk])

    assert answer.url == reverse("admin:capital_account_plan_asked", args=[KEY])
    assert AllocationPlan.objects.count() == 1


def test_what_is_no_id_of_an_account_is_not_ticked(client: Client, accounts: list[Account]) -> None:
    ticked = ["9" * 5000, "9" * 30, "٣", accounts[0].pk]
    post(client, "allocate-selected/", _selected_action=ticked)

    assert [each.account for each in AllocationPlan.objects.get().accounts.all()] == accounts[:1]


def test_account_that_cannot_be_read_is_red_and_first_and_named_with_its_key(
    client: Client, accounts: list[Account], exchange: Exchange
) -> None:
    bad = Account.objects.get(pk=accounts[2].pk)
    bad.api_secret = "CANARY-another"
    bad.save()
    post(client, "allocate-selected/", _selected_action=[each.pk for each in accounts])
    plan = AllocationPlan.objects.get()
    page = client.get(reverse("admin:capital_account_plan", args=[plan.public_id]))
    text = page.content.decode()

    assert "1 of 3 accounts failed or could not be read: Desk 2." in text
    assert [card.report.account for card in page.context["cards"]] == ["Desk 2", "Desk 0", "Desk 1"]
    assert text.count("plan-account-bad") == 1
    assert "API key" in page.context["rows"][0].reason
    assert "CANARY" not in text


def test_account_that_an_open_position_holds_has_not_failed(
    client: Client, accounts: list[Account]
) -> None:
    link = StrategyAccount.objects.get(account=accounts[1])
    Position.objects.create(strategy_account=link, symbol="BTC/USDT", quantity=1)
    idle = StrategyAccount.objects.get(account=accounts[2]).strategy
    Strategy.objects.filter(pk=idle.pk).update(status="PAUSED")
    post(client, "allocate-selected/", _selected_action=[each.pk for each in accounts])
    plan = AllocationPlan.objects.get()
    page = client.get(reverse("admin:capital_account_plan", args=[plan.public_id]))

    assert (page.context["bad"], page.context["failures"]) == (0, "")
    counts = {outcome: count for _, _, count, outcome in page.context["outlooks"]}
    assert counts["held"] == 1
    assert "plan-account-bad" not in page.content.decode()
    (held,) = (row for row in page.context["rows"] if row.report.outcome == "held")
    assert (held.report.account, str(held.outlook)) == ("Desk 1", "on hold")
    assert held.reason == "There is an open position, so capital is not reallocated."

    answer = client.post(page.request["PATH_INFO"], {"_apply": ""}, follow=True)
    told = {row.account.name: row.is_bad for row in answer.context["rows"]}
    assert told == {"Desk 0": False, "Desk 1": False, "Desk 2": False}


def test_many_accounts_are_a_table_with_a_filter_and_details_on_demand(
    client: Client, owner: Any, exchange: Exchange
) -> None:
    strategy = make_strategy(owner=owner, name="Grid")
    ids = []
    for number in range(13):
        account = exchange.open_account(
            name=f"Of many {number:02}",
            owner=owner,
            wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "0"}},
        )
        if number:
            make_link(account=account, strategy=strategy)
        ids.append(account.pk)
    post(client, "allocate-selected/", _selected_action=ids)
    address = reverse("admin:capital_account_plan", args=[AllocationPlan.objects.get().public_id])

    page = client.get(address)
    assert (page.context["is_bulk"], len(page.context["rows"])) == (True, 13)
    row = next(each for each in page.context["rows"] if each.report.account == "Of many 03")
    assert (row.before, row.after, row.moved) == (0, 100, 100)
    assert "plan-pool" not in page.content.decode()
    narrowed = client.get(address, {"q": "MANY 05"}).context["rows"]
    assert [each.report.account for each in narrowed] == ["Of many 05"]
    assert client.get(address, {"outcome": "failed"}).context["rows"] == []
    changed = client.get(address, {"outcome": "applied"}).context["rows"]
    assert len(changed) == 12

    done = client.post(address, {"_apply": ""}, follow=True)
    assert (done.context["is_long"], len(done.context["rows"])) == (True, 13)
    counts = {outcome: count for *_, count, outcome in done.context["outlooks"]}
    assert counts == {"applied": 12, "skipped": 1}
    result = done.request["PATH_INFO"]
    only = client.get(result, {"outcome": "skipped"}).context["rows"]
    assert [each.account.name for each in only] == ["Of many 00"]
    found = client.get(result, {"q": "many 07"}).context["rows"]
    assert [each.account.name for each in found] == ["Of many 07"]

    one = client.get(address, {"account": ids[3]})
    assert [card.report.account for card in one.context["cards"]] == ["Of many 03"]
    part = client.get(address, {"account": ids[3], "part": 1}).content.decode()
    assert "plan-pool" in part
    assert "<html" not in part
    assert client.get(address, {"account": str(uuid4())}).context["is_bulk"]
