"""Where users want to be told: what is written, what is refused, and what is shown of it."""

from datetime import time
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from capital.domain.errors import InvalidTarget
from capital.domain.reasons import Code
from capital.models import AlertChannel, AlertKind, AlertTarget
from capital.services.alerts import SWITCHED, TargetFields, find_targets, save_target
from capital.services.alerts.targets import hint_of
from tests.factories import make_user
from tests.services.alerts.helpers import make_target

pytestmark = pytest.mark.django_db


def saved(target: AlertTarget | None = None, **fields: Any) -> AlertTarget:
    given = {"name": "mail", "channel": "mail", "address": "maria@example.com", **fields}
    return save_target(target or AlertTarget(user=make_user()), TargetFields(**given))


def code_of(target: AlertTarget | None = None, **fields: Any) -> Code:
    with pytest.raises(InvalidTarget) as error:
        saved(target, **fields)
    return error.value.reason.code


def test_a_target_is_kept_with_an_address_that_nobody_sees() -> None:
    target = saved(
        kinds_off=["digest", "test", "of_tomorrow"], quiet_from=time(23), quiet_until=time(7)
    )

    again = AlertTarget.objects.get(pk=target.pk)
    assert (again.address, again.hint) == ("maria@example.com", ".com")
    assert again.kinds_off == ["digest"]
    assert again.language == "en"
    with connection.cursor() as cursor:
        cursor.execute("select * from capital_alerttarget")
        assert "maria" not in repr(cursor.fetchall())
    assert "maria" not in repr(again) + str(again) + again.shown_address


def test_an_address_that_is_left_empty_stays_and_another_channel_needs_one() -> None:
    target = saved()

    assert saved(target, name="other", address=" ").address == "maria@example.com"
    assert code_of(target, channel="webhook", address="") is Code.ADDRESS_MISSING
    assert code_of(address="") is Code.ADDRESS_MISSING
    assert code_of(address="maria") is Code.ADDRESS_INVALID


def test_quiet_hours_are_whole_and_names_are_one_s_own() -> None:
    target = saved()

    assert code_of(quiet_from=time(1)) is Code.QUIET_HOURS_HALF
    assert code_of(AlertTarget(user=target.user)) is Code.TARGET_NAME_TAKEN
    assert saved(target, address="").pk == target.pk
    assert saved(name="mail").user != target.user


def test_a_webhook_needs_a_secret_and_no_other_channel_keeps_one() -> None:
    hook = {"channel": "webhook", "address": "https://hooks.example.com/x"}
    assert code_of(**hook) is Code.SIGNING_SECRET_SHORT
    assert code_of(**hook, signing_secret="x" * 15) is Code.SIGNING_SECRET_SHORT

    target = saved(**hook, signing_secret="x" * 16)
    assert saved(target, channel="webhook", address="").signing_secret == "x" * 16
    assert saved(target).signing_secret == ""


def test_a_short_address_shows_less_than_its_half() -> None:
    assert hint_of("https://example.com/hook/") == "hook"
    assert hint_of("a@b.c") == ""
    assert hint_of("a@bcde.f") == ""
    assert hint_of("ab@bcde.f") == "de.f"


def test_all_kinds_but_a_test_can_be_switched() -> None:
    assert set(AlertKind) - set(SWITCHED) == {AlertKind.TEST}


def test_targets_are_their_user_s() -> None:
    mine, other = make_target(), make_target()

    assert find_targets(user=mine.user.username) == [mine]
    assert find_targets() == [mine, other]
    assert find_targets(name=other.name) == [other]
    assert find_targets(user=mine.user.username, name=other.name) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"quiet_from": time(1)},
        {"quiet_until": time(1)},
        {"channel": "pigeon"},
    ],
)
def test_the_database_refuses_what_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_target(**fields)


def test_two_targets_of_one_user_have_two_names() -> None:
    target = make_target(name="mail")
    make_target(name="mail")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_target(target.user, name="mail")


def test_every_channel_of_the_rows_is_one_that_can_be_used() -> None:
    from capital.channels.contract import CHANNELS

    assert set(AlertChannel.values) == CHANNELS
