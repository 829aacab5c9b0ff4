"""A stored answer is shown line by line: what is about other people's accounts is hidden."""

import pytest

from capital.models import AccountAccess, WebhookAnswer
from capital.services.webhooks.readers import accounts_shown, told_to_owner
from tests.factories import make_account, make_link, make_operator, make_strategy, make_user

pytestmark = pytest.mark.django_db


def test_lines_about_ones_own_accounts_are_shown() -> None:
    strategy = make_strategy()
    mine = make_account(owner=strategy.owner, name="Mine")
    make_link(account=mine, strategy=strategy)
    make_link(account=make_account(name="Theirs"), strategy=strategy)

    is_shown = accounts_shown(strategy, user=strategy.owner)

    assert [is_shown(name) for name in ("Mine", "Theirs", "Gone")] == [True, False, False]


def test_name_that_is_also_anothers_account_of_the_strategy_is_hidden() -> None:
    strategy = make_strategy()
    for owner in (strategy.owner, make_user()):
        make_link(account=make_account(owner=owner, name="Main"), strategy=strategy)

    assert not accounts_shown(strategy, user=strategy.owner)("Main")


def test_name_of_an_account_that_the_strategy_does_not_trade_on_hides_nothing() -> None:
    strategy = make_strategy()
    make_link(account=make_account(owner=strategy.owner, name="Main"), strategy=strategy)
    make_link(account=make_account(name="Main"))

    assert accounts_shown(strategy, user=strategy.owner)("Main")


def test_who_sees_everything_reads_every_line() -> None:
    strategy = make_strategy()

    assert accounts_shown(strategy, user=make_user(is_superuser=True))("Gone")


def test_answer_is_sent_again_without_lines_about_what_the_owner_may_no_longer_allocate() -> None:
    owner = make_operator("allocate_capital")
    strategy = make_strategy(owner=owner)
    mine, shared = make_account(owner=owner), make_account()
    access = AccountAccess.objects.create(account=shared, user=owner, role="operator")
    body = {"status": "received", "orders": ["mine", "shared", "nobody's"], "skipped": ["shared"]}
    about = {"orders": [mine.pk, shared.pk, None], "skipped": [shared.pk]}
    answer = WebhookAnswer(body=body, accounts=about)

    assert told_to_owner(answer, strategy) == body
    access.delete()

    assert told_to_owner(answer, strategy) == {
        "status": "received",
        "orders": ["mine", "nobody's"],
        "skipped": [],
    }
