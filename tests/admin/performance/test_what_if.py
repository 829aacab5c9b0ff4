"""What if: both courses of an account as figures, strategies, two charts and what is not known."""

from typing import Any

import pytest
from django.test import Client

from capital.admin.performance import whatif
from capital.models import Account, AllocationRun, LinkDay, StrategyAccount
from tests.admin.performance.reading import drawn, read, text_of
from tests.factories import make_account, make_link, make_strategy, make_user
from tests.services.performance.builders import make_day

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.usefixtures("seoul"),
]


@pytest.fixture
def account() -> Account:
    """a earned 10 % twice, b lost 5 % twice, each with 5,000 at first."""
    account = make_account(name="Main")
    earned = {"a": [("5000", "500"), ("5500", "550")], "b": [("5000", "-250"), ("4750", "-237.5")]}
    for key, days in earned.items():
        link = make_link(
            account=account,
            strategy=make_strategy(key=key, name=f"The {key}", market_type="futures"),
        )
        for day, (start, gain) in enumerate(days, 10):
            make_day(link, day, start, gain)
    return account


def path_of(account: Account, query: str = "policy=weights") -> str:
    return f"/admin/capital/account/{account.pk}/what-if/?{query}"


def test_both_courses_are_charts_and_tables_and_nothing_is_written(
    admin: Client, account: Account
) -> None:
    page = read(admin, path_of(account))

    recorded, replayed = drawn(page)
    assert [line["name"] for line in recorded["series"]] == ["Equity", "The a", "The b"]
    assert [line["amounts"] for line in recorded["series"]] == [
        ["10250.00", "10562.50"],
        ["5000.00", "5500.00"],
        ["5000.00", "4750.00"],
    ]
    assert [line["amounts"] for line in replayed["series"]] == [
        ["10250.00", "10506.25"],
        ["5000.00", "5125.00"],
        ["5000.00", "5125.00"],
    ]
    text = text_of(page)
    assert "10,562.50 10,506.25" in text
    assert "+5.62% +5.06%" in text
    assert "a 5,500.00 +1,050.00 5,125.00 +1,012.50" in text
    assert "same return with any capital" in text
    assert "As recorded (USDT)" in text
    assert "What if: by weight (USDT)" in text
    assert AllocationRun.objects.count() == 0


def test_a_link_that_is_deleted_while_the_page_is_made_has_its_key(
    admin: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = whatif._compared

    def compared_before(*arguments: Any) -> Any:
        comparison = compare(*arguments)
        LinkDay.objects.filter(strategy_account__strategy__key="b").delete()
        StrategyAccount.objects.filter(strategy__key="b").delete()
        return comparison

    monkeypatch.setattr(whatif, "_compared", compared_before)

    recorded, _ = drawn(read(admin, path_of(account)))

    assert [line["name"] for line in recorded["series"]] == ["Equity", "The a", "b"]


def test_the_page_of_the_account_leads_there_and_another_policy_is_offered(
    admin: Client, account: Account
) -> None:
    assert f"/admin/capital/account/{account.pk}/what-if/" in read(
        admin, f"/admin/capital/account/{account.pk}/change/"
    )

    usual = read(admin, f"/admin/capital/account/{account.pk}/what-if/")

    assert '<option value="own_profit" selected>' in usual
    assert "Nothing is on record" in usual
    Account.objects.filter(pk=account.pk).update(policy="own_profit")
    assert '<option value="weights" selected>' in read(
        admin, f"/admin/capital/account/{account.pk}/what-if/"
    )


def test_a_period_and_parameters_may_be_given(admin: Client, account: Account) -> None:
    page = read(admin, path_of(account, "policy=weights&until=2026-03-10"))
    assert drawn(page)[0]["labels"] == ["2026-03-10"]

    page = read(admin, path_of(account, "policy=weights&drift_band_percent=8&lookback_days=30"))
    assert drawn(page)[1]["series"][1]["amounts"] == ["5000.00", "5500.00"]


@pytest.mark.parametrize(
    "query",
    [
        "policy=nothing",
        "policy=weights&lookback_days=29",
        "policy=weights&drift_band_percent=101",
        "policy=weights&since=2026",
        "policy=weights&since=2026-03-11&until=2026-03-10",
    ],
)
def test_what_cannot_be_replayed_is_said(admin: Client, account: Account, query: str) -> None:
    page = read(admin, path_of(account, query))

    assert drawn(page) == []
    assert "Both courses" not in page


def test_a_return_that_does_not_exist_is_a_dash_with_its_reason(
    admin: Client, account: Account
) -> None:
    ruined = make_account()
    link = make_link(account=ruined, strategy=make_strategy(key="ruined", market_type="futures"))
    make_day(link, 1, "1000", "-1000")

    page = read(admin, path_of(ruined))

    assert "— —" in text_of(page)


def test_who_may_not_look_at_strategies_is_refused(client: Client, account: Account) -> None:
    client.force_login(make_user(is_staff=True))

    assert client.get(path_of(account)).status_code in (403, 404)
