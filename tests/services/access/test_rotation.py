"""Every secret is encrypted again with the first key: in batches, and naming what it cannot."""

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from capital.domain.errors import CredentialsUnreadable
from capital.models import Account, WebhookSecret
from capital.services.access.rotation import rotate_keys
from capital.services.webhooks.secrets import (
    Proof,
    rotate_secret,
    sign,
    signing_key_of,
)
from tests.factories import make_account, make_strategy
from tests.hooks import check_at_its_address

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture(autouse=True)
def old_key(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]


def tokens() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM capital_account ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def store(account: Account, token: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE capital_account SET api_key = %s WHERE id = %s", [token, account.pk])


def test_after_it_the_new_key_alone_opens_everything(settings):
    account = make_account(venue="okx", api_key="one", api_secret="two", api_passphrase="three")
    secret = rotate_secret(make_strategy(key="trend"))
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    done = rotate_keys()

    assert (done.encrypted, done.current, done.unreadable) == (4, 0, [])
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    fresh = Account.objects.get(pk=account.pk)
    assert (fresh.api_key, fresh.api_secret, fresh.api_passphrase) == ("one", "two", "three")
    assert WebhookSecret.objects.get().signing_key == signing_key_of(secret)


def test_columns_of_before_are_bound_to_their_place(settings):
    account, other = make_account(), make_account()
    store(account, Fernet(OLD).encrypt(b"one").decode())

    done = rotate_keys()

    assert (done.encrypted, done.current) == (1, 0)
    assert Account.objects.get(pk=account.pk).api_key == "one"
    store(other, tokens()[0])
    with pytest.raises(CredentialsUnreadable):
        _ = Account.objects.get(pk=other.pk).api_key


def test_a_second_run_changes_nothing(settings):
    make_account(api_key="one")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    rotate_keys()
    before = tokens()

    done = rotate_keys()

    assert (done.encrypted, done.current) == (0, 1)
    assert tokens() == before


def test_an_interrupted_run_is_taken_up_where_it_ended(settings):
    for number in range(5):
        make_account(api_key=f"key {number}")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate_keys(batch=2, progress=interrupt)
    done = rotate_keys(batch=2)

    assert (done.encrypted, done.current) == (3, 2)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert [row.api_key for row in Account.objects.order_by("pk")] == [
        f"key {number}" for number in range(5)
    ]


@pytest.mark.parametrize(
    "garbage",
    # With a name: each process of the suite encrypts another text.
    ["nonsense", pytest.param(Fernet(FOREIGN).encrypt(b"x").decode(), id="foreign"), "2.AAAA"],
)
def test_a_value_that_no_key_opens_is_named_and_the_others_go_on(settings, garbage):
    lost = make_account(name="Lost", api_key="gone", api_secret="kept")
    found = make_account(api_key="found")
    store(lost, garbage)
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    done = rotate_keys(batch=1)

    [unreadable] = done.unreadable
    assert (unreadable.pk, unreadable.field) == (lost.pk, "API key")
    assert "Lost" in unreadable.row
    assert not done.is_complete
    assert tokens()[0] == garbage
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert Account.objects.get(pk=found.pk).api_key == "found"
    assert Account.objects.get(pk=lost.pk).api_secret == "kept"


def test_nothing_else_about_a_row_changes(settings):
    account = make_account(api_key="one")
    before = Account.objects.values("name", "updated_at", "api_secret").get(pk=account.pk)
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    rotate_keys()

    assert Account.objects.values("name", "updated_at", "api_secret").get(pk=account.pk) == before


def test_a_webhook_goes_on_taking_signed_calls(settings):
    secret = rotate_secret(make_strategy(key="trend"))
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    rotate_keys()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    import time

    stamp, nonce = str(int(time.time())), "nonce-of-a-test"
    shown = sign(signing_key_of(secret), timestamp=stamp, nonce=nonce, body=b"{}")
    proof = Proof(timestamp=stamp, nonce=nonce, signature=shown, body=b"{}")
    assert check_at_its_address("trend", proof).strategy.key == "trend"
