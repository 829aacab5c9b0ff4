"""What was read is written under the lock: together, or account by account."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import transaction

from capital.models import Account
from capital.services.balances.locked import batch_then_each, lock_observed
from tests.factories import make_account

MESSAGE = "A batch of %(number)s failed (%(kind)s)."


class Fatal(Exception):
    pass


def write_all(observed: Mapping[int, str]) -> dict[int, str]:
    return {key: each.upper() for key, each in observed.items()}


def refuse_b(observed: Mapping[int, str]) -> dict[int, str]:
    if "b" in observed.values():
        raise ValueError("CANARY")
    return write_all(observed)


def failed(key: int, error: Exception) -> str:
    return f"{key} failed: {type(error).__name__}"


# Together, or each


def test_a_batch_that_succeeds_is_written_once(caplog: Any) -> None:
    caplog.set_level(logging.INFO)

    assert batch_then_each({1: "a", 2: "b"}, write_all, failed, message=MESSAGE) == {
        1: "A",
        2: "B",
    }
    assert caplog.messages == []


def test_one_that_fails_takes_no_other_with_it(caplog: Any) -> None:
    caplog.set_level(logging.INFO)

    results = batch_then_each({1: "a", 2: "b", 3: "c"}, refuse_b, failed, message=MESSAGE)

    assert results == {1: "A", 2: "2 failed: ValueError", 3: "C"}
    assert caplog.messages == ["A batch of 3 failed (ValueError)."]


def test_what_concerns_the_whole_batch_is_raised_and_nothing_is_tried_again() -> None:
    calls = []

    def refuse(observed: Mapping[int, str]) -> dict[int, str]:
        calls.append(list(observed))
        raise Fatal

    with pytest.raises(Fatal):
        batch_then_each({1: "a", 2: "b"}, refuse, failed, message=MESSAGE, fatal=(Fatal,))
    assert calls == [[1, 2]]


def test_an_account_that_failed_may_end_it() -> None:
    def end(_key: int, error: Exception) -> str:
        raise error

    with pytest.raises(ValueError, match="CANARY"):
        batch_then_each({1: "a", 2: "b"}, refuse_b, end, message=MESSAGE)


# What changed while it was read


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "is_sound"),
    [
        ({"name": "Other"}, True),
        ({"min_change_percent": 7}, True),
        ({"venue": "bybit", "wallet_mode": "unified"}, False),
        ({"is_sandbox": True}, False),
        ({"api_key": "another"}, False),
    ],
)
def test_readings_of_another_wallet_are_not_used(change: dict[str, Any], is_sound: bool) -> None:
    observed, other = make_account(), make_account()
    row = Account.objects.get(pk=observed.pk)
    for name, value in change.items():
        setattr(row, name, value)
    row.save()

    with transaction.atomic():
        locked = lock_observed({each.pk: each for each in (observed, other)})

    assert set(locked.accounts) == {observed.pk, other.pk}
    assert set(locked.sound) == ({observed.pk, other.pk} if is_sound else {other.pk})


@pytest.mark.django_db
def test_an_account_that_is_gone_is_neither_locked_nor_changed() -> None:
    observed = make_account()
    Account.objects.filter(pk=observed.pk).delete()

    with transaction.atomic():
        locked = lock_observed({observed.pk: observed})

    assert (locked.accounts, locked.changed) == ({}, frozenset())
