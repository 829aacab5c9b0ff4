"""Monthly statements in the admin: that they add up as shown, and who sees them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.admin.performance.statements import statement_lines
from capital.domain.reasons import Code, Reason
from capital.models import Account, PoolDay
from capital.services.performance import LINES, Group, Statement
from tests.admin.performance.reading import read, text_of
from tests.admin.tenants import allow
from tests.factories import make_account, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
MARCH = "/admin/statements/?month=2026-03"


def make_days(account: Account, earned: str = "30") -> None:
    """1,000 in the evening of February; in March 500 come in, and something is earned."""
    zero = dict.fromkeys(("coins", "external", "realized", "fees", "funding", "unrealized"), D(0))
    for day, fields in (
        (date(2026, 2, 28), {"balance": D(1000), "unexplained": D(0)}),
        (
            date(2026, 3, 31),
            {
                "balance": D(1528) + D(earned) - D(30),
                "external": D(500),
                "realized": D(earned),
                "fees": D(3),
                "funding": D(-1),
                "unexplained": D(2),
            },
        ),
    ):
        until = datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC)
        told = {"account": account, "pool": "futures", "date": day, "until": until}
        PoolDay.objects.create(**{**told, **zero, **fields})


@pytest.mark.once
def test_a_statement_of_an_account_and_of_its_owner(admin: Client) -> None:
    owner = make_user(username="minsu")
    accounts = [make_account(owner=owner, name=name) for name in ("One", "Two")]
    for account in accounts:
        make_days(account)
    silent = make_account(owner=owner, name="Silent")

    shown = read(admin, MARCH)
    page = text_of(shown)
    alone = text_of(read(admin, f"{MARCH}&account={accounts[1].pk}"))
    owners = text_of(read(admin, f"{MARCH}&by=owner"))

    assert "One · USDT · 2026-03 2026-02-28 23:30:00 – 2026-03-31 23:30:00" in page
    assert 'title="2026-02-28 14:30:00 UTC"' in shown
    for said in ("Opening balance", "1,000.00", "+500.00", "+30.00", "-3.00", "-1.00", "+2.00"):
        assert said in page
    assert "A balance of Silent that this month needs is not known." in page
    assert "Two · USDT" in alone
    assert "One · USDT" not in alone
    assert "minsu · USDT · 2026-03" in owners
    assert "3,056.00" in owners
    assert f"of whose balances nothing is known: {silent.name}" in owners
    assert "is not a month" in text_of(read(admin, "/admin/statements/?month=2026-3"))
    lines = b"".join(admin.get(f"{MARCH}&export=csv")).decode().splitlines()
    assert lines[1].startswith("One,USDT,2026-03,2026-02-28T23:30:00+09:00,")


@pytest.mark.once
def test_month_that_has_not_begun_is_not_offered(admin: Client) -> None:
    make_account()

    def page(month: str = "") -> str:
        return read(admin, f"/admin/statements/?month={month}" if month else "/admin/statements/")

    this = f"{timezone.localdate():%Y-%m}"
    assert f'max="{this}"' in page()
    assert "Month before" in page()
    assert "Month after" not in page()
    assert "Month after" not in page(this)
    assert "Month after" in page(f"{timezone.localdate().year - 1}-12")


def test_what_is_shown_adds_up_where_rounding_alone_would_not() -> None:
    amounts = dict.fromkeys(LINES, D("0.004"))
    amounts["fees"] = D("-0.004")
    amounts["closing_balance"] = D("0.032")
    whose = Group("One", 1)
    told = Statement(whose, "USDT", date(2026, 3, 1), None, None, amounts)

    rows = statement_lines(told)

    shown = [D(row.text) for row in rows]
    assert sum(shown[:-1]) == shown[-1] == D("0.03")
    assert [row.exact for row in rows][:2] == ["0.004", "0.004"]
    missing = {**amounts, "fees": Reason(Code.NOT_EXPLAINED, {"account": "One"})}
    rows = statement_lines(Statement(whose, "USDT", date(2026, 3, 1), None, None, missing))
    assert [row.text for row in rows] == ["0.00", "+0.01", "0.00", "—", *["0.00"] * 4, "0.03"]


def test_statements_are_of_accounts_that_one_may_see_in_as_many_queries(client: Client) -> None:
    make_days(make_account(name="Hidden"))
    client.force_login(make_user(is_staff=True))
    assert client.get(MARCH).status_code == 403
    user = allow(make_user(is_staff=True, username="jiwoo"), "capital.view_account")
    client.force_login(user)
    make_days(make_account(owner=user, name="Own"))

    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert "Hidden" not in read(client, path)
        return len(captured)

    paths = (MARCH, f"{MARCH}&by=owner")
    few = [cost(path) for path in paths]
    for number in range(5):
        make_days(make_account(owner=user, name=f"More {number}"), earned="31")

    assert [cost(path) for path in paths] == few
    assert "jiwoo · USDT" in text_of(read(client, paths[1]))
    assert "There are no accounts." in text_of(read(client, f"{MARCH}&account=999999"))
