"""What made balances jump that nobody earned or lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from capital.models import Account, AllocationRun, SettingChange
from capital.services.overview.marks import Event, read_jumps, read_marks
from tests.admin.tenants import allow
from tests.factories import make_account, make_flow, make_user

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def created(days_ago: int, **fields: Any) -> Account:
    account = make_account(**fields)
    Account.objects.filter(pk=account.pk).update(created_at=timezone.now() - days_ago * DAY)
    return Account.objects.get(pk=account.pk)


def changed(account: Account, days_ago: int, **values: Any) -> SettingChange:
    return SettingChange.objects.create(
        row="account",
        account=account,
        verb="changed",
        name=account.name,
        values=values,
        created_at=timezone.now() - days_ago * DAY,
    )


def accepted(account: Account, days_ago: int, *, accept_jump: bool = True) -> AllocationRun:
    return AllocationRun.objects.create(
        account=account,
        run_key=f"key-{AllocationRun.objects.count()}",
        trigger="admin",
        outcome="unchanged",
        code="allocated",
        arguments={"accept_jump": accept_jump},
        created_at=timezone.now() - days_ago * DAY,
    )


def marks(user: User, *accounts: Account) -> list[Event]:
    now = timezone.now()
    return read_marks([each.pk for each in accounts], user, since=now - 30 * DAY, until=now)


def test_marks_are_money_new_accounts_and_other_balance_types() -> None:
    user = make_user(is_superuser=True)
    old, new = created(40, owner=user), created(2, owner=user)
    other = created(1)
    flow = make_flow(old, occurred_at=timezone.now() - 3 * DAY)
    make_flow(old, occurred_at=timezone.now() - 31 * DAY)
    make_flow(other)
    basis = changed(old, 4, balance_basis={"old": "wallet", "new": "equity"})
    changed(old, 5, name={"old": "a", "new": "b"})

    told = [(each.flow, each.setting, each.account) for each in marks(user, old, new)]

    assert told == [(flow, None, None), (None, basis, None), (None, None, new)]
    assert [each.account_id for each in marks(user, old, new)] == [old.pk, old.pk, new.pk]


def test_marks_are_those_that_the_user_may_look_at() -> None:
    user = allow(make_user(), "capital.view_account")
    account = created(40, owner=user)
    make_flow(account)
    changed(account, 4, is_sandbox={"old": False, "new": True})

    assert marks(user, account) == []
    assert len(marks(make_user(is_superuser=True), account)) == 2


def test_accepted_jumps_are_runs_that_accepted_one() -> None:
    account, now = make_account(), timezone.now()
    run = accepted(account, 1)
    accepted(account, 2, accept_jump=False)
    accepted(account, 31)
    accepted(make_account(), 1)

    (only,) = read_jumps(account.pk, since=now - 30 * DAY, until=now)

    assert (only.run, only.accepts_jump, only.account_id) == (run, True, account.pk)
