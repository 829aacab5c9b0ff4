"""The timeline of an account and of a strategy: a picture, a table, and capital at a time."""

import json
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.admin.dashboard.charts import Line, Mark, line_chart
from capital.models import AllocationRun, SettingChange
from strategies.models import Strategy
from tests.admin.tenants import Tenant, make_tenant
from tests.factories import make_account, make_flow, make_link, make_strategy, make_summary
from tests.services.overview.timeline.records import decided

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    return tenant


def words(client: Client, status: int = 200, **asked: Any) -> str:
    response = client.get("/admin/timeline/", asked)
    assert response.status_code == status, asked
    return " ".join(response.content.decode().split())


def rows(page: str) -> list[str]:
    body = page.partition("tl-table")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return body.split("<tr>")[1:]


def test_capital_at_a_time_is_said_with_its_reason(client: Client, tenant: Tenant) -> None:
    now = timezone.now()
    link = make_link(
        account=make_account(owner=tenant.user, name="Other"),
        strategy=make_strategy(owner=tenant.user, name="Trend"),
    )
    decided(link, None, "3000", now - 2 * DAY)
    decided(link, "3000", "4000", now - DAY)
    yesterday = f"{timezone.localtime(now - DAY - HOUR):%Y-%m-%dT%H:%M}"

    for asked in ({"account": link.account_id}, {"strategy": link.strategy_id}):
        page = words(client, **asked, at=yesterday)
        assert "3,000.00 USDT</strong> <span>Allocated by weight.</span>" in page
        assert f"Capital on {yesterday.replace('T', ' ')}:00:" in re.sub("<[^>]*>", "", page)
        assert 'class="tl-line tl-stroke-1"' in page
        assert "4,000.00 USDT</strong>" in words(client, **asked)


def test_table_tells_runs_pauses_and_money_the_newest_first(client: Client, tenant: Tenant) -> None:
    now = timezone.now()
    account = make_account(owner=tenant.user, name="Other")
    link = make_link(account=account, strategy=make_strategy(owner=tenant.user, name="Trend"))
    Strategy.objects.filter(pk=link.strategy_id).update(created_at=now - 9 * DAY)
    run = decided(link, None, "3000", now - 5 * DAY, actor=tenant.user, trigger="admin")
    flow = make_flow(account, occurred_at=now - 4 * DAY)
    change = SettingChange.objects.create(
        row="strategy",
        strategy=link.strategy,
        verb="changed",
        name="Trend",
        values={"status": {"old": "ACTIVE", "new": "PAUSED"}},
        actor=tenant.user,
        created_at=now - 3 * DAY,
    )
    paused = decided(link, "3000", "0", now - 2 * DAY, code="strategy_paused")
    held = AllocationRun.objects.create(
        account=account,
        run_key="held",
        trigger="schedule",
        outcome="held",
        code="unexpected_error",
        created_at=now - DAY,
    )
    off = SettingChange.objects.create(
        row="account",
        account=account,
        verb="changed",
        name="Other",
        values={"is_active": {"old": False, "new": True}},
        created_at=now - HOUR,
    )
    SettingChange.objects.create(
        row="link",
        account=account,
        verb="changed",
        name=link.recorded_name,
        values={"is_active": {"old": True, "new": False}},
        created_at=now - HOUR / 2,
    )

    page = words(client, account=account.pk)
    found = rows(page)

    wanted = [
        ("new account", "Other (binance, USDT)", f"account/{account.pk}/"),
        ("switched off", "Trend @ Other", "—"),
        ("switched on", "Other", f"settingchange/{off.pk}/"),
        (f"Allocation #{held.pk}: on hold", f"allocationrun/{held.pk}/", "scheduled job"),
        (f"Allocation #{paused.pk}: applied", "Trend: 3,000.00 → 0.00 USDT", "command line"),
        ("paused", "mine-user", f"settingchange/{change.pk}/"),
        ("deposit", "Other: +1,000.00 USDT", f"flow/{flow.pk}/", "person"),
        (f"Allocation #{run.pk}: applied", "Trend: — → 3,000.00 USDT", "mine-user"),
    ]
    assert len(found) == len(wanted)
    for row, texts in zip(found, wanted, strict=True):
        for text in texts:
            assert text in row
    for kind in ("run", "hold", "pause", "money", "setting"):
        assert f'class="tl-mark tl-mark-{kind}"' in page
    # Of a strategy, a line is an account.
    assert "Other: — → 3,000.00 USDT" in words(client, strategy=link.strategy_id)


def test_many_changes_of_one_run_are_counted(client: Client, tenant: Tenant) -> None:
    from capital.models import AllocationEntry

    account = make_account(owner=tenant.user)
    links = [
        make_link(account=account, strategy=make_strategy(owner=tenant.user)) for _ in range(8)
    ]
    run = decided(links[0], None, "1", timezone.now() - DAY)
    for link in links[1:]:
        AllocationEntry.objects.create(
            pool=run.pools.get(), strategy_account=link, weight=1, after=1, code="share"
        )

    _new, row = rows(words(client, account=account.pk))

    assert row.count("→") == 6
    assert "and 2 more" in row


def test_days_are_chosen_and_a_time_before_them_is_in_the_middle_of_its_own(
    client: Client, tenant: Tenant
) -> None:
    account = tenant.account.pk
    for days, chosen in (("7", "7 days"), ("1", "1 day"), ("30", "30 days"), ("x", "30 days")):
        assert f'<strong aria-current="true">{chosen}</strong>' in words(
            client, account=account, days=days
        )
    page = words(client, account=account, at="2020-06-15T12:00", days="30")
    assert "2020-05-31 12:00:00 – 2020-06-30 12:00:00" in page
    assert "Nothing happened in this time." in page


def test_currencies_have_a_picture_each(client: Client, tenant: Tenant) -> None:
    strategy = tenant.strategies[0]
    won = make_account(owner=tenant.user, venue="upbit", currency="KRW", name="Won")
    make_link(account=won, strategy=strategy, capital="5000000")

    both = words(client, strategy=strategy.pk)
    assert "Choose a currency:" in both
    assert "tl-line" not in both
    one = words(client, strategy=strategy.pk, currency="KRW")
    assert "tl-line" in one
    assert "5,000,000 KRW</strong>" in one
    assert "USDT" not in one.partition("data-timeline-answer")[2]


def test_page_around_it_tells_the_present_itself(client: Client, tenant: Tenant) -> None:
    asked = {"account": tenant.account.pk, "part": "section"}
    section = words(client, **asked)

    assert "<html" not in section
    assert "15,369.00 USDT</strong>" in section
    assert "mine-spot" not in section.partition("data-timeline-answer")[2].partition("tl-table")[0]
    assert "desk-why" in words(client, account=tenant.account.pk)
    page = client.get(f"/admin/capital/account/{tenant.account.pk}/change/").content.decode()
    assert f'data-timeline-src="/admin/timeline/?account={tenant.account.pk}"' in page


def test_other_peoples_and_nothing_in_particular_are_not_found(client: Client) -> None:
    from tests.admin.tenants import allow

    tenant, other = make_tenant("mine"), make_tenant("other")
    client.force_login(tenant.user)
    words(client, 403, account=tenant.account.pk)
    client.force_login(allow(tenant.user, "capital.view_strategycapital"))
    for asked in (
        {},
        {"currency": "USDT"},
        {"account": other.account.pk},
        {"strategy": other.strategies[0].pk},
        {"link": other.links[0].pk},
    ):
        words(client, 404, **asked)
    page = words(client, account=tenant.account.pk)
    # Pages that this user may not see are not linked to.
    assert f"Allocation #{tenant.runs[0].pk}: applied" in page
    assert "allocationrun" not in page


def test_accepted_jumps_other_balance_types_and_new_accounts_are_marked(
    client: Client, tenant: Tenant
) -> None:
    now = timezone.now()
    account = make_account(owner=tenant.user, name="Other")
    make_link(account=account, strategy=make_strategy(owner=tenant.user, name="Trend"))
    jump = AllocationRun.objects.create(
        account=account,
        run_key="jump",
        trigger="admin",
        outcome="unchanged",
        code="allocated",
        arguments={"accept_jump": True},
        created_at=now - DAY,
    )
    SettingChange.objects.create(
        row="account",
        account=account,
        verb="changed",
        name="Other",
        values={
            "balance_basis": {"old": "wallet", "new": "equity"},
            "is_sandbox": {"old": False, "new": True},
        },
        created_at=now - 2 * DAY,
    )

    page = words(client, account=account.pk)
    new, accepted, basis = rows(page)

    assert "new account" in new
    assert "Other (binance, USDT)" in new
    assert f"Allocation #{jump.pk}: unchanged, jump accepted" in accepted
    assert "Balance type: wallet: cash and realised PnL → equity" in basis
    assert "Sandbox: no → yes" in basis


def test_balance_charts_mark_what_made_balances_jump(client: Client, tenant: Tenant) -> None:
    account = tenant.account
    flow = make_flow(account, amount=Decimal(250))
    days = timezone.localdate(flow.occurred_at, timezone.get_default_timezone())
    make_summary(account=account, date=days, spot_balance=5, ending_balance=5)
    path = reverse("admin:capital_account_change", args=[account.pk])
    own = client.get(path).context["charts"][0]
    board = next(
        card for card in client.get("/admin/").context["cards"] if card.currency == account.currency
    ).equity

    for chart in (own, board):
        assert chart.title.startswith("Balance, last 30 days")
        marked = json.loads(chart.data)["marks"]
        told = [text for mark in marked for text in mark["texts"]]
        assert any("deposit: mine-account: +250.00 USDT" in text for text in told)
        assert ("money", "deposit or withdrawal") in chart.marks
        assert chart.rows[0].notes
        assert not chart.rows[-1].notes
    assert "What happened</th>" in client.get(path).content.decode()


def test_many_marks_of_one_day_are_counted() -> None:
    day = date(2026, 11, 24)
    marks = [Mark(day, "account", f"new account: {number}") for number in range(9)]
    chart = line_chart("Balance", "USDT", [day], [Line("Total", [Decimal(1)])], marks)

    assert list(chart.rows[0].notes)[-2:] == ["new account: 5", "and 3 more"]
    assert json.loads(chart.data)["marks"] == [
        {"day": 0, "kinds": ["account"], "texts": list(chart.rows[0].notes)}
    ]
