"""Allocating from the admin: seen first, applied exactly so; reverts; connections."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from capital.models import (
    Account,
    AllocationPlan,
    AllocationRun,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.allocation.allocate import allocate_capital
from capital.services.allocation.plans import make_plan
from strategies.models import MarketType, Strategy, StrategyStatus
from tests.admin.tenants import allow, join
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

LIST = "/admin/capital/account/"
FUTURES = MarketType.FUTURES


@pytest.fixture
def operator() -> User:
    """Of the group that comes with the product."""
    return join(make_user(username="olga", is_staff=True), "operator")


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture
def accounts(exchange: Exchange, operator: User) -> list[Account]:
    """Two of the operator's: 300 in spot; 90 in futures and nothing known of spot."""
    one = exchange.open_account(
        owner=operator, name="One", wallets={"spot": {"USDT": "300"}, "futures": {"USDT": "0"}}
    )
    make_link(
        account=one,
        strategy=make_strategy(owner=operator, name="Trend", key="trend"),
        weight=Decimal(2),
    )
    make_link(
        account=one,
        strategy=make_strategy(owner=operator, name="Grid", key="grid"),
        capital="250.00",
    )
    two = exchange.open_account(
        owner=operator, name="Two", wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "90"}}
    )
    exchange.fail(two, "server_error", "spot")
    make_link(account=two, strategy=make_strategy(owner=operator, key="basis"))
    make_link(account=two, strategy=make_strategy(owner=operator, key="carry", market_type=FUTURES))
    return [one, two]


def select(client: Client, accounts: list[Account]) -> Any:
    return client.post(
        LIST,
        {"action": "allocate_capital", "_selected_action": [account.pk for account in accounts]},
    )


def url(plan: AllocationPlan, result: bool = False) -> str:
    name = "admin:capital_account_plan" + ("_result" if result else "")
    return reverse(name, args=[plan.public_id])


def text(response: HttpResponse) -> str:
    """What a person reads, in one line."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", " ", response.content.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def told(response: Any) -> list[str]:
    """The messages at the top of the page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def capital() -> dict[str, Decimal]:
    rows = StrategyCapital.objects.values_list(
        "strategy_account__strategy__key", "allocated_capital"
    )
    return dict(rows)


# Preview


@pytest.mark.once
def test_action_shows_everything_and_writes_nothing(page: Client, accounts: list[Account]) -> None:
    response = select(page, accounts)

    plan = AllocationPlan.objects.get()
    assert (response.status_code, response.url) == (302, url(plan))
    shown = text(page.get(response.url))
    assert "2 will change" in shown
    assert "Trend 2 — 200.00 +200.00 Allocated by weight." in shown
    assert "Grid 1 250.00 Why? 100.00 -150.00 " in shown
    assert "Balance 300.00 USDT · " in shown
    assert " Reserve 0.00 USDT Unallocated 0.00 USDT" in shown
    assert "spot none Could not reach binance, or it is having problems" in shown
    assert "Kept, because no balance was available" in shown
    assert not AllocationRun.objects.exists()
    assert capital() == {"grid": Decimal(250)}


@pytest.mark.once
def test_bar_shows_what_stays_and_what_moves(page: Client, accounts: list[Account]) -> None:
    body = page.get(select(page, accounts[:1]).url).content.decode()

    widths = re.findall(r'plan-bar-(kept|more|less)" style="width: ([\d.]+)%', body)
    assert widths == [("kept", "0.0"), ("more", "80.0"), ("kept", "40.0"), ("less", "60.0")]


@pytest.mark.once
def test_cached_balance_says_how_old_it_is(
    page: Client, accounts: list[Account], exchange: Exchange
) -> None:
    make_summary(
        account=accounts[1],
        date=timezone.localdate(),
        spot_balance=Decimal(77),
        spot_observed_at=timezone.now() - timedelta(hours=3, minutes=5),
    )

    shown = text(page.get(select(page, accounts).url))

    assert "spot cached Cached balance of" in shown
    assert "Balance 77.00 USDT · 3 h ago" in shown


@pytest.mark.once
def test_names_are_inert(page: Client, accounts: list[Account]) -> None:
    Account.objects.filter(pk=accounts[0].pk).update(name="<script>alert(1)</script>")

    body = page.get(select(page, accounts).url).content.decode()

    assert "<script>alert(1)" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


@pytest.mark.once
def test_action_refuses_in_words(page: Client, accounts: list[Account], monkeypatch: Any) -> None:
    monkeypatch.setattr("capital.services.allocation.plans.LARGEST_PLAN", 1)

    response = page.post(
        LIST,
        {"action": "allocate_capital", "_selected_action": [each.pk for each in accounts]},
        follow=True,
    )

    assert "A preview takes at most 1 accounts; these are 2. Choose fewer." in text(response)


@pytest.mark.once
@pytest.mark.parametrize("language", ["en", "ko"])
def test_pages_answer_in_both_languages_within_the_policy(
    page: Client, accounts: list[Account], operator: User, language: str
) -> None:
    allow(operator, "capital.revert_allocation")
    (run,) = allocate_capital([accounts[0].pk])
    plan = make_plan([accounts[0].pk], actor=User.objects.get(pk=operator.pk))
    paths = [
        url(plan),
        url(plan, result=True),
        f"{LIST}{accounts[0].pk}/allocate/",
        f"{LIST}{accounts[1].pk}/connection/",
        f"/admin/capital/allocationrun/{run.pk}/revert/",
    ]

    for path in paths:
        response = page.get(path, headers={"accept-language": language})
        body = response.content.decode()
        assert response.status_code == 200, path
        assert "script-src 'self' 'unsafe-eval'" in response.headers["Content-Security-Policy"]
        assert re.search(r"<script(?![^>]*src=)", body.split('id="main"')[1]) is None, path
        assert ("취소" in body or "돌아가기" in body or "계좌 목록" in body) == (language == "ko")


# Apply


def test_apply_applies_what_was_shown_and_links_to_each_run(
    page: Client, accounts: list[Account], exchange: Exchange
) -> None:
    plan_url = select(page, accounts).url
    exchange.set_balance(accounts[0], "spot", "999")

    response = page.post(plan_url, {"_apply": ""}, follow=True)

    assert capital()["trend"] == Decimal(200)
    assert capital()["carry"] == Decimal(90)
    runs = list(AllocationRun.objects.order_by("account__name"))
    assert [(run.trigger, run.actor.get_username()) for run in runs] == [("admin", "olga")] * 2  # type: ignore[union-attr]
    assert response.redirect_chain == [(url(AllocationPlan.objects.get(), result=True), 302)]
    for run in runs:
        assert f'href="/admin/capital/allocationrun/{run.pk}/change/"' in response.content.decode()
    assert told(response) == ["Applied exactly as shown in the preview."]
    given = re.findall(r"<li>(.*?)</li>", response.content.decode(), re.S)
    shown = [" ".join(re.sub("<[^>]*>", " ", each).split()) for each in given]
    assert "Trend — → 200.00 USDT" in shown


def test_apply_twice_gives_the_same_result(page: Client, accounts: list[Account]) -> None:
    plan_url = select(page, accounts).url
    first = page.post(plan_url, {"_apply": ""})

    again = page.post(plan_url, {"_apply": ""})

    assert again.url == first.url
    assert AllocationRun.objects.count() == 2
    used = text(page.get(plan_url))
    assert "See the result" in used
    assert "Back to the accounts" in used
    assert "Cancel" not in used


def test_one_account_is_left_to_its_own_page(page: Client, accounts: list[Account]) -> None:
    result = page.post(select(page, accounts[:1]).url, {"_apply": ""}, follow=True)

    body = result.content.decode()
    assert f'href="{LIST}{accounts[0].pk}/change/"' in body
    assert "Back to the account" in text(result)
    assert "Back to the accounts" not in text(result)


@pytest.mark.once
def test_preview_in_which_nothing_moves_says_so_and_leads_back(
    page: Client, accounts: list[Account]
) -> None:
    first = page.get(select(page, accounts[:1]).url)
    assert not first.context["moves_nothing"]
    page.post(first.request["PATH_INFO"], {"_apply": ""})

    again = page.get(select(page, accounts[:1]).url)

    assert "No capital would move. Applying only records this." in text(again)
    assert "Applying moves exactly" not in text(again)
    assert " Apply Back to the account " in text(again)
    # An idle strategy gives its capital back, also where nothing is allocated.
    Strategy.objects.update(status=StrategyStatus.PAUSED)
    released = page.get(select(page, accounts[:1]).url)
    assert released.context["cards"][0].report.outcome == "skipped"
    assert "Applying moves exactly" in text(released)
    assert " Cancel Apply " in text(released)


def test_account_without_a_strategy_has_not_taken_the_first_steps(
    page: Client, operator: User, exchange: Exchange
) -> None:
    bare = exchange.open_account(owner=operator, wallets={"spot": {"USDT": "1"}})

    preview = page.get(select(page, [bare]).url)

    assert preview.context["steps"] == ()


@pytest.mark.once
def test_looking_and_leaving_write_nothing(page: Client, accounts: list[Account]) -> None:
    plan_url = select(page, accounts).url
    body = page.get(plan_url).content.decode()

    assert f'href="{LIST}"' in body
    page.get(LIST)
    assert text(page.get(f"{plan_url}result/")).count("The preview was not applied.") == 2
    assert not AllocationRun.objects.exists()
    assert capital() == {"grid": Decimal(250)}


@pytest.mark.parametrize("stale", ["weight", "age"])
def test_what_changed_is_refused_with_a_fresh_preview_and_the_reason_at_its_top(
    page: Client, accounts: list[Account], stale: str
) -> None:
    plan_url = select(page, accounts).url
    if stale == "weight":
        StrategyAccount.objects.filter(strategy__key="grid").update(weight=2)
        reasons = [
            "Something changed since the preview was made",
            f"One: Changed weight: {Strategy.objects.get(key='grid').name}.",
        ]
    else:
        AllocationPlan.objects.update(created_at=timezone.now() - timedelta(minutes=6))
        reasons = ["The preview is older than 5 minutes, so nothing was applied."]

    response = page.post(plan_url, {"_apply": ""}, follow=True)

    fresh = AllocationPlan.objects.latest("pk")
    assert response.redirect_chain == [(url(fresh), 302)]
    shown = text(response)
    positions = [shown.index(reason) for reason in (*reasons, "will change")]
    assert positions == sorted(positions)
    assert not AllocationRun.objects.exists()
    page.post(url(fresh), {"_apply": ""})
    assert capital()["trend"] == (Decimal(150) if stale == "weight" else Decimal(200))


def test_failed_account_comes_first_with_its_reason_and_the_others_go_through(
    page: Client, accounts: list[Account], refuse_to_record: Callable[[Account], None]
) -> None:
    plan_url = select(page, accounts).url
    refuse_to_record(accounts[1])

    response = page.post(plan_url, {"_apply": ""}, follow=True)

    shown = text(response)
    assert told(response) == ["1 of 2 accounts failed."]
    assert shown.index("Two") < shown.index("The database refused the change") < shown.index("One")
    assert capital()["trend"] == Decimal(200)


# Options


@pytest.mark.once
def test_options_are_offered_to_whom_they_are_permitted(
    page: Client, accounts: list[Account], operator: User
) -> None:
    start = f"{LIST}{accounts[0].pk}/allocate/"
    body = page.get(start).content.decode()
    assert re.findall(r'name="(cached|force|accept_jump)"', body) == ["cached"]

    allow(operator, "capital.force_allocate", "capital.accept_jump")

    body = page.get(start).content.decode()
    assert re.findall(r'name="(cached|force|accept_jump)"', body) == [
        "cached",
        "accept_jump",
        "force",
    ]
    assert "their margin may no longer be covered" in body


@pytest.mark.once
def test_option_that_is_not_permitted_is_not_taken(page: Client, accounts: list[Account]) -> None:
    page.post(f"{LIST}{accounts[0].pk}/allocate/", {"force": "on", "accept_jump": "on"})

    plan = AllocationPlan.objects.get()
    assert (plan.force, plan.accept_jump) == (False, False)


@pytest.mark.once
def test_one_account_is_planned_from_its_page(
    page: Client, accounts: list[Account], exchange: Exchange
) -> None:
    assert f'href="{LIST}{accounts[0].pk}/allocate/"' in text_of_html(
        page.get(f"{LIST}{accounts[0].pk}/change/")
    )

    response = page.post(f"{LIST}{accounts[0].pk}/allocate/", {"cached": "on"})

    assert response.url == url(AllocationPlan.objects.get())
    assert exchange.asked == []
    body = page.get(response.url).content.decode()
    assert "Live balances are switched off." in body
    assert f'href="{LIST}{accounts[0].pk}/change/"' in body, "cancel leads back to the account"


def text_of_html(response: Any) -> str:
    return str(response.content.decode())


def test_forced_plan_warns_and_goes_past_an_open_position(
    page: Client, accounts: list[Account], operator: User, caplog: Any
) -> None:
    allow(operator, "capital.force_allocate")
    link = StrategyAccount.objects.get(strategy__key="trend")
    Position.objects.create(strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1))
    held_url = select(page, accounts[:1]).url
    assert "There is an open position, so capital is not reallocated." in text(page.get(held_url))

    forced_url = page.post(held_url, {"_preview": "", "force": "on"}).url

    assert "Forced: these accounts are allocated despite open positions." in text(
        page.get(forced_url)
    )
    page.post(forced_url, {"_apply": ""})
    run = AllocationRun.objects.get()
    assert (run.outcome, run.is_forced) == ("applied", True)
    assert (
        f"Forced allocation of accounts {accounts[0].pk} by olga from 127.0.0.1." in caplog.messages
    )


def test_jump_is_shown_and_accepted(
    page: Client, accounts: list[Account], operator: User, exchange: Exchange
) -> None:
    allow(operator, "capital.accept_jump")
    allocate_capital([accounts[0].pk])
    Account.objects.update(max_jump_percent=Decimal(50))
    exchange.set_balance(accounts[0], "spot", "900")
    held_url = select(page, accounts[:1]).url
    assert "away from the last accepted balance of 300.00" in text(page.get(held_url))

    accepted_url = page.post(held_url, {"_preview": "", "accept_jump": "on"}).url

    shown = text(page.get(accepted_url))
    assert "Balance 900.00 USDT" in shown
    assert (
        "Balances that jumped will be accepted as shown here. One: binance reports 900.00 USDT in "
        "the spot pool, 200.0% away from the last accepted balance of 300.00 USDT." in shown
    )
    page.post(accepted_url, {"_apply": ""})
    assert capital()["trend"] == Decimal(600)
    assert "away from the last accepted balance" not in text(page.get(accepted_url))


def test_jump_that_is_gone_when_it_is_to_be_accepted_is_said(
    page: Client, accounts: list[Account], operator: User
) -> None:
    allow(operator, "capital.accept_jump")
    plan_url = select(page, accounts[:1]).url

    response = page.post(plan_url, {"_preview": "", "accept_jump": "on"}, follow=True)

    assert told(response) == ["Account One has no suspect balance to accept."]
    assert AllocationPlan.objects.latest("pk").accept_jump is False


# Who


@pytest.mark.once
def test_allocating_needs_its_permission(client: Client, accounts: list[Account]) -> None:
    viewer = join(make_user(is_staff=True), "viewer")
    Account.objects.update(owner=viewer)
    client.force_login(viewer)

    assert "allocate_capital" not in client.get(LIST).content.decode()
    assert select(client, accounts).status_code in (200, 302)
    assert client.get(f"{LIST}{accounts[0].pk}/allocate/").status_code == 403
    assert client.post(f"{LIST}{accounts[0].pk}/allocate/").status_code == 403
    assert not AllocationPlan.objects.exists()


@pytest.mark.once
def test_account_of_somebody_else_is_not_found(page: Client, exchange: Exchange) -> None:
    theirs = make_account()

    for name in ("allocate", "connection"):
        assert page.get(f"{LIST}{theirs.pk}/{name}/").status_code == 404
        assert page.post(f"{LIST}{theirs.pk}/{name}/").status_code == 404
    assert "None of the selected accounts was found." in told(select(page, [theirs]))
    assert not AllocationPlan.objects.exists()
    assert exchange.asked == []


@pytest.mark.once
def test_plan_of_somebody_else_is_not_found(page: Client, accounts: list[Account]) -> None:
    other = make_user(is_staff=True, is_superuser=True)
    plan = make_plan([accounts[0].pk], actor=other)

    for path in (url(plan), url(plan, result=True)):
        assert page.get(path).status_code == 404
    assert page.post(url(plan), {"_apply": ""}).status_code == 404
    assert not AllocationRun.objects.exists()


@pytest.mark.once
def test_what_changes_something_needs_the_token(accounts: list[Account], operator: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    allow(operator, "capital.revert_allocation")
    operator = User.objects.get(pk=operator.pk)
    strict.force_login(operator)
    (run,) = allocate_capital([accounts[0].pk])
    plan = make_plan([accounts[0].pk], actor=operator)

    for path, data in (
        (LIST, {"action": "allocate_capital", "_selected_action": [accounts[0].pk]}),
        (url(plan), {"_apply": ""}),
        (url(plan), {"_preview": ""}),
        (f"{LIST}{accounts[0].pk}/allocate/", {}),
        (f"/admin/capital/allocationrun/{run.pk}/revert/", {}),
    ):
        assert strict.post(path, data).status_code == 403, path
    assert AllocationRun.objects.count() == AllocationPlan.objects.count() == 1


def test_many_accounts_cost_as_many_queries_as_one(
    page: Client, operator: User, settings: Any
) -> None:
    settings.CAPITAL_LIVE_BALANCES = False

    def cost(size: int) -> int:
        made = [make_account(owner=operator) for _ in range(size)]
        for account in made:
            make_summary(account=account, spot_balance=Decimal(100))
            make_link(account=account)
        plan = make_plan([account.pk for account in made], actor=operator)
        with CaptureQueriesContext(connection) as of_plan:
            page.get(url(plan))
        page.post(url(plan), {"_apply": ""})
        with CaptureQueriesContext(connection) as of_result:
            page.get(url(plan, result=True))
        return len(of_plan) + len(of_result)

    cost(1)
    assert cost(1) == cost(40)


# Reverts


@pytest.fixture
def run(accounts: list[Account]) -> AllocationRun:
    """It gave trend 200 and took 150 from grid."""
    return allocate_capital([accounts[0].pk])[0]


def revert_url(run: AllocationRun) -> str:
    return f"/admin/capital/allocationrun/{run.pk}/revert/"


@pytest.fixture
def risk(client: Client, exchange: Exchange) -> Client:
    client.force_login(join(make_user(username="rita", is_staff=True), "risk"))
    return client


@pytest.mark.once
def test_revert_shows_the_figures_first_and_is_done_on_post(
    run: AllocationRun, risk: Client
) -> None:
    change = f"/admin/capital/allocationrun/{run.pk}/change/"
    assert f'href="{revert_url(run)}"' in risk.get(change).content.decode()
    shown = text(risk.get(revert_url(run)))
    assert "Trend 2 200.00 Why? 0.00 -200.00 Restored" in shown
    assert "Grid 1 100.00 Why? 250.00 +150.00 Restored" in shown
    assert AllocationRun.objects.count() == 1

    response = risk.post(revert_url(run), follow=True)

    made = AllocationRun.objects.get(trigger="revert")
    assert (made.reverts, made.actor.get_username()) == (run, "rita")  # type: ignore[union-attr]
    assert told(response) == [f"Capital was restored to what it was before allocation #{run.pk}."]
    assert f"Reverts Allocation #{run.pk}" in text(response)
    assert f"Reverted by Allocation #{made.pk}" in text(risk.get(change))
    # Once is enough: its page says so, and has no button any more.
    assert f'href="{revert_url(run)}"' not in risk.get(change).content.decode()
    assert capital() == {"trend": Decimal(0), "grid": Decimal(250)}


@pytest.mark.once
def test_refused_revert_says_why_and_offers_no_button(
    run: AllocationRun, risk: Client, exchange: Exchange
) -> None:
    exchange.set_balance(run.account, "spot", "100")

    shown = text(risk.get(revert_url(run)))
    posted = text(risk.post(revert_url(run)))

    for answer in (shown, posted):
        assert "held 250.00 USDT, which is more than its current balance of 100.00 USDT" in answer
        assert "Back to the allocation" in answer
    assert AllocationRun.objects.count() == 1


@pytest.mark.once
def test_run_in_which_nothing_changed_has_no_button(run: AllocationRun, risk: Client) -> None:
    (unchanged,) = allocate_capital([run.account_id])

    body = risk.get(f"/admin/capital/allocationrun/{unchanged.pk}/change/").content.decode()

    assert unchanged.outcome == "unchanged"
    assert revert_url(unchanged) not in body
    assert "there is nothing to revert" in text(risk.get(revert_url(unchanged)))


@pytest.mark.once
def test_revert_needs_its_permission_and_sight(
    page: Client, run: AllocationRun, operator: User
) -> None:
    body = page.get(f"/admin/capital/allocationrun/{run.pk}/change/").content.decode()
    assert revert_url(run) not in body
    assert page.get(revert_url(run)).status_code == 403
    assert page.post(revert_url(run)).status_code == 403

    allow(operator, "capital.revert_allocation")
    Account.objects.filter(pk=run.account_id).update(owner=make_user())

    assert page.get(revert_url(run)).status_code == 404
    assert page.post(revert_url(run)).status_code == 404
    assert AllocationRun.objects.count() == 1


# Connections


@pytest.mark.once
def test_connection_says_what_each_pool_answers_or_what_to_do(
    page: Client, accounts: list[Account]
) -> None:
    path = f"{LIST}{accounts[1].pk}/connection/"
    assert f'href="{path}"' in page.get(f"{LIST}{accounts[1].pk}/change/").content.decode()

    shown = text(page.get(path))

    assert "some pools not readable" in shown
    assert "spot Could not reach binance, or it is having problems" in shown
    assert "check this server's network" in shown.replace("&#x27;", "'")
    assert "exchange unreachable" in shown
    assert "futures 90.00 USDT" in shown
    assert not AllocationRun.objects.exists()


@pytest.mark.once
def test_bad_key_says_what_to_check_and_shows_no_secret(
    page: Client, accounts: list[Account]
) -> None:
    accounts[0].api_secret = "CANARY-wrong"
    accounts[0].save()

    body = page.get(f"{LIST}{accounts[0].pk}/connection/").content.decode()

    assert "refused the API key" in body
    assert "CANARY" not in body


@pytest.mark.once
def test_sound_connection_tells_what_else_to_know(
    page: Client, accounts: list[Account], exchange: Exchange
) -> None:
    exchange.set_balance(accounts[0], "futures", "5")

    shown = text(page.get(f"{LIST}{accounts[0].pk}/connection/"))

    assert "all pools readable" in shown
    assert "These pools hold money that no active strategy uses: futures." in shown


def test_list_of_accounts_calls_a_new_strategy_by_its_name(
    page: Client, accounts: list[Account]
) -> None:
    page.post(select(page, accounts[:1]).url, {"_apply": ""})
    added = make_strategy(owner=accounts[0].owner, name="Mean reversion", key="mean-rev")
    make_link(account=accounts[0], strategy=added)

    listed = text(page.get(LIST, {"q": "One"}))

    assert "Strategies were added or removed: Mean reversion." in listed
    assert "mean-rev" not in listed
