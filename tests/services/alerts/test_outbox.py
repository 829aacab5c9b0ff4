"""Alerts are handed to whoever may see what they are about, and sent until they are taken."""

import logging
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django_q.models import OrmQ

from capital.channels.contract import NotDelivered
from capital.domain.reasons import Code, Reason
from capital.models import (
    AccountAccess,
    Alert,
    AlertDelivery,
    AlertKind,
    AlertState,
    DeliveryState,
    Trouble,
)
from capital.services.alerts.outbox import (
    send_delivery,
    send_test,
    spread_alerts,
    sweep_outbox,
)
from capital.services.alerts.tasks import SEND_ALERT, SPREAD_ALERTS
from capital.services.alerts.troubles import About, Seen, note
from tests.factories import make_account, make_link, make_user, trust
from tests.services.alerts.helpers import NOON, Channel, Clock, make_target, use

pytestmark = pytest.mark.django_db

REFUSED = NotDelivered(Code.CHANNEL_ANSWERED, status="500")


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Channel:
    return use(monkeypatch)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def tell(about: About, kind: AlertKind = AlertKind.RUN_FAILED, **figures: str) -> None:
    reason = Reason(Code.DATABASE_ERROR, figures or {"kind": "IntegrityError"})
    with transaction.atomic():
        note([Seen(kind=kind, about=about, reason=reason)], now=NOON)


def send_all(clock: Clock) -> None:
    for delivery in AlertDelivery.objects.order_by("pk"):
        send_delivery(delivery.pk, clock=clock)


def test_who_sees_the_account_hears_of_it_and_nobody_else(channel: Channel, clock: Clock) -> None:
    owner, guest, stranger = (make_user(username=name) for name in ("ann", "bob", "eve"))
    boss = trust(make_user(username="boss"))
    account = make_account(owner=owner, name="Main")
    AccountAccess.objects.create(account=account, user=guest, role="viewer")
    for user in (owner, guest, stranger, boss):
        make_target(user)

    tell(About(account_id=account.pk))
    assert spread_alerts(clock=clock) == 3
    send_all(clock)

    title = "[Capital] failed allocation: Main"
    assert channel.told == [
        ("ann@example.com", title),
        ("bob@example.com", title),
        ("boss@example.com", title),
    ]
    assert "Main: The database refused the change (IntegrityError)." in channel.sent[0][1].text


@pytest.mark.parametrize("about", ["strategy", "owner", "venue", "everybody", "installation"])
def test_what_is_no_account_is_heard_by_those_whom_it_concerns(
    about: str, channel: Channel, clock: Clock
) -> None:
    owner, other = make_user(username="ann"), make_user(username="eve")
    boss = trust(make_user(username="boss"))
    link = make_link(account=make_account(owner=owner, venue="okx", wallet_mode="unified"))
    make_account(owner=other, venue="bybit", wallet_mode="unified")
    for user in (owner, other, boss):
        make_target(user)

    tell(
        {
            "strategy": About(strategy_id=link.strategy_id),
            "owner": About(owner_id=owner.pk),
            "venue": About(venue="okx"),
            "everybody": About(for_everybody=True),
            "installation": About(),
        }[about]
    )
    spread_alerts(clock=clock)
    send_all(clock)

    heard = [to.partition("@")[0] for to, _ in channel.told]
    expected = {"everybody": ["ann", "eve", "boss"], "installation": ["boss"]}
    assert heard == expected.get(about, ["ann", "boss"])


def test_many_at_once_are_one_message_of_what_its_user_sees(channel: Channel, clock: Clock) -> None:
    owner = make_user(username="ann")
    mine = [make_account(owner=owner, name=f"mine {n}") for n in range(3)]
    other = make_account(name="another's")
    make_target(owner)
    for account in (*mine, other):
        tell(About(account_id=account.pk))

    spread_alerts(clock=clock)
    send_all(clock)

    ((_, message),) = channel.sent
    assert message.title == "[Capital] failed allocation: 3 cases"
    assert [line.partition(":")[0] for line in message.text.splitlines()] == [
        "mine 0",
        "mine 1",
        "mine 2",
    ]
    assert [each["account"] for each in message.data["alerts"]] == ["mine 0", "mine 1", "mine 2"]


def test_a_kind_that_is_switched_off_is_not_told_there(channel: Channel, clock: Clock) -> None:
    account = make_account(owner=make_user(username="ann"))
    make_target(account.owner, name="all", address="all@example.com")
    make_target(account.owner, name="some", address="some@example.com", kinds_off=["run_failed"])
    tell(About(account_id=account.pk))
    tell(About(account_id=account.pk), AlertKind.RUN_HELD)

    spread_alerts(clock=clock)
    send_all(clock)

    assert [(to, title.split(": ")[0]) for to, title in channel.told] == [
        ("all@example.com", "[Capital] failed allocation"),
        ("all@example.com", "[Capital] held allocation"),
        ("some@example.com", "[Capital] held allocation"),
    ]


def test_a_target_that_is_off_and_one_of_a_user_who_is_off_hear_nothing(clock: Clock) -> None:
    account = make_account()
    make_target(account.owner, is_active=False)
    make_target(trust(make_user(is_active=False)))

    tell(About(account_id=account.pk))

    assert spread_alerts(clock=clock) == 0
    assert Alert.objects.get().spread_at == NOON


@pytest.mark.usefixtures("seoul")
def test_quiet_hours_hold_back_all_but_a_stop(channel: Channel, clock: Clock) -> None:
    account = make_account()
    # Noon in UTC is 21:00.
    make_target(account.owner, quiet_from=time(20), quiet_until=time(22))
    tell(About(account_id=account.pk), AlertKind.STOP)
    tell(About(account_id=account.pk), AlertKind.RUN_FAILED)

    spread_alerts(clock=clock)
    send_all(clock)
    assert [title.split(": ")[0] for _, title in channel.told] == ["[Capital] stop of entries"]

    clock.forward(minutes=59)
    send_all(clock)
    assert len(channel.told) == 1
    clock.forward(minutes=1)
    send_all(clock)
    assert [title.split(": ")[0] for _, title in channel.told] == [
        "[Capital] stop of entries",
        "[Capital] failed allocation",
    ]


def one_message(**target: Any) -> AlertDelivery:
    account = make_account(name="Main")
    make_target(account.owner, **target)
    tell(About(account_id=account.pk))
    spread_alerts(clock=lambda: NOON)
    return AlertDelivery.objects.get()


def test_what_is_not_taken_is_tried_for_an_hour_and_then_undelivered(
    channel: Channel, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    delivery, tried = one_message(), []
    channel.failures = [REFUSED] * 7

    with caplog.at_level(logging.DEBUG):
        for _minute in range(70):
            if send_delivery(delivery.pk, clock=clock) is not None:
                tried.append((clock.now - NOON) / timedelta(minutes=1))
            clock.forward(minutes=1)

    delivery.refresh_from_db()
    assert tried == [0, 1, 3, 7, 15, 30, 60]
    assert delivery.state is DeliveryState.UNDELIVERED
    assert (delivery.code, delivery.figures) == ("channel_answered", {"status": "500"})
    assert delivery.target.address not in caplog.text
    assert "undelivered: channel_answered" in caplog.text


def test_what_is_taken_later_is_sent_once(channel: Channel, clock: Clock) -> None:
    delivery = one_message()
    channel.failures = [REFUSED, RuntimeError("https://token@example.com")]

    for _ in range(10):
        send_delivery(delivery.pk, clock=clock)
        clock.forward(minutes=1)

    delivery.refresh_from_db()
    assert len(channel.sent) == 1
    assert (delivery.state, delivery.attempts, delivery.code) == (DeliveryState.SENT, 3, "")


def test_an_error_of_a_library_is_kept_without_its_text(
    channel: Channel, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = one_message()
    channel.failures = [RuntimeError("https://token@example.com")]

    with caplog.at_level(logging.DEBUG):
        send_delivery(delivery.pk, clock=clock)

    delivery.refresh_from_db()
    assert (delivery.code, delivery.figures) == ("channel_failed", {"kind": "RuntimeError"})
    assert "token" not in caplog.text


def test_a_final_refusal_is_not_tried_again(channel: Channel, clock: Clock) -> None:
    delivery = one_message()
    channel.failures = [NotDelivered(Code.ADDRESS_INVALID, is_final=True)]

    send_delivery(delivery.pk, clock=clock)

    delivery.refresh_from_db()
    assert delivery.state is DeliveryState.UNDELIVERED


@pytest.mark.parametrize("end", ["target", "user", "access"])
def test_nothing_is_sent_to_whom_it_concerns_no_longer(
    end: str, channel: Channel, clock: Clock
) -> None:
    owner, guest = make_user(), make_user()
    account = make_account(owner=owner)
    access = AccountAccess.objects.create(account=account, user=guest, role="viewer")
    target = make_target(guest)
    tell(About(account_id=account.pk))
    spread_alerts(clock=clock)
    if end == "target":
        target.is_active = False
        target.save()
    elif end == "user":
        guest.is_active = False
        guest.save()
    else:
        access.delete()

    delivery = send_delivery(AlertDelivery.objects.get().pk, clock=clock)

    assert delivery is not None
    assert (delivery.state, delivery.code) == (DeliveryState.UNDELIVERED, "alert_not_wanted")
    assert channel.sent == []


def test_a_lost_key_is_told_and_tried_again(channel: Channel, clock: Clock, settings: Any) -> None:
    delivery = one_message()
    settings.FIELD_ENCRYPTION_KEYS = ["MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDE="]

    sent = send_delivery(delivery.pk, clock=clock)

    assert sent is not None
    assert (sent.state, sent.code) == (DeliveryState.WAITING, "credentials_unreadable")


def test_an_alert_asks_for_its_tasks_on_commit(
    django_capture_on_commit_callbacks: Any, clock: Clock
) -> None:
    account = make_account()
    make_target(account.owner)

    with django_capture_on_commit_callbacks(execute=True):
        tell(About(account_id=account.pk))
    with django_capture_on_commit_callbacks(execute=True):
        spread_alerts(clock=clock)

    delivery = AlertDelivery.objects.get()
    assert [(task.func(), task.task["args"]) for task in OrmQ.objects.order_by("pk")] == [
        (SPREAD_ALERTS, ()),
        (SEND_ALERT, (delivery.pk,)),
    ]


def test_a_queue_that_refuses_keeps_no_change_from_happening(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("full")

    monkeypatch.setattr("django_q.tasks.async_task", refuse)

    with django_capture_on_commit_callbacks(execute=True):
        tell(About(account_id=make_account().pk))

    assert Alert.objects.count() == 1
    assert f"{SPREAD_ALERTS}() could not be queued." in caplog.text


def test_killed_between_commit_and_queue_nothing_is_lost(
    channel: Channel, clock: Clock, django_capture_on_commit_callbacks: Any
) -> None:
    account = make_account()
    make_target(account.owner)
    # What is to happen on commit never does.
    tell(About(account_id=account.pk))

    with django_capture_on_commit_callbacks(execute=True):
        assert sweep_outbox(clock=clock) == {"alerts": 1, "messages": 0}
    assert [task.func() for task in OrmQ.objects.all()] == [SPREAD_ALERTS]
    spread_alerts(clock=clock)
    with django_capture_on_commit_callbacks(execute=True):
        assert sweep_outbox(clock=clock) == {"alerts": 0, "messages": 1}
    send_all(clock)
    assert len(channel.sent) == 1
    assert sweep_outbox(clock=clock) == {"alerts": 0, "messages": 0}


class Killed(BaseException):
    """As a signal that no handler sees."""


def test_killed_while_sending_it_is_sent_again_once_the_claim_lapses(
    channel: Channel, clock: Clock
) -> None:
    delivery = one_message()
    channel.failures = [Killed()]  # type: ignore[list-item]
    with pytest.raises(Killed):
        send_delivery(delivery.pk, clock=clock)

    clock.forward(minutes=2)
    assert send_delivery(delivery.pk, clock=clock) is None
    assert sweep_outbox(clock=clock)["messages"] == 0
    clock.forward(minutes=1)
    assert sweep_outbox(clock=clock)["messages"] == 1
    send_delivery(delivery.pk, clock=clock)

    delivery.refresh_from_db()
    assert (len(channel.sent), delivery.attempts) == (1, 2)


def test_a_claim_of_a_clock_that_was_far_ahead_holds_nothing_back(
    channel: Channel, clock: Clock
) -> None:
    delivery = one_message()
    AlertDelivery.objects.update(claimed_at=NOON + timedelta(days=1))

    send_delivery(delivery.pk, clock=clock)

    delivery.refresh_from_db()
    assert delivery.state is DeliveryState.SENT


def test_handing_out_twice_sends_once(channel: Channel, clock: Clock) -> None:
    delivery = one_message()

    assert spread_alerts(clock=clock) == 0
    assert send_delivery(delivery.pk, clock=clock) is not None
    assert send_delivery(delivery.pk, clock=clock) is None
    assert send_delivery(delivery.pk + 1, clock=clock) is None
    assert len(channel.sent) == 1


def test_more_than_a_batch_is_handed_out_in_parts(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr("capital.services.alerts.outbox._MOST_AT_ONCE", 2)
    owner = make_user()
    for _ in range(3):
        tell(About(account_id=make_account(owner=owner).pk))

    with django_capture_on_commit_callbacks(execute=True):
        spread_alerts(clock=clock)

    assert Alert.objects.filter(spread_at=None).count() == 1
    assert [task.func() for task in OrmQ.objects.all()] == [SPREAD_ALERTS]


def test_what_is_over_and_what_changed_says_so(channel: Channel, clock: Clock) -> None:
    account = make_account(name="Main")
    make_target(account.owner)
    row = {"kind": AlertKind.RUN_FAILED, "account": account, "code": "unchanged"}
    for state in (AlertState.CHANGED, AlertState.OVER):
        Alert.objects.create(**row, state=state)
        spread_alerts(clock=clock)
    send_all(clock)

    assert [(message.title, message.text) for _, message in channel.sent] == [
        (
            "[Capital] failed allocation: Main",
            "Main: Changed: Nothing changed: every strategy keeps its current capital.",
        ),
        (
            "[Capital] Over: failed allocation: Main",
            "Main: Over: Nothing changed: every strategy keeps its current capital.",
        ),
    ]


def test_a_very_long_message_says_how_much_it_leaves_out(channel: Channel, clock: Clock) -> None:
    owner = make_user()
    make_target(owner)
    for _ in range(52):
        tell(About(account_id=make_account(owner=owner).pk))
    spread_alerts(clock=clock)
    send_all(clock)

    lines = channel.sent[0][1].text.splitlines()
    assert (len(lines), lines[-1]) == (21, "and 32 more")
    assert len(channel.sent[0][1].data["alerts"]) == 52


def test_a_message_is_in_the_language_of_its_target(channel: Channel, clock: Clock) -> None:
    account = make_account(name="Main")
    make_target(account.owner, language="ko")
    tell(About(account_id=account.pk))
    spread_alerts(clock=clock)
    send_all(clock)

    assert channel.sent[0][1].title == "[Capital] 실패한 배분: Main"


@pytest.mark.parametrize("kind", [AlertKind.SUSPECT_BALANCE, AlertKind.RUN_FAILED])
def test_a_message_says_where_to_look(
    kind: AlertKind, channel: Channel, clock: Clock, settings: Any
) -> None:
    settings.CAPITAL_SITE_URL = "https://capital.example"
    account = make_account(name="Main")
    make_target(account.owner)
    tell(About(account_id=account.pk), kind)
    spread_alerts(clock=clock)
    send_all(clock)

    text = channel.sent[0][1].text
    page = f"https://capital.example/admin/capital/account/{account.pk}"
    accept = f"  Accept the balance: {page}/allocate/?accept_jump=on"
    keep = f"  Keep the capital as it is, and look at the account: {page}/change/"
    is_suspect = kind is AlertKind.SUSPECT_BALANCE
    assert (accept in text, keep in text) == (is_suspect, is_suspect)
    assert (f"  Account: {page}/change/" in text) is not is_suspect


def test_a_test_goes_to_its_target_only_at_any_hour(channel: Channel, clock: Clock) -> None:
    user = make_user()
    boss = trust(make_user())
    make_target(boss)
    make_target(user, name="other", address="other@example.com")
    target = make_target(
        user, name="phone", address="me@example.com", quiet_from=time(0), quiet_until=time(23, 59)
    )

    delivery = send_test(target, clock=clock)
    spread_alerts(clock=clock)

    assert delivery.state is DeliveryState.SENT
    assert channel.told == [("me@example.com", "[Capital] test message: phone")]
    assert "Alerts that are sent to phone arrive here." in channel.sent[0][1].text


def test_rows_are_called_by_what_they_are() -> None:
    delivery = one_message(name="phone")

    assert str(delivery) == "failed allocation → phone"
    assert str(Alert.objects.get()) == "failed allocation Main"
    assert str(Trouble.objects.get()).startswith("run_failed:account_id=")
    assert delivery.target.shown_address == "mail ….com"
    assert datetime.fromisoformat(NOON.isoformat()) == delivery.created_at
