"""``rotate_keys``: says what it did, what it could not, and when an old key may go."""

import json

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError

from capital.models import Account
from tests.commands.running import run
from tests.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture(autouse=True)
def rows(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    make_account(name="Desk", api_key="canary-key", api_secret="canary-secret")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]


def test_it_says_when_the_old_key_may_go():
    code, told = run("rotate_keys")

    assert code == 0
    assert "2 values were encrypted again" in told
    assert "The other keys can be removed" in told
    assert "0 values were encrypted again" in run("rotate_keys")[1]


def test_with_one_key_there_is_none_to_remove(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]

    code, told = run("rotate_keys", "--batch", "1")

    assert (code, "removed" in told) == (0, False)
    assert "2 values were encrypted with it already" in told


def test_what_no_key_opens_is_named_and_keeps_the_keys(settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    code, told = run("rotate_keys")

    assert code == 1
    assert f"API key of account {Account.objects.get().pk}, Desk (binance USDT)" in told
    assert "API secret of account" in told
    assert "Do not remove a key yet" in told
    assert "can be removed" not in told
    assert "canary" not in told


def test_programs_read_it_as_json(settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    code, told = run("rotate_keys", "--json")
    answer = json.loads(told)

    assert code == 1
    assert (answer["encrypted"], answer["current"], answer["is_complete"]) == (0, 0, False)
    assert [each["row"] for each in answer["unreadable"]] == ["Desk (binance USDT)"] * 2


@pytest.mark.parametrize("batch", ["0", "-1", "many"])
def test_a_batch_of_nothing_is_refused(batch):
    with pytest.raises(CommandError, match="batch"):
        run("rotate_keys", f"--batch={batch}")
