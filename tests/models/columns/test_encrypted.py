import io
import json
import pickle
import traceback

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.forms.models import model_to_dict
from django.test import override_settings
from django.test.utils import isolate_apps

from capital.domain.errors import CredentialsUnreadable
from capital.models import Account, WebhookSecret
from capital.models.columns.encrypted import CipherIdField, EncryptedTextField, encrypted_fields
from tests.factories import make_account, make_strategy

pytestmark = pytest.mark.django_db

KEY, SECRET, PASSPHRASE = "canary-key-1f3b", "canary-secret-77aa", "암호 canary-passphrase"
FIELDS = {"api_key": KEY, "api_secret": SECRET, "api_passphrase": PASSPHRASE}
EACH_FIELD = pytest.mark.parametrize("field", FIELDS)

OLD_KEY, NEW_KEY, FOREIGN_KEY = (
    Fernet.generate_key().decode(),
    Fernet.generate_key().decode(),
    Fernet.generate_key().decode(),
)


@pytest.fixture(autouse=True)
def encryption_keys(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD_KEY]


@pytest.fixture
def account(encryption_keys):
    return make_account(venue="okx", **FIELDS)


@pytest.fixture
def key_lost(account, settings):
    settings.FIELD_ENCRYPTION_KEYS = [FOREIGN_KEY]


def stored(account: Account) -> dict[str, str]:
    """What the table holds, as the database says it."""
    columns = ", ".join(FIELDS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM capital_account WHERE id = %s", [account.pk])
        return dict(zip(FIELDS, cursor.fetchone(), strict=True))


def read(account: Account) -> dict[str, str]:
    """What a fresh reading of the row decrypts to."""
    fresh = Account.objects.get(pk=account.pk)
    return {field: getattr(fresh, field) for field in FIELDS}


def decrypted(account: Account, field: str, key: str) -> str:
    """What this key alone, and no other, opens in the table."""
    with override_settings(FIELD_ENCRYPTION_KEYS=[key]):
        return str(getattr(Account.objects.get(pk=account.pk), field))


def assert_silent(shown: object) -> None:
    for secret in FIELDS.values():
        assert secret not in str(shown)
        assert secret not in repr(shown)
        # In JSON and in repr of bytes, what is not ASCII is spelled otherwise.
    assert "canary" not in repr(shown)


# At rest


def test_the_table_holds_tokens_that_the_key_decrypts(account):
    tokens = stored(account)

    assert_silent(tokens)
    assert {field: decrypted(account, field, OLD_KEY) for field in FIELDS} == FIELDS


def test_what_was_written_is_read_back(account):
    assert read(account) == FIELDS
    assert {field: getattr(account, field) for field in FIELDS} == FIELDS


@pytest.mark.parametrize(
    "text", ["", "x", "열쇠🔑", "line\nbreak", "a" * 5000, "'; DROP TABLE", "\0"]
)
def test_any_text_is_read_back(text):
    account = make_account(api_secret=text)

    assert Account.objects.get(pk=account.pk).api_secret == text


def test_an_empty_text_stays_empty():
    assert stored(make_account()) == dict.fromkeys(FIELDS, "")


def test_equal_secrets_have_different_tokens():
    one, other = make_account(api_key=KEY), make_account(api_key=KEY)

    assert stored(one)["api_key"] != stored(other)["api_key"]


@EACH_FIELD
def test_an_update_of_rows_together_is_refused(account, field):
    """A text is encrypted for its row, and an update names none."""
    before = stored(account)
    setattr(account, field, "canary-bulk")

    for write in (
        lambda: Account.objects.update(**{field: "canary-new"}),
        lambda: Account.objects.bulk_update([account], [field]),
    ):
        with pytest.raises(TypeError) as refused, transaction.atomic():
            write()
        assert_silent("".join(traceback.format_exception_only(refused.value)))
    assert stored(account) == before


def test_a_bulk_insert_encrypts(account):
    Account.objects.bulk_create(
        [
            Account(
                owner=account.owner,
                name="Bulk",
                venue="okx",
                currency="USDT",
                wallet_mode="unified",
                api_secret="canary-bulk",
            )
        ]
    )

    assert decrypted(Account.objects.get(name="Bulk"), "api_secret", OLD_KEY) == "canary-bulk"


def test_update_or_create_encrypts(account):
    Account.objects.update_or_create(pk=account.pk, defaults={"api_key": "canary-upserted"})

    assert decrypted(account, "api_key", OLD_KEY) == "canary-upserted"


def test_an_unrelated_save_leaves_the_tokens_as_they_are(account):
    before = stored(account)

    fresh = Account.objects.get(pk=account.pk)
    fresh.name = "Renamed"
    fresh.save()

    assert stored(account) == before


def test_a_deferred_secret_is_read_when_it_is_asked_for(account):
    fresh = Account.objects.defer("api_secret").get(pk=account.pk)

    assert fresh.api_secret == SECRET
    fresh.save()
    assert read(account) == FIELDS


# Keys


def test_the_first_key_encrypts_and_all_keys_decrypt(account, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, OLD_KEY]
    newer = make_account(api_key="canary-newer")

    assert read(account) == FIELDS
    assert decrypted(newer, "api_key", NEW_KEY) == "canary-newer"
    assert decrypted(account, "api_key", OLD_KEY) == KEY


def test_entering_a_secret_again_moves_it_to_the_new_key(account, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, OLD_KEY]
    fresh = Account.objects.get(pk=account.pk)
    fresh.api_key = fresh.api_key
    fresh.save()

    assert decrypted(account, "api_key", NEW_KEY) == KEY


@EACH_FIELD
@pytest.mark.usefixtures("key_lost")
def test_a_lost_key_fails_closed(account, field):
    fresh = Account.objects.get(pk=account.pk)

    with pytest.raises(CredentialsUnreadable) as refused:
        getattr(fresh, field)

    assert "FIELD_ENCRYPTION_KEYS" in str(refused.value)
    assert_silent("".join(traceback.format_exception(refused.value)))
    for token in stored(account).values():
        assert token not in "".join(traceback.format_exception(refused.value))


@EACH_FIELD
@pytest.mark.parametrize("garbage", [KEY, "gAAAAA", "x" * 200])
def test_a_token_that_was_tampered_with_fails_closed(account, field, garbage):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE capital_account SET {field} = %s", [garbage])

    with pytest.raises(CredentialsUnreadable):
        getattr(Account.objects.get(pk=account.pk), field)


@pytest.mark.usefixtures("key_lost")
def test_an_account_whose_key_is_lost_can_be_listed():
    assert [str(row) for row in Account.objects.all()]
    assert_silent(Account.objects.all())
    assert_silent(list(Account.objects.values()))


@pytest.mark.usefixtures("key_lost")
def test_an_account_whose_key_is_lost_can_be_switched_off(account):
    before = stored(account)

    fresh = Account.objects.get(pk=account.pk)
    fresh.is_active = False
    fresh.save()

    assert not Account.objects.get(pk=account.pk).is_active
    assert stored(account) == before


@pytest.mark.usefixtures("key_lost")
def test_credentials_whose_key_is_lost_can_be_entered_again(account):
    fresh = Account.objects.get(pk=account.pk)
    fresh.api_key = fresh.api_secret = fresh.api_passphrase = "canary-again"
    fresh.save()

    assert read(account) == dict.fromkeys(FIELDS, "canary-again")


# Lookups


@EACH_FIELD
@pytest.mark.parametrize(
    "search",
    [
        lambda rows, field: rows.filter(**{field: KEY}),
        lambda rows, field: rows.exclude(**{field: KEY}),
        lambda rows, field: rows.filter(~Q(**{field: KEY})),
        lambda rows, field: rows.get(**{field: KEY}),
        lambda rows, field: rows.get_or_create(**{field: KEY}),
        lambda rows, field: rows.filter(**{f"{field}__in": [KEY]}),
        lambda rows, field: rows.filter(**{f"{field}__isnull": True}),
        lambda rows, field: rows.filter(**{f"{field}__startswith": KEY}),
        lambda rows, field: rows.filter(**{f"{field}__icontains": KEY}),
        lambda rows, field: rows.filter(**{f"{field}__length": 3}),
        lambda rows, field: rows.order_by(f"{field}__lower"),
        lambda rows, field: rows.values(f"{field}__lower"),
        lambda rows, field: rows.filter(**{field: F("name")}),
    ],
)
def test_lookups_are_refused(account, field, search):
    with pytest.raises(FieldError) as refused:
        list(search(Account.objects, field))

    assert_silent("".join(traceback.format_exception_only(refused.value)))


# What is shown


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        vars,
        model_to_dict,
        pickle.dumps,
        lambda account: account.__getstate__(),
        lambda account: f"{account!s} {account!r}",
        lambda account: list(Account.objects.values()),
        lambda account: list(Account.objects.values_list()),
        lambda account: list(Account.objects.values_list("api_key", flat=True)),
        lambda account: list(Account.objects.values_list(Lower("api_key"))),
        lambda account: list(Account.objects.annotate(shown=F("api_secret")).values("shown")),
        lambda account: [field.value_from_object(account) for field in Account._meta.fields],
        lambda account: serializers.serialize("json", [account]),
        lambda account: serializers.serialize("jsonl", [account]),
        lambda account: serializers.serialize("xml", [account]),
        lambda account: serializers.serialize("python", [account]),
    ],
)  # fmt: skip
def test_no_secret_is_shown(account, show):
    fresh = Account.objects.get(pk=account.pk)

    # As it was entered, and as it was read from the database.
    assert_silent(show(account))
    assert_silent(show(fresh))


def test_values_say_that_there_is_a_secret_and_not_which(account):
    assert repr(list(Account.objects.values("api_key"))) == "[{'api_key': <encrypted>}]"
    account.api_key = ""
    account.save()
    assert repr(list(Account.objects.values("api_key"))) == "[{'api_key': <not set>}]"


def test_a_secret_does_not_turn_into_json_by_accident(account):
    with pytest.raises(TypeError) as refused:
        json.dumps(list(Account.objects.values("api_key")), cls=DjangoJSONEncoder)

    assert_silent(refused.value)


def test_queries_carry_tokens_only(account, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        account.save()

    assert_silent(captured.captured_queries)


def test_a_pickled_account_keeps_its_credentials(account):
    again = pickle.loads(pickle.dumps(account))

    assert {field: getattr(again, field) for field in FIELDS} == FIELDS


# Dump and load


def dump(*arguments: str) -> str:
    printed = io.StringIO()
    call_command("dumpdata", *arguments, stdout=printed)
    return printed.getvalue()


@pytest.mark.parametrize("file_format", ["json", "jsonl", "xml"])
def test_dumped_and_loaded_accounts_keep_their_credentials(account, tmp_path, file_format):
    dumped = dump("auth.user", "capital.account", "--format", file_format)
    Account.objects.all().delete()

    assert_silent(dumped)
    fixture = tmp_path / f"accounts.{file_format}"
    fixture.write_text(dumped, encoding="utf-8")
    call_command("loaddata", str(fixture), verbosity=0)

    assert_silent(stored(account))
    assert read(account) == FIELDS


def test_a_fixture_that_was_written_by_hand_is_encrypted(account, tmp_path):
    rows = json.loads(dump("capital.account"))
    rows[0]["fields"]["api_key"] = KEY
    fixture = tmp_path / "accounts.json"
    fixture.write_text(json.dumps(rows), encoding="utf-8")
    call_command("loaddata", str(fixture), verbosity=0)

    assert_silent(stored(account))
    assert decrypted(account, "api_key", OLD_KEY) == KEY


# Bound to its place


def move(source: Account, field: str, target: Account, into: str) -> None:
    """As somebody does who may write the table and has no key."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {field} FROM capital_account WHERE id = %s", [source.pk])
        [token] = cursor.fetchone()
        cursor.execute(f"UPDATE capital_account SET {into} = %s WHERE id = %s", [token, target.pk])


@EACH_FIELD
def test_a_column_of_another_row_does_not_decrypt(account, field):
    other = make_account(venue="okx", **dict.fromkeys(FIELDS, "canary-other"))
    move(account, field, other, field)

    with pytest.raises(CredentialsUnreadable):
        getattr(Account.objects.get(pk=other.pk), field)
    assert read(account) == FIELDS


def test_a_column_of_another_field_does_not_decrypt(account):
    move(account, "api_secret", account, "api_key")

    with pytest.raises(CredentialsUnreadable):
        _ = Account.objects.get(pk=account.pk).api_key


def test_a_column_of_another_model_does_not_decrypt(account):
    secret = WebhookSecret.objects.create(
        strategy=make_strategy(),
        digest="",
        signing_key="canary-signing",
        cipher_id=account.cipher_id,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE capital_webhooksecret SET signing_key = %s", [stored(account)["api_key"]]
        )

    with pytest.raises(CredentialsUnreadable):
        _ = WebhookSecret.objects.get(pk=secret.pk).signing_key


def test_a_copy_of_a_row_is_refused(account):
    account.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        account.save()


@EACH_FIELD
def test_what_looks_like_a_dumped_token_is_a_text(account, field):
    other = make_account(venue="okx")
    copied = f"fernet:{stored(account)[field]}"

    setattr(other, field, copied)
    other.full_clean()
    other.save()

    assert read(other)[field] == copied
    assert stored(account)[field] not in stored(other)[field]


def test_a_column_of_before_decrypts_and_moves_with_the_next_entry(account):
    with connection.cursor() as cursor:
        token = Fernet(OLD_KEY).encrypt(b"canary-before").decode()
        cursor.execute("UPDATE capital_account SET api_key = %s", [token])

    assert read(account)["api_key"] == "canary-before"
    fresh = Account.objects.get(pk=account.pk)
    fresh.api_key = "canary-after"
    fresh.save()
    assert stored(account)["api_key"].startswith("2.")


def test_a_model_without_an_id_to_be_bound_to_is_refused():
    with isolate_apps("capital"):

        class Bare(models.Model):  # noqa: DJ008
            secret = EncryptedTextField()

            class Meta:
                app_label = "capital"

        class Late(models.Model):  # noqa: DJ008
            secret = EncryptedTextField()
            cipher_id = CipherIdField()

            class Meta:
                app_label = "capital"

        for model in (Bare, Late):
            [problem] = model._meta.get_field("secret").check()
            assert "cipher_id" in problem.msg


def test_every_model_with_secrets_has_an_id_to_bind_them_to():
    found = dict(encrypted_fields())

    assert {Account, WebhookSecret} <= set(found)
    assert not [problem for fields in found.values() for each in fields for problem in each.check()]
