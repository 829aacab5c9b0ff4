"""What is shown of alerts and messages: to their users only, and without addresses."""

from typing import Any

import pytest

from capital.models import Alert, AlertDelivery, AlertKind, AlertState
from capital.services.alerts import (
    delivery_as_json,
    latest_messages,
    messages_about,
    seen_alerts,
    told_of,
    undelivered,
    waiting_messages,
)
from tests.factories import make_account, make_user
from tests.services.alerts.helpers import NOON, make_target

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def alert(**fields: Any) -> Alert:
    return Alert.objects.create(
        kind=AlertKind.RUN_FAILED, state=AlertState.BEGAN, code="unchanged", **fields
    )


def message(target: Any, *alerts: Alert, **fields: Any) -> AlertDelivery:
    row = AlertDelivery.objects.create(
        target=target, kind=AlertKind.RUN_FAILED, created_at=NOON, **fields
    )
    row.alerts.add(*alerts)
    return row


def test_alerts_are_seen_with_their_accounts() -> None:
    mine, other = alert(account=make_account()), alert(account=make_account())
    assert mine.account is not None

    assert list(seen_alerts(mine.account.owner)) == [mine]
    assert list(seen_alerts(None)) == [other, mine]


def test_an_alert_s_messages_are_those_to_the_reader_s_targets() -> None:
    target, other = make_target(name="mine"), make_target(name="other")
    told, else_told = alert(), alert()
    message(target, told, sent_at=NOON)
    message(target, else_told, due_at=NOON)
    message(other, told, due_at=NOON)

    assert messages_about(told, target.user) == ["mine: sent 2026-11-26 21:00:00"]


def test_a_target_s_last_messages_are_its_own() -> None:
    target, other = make_target(), make_target()
    message(target, due_at=NOON)
    message(other, due_at=NOON)
    message(target, due_at=NOON, attempts=1, code="channel_answered", figures={"status": "403"})

    newest, oldest = latest_messages(target)
    assert oldest == "2026-11-26 21:00:00 failed allocation: waiting"
    assert newest.startswith("2026-11-26 21:00:00 failed allocation: waiting: The other side")
    assert newest.endswith("Next attempt: 2026-11-26 21:00:00")


def test_what_was_given_up_is_told_of_a_user_or_of_all() -> None:
    user = make_user(username="maria")
    target, other = make_target(user, name="phone"), make_target()
    given_up = message(target, undelivered_at=NOON, code="mail_refused", attempts=7)
    others = message(other, undelivered_at=NOON)
    message(target, due_at=NOON)
    message(target, sent_at=NOON)

    assert list(undelivered(user)) == [given_up]
    assert list(undelivered()) == [others, given_up]
    assert waiting_messages() == 1
    assert told_of(given_up).startswith("undelivered: The mail server refused")
    assert delivery_as_json(given_up) == {
        "id": given_up.pk,
        "target": "phone",
        "user": "maria",
        "channel": "mail",
        "hint": ".com",
        "kind": "run_failed",
        "state": "undelivered",
        "attempts": 7,
        "code": "mail_refused",
        "reason": "The mail server refused the message or its recipient.",
    }
    assert delivery_as_json(others)["reason"] is None
