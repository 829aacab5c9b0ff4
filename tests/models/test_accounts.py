"""An account: what it becomes, what it refuses, and what holds it."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from capital.exchange.venues import VENUES
from capital.models import Account
from tests.factories import make_account, make_summary, make_user
from tests.models.refusals import errors_of, refused_by_database

pytestmark = pytest.mark.django_db


def bulk_account(**fields) -> None:
    """An account that goes around ``save()``."""
    Account.objects.bulk_create(
        [
            Account(
                **{
                    "owner": make_user(),
                    "name": "Main",
                    "venue": "binance",
                    "currency": "USDT",
                    "wallet_mode": "separate",
                    **fields,
                }
            )
        ]
    )


# What an account becomes


def test_owner_name_venue_and_currency_are_enough():
    account = Account.objects.create(
        owner=make_user(), name="Main", venue="binance", currency="USDT"
    )

    account.refresh_from_db()
    assert account.wallet_mode == "separate"
    assert account.is_active
    assert not account.is_sandbox
    assert (account.reserve_percent, account.reserve_amount) == (0, 0)
    assert (account.api_key, account.api_secret, account.api_passphrase) == ("", "", "")
    assert (account.last_checked_at, account.last_check_code) == (None, "")


def test_accounts_inserted_in_bulk_become_the_same(django_assert_num_queries):
    owner = make_user()

    with django_assert_num_queries(1):
        Account.objects.bulk_create(
            [
                Account(owner=owner, name="One", venue="binance", currency="usdt"),
                Account(owner=owner, name="Two", venue="bybit", currency="USDT"),
                Account(owner=owner, name="Three", venue="upbit", currency="KRW"),
            ]
        )

    assert {
        (account.wallet_mode, account.currency, account.min_change_amount)
        for account in Account.objects.all()
    } == {("separate", "USDT", 10), ("unified", "USDT", 10), ("separate", "KRW", 10_000)}


def test_accounts_inserted_in_bulk_are_refused_alike():
    with pytest.raises(
        ValidationError, match="upbit does not support the wallet mode “unified wallet”"
    ):
        bulk_account(venue="upbit", currency="KRW", wallet_mode="unified")
    with pytest.raises(ValidationError, match="Unknown exchange: mtgox"):
        bulk_account(venue="mtgox")


@pytest.mark.parametrize(
    ("venue", "wallet_mode"),
    [
        ("binance", "separate"),
        ("bybit", "unified"),
        ("okx", "unified"),
        ("upbit", "separate"),
        ("bithumb", "separate"),
    ],
)
def test_a_wallet_mode_left_out_becomes_the_venues_usual_one(venue, wallet_mode):
    assert make_account(venue=venue).wallet_mode == wallet_mode


@pytest.mark.parametrize(
    ("venue", "wallet_mode", "named", "has"),
    [
        ("mexc", "unified", "unified wallet", "separate wallets"),
        ("bybit", "separate", "separate wallets", "unified wallet"),
        ("upbit", "unified", "unified wallet", "separate wallets"),
        ("binance", "both", "both", "separate wallets, unified wallet"),
    ],
)
def test_a_wallet_mode_that_the_venue_does_not_have_is_refused(venue, wallet_mode, named, has):
    expected = f"{venue} does not support the wallet mode “{named}”. Supported: {has}."

    with pytest.raises(ValidationError, match=expected):
        make_account(venue=venue, wallet_mode=wallet_mode)

    account = Account(
        owner=make_user(), name="Main", venue=venue, currency="USDT", wallet_mode=wallet_mode
    )
    assert expected in errors_of(account)["wallet_mode"]


def test_an_unknown_venue_is_refused_with_the_known_ones():
    known = ", ".join(sorted(VENUES))
    expected = f"Unknown exchange: ftx. Tested ones: {known}. Name any other by its ccxt id."

    with pytest.raises(ValidationError, match=expected):
        make_account(venue="ftx")

    account = Account(owner=make_user(), name="Main", venue="ftx", currency="USDT")
    assert errors_of(account)["venue"] == [expected]


def test_a_sandbox_is_refused_where_the_venue_has_none():
    with pytest.raises(ValidationError, match="upbit has no sandbox"):
        make_account(venue="upbit", currency="KRW", is_sandbox=True)

    assert make_account(venue="okx", is_sandbox=True).is_sandbox


def test_a_currency_is_kept_in_capitals():
    account = make_account(currency="usdt")

    assert account.currency == "USDT"
    assert Account.objects.get().currency == "USDT"


def test_a_currency_left_out_becomes_the_venues_usual_one():
    assert make_account(venue="upbit", currency="").currency == "KRW"


@pytest.mark.parametrize("currency", ["US DT", "USD-T", "달러", "U" * 17])
def test_a_currency_is_letters_and_digits(currency):
    account = Account(owner=make_user(), name="Main", venue="binance", currency=currency)

    assert errors_of(account)["currency"][0] == "Use 1 to 16 capital letters and digits."


def test_another_currency_or_venue_is_refused_once_balances_are_recorded():
    account = make_account(currency="USDT", venue="binance")
    make_summary(account=account, spot_balance=Decimal(5000))
    recorded = (
        "Balances are already recorded for this account, so its exchange and currency cannot be "
        "changed. Create a new account instead."
    )

    account.currency = "USDC"
    assert errors_of(account) == {"currency": [recorded]}

    account.currency, account.venue, account.wallet_mode = "USDT", "okx", ""
    assert errors_of(account) == {"venue": [recorded]}


def test_the_same_currency_in_small_letters_is_no_change():
    account = make_account(currency="USDT")
    make_summary(account=account)

    account.currency = "usdt"
    account.full_clean()

    assert account.currency == "USDT"


def test_without_recorded_balances_the_currency_may_change():
    account = make_account(currency="USDT")

    account.currency = "USDC"
    account.full_clean()
    account.save()

    assert Account.objects.get().currency == "USDC"


# Constraints of an account


def test_an_accounts_name_is_unique_per_owner():
    account = make_account(name="Main")
    make_account(name="Main")

    with refused_by_database(
        "account_name_unique_per_owner", columns="capital_account.owner_id, capital_account.name"
    ):
        bulk_account(owner=account.owner, name="Main")
    again = Account(owner=account.owner, name="Main", venue="binance", currency="USDT")
    assert errors_of(again) == {"__all__": ["This owner already has an account with this name."]}


@pytest.mark.parametrize("wallet_mode", ["", "both", "SEPARATE"])
def test_a_stored_wallet_mode_is_separate_or_unified(wallet_mode):
    make_account()

    with refused_by_database("account_wallet_mode_known"):
        Account.objects.update(wallet_mode=wallet_mode)


def test_a_stored_account_has_a_currency():
    make_account()

    for currency in ("", "usdt", " USDT", "US$"):
        with refused_by_database("account_currency_well_formed"):
            Account.objects.update(currency=currency)


@pytest.mark.parametrize("percent", ["-0.00000001", "100.00000001", "999"])
def test_a_reserve_is_0_to_100_percent(percent):
    account = make_account()

    with refused_by_database("account_reserve_percent_in_range"):
        bulk_account(reserve_percent=Decimal(percent))
    with refused_by_database("account_reserve_percent_in_range"):
        Account.objects.update(reserve_percent=Decimal(percent))
    account.reserve_percent = Decimal(percent)
    assert list(errors_of(account)) == ["reserve_percent"]


@pytest.mark.parametrize("percent", ["0", "0.00000001", "100"])
def test_a_reserve_at_the_edge_of_its_range_is_kept(percent):
    account = make_account(reserve_percent=Decimal(percent))

    account.full_clean()
    assert Account.objects.get().reserve_percent == Decimal(percent)


def test_a_reserved_amount_is_not_negative():
    account = make_account()

    with refused_by_database("account_reserve_amount_not_negative"):
        bulk_account(reserve_amount=Decimal("-0.01"))
    with refused_by_database("account_reserve_amount_not_negative"):
        Account.objects.update(reserve_amount=Decimal("-0.01"))
    account.reserve_amount = Decimal("-0.01")
    assert errors_of(account) == {
        "reserve_amount": ["Ensure this value is greater than or equal to 0."]
    }


@pytest.mark.parametrize("field", ["reserve_amount", "reserve_percent"])
@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_what_is_not_a_finite_number_is_refused_readably(field, value):
    account = make_account()

    setattr(account, field, Decimal(value))

    assert list(errors_of(account)) == [field]


# What is pointed at stays


def test_an_account_with_a_summary_cannot_be_deleted():
    summary = make_summary()

    with pytest.raises(ProtectedError):
        summary.account.delete()
