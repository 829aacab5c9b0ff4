"""The same trouble is told once, again when it changes, and once when it is over."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.reasons import Code, Reason
from capital.models import Account, Alert, AlertKind, Trouble
from capital.services.alerts.troubles import About, Seen, note, settle, settle_each
from capital.services.transactions import TransactionMisused
from tests.factories import make_account
from tests.services.alerts.helpers import NOON

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def failed(account: Account, code: Code = Code.DATABASE_ERROR, **fields: object) -> Seen:
    return Seen(
        kind=AlertKind.RUN_FAILED,
        about=About(account_id=account.pk),
        reason=Reason(code, {"kind": "IntegrityError"}),
        **fields,  # type: ignore[arg-type]
    )


def noted(*seen: Seen, after: timedelta = timedelta()) -> list[str]:
    with transaction.atomic():
        return [alert.state for alert in note(seen, now=NOON + after)]


def settled(*seen: Seen, after: timedelta = timedelta()) -> list[str]:
    with transaction.atomic():
        return [
            alert.state for alert in settle({each.key: None for each in seen}, now=NOON + after)
        ]


def test_what_lasts_is_told_once() -> None:
    account = make_account()

    assert noted(failed(account)) == ["began"]
    assert noted(failed(account), after=MINUTE) == []
    assert noted(failed(account), after=2 * MINUTE) == []
    assert Alert.objects.get().account == account


def test_another_code_is_told_again() -> None:
    account = make_account()
    noted(failed(account))

    assert noted(failed(account, Code.UNEXPECTED_ERROR), after=MINUTE) == ["changed"]
    assert noted(failed(account, Code.UNEXPECTED_ERROR), after=MINUTE) == []


def test_another_mark_is_told_again_and_other_figures_alone_are_not() -> None:
    account = make_account()
    noted(failed(account, mark="1"))

    assert noted(failed(account, mark="1")) == []
    assert noted(failed(account, mark="2")) == ["changed"]


def test_of_two_accounts_each_is_told() -> None:
    one, other = make_account(), make_account()

    assert noted(failed(one), failed(other)) == ["began", "began"]
    assert settled(failed(one)) == ["over"]
    assert noted(failed(one), failed(other)) == ["began"]


def test_what_is_over_is_told_once_and_may_begin_again() -> None:
    account = make_account()
    noted(failed(account))

    assert settled(failed(account), after=MINUTE) == ["over"]
    assert settled(failed(account), after=2 * MINUTE) == []
    assert noted(failed(account), after=3 * MINUTE) == ["began"]


def test_what_may_pass_by_itself_is_told_once_it_has_lasted() -> None:
    account = make_account()
    slow = failed(account, after=5 * MINUTE)

    assert noted(slow) == []
    assert noted(slow, after=4 * MINUTE) == []
    assert noted(slow, after=5 * MINUTE) == ["began"]
    assert noted(slow, after=6 * MINUTE) == []


def test_what_passed_before_it_was_told_is_not_told_to_be_over() -> None:
    account = make_account()
    slow = failed(account, after=5 * MINUTE)
    noted(slow)

    assert settled(slow, after=MINUTE) == []
    assert noted(slow, after=6 * MINUTE) == []
    assert noted(slow, after=11 * MINUTE) == ["began"]


def test_each_is_settled_in_a_transaction_of_its_own() -> None:
    one, other = make_account(), make_account()
    noted(failed(one), failed(other))

    assert settle_each([failed(one).key, failed(other).key], now=NOON) == 2
    assert not Trouble.objects.filter(over_at=None).exists()


def test_nothing_is_noted_outside_the_transaction_of_what_it_tells() -> None:
    with pytest.raises(TransactionMisused):
        note([failed(make_account())], now=NOON)


def test_an_alert_goes_with_the_change_that_it_tells() -> None:
    account = make_account()

    with transaction.atomic():
        note([failed(account)], now=NOON)
        transaction.set_rollback(True)

    assert not Alert.objects.exists()
    assert not Trouble.objects.exists()


def test_nothing_wrong_costs_no_query(django_assert_num_queries: object) -> None:
    with transaction.atomic(), django_assert_num_queries(0):  # type: ignore[operator]
        assert note([], now=NOON) == []


def test_what_it_is_about_names_the_trouble() -> None:
    keys = {
        Seen(kind=AlertKind.STOP, about=about, reason=Reason(Code.UNCHANGED)).key
        for about in (
            About(),
            About(account_id=1),
            About(strategy_id=1),
            About(owner_id=1),
            About(venue="okx"),
            About(for_everybody=True),
        )
    }

    assert len(keys) == 6


def test_of_very_many_no_statement_compares_each_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("capital.services.alerts.troubles._WRITTEN_AT_ONCE", 2)
    seen = [failed(make_account()) for _ in range(5)]

    with CaptureQueriesContext(connection) as queries:
        assert noted(*seen) == ["began"] * 5

    written = [each["sql"] for each in queries if "UPDATE" in each["sql"].upper()[:7]]
    assert len(written) == 3
    assert Trouble.objects.filter(told_at=NOON).count() == 5
