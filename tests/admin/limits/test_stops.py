"""Stops and limits in the admin: placed and lifted with a reason, and shown where one looks."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.admin.frame.cells import instant
from capital.models import Account, AccountAccess, AllocationRun, LimitState, Stop, StrategyAccount
from tests.admin.tenants import allow_everything
from tests.factories import make_account, make_link, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]

D = Decimal


@pytest.fixture
def link() -> StrategyAccount:
    owner = allow_everything(make_user(is_staff=True))
    return make_link(account=make_account(owner=owner, name="Main"), market_type="futures")


@pytest.fixture
def browser(link: StrategyAccount) -> Client:
    client = Client()
    client.force_login(link.account.owner)
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


PLACE = "/admin/capital/stop/place/"


@pytest.mark.parametrize("kind", ["account", "link"])
def test_button_of_a_page_leads_to_the_form_that_stops_its_row(
    browser: Client, link: StrategyAccount, kind: str
) -> None:
    model, key = ("account", link.account_id) if kind == "account" else ("strategyaccount", link.pk)
    page = text_of(browser.get(reverse(f"admin:capital_{model}_change", args=[key])))
    address = f"/admin/capital/{model}/{key}/stop/"
    assert address in page
    assert "Nothing is stopped." in page

    form = browser.get(address)
    assert form["Location"] == f"{PLACE}?scope={kind}-{key}"
    assert f'value="{kind}-{key}" selected' in text_of(browser.get(form["Location"]))
    placed = browser.post(form["Location"], {"scope": f"{kind}-{key}", "reason": "An outage"})

    stop = Stop.objects.get()
    assert placed["Location"] == reverse("admin:capital_stop_change", args=[stop.pk])
    assert (stop.scope, stop.reason, stop.actor) == (kind, "An outage", link.account.owner)
    for shown in ("account", "strategyaccount"):
        row = link.account_id if shown == "account" else link.pk
        page = text_of(browser.get(reverse(f"admin:capital_{shown}_change", args=[row])))
        assert "An outage" in page
    dashboard = text_of(browser.get("/admin/"))
    assert "entries stopped" in dashboard
    assert "An outage" in dashboard


def test_link_is_stopped_by_itself_beside_another_one_of_its_account(
    browser: Client, link: StrategyAccount
) -> None:
    beside = make_link(account=link.account, market_type="futures")
    place = f"{PLACE}?scope=link-{beside.pk}"
    form = text_of(browser.get(place))
    assert f'value="link-{beside.pk}" selected' in form
    assert f'value="link-{link.pk}"' not in form

    browser.post(place, {"scope": f"link-{beside.pk}", "reason": "An outage"})

    assert Stop.objects.get().strategy_account == beside
    for row, is_stopped in ((beside, True), (link, False)):
        page = text_of(browser.get(reverse("admin:capital_strategyaccount_change", args=[row.pk])))
        assert ("Nothing is stopped." not in page) is is_stopped


def test_stop_is_lifted_with_a_reason(browser: Client, link: StrategyAccount) -> None:
    stop = Stop.objects.create(account=link.account, reason="An outage")
    page = reverse("admin:capital_stop_change", args=[stop.pk])
    lift = f"/admin/capital/stop/{stop.pk}/lift/"
    assert lift in text_of(browser.get(page))

    assert "This field is required." in text_of(browser.post(lift, {"reason": " "}))
    lifted = browser.post(lift, {"reason": "It is over"}, follow=True)

    assert "The stop was lifted." in text_of(lifted)
    stop.refresh_from_db()
    assert (stop.lifted_reason, stop.lifted_by) == ("It is over", link.account.owner)
    assert lift not in text_of(browser.get(page))
    assert "It is over" in text_of(browser.get(page))


def test_owner_stops_all_of_their_accounts_and_every_page_says_so(
    browser: Client, link: StrategyAccount
) -> None:
    owner = link.account.owner
    form = text_of(browser.get(PLACE))
    assert f'value="owner-{owner.pk}"' in form
    assert 'value="everybody"' not in form
    again = {"scope": f"owner-{owner.pk}", "reason": "Holidays"}
    for said in ("are stopped", "were stopped already"):
        assert said in text_of(browser.post(PLACE, again, follow=True))

    # In the bar that stands on every page, and among what needs somebody.
    assert text_of(browser.get("/admin/")).count("Holidays") == 2
    assert text_of(browser.get("/admin/capital/account/")).count("Holidays") == 1
    refused = browser.post(PLACE, {"scope": "everybody", "reason": "All"})
    assert "Select a valid choice" in text_of(refused)


def test_list_tells_what_is_in_force_and_what_is_lifted(
    browser: Client, link: StrategyAccount
) -> None:
    Stop.objects.create(account=link.account, reason="An outage")
    lifted = Stop.objects.create(strategy_account=link, code="drawdown_reached", figures={
        "percent": "10.20", "limit": "10"
    })  # fmt: skip
    lifted.lift(by_id=None, at=timezone.now(), reason="Seen", figures={})
    rows = text_of(browser.get("/admin/capital/stop/"))
    assert "An outage" in rows
    assert "The drawdown is 10.20%; the limit is 10%." in rows
    only = text_of(browser.get("/admin/capital/stop/?in_force=yes"))
    assert "An outage" in only
    assert "10.20%" not in only


PAGES = ("account", "strategyaccount", "strategy")


def page_of(kind: str, browser: Client, link: StrategyAccount) -> str:
    app, key = {
        "account": ("capital", link.account_id),
        "strategyaccount": ("capital", link.pk),
        "strategy": ("strategies", link.strategy_id),
    }[kind]
    return text_of(browser.get(reverse(f"admin:{app}_{kind}_change", args=[key])))


@pytest.mark.parametrize("kind", PAGES)
def test_pages_say_who_stopped_it_why_and_when_and_where_who_may_lifts_it(
    browser: Client, link: StrategyAccount, kind: str
) -> None:
    at = timezone.now()
    stop = Stop.objects.create(
        strategy_account=link, reason="An outage", actor=make_user(username="risk-desk"), at=at
    )
    other = make_link(account=make_account(owner=link.account.owner, name="Other"))
    Stop.objects.create(strategy_account=other, reason="Elsewhere")
    lift = f"/admin/capital/stop/{stop.pk}/lift/"

    page = page_of(kind, browser, link)
    assert "An outage (risk-desk, <time" in page
    assert f">{timezone.localtime(at):%Y-%m-%d %H:%M:%S}</time>)" in page
    assert lift in page
    assert "Elsewhere" not in page

    colleague = allow_everything(make_user(is_staff=True), but=("lift_stop", "view_all_accounts"))
    AccountAccess.objects.create(account=link.account, user=colleague, role="operator")
    reader = Client()
    reader.force_login(colleague)
    page = page_of(kind, reader, link)
    assert "An outage (risk-desk" in page
    assert lift not in page


def test_strategy_without_a_stop_says_so_and_one_of_everybody_is_told_on_each(
    browser: Client, link: StrategyAccount
) -> None:
    assert "Nothing is stopped." in page_of("strategy", browser, link)
    Stop.objects.create(everybody=True, code="", reason="Quiet")

    for kind in PAGES:
        page = page_of(kind, browser, link)
        assert "everybody</a>: Quiet (command line" in page
        assert "/lift/" not in page


def test_page_of_an_allocation_says_what_was_stopped_when_it_was_decided(
    browser: Client, link: StrategyAccount
) -> None:
    account, decided = link.account, timezone.now()
    hour = timedelta(hours=1)
    limit = {"code": "drawdown_reached", "figures": {"percent": "10.20", "limit": "10"}}
    Stop.objects.create(strategy_account=link, at=decided - hour, **limit)
    over = Stop.objects.create(account=account, reason="Over", at=decided - 2 * hour)
    over.lift(by_id=None, at=decided - hour, reason="Seen", figures={})
    since = Stop.objects.create(owner=account.owner, reason="Lifted since", at=decided - hour)
    since.lift(by_id=None, at=decided + hour, reason="Seen", figures={})
    Stop.objects.create(account=account, reason="Later", at=decided + hour)
    Stop.objects.create(account=make_account(), reason="Elsewhere", at=decided - hour)
    run = AllocationRun.objects.create(
        account=account, run_key="r", trigger="api", outcome="unchanged", created_at=decided
    )

    page = text_of(browser.get(reverse("admin:capital_allocationrun_change", args=[run.pk])))

    assert "The drawdown is 10.20%; the limit is 10%. (limit of loss, " in page
    assert f"lifted {instant(decided + hour)}" in page
    assert page.count("/lift/") == 1
    for other in ("Over", "Later", "Elsewhere"):
        assert f": {other} (" not in page


def limit_state(row: Account | StrategyAccount, **fields: Any) -> LimitState:
    of = {"account": row} if isinstance(row, Account) else {"strategy_account": row}
    return LimitState.objects.create(
        **of,
        **{
            "kind": "drawdown",
            "used": D("8.256"),
            "limit": D(10),
            "code": "drawdown_near",
            "figures": {"percent": "8.25", "limit": "10"},
            "judged_at": timezone.now(),
            **fields,
        },
    )


def test_pages_show_how_much_of_a_limit_is_used(browser: Client, link: StrategyAccount) -> None:
    StrategyAccount.objects.update(max_drawdown_percent=D(10))
    Account.objects.update(max_daily_loss_amount=D(100))
    limit_state(link)
    limit_state(
        link.account,
        kind="daily_loss_amount",
        used=D("12.5"),
        limit=D(100),
        code="",
        figures={},
        is_by_balance=True,
    )
    # A limit that was removed is not shown.
    limit_state(link, kind="daily_loss", used=D("1.11"))

    of_link = text_of(browser.get(reverse("admin:capital_strategyaccount_change", args=[link.pk])))
    of_account = text_of(
        browser.get(reverse("admin:capital_account_change", args=[link.account_id]))
    )

    assert "8.25% / 10.00%" in of_link
    assert "New entries stop at 10%." in of_link
    assert "1.11%" not in of_link
    assert "12.50 USDT / 100.00 USDT" in of_account
    assert "The wallet balance tells realised losses only." in of_account
    dashboard = text_of(browser.get("/admin/"))
    assert "limit of loss" in dashboard
    assert "The drawdown is 8.25%." in dashboard
    listed = text_of(browser.get("/admin/capital/account/?state=limit"))
    assert "Main" in listed


def test_limits_are_entered_on_the_page_of_a_link(browser: Client, link: StrategyAccount) -> None:
    page = text_of(browser.get(reverse("admin:capital_strategyaccount_change", args=[link.pk])))
    for name in ("max_drawdown_percent", "max_daily_loss_percent", "max_daily_loss_amount"):
        assert f'name="{name}"' in page


ALL = "/admin/capital/stop/all/"
RESUME = "Resume exactly what was running"


def test_all_entries_are_stopped_and_resumed_in_two_steps_each(
    browser: Client, link: StrategyAccount
) -> None:
    assert ALL in text_of(browser.get("/admin/capital/allocationrun/"))
    before = Stop.objects.create(account=link.account, reason="An outage")
    asked = browser.get(ALL)
    for said in ("Nothing is sold", "No capital moves", "exactly what was running"):
        assert said in text_of(asked)

    form = asked.context["form"]
    first = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    browser.post(ALL, first)

    stop = Stop.objects.exclude(pk=before.pk).get()
    assert (stop.scope, stop.owner, stop.actor) == ("owner", link.account.owner, link.account.owner)
    for path in ("/admin/", "/admin/capital/account/", "/admin/performance/"):
        page = text_of(browser.get(path))
        assert "All entries of your accounts are stopped." in page
        assert f"/admin/capital/stop/{stop.pk}/lift/" in page
    assert "It was stopped already." in text_of(browser.post(ALL, first, follow=True))

    lift = f"/admin/capital/stop/{stop.pk}/lift/"
    resuming = browser.get(lift)
    assert RESUME in text_of(resuming)
    assert "0 strategy links take new entries again." in text_of(resuming)
    assert "These stay stopped" in text_of(resuming)
    assert "An outage" in text_of(resuming)
    browser.post(lift, resuming.context["form"].initial)
    assert list(Stop.objects.open()) == [before]
    assert "All entries of" not in text_of(browser.get("/admin/capital/account/"))


def test_whoever_sees_everybody_stops_everybody_first(link: StrategyAccount) -> None:
    boss = make_user(is_staff=True, is_superuser=True, username="boss")
    browser = Client()
    browser.force_login(boss)
    page = browser.get(ALL)
    assert page.context["form"].fields["scope"].choices == [("everybody", "everybody")]
    # Nor is any account theirs.
    assert 'value="owner-' not in text_of(browser.get(PLACE))
    browser.post(ALL, {"scope": "everybody", "reason": "Fire"})
    assert Stop.objects.get().everybody

    # The owner sees it, and may not lift what is not theirs.
    owner = Client()
    owner.force_login(link.account.owner)
    seen = text_of(owner.get("/admin/"))
    assert "All entries of everybody are stopped." in seen
    assert RESUME not in seen
    Stop.objects.get().lift(by_id=None, at=timezone.now(), reason="Over", figures={})
    Stop.objects.create(owner=link.account.owner, reason="Holidays")
    assert f"All entries of {link.account.owner}" in text_of(browser.get("/admin/"))


def test_who_may_not_stop_all_has_no_button_and_no_page(link: StrategyAccount) -> None:
    browser = Client()
    browser.force_login(make_user(is_staff=True))
    assert ALL not in text_of(browser.get("/admin/"))
    assert browser.get(ALL).status_code == 403
