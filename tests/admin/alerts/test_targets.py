"""The pages of targets and alerts: what is shown, what is not, and a test."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from capital.models import Alert, AlertChannel, AlertDelivery, AlertKind, AlertState, AlertTarget
from tests.admin.tenants import allow
from tests.factories import make_account, make_user, trust
from tests.services.alerts.helpers import make_target

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_alerttarget_changelist")
ADD = reverse("admin:capital_alerttarget_add")
SECRET = "tgram://123456789:CANARYabcdefghijklmnopqrstuvwxyz01234/987654321"
RIGHTS = [f"capital.{verb}_alerttarget" for verb in ("view", "add", "change", "delete")]


@pytest.fixture
def maria() -> Any:
    user = make_user(username="maria", is_staff=True)
    allow(user, *RIGHTS, "capital.view_alert")
    return user


@pytest.fixture
def browser(maria: Any) -> Client:
    client = Client()
    client.force_login(maria)
    return client


def fields(**given: Any) -> dict[str, Any]:
    return {
        "name": "phone",
        "channel": "telegram",
        "address": SECRET,
        "language": "ko",
        "is_active": "on",
        "kinds_off": ["digest", "run_held"],
        **given,
    }


def page(kind: str, target: AlertTarget) -> str:
    return reverse(f"admin:capital_alerttarget_{kind}", args=[target.pk])


def test_a_target_is_made_for_whoever_asks_and_its_address_is_shown_nowhere(
    browser: Client, maria: Any
) -> None:
    assert browser.get(ADD).status_code == 200
    answer = browser.post(ADD, fields(), follow=True)

    target = AlertTarget.objects.get()
    assert (target.user, target.address, target.hint) == (maria, SECRET, "4321")
    assert (target.language, target.kinds_off) == ("ko", ["digest", "run_held"])
    shown = answer.content.decode() + browser.get(page("change", target)).content.decode()
    shown += browser.get(page("history", target)).content.decode()
    assert "CANARY" not in shown
    assert "Telegram …4321" in shown


def test_an_address_that_is_left_empty_stays(browser: Client, maria: Any) -> None:
    browser.post(ADD, fields())
    target = AlertTarget.objects.get()

    changed = fields(address="", name="mobile", kinds_off=[])
    answer = browser.post(page("change", target), changed)

    target.refresh_from_db()
    assert answer.status_code == 302
    assert (target.name, target.address, target.kinds_off) == ("mobile", SECRET, [])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"name": "mobile"}, ["name"]),
        ({"address": SECRET.replace("CANARY", "CANARIES")}, ["address"]),
        ({}, None),
    ],
)
def test_the_history_names_a_secret_only_where_one_was_typed(
    given: dict[str, str], named: list[str] | None, browser: Client
) -> None:
    browser.post(ADD, fields())
    target = AlertTarget.objects.get()

    browser.post(page("change", target), {**fields(address=""), **given})

    entry = LogEntry.objects.latest("pk")
    wanted = [] if named is None else [{"changed": {"fields": named}}]
    assert json.loads(entry.change_message) == wanted


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"address": ""}, "Give an address."),
        ({"address": "https://CANARY"}, "This is not an address of this channel."),
        ({"address": SECRET + "?template=/etc/passwd"}, "an option that is not allowed"),
        ({"quiet_from": "23:00"}, "Quiet hours need a beginning and an end."),
        ({"channel": "pigeon"}, "pigeon is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form_without_the_address(
    given: dict[str, Any], said: str, browser: Client
) -> None:
    answer = browser.post(ADD, fields(**given))

    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in page
    assert "CANARY" not in page
    typed = [name for name in ("address", "signing_secret") if fields(**given).get(name)]
    assert page.count("Type this again.") == len(typed)
    assert not AlertTarget.objects.exists()


def test_a_name_that_is_taken_is_said(browser: Client, maria: Any) -> None:
    make_target(maria, name="phone")

    assert "phone already" in browser.post(ADD, fields()).content.decode()


def test_nobody_sees_a_target_of_another_user_not_even_who_sees_everything(
    browser: Client,
) -> None:
    other = make_target(make_user(), name="hers")
    boss = Client()
    boss.force_login(trust(make_user(is_staff=True)))

    for client in (browser, boss):
        assert "hers" not in client.get(LIST).content.decode()
        for kind in ("change", "delete", "history"):
            assert client.get(page(kind, other)).status_code == 404
        assert client.post(page("change", other), fields()).status_code == 404
        assert client.post(f"/admin/capital/alerttarget/{other.pk}/test/").status_code == 404


def test_a_test_is_queued_and_its_result_is_shown(
    browser: Client, maria: Any, django_capture_on_commit_callbacks: Any
) -> None:
    target = make_target(maria)
    address = f"/admin/capital/alerttarget/{target.pk}/test/"
    assert "Nothing was sent here yet." in browser.get(address).content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post(address).status_code == 302

    assert [task.func() for task in OrmQ.objects.all()] == ["capital.tasks.send_alert"]
    delivery = AlertDelivery.objects.get()
    assert "test message: waiting" in browser.get(address).content.decode()
    delivery.code, delivery.figures, delivery.attempts = "channel_answered", {"status": "403"}, 1
    delivery.save()
    shown = browser.get(address).content.decode()
    assert "answered with status 403" in shown
    assert "Next attempt:" in shown


@pytest.mark.parametrize(("query", "is_chosen"), [("?accept_jump=on", True), ("", False)])
def test_the_link_of_a_suspect_balance_leads_to_accepting_it(
    query: str, is_chosen: bool, browser: Client, maria: Any
) -> None:
    allow(maria, "capital.view_account", "capital.allocate_capital", "capital.accept_jump")
    account = make_account(owner=maria)

    page = browser.get(f"/admin/capital/account/{account.pk}/allocate/{query}")

    assert page.context["form"]["accept_jump"].value() is is_chosen


def test_an_alert_is_shown_with_the_reader_s_own_messages(browser: Client, maria: Any) -> None:
    account, other = make_account(owner=maria, name="Main"), make_account(name="Other")
    alert, hidden = (
        Alert.objects.create(
            kind=AlertKind.RUN_FAILED, state=AlertState.BEGAN, code="unchanged", account=each
        )
        for each in (account, other)
    )
    for target in (make_target(maria, name="mine"), make_target(make_user(), name="theirs")):
        delivery = AlertDelivery.objects.create(
            target=target, kind=alert.kind, due_at=alert.at, attempts=0
        )
        delivery.alerts.add(alert)
    digest = Alert.objects.create(
        kind=AlertKind.DIGEST,
        state=AlertState.TOLD,
        code="daily_digest",
        figures={"date": "2026-11-25"},
        details={"currencies": [], "troubles": []},
        addressee=maria,
        key="digest:1",
    )

    rows = browser.get(reverse("admin:capital_alert_changelist")).content.decode()
    assert ("Main" in rows, "Other" in rows) == (True, False)
    shown = browser.get(reverse("admin:capital_alert_change", args=[alert.pk])).content.decode()
    assert ("mine: waiting" in shown, "theirs" in shown) == (True, False)
    hidden_page = reverse("admin:capital_alert_change", args=[hidden.pk])
    assert browser.get(hidden_page).status_code == 404
    shown = browser.get(reverse("admin:capital_alert_change", args=[digest.pk])).content.decode()
    assert "Nothing needs attention." in shown
    for query in ("?kind=digest", "?state=over"):
        rows = browser.get(reverse("admin:capital_alert_changelist") + query).content.decode()
        assert "Main" not in rows


def test_each_channel_has_an_address_to_follow(browser: Client) -> None:
    page = browser.get(ADD, headers={"accept-language": "en"}).content.decode()

    missing = [each for each in AlertChannel if f"<br>{each.label}: <code>" not in page]
    assert missing == []
    assert "Telegram: <code>tgram://" in page
