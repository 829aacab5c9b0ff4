"""One account or link is changed or removed, and no other."""

from decimal import Decimal

import pytest

from capital.domain.errors import HasHistory, NotFound
from capital.models import Account, StrategyAccount
from capital.services.accounts import registry
from capital.services.accounts.registry import (
    change_account,
    change_link,
    delete_account,
    delete_link,
)
from tests.factories import make_account, make_link

pytestmark = pytest.mark.django_db


def test_one_account_is_changed() -> None:
    changed, other = make_account(name="Main"), make_account(name="Side")

    change_account(changed.pk, actor=None, name="First")

    assert dict(Account.objects.values_list("pk", "name")) == {
        changed.pk: "First",
        other.pk: "Side",
    }
    with pytest.raises(NotFound):
        change_account(changed.pk + other.pk, actor=None, name="Gone")


def test_one_account_is_removed_and_one_that_was_used_is_not() -> None:
    removed, other = make_account(), make_account()
    used = make_link(capital="1").account

    delete_account(removed.pk)

    with pytest.raises(HasHistory):
        delete_account(used.pk)
    assert set(Account.objects.all()) == {other, used}


def test_one_link_is_changed() -> None:
    changed, other = make_link(), make_link()

    change_link(changed.pk, weight=Decimal(3))

    assert dict(StrategyAccount.objects.values_list("pk", "weight")) == {
        changed.pk: Decimal(3),
        other.pk: Decimal(1),
    }
    with pytest.raises(NotFound):
        change_link(changed.pk + other.pk, weight=Decimal(3))


def test_links_own_account_is_locked_while_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[list[int]] = []
    lock = registry.lock_accounts
    monkeypatch.setattr(
        registry, "lock_accounts", lambda ids: locked.append(list(ids)) or lock(ids)
    )
    make_link()
    changed, removed = make_link(), make_link()

    change_link(changed.pk, weight=Decimal(3))
    delete_link(removed.pk)

    assert locked == [[changed.account_id], [removed.account_id]]


def test_one_link_is_removed_and_one_that_held_capital_is_not() -> None:
    removed, other, used = make_link(), make_link(), make_link(capital="1")

    delete_link(removed.pk)

    with pytest.raises(HasHistory):
        delete_link(used.pk)
    assert set(StrategyAccount.objects.all()) == {other, used}
