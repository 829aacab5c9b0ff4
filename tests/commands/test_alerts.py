"""``alerts`` and ``send_test_alert``: words, JSON and exit codes."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from capital.channels.contract import NotDelivered
from capital.domain.reasons import Code
from capital.models import Alert, AlertDelivery, AlertKind, AlertState
from tests.factories import make_account, make_user
from tests.services.alerts.helpers import make_target, use

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as error:
        return int(str(error.code)), out.getvalue()
    return 0, out.getvalue()


def told(name: str) -> Alert:
    return Alert.objects.create(
        kind=AlertKind.RUN_FAILED,
        state=AlertState.BEGAN,
        code="unchanged",
        account=make_account(name=name),
    )


def test_alerts_shows_what_was_told_what_waits_and_what_was_not_delivered() -> None:
    alert, _other = told("Main"), told("Other")
    target = make_target(make_user(username="maria"), name="phone")
    now = timezone.now()
    fields: dict[str, Any] = {"target": target, "kind": alert.kind}
    AlertDelivery.objects.create(**fields, due_at=now)
    AlertDelivery.objects.create(
        **fields, undelivered_at=now, code="channel_answered", figures={"status": "403"}
    )

    status, text = run("alerts")
    assert status == 0
    for part in ("Main", "Other", "Messages that wait: 1", "maria", "phone (mail ….com)", "403"):
        assert part in text
    assert "maria@example.com" not in text
    assert "Other" not in run("alerts", "--account", "Main")[1]


def test_alerts_as_json_has_no_address() -> None:
    alert = told("Main")
    target = make_target(make_user(username="maria"), name="phone")
    AlertDelivery.objects.create(
        target=target, kind=alert.kind, undelivered_at=timezone.now(), code="mail_refused"
    )

    answer = json.loads(run("alerts", "--json")[1])

    assert (answer["waiting"], answer["alerts"][0]["account"]) == (0, "Main")
    (failed,) = answer["undelivered"]
    assert (failed["target"], failed["channel"], failed["hint"]) == ("phone", "mail", ".com")
    assert (failed["state"], failed["code"]) == ("undelivered", "mail_refused")
    assert "maria@" not in json.dumps(answer)


def test_without_any_it_says_so() -> None:
    assert "Nothing was told." in run("alerts")[1]


@pytest.mark.django_db(transaction=True)
def test_a_test_is_sent_at_once_and_its_result_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = use(monkeypatch)
    make_target(make_user(username="maria"), name="phone")
    make_target(make_user(username="eve"), name="mail")

    status, text = run("send_test_alert", "--user", "maria")
    assert (status, [to for to, _ in channel.sent]) == (0, ["maria@example.com"])
    assert text.startswith("maria, phone (mail ….com): sent 20")

    channel.failures = [NotDelivered(Code.CHANNEL_ANSWERED, status="500")]
    status, text = run("send_test_alert")
    assert status == 1
    assert "eve, mail (mail ….com): waiting: The other side answered with status 500" in text
    assert "maria, phone" in text


def test_a_target_that_is_not_there_is_said() -> None:
    with pytest.raises(CommandError, match="There is no such alert target") as error:
        call_command("send_test_alert", "--target", "nowhere")

    assert error.value.returncode == 2
