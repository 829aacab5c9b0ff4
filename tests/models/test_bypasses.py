"""Ways around the rules that were found open, and are closed."""

from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import Value
from django.forms import modelform_factory

from capital.domain.allocation.links import Reserve
from capital.domain.allocation.pools import decide_pool
from capital.domain.errors import AmountNotStorable, AppendOnly
from capital.domain.money import CENT
from capital.models import Account, AllocationRun, StrategyAccount
from tests.domain.builders import link, live
from tests.factories import make_account, make_link, make_strategy
from tests.interpreter import COMPLETE, python, refusal
from tests.models.runs import new_run

pytestmark = pytest.mark.django_db


def stored_passphrase(account) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_passphrase FROM capital_account WHERE id = %s", [account.pk])
        return cursor.fetchone()[0]


@pytest.mark.parametrize("secret", [12345678, b"canary-bytes", "fernet:canary-prefix"])
@pytest.mark.parametrize("way", ["create", "update"])
def test_no_secret_reaches_the_table_in_the_clear(secret, way):
    account = make_account(venue="okx")
    try:
        with transaction.atomic():
            if way == "create":
                account = make_account(venue="okx", api_passphrase=secret)
            else:
                Account.objects.filter(pk=account.pk).update(api_passphrase=secret)
    except (TypeError, ValueError):
        return
    plain = secret if isinstance(secret, str) else str(secret)
    assert plain.removeprefix("fernet:") not in str(stored_passphrase(account))
    assert str(Account.objects.get(pk=account.pk).api_passphrase) == plain


def test_an_expression_does_not_carry_a_secret_in_the_clear():
    account = make_account()
    with pytest.raises(TypeError), transaction.atomic():
        Account.objects.update(api_passphrase=Value("canary"))
    assert "canary" not in stored_passphrase(account)


def recorded():
    run = new_run(account=make_link().account)
    run.save()
    return run


def test_an_instance_with_a_used_primary_key_does_not_overwrite_a_record():
    run = recorded()
    with pytest.raises(DatabaseError), transaction.atomic():
        new_run(pk=run.pk, account=run.account, code="forged").save()
    assert AllocationRun.objects.get().code == "allocated"


def test_an_upsert_by_position_is_refused():
    run = recorded()
    forged = new_run(pk=run.pk, account=run.account, code="forged")
    with pytest.raises(AppendOnly), transaction.atomic():
        AllocationRun.objects.bulk_create([forged], None, False, True, ["code"], ["id"])
    assert AllocationRun.objects.get().code == "allocated"


@pytest.mark.parametrize("keys", [",", " , "])
def test_a_list_of_no_encryption_keys_refuses_to_start(keys):
    assert "FIELD_ENCRYPTION_KEYS" in refusal(**{**COMPLETE, "FIELD_ENCRYPTION_KEYS": keys})


def test_a_secret_may_begin_with_a_dollar_sign():
    run = python("import capital_project.settings", **{**COMPLETE, "SECRET_KEY": "$ecret" * 9})
    assert run.returncode == 0, run.stderr


def test_a_venue_url_with_broken_brackets_is_refused_by_name():
    message = refusal(**COMPLETE, DEBUG="1", CAPITAL_VENUE_URLS='{"binance": "http://[::1"}')
    assert "CAPITAL_VENUE_URLS: the entry for 'binance'" in message


def test_a_concurrency_that_is_no_number_is_refused_by_name():
    assert "CAPITAL_LIVE_CONCURRENCY" in refusal(**COMPLETE, CAPITAL_LIVE_CONCURRENCY="many")


@pytest.mark.parametrize("url", ["", "nonsense", "postgress://trader:pw@db/desk"])
def test_a_database_url_that_names_no_database_is_refused_by_name(url):
    assert "DATABASE_URL" in refusal(**COMPLETE, DATABASE_URL=url)


@pytest.mark.parametrize("missing", ["strategy_id", "account_id"])
def test_a_link_to_nothing_is_refused_readably(missing):
    row = make_link()
    setattr(row, missing, 999_999)
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    assert missing.removesuffix("_id") in refused.value.message_dict


@pytest.fixture
def account_without_key(settings):
    account = make_account(api_key="canary")
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    return Account.objects.get(pk=account.pk)


def test_an_account_whose_key_is_lost_can_be_validated(account_without_key):
    account_without_key.name = "Renamed"

    account_without_key.full_clean()
    account_without_key.save(update_fields=["name"])

    assert Account.objects.values_list("name", flat=True).get() == "Renamed"


def test_an_account_whose_venue_is_gone_can_be_switched_off():
    make_account()
    Account.objects.update(venue="gone")
    account = Account.objects.get()
    account.is_active = False

    account.save(update_fields=["is_active"])

    assert not Account.objects.get().is_active


def test_a_form_without_the_venue_says_what_is_wrong():
    make_account()
    Account.objects.update(venue="gone")
    account = Account.objects.get()
    form = modelform_factory(Account, fields=["name"])({"name": "New"}, instance=account)
    # It was a ValueError: 'AccountForm' has no field named 'venue'.
    assert not form.is_valid()
    assert "Unknown exchange: gone." in str(form.errors)

    strategy = make_strategy()
    form = modelform_factory(StrategyAccount, fields=["strategy", "account", "weight", "leverage"])(
        {"strategy": strategy.pk, "account": account.pk, "weight": "1", "leverage": "1"}
    )
    # It was a ValueError: 'StrategyAccountForm' has no field named 'venue'.
    assert form.is_valid(), form.errors


def test_a_stored_currency_is_in_capitals():
    make_account()
    with pytest.raises(DatabaseError), transaction.atomic():
        Account.objects.update(currency="usdt")
    assert Account.objects.get().currency == "USDT"


def test_the_sentence_of_a_refused_amount_ends_once():
    make_account()
    for value in (0.1, "abc", Decimal("NaN")):
        with pytest.raises(AmountNotStorable) as refused, transaction.atomic():
            Account.objects.update(reserve_amount=value)
        assert ".." not in str(refused.value)


def test_amounts_are_named_without_an_exponent():
    row = make_link()
    row.weight = Decimal(0)
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    assert "E-" not in str(refused.value)
    with pytest.raises(AmountNotStorable) as refused, transaction.atomic():
        Account.objects.update(reserve_amount=Decimal("0.000000001"))
    assert "E-" not in str(refused.value)


def test_minus_zero_is_shown_without_a_sign():
    decision = decide_pool(live("-0.00000000"), [link(1)], reserve=Reserve(), quantum=CENT)
    assert not decision.unallocated.is_signed()


@pytest.mark.parametrize("value", [True, "１０", "1_0"])
def test_a_field_reads_texts_as_strictly_as_the_edge_does(value):
    make_account()
    with pytest.raises(AmountNotStorable), transaction.atomic():
        Account.objects.update(reserve_amount=value)
