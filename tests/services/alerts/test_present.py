"""What is wrong now: seen by whom it concerns, and gone as soon as it is over."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from capital.domain.reasons import Code, Reason
from capital.models import Account, AlertKind, Trouble
from capital.services.alerts import present_troubles
from capital.services.alerts.troubles import About, Seen, note
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def wrong(kind: AlertKind, code: Code, about: About, part: str = "", *, minutes: int = 0) -> None:
    reason = Reason(code, {"venue": "binance"})
    after = timedelta(minutes=minutes)
    with transaction.atomic():
        note([Seen(kind=kind, about=about, reason=reason, part=part, after=after)], now=NOON)


def kinds(account: Account, *, now: datetime = NOON) -> list[str]:
    return [row.kind for row in present_troubles(account.owner, now=now)]


def test_refused_key_is_there_until_the_key_works_and_only_for_its_owner() -> None:
    refused = Code.EXCHANGE_REFUSED_KEY
    mine, theirs = (make_account(connection_code=refused.value) for _ in range(2))
    for account in (mine, theirs):
        wrong(AlertKind.KEY_REFUSED, refused, About(account_id=account.pk))

    found = present_troubles(mine.owner, now=NOON)
    assert [row.account for row in found] == [mine]
    everybody = make_user(is_superuser=True)
    assert len(present_troubles(everybody, now=NOON)) == 2
    of_one = present_troubles(everybody, now=NOON, account_id=theirs.pk)
    assert [row.account for row in of_one] == [theirs]

    # Nobody looked again yet: what stands on the account decides.
    Account.objects.filter(pk=mine.pk).update(connection_code="")
    assert present_troubles(mine.owner, now=NOON) == []
    assert Trouble.objects.filter(over_at=None).count() == 2


@pytest.mark.parametrize(
    ("code", "is_active", "is_there"),
    [
        ("exchange_unreachable", True, True),
        ("exchange_unreachable", False, False),
        # It is read again; the key is refused, which is told as that; it is not asked.
        ("", True, False),
        ("exchange_refused_key", True, False),
        ("live_disabled", True, False),
    ],
)
def test_silent_wallet_is_there_at_once_and_as_long_as_it_is_silent(
    code: str, *, is_active: bool, is_there: bool
) -> None:
    account = make_account(connection_code=code, is_active=is_active)
    about = About(account_id=account.pk)
    wrong(AlertKind.POOL_UNREADABLE, Code.BALANCE_UNREADABLE, about, minutes=10)

    assert kinds(account) == (["pool_unreadable"] if is_there else [])


def test_silent_wallet_of_no_account_is_nobodys() -> None:
    wrong(AlertKind.POOL_UNREADABLE, Code.BALANCE_UNREADABLE, About(for_everybody=True))

    assert kinds(make_account()) == []


def test_fills_have_their_time_to_find_a_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capital.services.alerts.present.ended_of", lambda *_: set())
    account = make_account()
    about = About(account_id=account.pk)
    wrong(AlertKind.FILLS_UNATTRIBUTED, Code.FILLS_OF_NOBODY, about, minutes=15)

    assert kinds(account, now=NOON + timedelta(minutes=14)) == []
    assert kinds(account, now=NOON + timedelta(minutes=15)) == ["fills_unattributed"]
    Trouble.objects.update(told_at=timezone.now())
    assert kinds(account) == ["fills_unattributed"]


def test_late_job_is_there_until_the_job_that_looks_says_that_it_is_over() -> None:
    wrong(AlertKind.JOB_LATE, Code.JOB_IS_LATE, About(), "sync_balances")
    root = make_user(is_superuser=True)

    assert [row.kind for row in present_troubles(root, now=NOON)] == ["job_late"]
    assert kinds(make_account()) == []
    Trouble.objects.update(over_at=NOON)
    assert present_troubles(root, now=NOON) == []
