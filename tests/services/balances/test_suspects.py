"""A suspect balance is refused: what was accepted counts, until the exchange tells another one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import NothingToAccept, NotPermitted, OtherSuspect, UnknownAccount
from capital.domain.pools import Pool
from capital.models import Account, SettingChange
from capital.services.balances import (
    is_kept,
    keep_balances,
    suspect_marks,
    sync_balances,
)
from tests.factories import make_account, make_operator, make_summary, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def account(exchange: Exchange) -> Account:
    """Accepted are 1,000; the exchange tells 9,000 since."""
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "70"}}, max_jump_percent=50
    )
    make_summary(account=account, spot_balance=Decimal(1000), futures_balance=Decimal(70))
    return told(exchange, account, "9000")


def told(exchange: Exchange, account: Account, amount: str) -> Account:
    exchange.set_balance(account, "spot", amount)
    sync_balances([account.pk])
    return Account.objects.get(pk=account.pk)


def stored(account: Account) -> dict[str, Any]:
    readings: dict[str, Any] = Account.objects.get(pk=account.pk).suspect_readings
    return readings


def test_refused_balance_stays_on_hold_while_the_exchange_tells_it(
    exchange: Exchange, account: Account
) -> None:
    other = make_account(suspect_readings=account.suspect_readings)
    root = make_user(is_superuser=True)

    refused = keep_balances(account.pk, actor=root, origin="203.0.113.7", clock=lambda: NOON)

    assert {pool: str(each.amount) for pool, each in refused.items()} == {Pool.SPOT: "9000"}
    again = told(exchange, account, "9001")
    assert is_kept(again, "spot")
    assert again.suspect_readings["spot"]["kept_at"] == NOON.isoformat()
    assert not is_kept(Account.objects.get(pk=other.pk), "spot")
    assert not is_kept(again, "futures")
    record = SettingChange.objects.get()
    assert (record.account_id, record.actor_id, record.origin) == (
        account.pk,
        root.pk,
        "203.0.113.7",
    )
    assert record.values == {"suspect_readings": {"old": "spot 9000.00", "new": "spot 1000.00"}}


def test_another_balance_is_a_new_suspicion_and_the_accepted_one_ends_it(
    exchange: Exchange, account: Account
) -> None:
    keep_balances(account.pk)

    jumped = told(exchange, account, "50000")
    assert not is_kept(jumped, "spot")
    assert jumped.suspect_readings["spot"]["amount"] == "50000"

    assert told(exchange, account, "1001").suspect_readings == {}


def test_what_was_refused_is_not_refused_twice(account: Account) -> None:
    keep_balances(account.pk, clock=lambda: NOON)

    assert keep_balances(account.pk) == {}

    assert stored(account)["spot"]["kept_at"] == NOON.isoformat()
    assert SettingChange.objects.count() == 1


def test_a_balance_that_was_not_shown_is_not_refused(exchange: Exchange, account: Account) -> None:
    shown = suspect_marks(account)
    another = told(exchange, account, "50000")

    with pytest.raises(OtherSuspect, match="Nothing was refused"):
        keep_balances(account.pk, shown=shown)

    assert not is_kept(Account.objects.get(pk=account.pk), "spot")
    assert keep_balances(account.pk, shown=suspect_marks(another)).keys() == {Pool.SPOT}
    # What is refused already needs not be seen.
    assert suspect_marks(Account.objects.get(pk=account.pk)) == []
    assert keep_balances(account.pk, shown=shown) == {}


@pytest.mark.parametrize("malformed", [{"spot": 1}, {"spot": {"amount": "x"}}, {"elsewhere": {}}])
def test_malformed_balances_have_no_marks(malformed: Any) -> None:
    assert suspect_marks(make_account(suspect_readings=malformed)) == []


def test_only_who_may_accept_may_refuse(account: Account) -> None:
    owner = make_operator("capital.allocate_capital")
    Account.objects.filter(pk=account.pk).update(owner=owner)

    with pytest.raises(NotPermitted):
        keep_balances(account.pk, actor=owner)

    assert "kept_at" not in stored(account)["spot"]


def test_without_a_suspect_balance_there_is_nothing_to_keep() -> None:
    with pytest.raises(NothingToAccept):
        keep_balances(make_account().pk)
    with pytest.raises(UnknownAccount):
        keep_balances(0)
