"""A stored answer is shown line by line: what is about other people's accounts is hidden."""

import pytest

from capital.models import AccountAccess, StrategyAccount, WebhookAnswer
from capital.services.webhooks.readers import accounts_shown, currencies_told, told_to_owner
from strategies.models import Strategy
from tests.admin.tenants import allow
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


def test_currency_is_told_by_name_where_only_one_can_be_meant() -> None:
    won, same, other = (
        make_account(name=name, venue=venue, currency=currency)
        for name, venue, currency in (
            ("Won", "upbit", "KRW"),
            ("Main", "binance", "USDT"),
            ("Main", "upbit", "KRW"),
        )
    )
    sizes = [{"account": name} for name in ("Won", "Main", "Main", "Gone")]
    about = [won.pk, same.pk, other.pk, None]
    body = {"sizes": sizes, "warnings": [{"code": "live_failed"}]}

    answer = WebhookAnswer(body=body, accounts={"sizes": about, "warnings": [same.pk]})

    assert currencies_told(answer) == {"Won": "KRW"}
    assert currencies_told(WebhookAnswer(body=body)) == {}


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


# An answer of before, which was stored without the accounts of its lines


def answer_about(*names: str) -> WebhookAnswer:
    lines = [{"account": name, "code": "sized"} for name in names]
    warnings = [{"code": "balance_not_live", "reason": f"{name}: …"} for name in names]
    body = {"delivery": 1, "allocations": lines, "sizes": lines * 2, "warnings": warnings}
    return WebhookAnswer(body=body)


def told(answer: WebhookAnswer, strategy: Strategy) -> list[str]:
    body = told_to_owner(answer, strategy)
    assert body["delivery"] == 1
    return [line["account"] for line in [*body["allocations"], *body["sizes"]]]


def test_answer_of_before_is_sent_again_about_what_its_owner_may_allocate_now() -> None:
    owner = allow(make_user(), "capital.allocate_capital")
    strategy = make_strategy(owner=owner)
    accounts = {name: make_account(name=name) for name in ("shared", "seen", "theirs")}
    accounts["own"] = make_account(name="own", owner=owner)
    for account in accounts.values():
        make_link(account=account, strategy=strategy)
    AccountAccess.objects.create(account=accounts["shared"], user=owner, role="operator")
    AccountAccess.objects.create(account=accounts["seen"], user=owner, role="viewer")
    answer = answer_about("own", "shared", "seen", "theirs")

    assert told(answer, strategy) == ["own", "shared"] * 3
    assert "theirs" not in str(told_to_owner(answer, strategy))
    AccountAccess.objects.all().delete()
    assert told(answer, strategy) == ["own"] * 3
    # A link that is gone makes nobody's account his.
    StrategyAccount.objects.filter(account=accounts["theirs"]).delete()
    assert told(answer, strategy) == ["own"] * 3


def test_answer_of_before_about_ones_own_accounts_is_sent_again_as_it_was() -> None:
    owner = allow(make_user(), "capital.allocate_capital")
    strategy = make_strategy(owner=owner)
    make_link(account=make_account(name="own", owner=owner), strategy=strategy)
    answer = answer_about("own")

    assert told_to_owner(answer, strategy) is answer.body
