"""What needs somebody: on the dashboard, as its badge, and on the account's page."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from capital.domain.reasons import Code, Reason
from capital.models import Account, AccountAccess, AlertKind, Trouble
from capital.services.alerts.troubles import About, Seen, note
from tests.admin.tenants import allow, allow_everything
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# By kind: what it is about, and where its first button leads.
_OF_ACCOUNT = "/admin/capital/account/{account}/"
_BUTTONS = {
    AlertKind.KEY_REFUSED: _OF_ACCOUNT + "change/#id_api_key",
    AlertKind.KEY_CAN_WITHDRAW: _OF_ACCOUNT + "change/#id_api_key",
    AlertKind.POOL_UNREADABLE: _OF_ACCOUNT + "connection/",
    AlertKind.SUSPECT_BALANCE: _OF_ACCOUNT + "allocate/?accept_jump",
    AlertKind.RUN_FAILED: _OF_ACCOUNT + "allocate/",
    AlertKind.RUN_HELD: "/admin/capital/position/?strategy_account__account__id__exact={account}",
    AlertKind.STOP: "/admin/capital/stop/5/lift/",
    AlertKind.LIMIT_NEAR: _OF_ACCOUNT + "stop/",
    AlertKind.SIGNAL_REFUSED: "/admin/capital/webhookdelivery/?refused=yes",
    AlertKind.FILLS_UNATTRIBUTED: (
        "/admin/capital/fill/?attribution=none&account__id__exact={account}"
    ),
    AlertKind.BALANCE_UNEXPLAINED: "/admin/capital/flow/?account__id__exact={account}",
    AlertKind.RULES_SUSPECT: "/admin/capital/market/?venue=",
    AlertKind.JOB_LATE: "/admin/capital/jobrun/health/",
    AlertKind.CLUSTER_SILENT: "/admin/capital/jobrun/health/",
    AlertKind.AUDIT_BROKEN: "/admin/capital/allocationrun/?account__id__exact={account}",
}


@pytest.fixture
def account() -> Account:
    owner = allow_everything(make_user(is_staff=True))
    return make_account(owner=owner, name="Main", connection_code="exchange_refused_key")


REFUSED = Reason(Code.EXCHANGE_REFUSED_KEY, {"venue": "binance", "kind": "AuthenticationError"})


def tell(
    account: Account,
    kind: AlertKind = AlertKind.KEY_REFUSED,
    part: str = "",
    reason: Reason = REFUSED,
) -> None:
    about = About(account_id=account.pk)
    with transaction.atomic():
        note([Seen(kind=kind, about=about, reason=reason, part=part)], now=timezone.now())


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def badge_of(page: str) -> str:
    """What stands beside *Dashboard* in the sidebar."""
    sidebar = page[page.index('id="nav-sidebar"') :]
    item = sidebar[sidebar.index("Dashboard") :]
    found = re.search(r'data-badge="admin:index">(\d+)</span>', item[: item.index("Accounts")])
    return found[1] if found else ""


def test_dashboard_badge_and_account_page_show_the_same(client: Client, account: Account) -> None:
    other = make_account(owner=account.owner, name="Other")
    client.force_login(account.owner)
    assert "Nothing needs you." in text(client, "/admin/")
    assert badge_of(text(client, "/admin/capital/allocationrun/")) == ""
    tell(account)

    dashboard = text(client, "/admin/")
    assert "binance refused the API key" in dashboard
    assert "Replace the key" in dashboard
    assert badge_of(text(client, "/admin/capital/allocationrun/")) == "1"
    for row, there in ((account, True), (other, False)):
        page = text(client, reverse("admin:capital_account_change", args=[row.pk]))
        assert ("What needs you" in page) is there


def test_key_that_nobody_entered_is_missing_and_not_refused(
    client: Client, account: Account
) -> None:
    reason = Reason(Code.CREDENTIALS_MISSING, {"missing": "api_key"})
    tell(account, AlertKind.KEY_REFUSED, reason=reason)
    client.force_login(account.owner)

    dashboard = text(client, "/admin/")

    assert "API credentials missing" in dashboard
    assert "Enter the key" in dashboard
    assert "API key refused" not in dashboard
    assert "Replace the key" not in dashboard


def test_whoever_may_not_has_no_button(client: Client, account: Account) -> None:
    viewer = allow(make_user(is_staff=True), "capital.view_account", "capital.view_all_accounts")
    tell(account)
    client.force_login(viewer)

    dashboard = text(client, "/admin/")

    assert "binance refused the API key" in dashboard
    assert "Replace the key" not in dashboard


@pytest.mark.parametrize("kind", list(_BUTTONS))
def test_each_kind_has_its_button(
    client: Client, account: Account, kind: AlertKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.alerts.present.ended_of", lambda *_: set())
    Account.objects.filter(pk=account.pk).update(connection_code="exchange_unreachable")
    tell(account, kind, "5")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answer = client.get("/admin/")

    ((_, address), *_more) = answer.context["needs"][0].buttons
    assert address == _BUTTONS[kind].format(account=account.pk)
    assert f'href="{escape(address)}"' in answer.content.decode()


def test_every_kind_of_trouble_is_known() -> None:
    assert set(_BUTTONS) == set(AlertKind) - {AlertKind.DIGEST, AlertKind.TEST}


def test_suspect_balance_is_accepted_or_kept(client: Client, account: Account) -> None:
    stored = {"amount": "9", "accepted": "1", "observed_at": timezone.now().isoformat()}
    Account.objects.update(suspect_readings={"spot": stored}, connection_code="")
    with transaction.atomic():
        reason = Reason(Code.JUMP_SUSPECTED, {"pool": "spot"})
        about = About(account_id=account.pk)
        seen = Seen(kind=AlertKind.SUSPECT_BALANCE, about=about, reason=reason, part="spot")
        note([seen], now=timezone.now())
    client.force_login(account.owner)
    keep = f"/admin/capital/account/{account.pk}/keep-balance/"
    assert f'href="{keep}"' in text(client, "/admin/")
    assert "no capital moves" in text(client, keep)
    assert "kept_at" not in Account.objects.get(pk=account.pk).suspect_readings["spot"]

    answer = client.post(keep, follow=True).content.decode()

    assert "Main keeps the balance that was accepted last." in answer
    assert "Nothing needs you." in answer
    page = text(client, reverse("admin:capital_account_change", args=[account.pk]))
    assert "Refused: the balance that was accepted last is kept." in page
    assert "What needs you" not in page
    again = client.post(keep, follow=True).content.decode()
    assert "Main keeps the balance" in again
    Account.objects.update(suspect_readings={})
    assert "No balance of this account is suspect any more." in text(client, keep)
    assert "has no suspect balance to accept" in client.post(keep, follow=True).content.decode()


def test_a_suspect_balance_that_came_since_the_page_is_shown_before_it_is_refused(
    client: Client, account: Account
) -> None:
    at = timezone.now().isoformat()
    first = {"spot": {"amount": "9", "accepted": "1", "observed_at": at}}
    Account.objects.filter(pk=account.pk).update(suspect_readings=first)
    client.force_login(account.owner)
    keep = f"/admin/capital/account/{account.pk}/keep-balance/"
    shown = re.findall(r'name="shown" value="([^"]*)"', text(client, keep))
    second = {"spot": {"amount": "70", "accepted": "1", "observed_at": at}}
    Account.objects.filter(pk=account.pk).update(suspect_readings=second)

    answer = client.post(keep, {"shown": shown}, follow=True).content.decode()

    assert "Another balance of account Main is suspect by now" in answer
    assert "70.00 USDT" in answer
    assert "kept_at" not in Account.objects.get(pk=account.pk).suspect_readings["spot"]
    seen = re.findall(r'name="shown" value="([^"]*)"', answer)
    assert "Main keeps the balance" in (
        client.post(keep, {"shown": seen}, follow=True).content.decode()
    )


def test_buttons_are_of_what_the_role_on_the_account_allows(
    client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.alerts.present.ended_of", lambda *_: set())
    viewer = allow_everything(make_user(is_staff=True))
    AccountAccess.objects.create(account=account, user=viewer, role="viewer")
    tell(account)
    tell(account, AlertKind.FILLS_UNATTRIBUTED)
    Trouble.objects.update(noticed_at=timezone.now() - timedelta(days=1))
    client.force_login(viewer)

    dashboard = text(client, "/admin/")

    assert "binance refused the API key" in dashboard
    assert "Replace the key" not in dashboard
    assert "fills without a strategy" in dashboard
    assert "Assign</a>" not in dashboard
    client.force_login(account.owner)
    assert "Assign</a>" in text(client, "/admin/")


def test_idle_money_leads_to_what_is_paused(client: Client, account: Account) -> None:
    Account.objects.update(connection_code="")
    make_summary(account=account, spot_balance=Decimal(9), futures_balance=Decimal(9))
    make_link(account=account, strategy=make_strategy(owner=account.owner, status="PAUSED"))
    client.force_login(account.owner)

    page = text(client, "/admin/")

    assert "All strategies are paused, so nobody has its 9.00 USDT." in page
    assert "/admin/strategies/strategy/?status__exact=PAUSED" in page
