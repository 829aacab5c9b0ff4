"""Seeds and backup codes: sealed or digested in the database, those of before too."""

from base64 import b32encode
from binascii import unhexlify
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.db import connection
from django.utils import timezone

from capital.domain.errors import CredentialsUnreadable
from capital.models import BackupCodes, SecondFactorDevice
from capital.services.access import (
    add_backup_code,
    enrol,
    enrolment_url,
    has_backup_codes,
    new_seed,
    rotate_keys,
    verify_code,
)
from tests.factories import make_user
from tests.phones import code_of, make_phone

pytestmark = pytest.mark.django_db(transaction=True)

NEW = Fernet.generate_key().decode()


def stored(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return str(cursor.fetchall())


def test_the_database_has_no_seed() -> None:
    seed = new_seed()
    device = make_phone(make_user(), seed=seed)

    cells = stored("capital_secondfactordevice")

    assert "2." in cells
    assert seed not in cells
    assert SecondFactorDevice.objects.get(pk=device.pk).seed == seed
    assert seed not in repr(device) + str(device)


def test_a_seed_that_was_moved_to_another_row_opens_nothing() -> None:
    mine, theirs = make_phone(make_user()), make_phone(make_user())
    with connection.cursor() as cursor:
        cursor.execute("SELECT seed FROM capital_secondfactordevice WHERE id = %s", [mine.pk])
        [token] = cursor.fetchone()
        cursor.execute(
            "UPDATE capital_secondfactordevice SET seed = %s WHERE id = %s", [token, theirs.pk]
        )

    with pytest.raises(CredentialsUnreadable):
        _ = SecondFactorDevice.objects.get(pk=theirs.pk).seed


def test_seeds_are_encrypted_again_with_the_first_key(settings: Any) -> None:
    user = make_user()
    seed = make_phone(user).seed
    [old] = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [NEW, old]

    done = rotate_keys()

    assert (done.encrypted, done.is_complete) == (1, True)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert SecondFactorDevice.objects.get().seed == seed
    assert verify_code(user, code_of(seed)) is not None


def test_backup_codes_are_kept_as_digests() -> None:
    code = add_backup_code(make_user())

    assert code not in stored("capital_backupcodes")
    assert len(code) == 16


def test_a_backup_code_counts_as_a_phone_begins_it_and_once() -> None:
    user = make_user()
    code = add_backup_code(user)

    assert verify_code(user, code.capitalize()) is not None
    assert verify_code(user, code) is None
    assert not has_backup_codes(user)


def test_a_code_of_digits_costs_no_try_of_the_backup_codes() -> None:
    user = make_user()
    make_phone(user)
    add_backup_code(user)

    assert verify_code(user, "000000") is None
    assert verify_code(user, "²") is None

    assert BackupCodes.objects.get().throttling_failure_count == 1
    assert SecondFactorDevice.objects.get().throttling_failure_count == 1


@pytest.mark.postgresql
def test_of_two_enrolments_at_once_one_counts() -> None:
    user = make_user()
    seeds = [new_seed() for _ in range(4)]

    def attempt(seed: str) -> bool:
        try:
            return enrol(user, seed=seed, code=code_of(seed)) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(len(seeds)) as pool:
        taken = list(pool.map(attempt, seeds))

    assert sorted(taken) == [False, False, False, True]
    assert SecondFactorDevice.objects.get(user=user).seed == seeds[taken.index(True)]


def test_the_qr_code_says_what_authenticator_apps_read() -> None:
    url = urlsplit(enrolment_url("ABCD", make_user(username="min su")))

    assert (url.scheme, url.netloc, url.path) == ("otpauth", "totp", "/Capital%3Amin%20su")
    assert parse_qs(url.query) == {
        "secret": ["ABCD"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
        "issuer": ["Capital"],
    }


# Devices of before


@pytest.fixture
def before() -> Any:
    """The tables of django-otp's own devices, as an installation of before has them."""
    migration = import_module("capital.migrations.0013_second_factor_devices")
    models = (migration.OldDevice, migration.OldBackupDevice, migration.OldBackupCode)
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    yield migration
    with connection.schema_editor() as editor:
        for model in reversed(models):
            editor.delete_model(model)


def take_over(migration: Any) -> None:
    migration.take_over(apps, SimpleNamespace(connection=connection))


def test_devices_of_before_go_on_and_their_seeds_are_gone(before: Any) -> None:
    user, half = make_user(), make_user()
    now = timezone.now()
    key = "0123456789abcdef0123456789abcdef01234567"
    same = {
        "drift": 0,
        "throttling_failure_timestamp": None,
        "throttling_failure_count": 0,
        "created_at": now,
        "last_used_at": None,
    }
    before.OldDevice.objects.create(
        user_id=user.pk, name="mine", confirmed=True, key=key, last_t=7, **same
    )
    before.OldDevice.objects.create(
        user_id=half.pk, name="half", confirmed=False, key="ab" * 20, last_t=-1, **same
    )

    take_over(before)

    device = SecondFactorDevice.objects.get()
    seed = b32encode(unhexlify(key)).decode()
    assert (device.user, device.name, device.seed) == (user, "mine", seed)
    assert (device.last_t, device.created_at, device.confirmed) == (7, now, True)
    assert verify_code(user, code_of(seed)) == device
    assert seed not in stored("capital_secondfactordevice")
    assert stored("otp_totp_totpdevice") == "[]"


def test_backup_codes_of_before_work_once_and_are_kept_as_digests(before: Any) -> None:
    user, other = make_user(), make_user()
    for owner, confirmed, codes in ((user, True, ("abcd2345", "efgh2345")), (other, False, ("x",))):
        device = before.OldBackupDevice.objects.create(user_id=owner.pk, confirmed=confirmed)
        for code in codes:
            before.OldBackupCode.objects.create(device=device, token=code)

    take_over(before)

    assert BackupCodes.objects.get().user == user
    assert "abcd2345" not in stored("capital_backupcodes")
    assert verify_code(user, "abcd2345") is not None
    assert verify_code(user, "abcd2345") is None
    assert stored("otp_static_statictoken") == stored("otp_static_staticdevice") == "[]"


def test_where_there_were_no_such_tables_nothing_is_done() -> None:
    take_over(import_module("capital.migrations.0013_second_factor_devices"))

    assert not SecondFactorDevice.objects.exists()


def test_phone_is_kept_with_the_right_code_and_once() -> None:
    user, other = make_user(), make_user()
    theirs = make_phone(other)
    seed, second = new_seed(), new_seed()

    assert enrol(user, seed=seed, code=code_of(second)) is None
    assert not SecondFactorDevice.objects.filter(user=user).exists()

    device = enrol(user, seed=seed, code=code_of(seed))

    assert device is not None
    assert (device.user, device.seed) == (user, seed)
    assert SecondFactorDevice.objects.get(user=user).last_used_at is not None
    assert enrol(user, seed=second, code=code_of(second)) is None
    assert set(SecondFactorDevice.objects.all()) == {device, theirs}
