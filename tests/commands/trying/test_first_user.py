"""The first user of a site, and only the first."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from tests.commands.running import run
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_it_is_made_with_the_password_of_the_environment_and_may_do_everything(
    monkeypatch: Any,
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-Long-passw0rd")
    assert run("first_user", "--exists")[0] == 1

    assert run("first_user", "kim") == (0, "Made the user kim.\n")

    user = get_user_model().objects.get()
    assert (user.username, user.is_staff, user.is_superuser) == ("kim", True, True)
    assert user.check_password("a-Long-passw0rd")
    assert run("first_user", "--exists")[0] == 0


def test_a_second_one_is_refused(monkeypatch: Any) -> None:
    make_user()
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-Long-passw0rd")

    with pytest.raises(CommandError, match="There is a user already"):
        call_command("first_user", "kim")


@pytest.mark.parametrize(
    ("username", "password", "said"),
    [("kim", "", "too short"), ("kim", "12345678", "numeric"), ("k m", "a-Long-passw0rd", "valid")],
)
def test_what_nobody_should_use_is_refused(
    monkeypatch: Any, username: str, password: str, said: str
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)

    with pytest.raises(CommandError, match=said) as refused:
        call_command("first_user", username)
    assert refused.value.returncode == 2
    assert not get_user_model().objects.exists()
