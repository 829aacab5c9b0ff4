"""Beside others: imports lock accounts before strategies, and exports read as of one moment."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from capital.services.accounts import create_link, set_status
from capital.services.accounts.lookup import lock_accounts
from capital.services.desks import SheetReport, export, export_desk, import_desk
from capital.services.desks.sheets.resources import AccountSheet, Sheet, StrategySheet
from strategies.models import Strategy, StrategyStatus
from tests.factories import make_account, make_link, make_strategy, make_user
from tests.services.waiting import Beside

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

HEAD = "format: capital-desk\nversion: 1\n"


@pytest.fixture
def owner() -> User:
    return make_user(username="minsu", is_superuser=True)


def test_desk_file_locks_its_accounts_before_its_strategies(owner: User) -> None:
    account = make_account(owner=owner, name="Main", venue="binance")
    grid = make_strategy(owner=owner, key="grid", name="Grid")
    text = (
        f"{HEAD}strategies:\n- {{key: grid, owner: minsu, name: Renamed}}\n"
        "accounts:\n- {owner: minsu, name: Main, venue: binance, reserve_percent: '5'}\n"
    )

    with transaction.atomic():
        lock_accounts([account.pk])
        importing = Beside(lambda: import_desk(text))
        importing.wait_for_lock()
        create_link(account=account, strategy=grid)
    importing.result()

    assert Strategy.objects.get().name == "Renamed"
    account.refresh_from_db()
    assert account.reserve_percent == 5
    assert account.strategy_accounts.get().strategy == grid


def test_desk_file_locks_the_accounts_of_tags_before_any_strategy(owner: User) -> None:
    account = make_account(owner=owner, venue="binance")
    grid, trend = (make_strategy(owner=owner, key=key) for key in ("grid", "trend"))
    make_link(account=account, strategy=trend)
    text = (
        f"{HEAD}strategies:\n- {{key: grid, owner: minsu, name: Renamed}}\n"
        "- {key: trend, owner: minsu, order_tag: t1}\n"
    )

    with transaction.atomic():
        lock_accounts([account.pk])
        importing = Beside(lambda: import_desk(text))
        importing.wait_for_lock()
        create_link(account=account, strategy=grid)
    importing.result()

    assert Strategy.objects.get(key="trend").order_tag == "t1"


def test_desk_file_locks_its_strategies_in_one_order(owner: User) -> None:
    first, second = (make_strategy(owner=owner, key=key) for key in ("a", "b"))
    text = (
        f"{HEAD}strategies:\n- {{key: b, owner: minsu, name: Bee}}\n"
        "- {key: a, owner: minsu, name: Ay}\n"
    )

    with transaction.atomic():
        set_status([first.pk], StrategyStatus.PAUSED)
        importing = Beside(lambda: import_desk(text))
        importing.wait_for_lock()
        set_status([second.pk], StrategyStatus.PAUSED)
    importing.result()

    assert set(Strategy.objects.values_list("name", "status")) == {
        ("Ay", "PAUSED"),
        ("Bee", "PAUSED"),
    }


def test_table_of_strategies_locks_them_in_one_order(owner: User) -> None:
    first, second = (make_strategy(owner=owner, key=key) for key in ("a", "b"))
    sheet = StrategySheet(actor=owner, origin="", report=SheetReport())
    lines = StrategySheet.read(b"key,name\nb,Bee\na,Ay\n", name="table.csv")

    with transaction.atomic():
        set_status([first.pk], StrategyStatus.PAUSED)
        importing = Beside(lambda: sheet.import_data(lines, dry_run=True))
        importing.wait_for_lock()
        set_status([second.pk], StrategyStatus.PAUSED)
    importing.result()

    assert [step.name for _, step in sheet.report.steps] == ["b", "a"]


@pytest.mark.parametrize("kind", [AccountSheet, StrategySheet])
def test_table_waits_for_no_account_of_others_that_has_its_name(kind: type[Sheet]) -> None:
    others = make_account(name="Main")
    make_link(account=others, strategy=make_strategy(owner=others.owner, key="grid"))
    user = make_user()
    report = SheetReport()
    columns = b"name,venue" if kind is AccountSheet else b"account,key"
    lines = kind.read(columns + b"\nMain,grid\n", name="table.csv")
    sheet = kind(actor=user, origin="", report=report)

    with transaction.atomic():
        lock_accounts([others.pk])
        Beside(lambda: sheet.import_data(lines, dry_run=True)).result()

    assert report.problems


def test_desk_is_exported_as_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_account()
    write_accounts = export._accounts

    def link_first(*given: Any) -> Any:
        strategy = {"owner": account.owner, "key": "late"}
        Beside(lambda: make_link(account=account, strategy=make_strategy(**strategy))).result()
        return write_accounts(*given)

    monkeypatch.setattr(export, "_accounts", link_first)

    assert "late" not in export_desk().text
    assert account.strategy_accounts.count() == 1
