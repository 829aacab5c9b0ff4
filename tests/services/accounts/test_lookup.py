"""Accounts are found, and locked, among others."""

import pytest
from django.db import transaction

from capital.domain.errors import AmbiguousAccount, NotFound, UnknownAccount
from capital.services.accounts.linked import load_linked_accounts
from capital.services.accounts.lookup import (
    active_account_ids,
    find_account_ids,
    lock_account,
    lock_accounts,
)
from tests.factories import make_account, make_link

pytestmark = pytest.mark.django_db


def test_accounts_that_are_switched_off_are_not_among_the_active_ones() -> None:
    on, _off, other = make_account(), make_account(is_active=False), make_account()

    assert active_account_ids() == [on.pk, other.pk]


def test_name_finds_its_own_account() -> None:
    main, side = make_account(name="Main"), make_account(name="Side")

    assert find_account_ids(["Side"]) == [side.pk]
    assert find_account_ids([str(main.pk), "Side", "Main"]) == [main.pk, side.pk]
    with pytest.raises(UnknownAccount):
        find_account_ids(["Mai"])


def test_name_of_two_owners_accounts_is_refused_and_the_id_is_not() -> None:
    accounts = [make_account(name="Main") for _ in range(2)]

    with pytest.raises(AmbiguousAccount):
        find_account_ids(["Main"])
    assert find_account_ids([str(accounts[1].pk)]) == [accounts[1].pk]


def test_only_the_accounts_that_were_asked_for_are_locked() -> None:
    asked, _other = make_account(), make_account()

    with transaction.atomic():
        assert lock_accounts([asked.pk]) == {asked.pk: asked}


def test_one_account_is_locked_and_one_that_is_gone_is_told() -> None:
    asked, gone = make_account(), make_account()
    key = gone.pk
    gone.delete()

    with transaction.atomic():
        assert lock_account(asked.pk) == asked
        with pytest.raises(NotFound):
            lock_account(key)


def test_account_has_its_own_links_and_no_others() -> None:
    links = [make_link() for _ in range(2)]
    also = make_link(account=links[0].account)

    linked = load_linked_accounts([link.account_id for link in links])

    assert {key: [link.id for link in each.links] for key, each in linked.items()} == {
        links[0].account_id: [links[0].pk, also.pk],
        links[1].account_id: [links[1].pk],
    }
    (alone,) = load_linked_accounts([links[1].account_id]).values()
    assert [link.id for link in alone.links] == [links[1].pk]
