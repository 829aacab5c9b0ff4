"""``addstatictoken``: a code for who lost the phone, shown once and kept as a digest."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from capital.models import BackupCodes
from capital.services.access import verify_code
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("addstatictoken", *arguments, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue()


def test_code_alone_is_on_stdout_and_proves_its_user_once() -> None:
    user, other = make_user(username="minsu"), make_user(username="jiyeon")
    run("jiyeon")

    code, told = run("minsu")

    assert "not be shown again" in told
    assert code not in str(list(BackupCodes.objects.values()))
    assert verify_code(other, code) is None
    assert verify_code(user, code) == BackupCodes.objects.get(user=user)
    assert verify_code(user, code) is None


def test_a_second_code_leaves_the_first_as_it_is() -> None:
    user = make_user(username="minsu")
    first, second = run("minsu")[0], run("minsu")[0]

    assert first != second
    assert verify_code(user, second) is not None
    assert verify_code(user, first) is not None
    assert BackupCodes.objects.get().digests == []


def test_unknown_user_is_a_bad_argument() -> None:
    with pytest.raises(CommandError, match="User nobody not found") as refused:
        run("nobody")

    assert refused.value.returncode == 2
