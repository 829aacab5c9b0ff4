"""Whose account an exchange says it is, learned with the first balance and checked after."""

from decimal import Decimal

import pytest

from capital.domain.balances import Observation
from capital.domain.reasons import Reason
from capital.models import Account, AllocationRun
from capital.services.allocation.allocate import auto_allocate_capital_for_account
from capital.services.balances.live import observe_balances, observe_wallets
from capital.services.balances.owners import known_owners
from capital.services.balances.sync import sync_balances
from tests.factories import capital_of, make_link
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange: Exchange) -> Account:
    """A spot account of 1,000 USDT whose one strategy was allocated."""
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}})
    make_link(account=account)
    auto_allocate_capital_for_account(account.pk)
    return Account.objects.get(pk=account.pk)


def code_of(answer: Observation | Reason) -> str:
    return answer.code if isinstance(answer, Reason) else "live"


def test_answer_of_another_account_falls_back_like_every_failure(
    account: Account, exchange: Exchange
) -> None:
    exchange.set_balance(account, "spot", "900000")
    exchange.fail(account, "wrong_account")

    run = auto_allocate_capital_for_account(account.pk)

    pool = run.pools.get() if run.outcome != "unchanged" else None
    assert pool is None, "the cached balance is the one of before"
    assert AllocationRun.objects.latest("pk").snapshot[0]["code"] == "wrong_account"
    assert capital_of(account.strategy_accounts.get()) == Decimal(1000)


@pytest.mark.parametrize(
    ("fault", "code"), [("wrong_account", "wrong_account"), ("old_answer", "answer_old")]
)
def test_such_an_answer_is_a_number_for_nobody(
    account: Account, exchange: Exchange, fault: str, code: str
) -> None:
    exchange.fail(account, fault)

    for observe in (observe_balances, observe_wallets):
        spot = observe([account.pk])[0]
        assert code_of(spot.answer) == code
    assert sync_balances([account.pk])[code] >= 1
    account.refresh_from_db()
    assert account.connection_code == code


def test_owner_is_learned_once_for_the_credentials_that_are_stored(
    account: Account, exchange: Exchange
) -> None:
    assert set(known_owners(account).values()) == {"1"}
    learned = account.venue_owners

    sync_balances([account.pk])

    account.refresh_from_db()
    assert account.venue_owners == learned


def test_credentials_that_are_entered_again_forget_whose_account_it_was(
    account: Account, exchange: Exchange
) -> None:
    """A first answer may have been the wrong one: there is a way out."""
    exchange.fail(account, "wrong_account")
    account.api_secret = str(account.api_secret)
    account.save()
    account = Account.objects.get(pk=account.pk)

    assert known_owners(account) == {}
    sync_balances([account.pk])
    assert set(known_owners(Account.objects.get(pk=account.pk)).values()) == {"2"}


def test_account_at_another_place_is_another_account(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(is_sandbox=True)

    assert known_owners(Account.objects.get(pk=account.pk)) == {}
