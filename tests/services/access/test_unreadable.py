"""A process that starts says which stored secrets no key opens."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError
from django.test import override_settings

from capital.services.access import rotation, warn_of_unreadable
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def warned(caplog: Any) -> list[str]:
    caplog.clear()
    warn_of_unreadable()
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_it_names_the_rows_and_not_what_is_in_them(caplog: Any) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[Fernet.generate_key().decode()]):
        lost = [make_account(api_key="CANARY", api_secret="CANARY") for _ in range(11)]
    make_account(api_key="k")

    [line] = warned(caplog)

    assert line.startswith(
        "22 stored secrets cannot be read with FIELD_ENCRYPTION_KEYS: account "
        f"{lost[0]} #{lost[0].pk}, account {lost[1]} #{lost[1].pk}, "
    )
    assert f"account {lost[9]} #{lost[9].pk}, …. Add the missing key" in line
    assert f"#{lost[10].pk}" not in line
    assert "CANARY" not in line


def test_it_says_nothing_where_all_can_be_read_or_nobody_knows(
    caplog: Any, monkeypatch: Any
) -> None:
    make_account(api_key="k")
    assert warned(caplog) == []

    def away() -> Any:
        raise OperationalError("CANARY")

    monkeypatch.setattr(rotation, "count_keys", away)
    assert warned(caplog) == []
