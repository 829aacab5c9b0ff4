"""Lists of what becomes millions: counted so far as they are paged, searched where an index is."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from capital.admin.frame.base import SitePage
from capital.admin.frame.lists import AtLeast, BoundedPaginator
from capital.models import Account, AllocationRun, WebhookDelivery
from tests.admin.tenants import allow_everything
from tests.factories import make_account, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db

RUNS = "/admin/capital/allocationrun/"
SIGNALS = "/admin/capital/webhookdelivery/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user(username="root", is_staff=True, is_superuser=True))
    return client


def make_run(account: Account, key: str, **fields: Any) -> AllocationRun:
    values = {"trigger": "schedule", "outcome": "skipped", "code": "no_balance", **fields}
    return AllocationRun.objects.create(account=account, run_key=key, **values)


def make_signal(key: str, **fields: Any) -> WebhookDelivery:
    strategy = make_strategy(key=key, name=f"The {key}")
    return WebhookDelivery.objects.create(
        strategy=strategy, fingerprint="f", body={"symbol": "BTC/USDT"}, **fields
    )


def shown(client: Client, path: str) -> list[int]:
    return [row.pk for row in client.get(path).context["cl"].result_list]


# Nothing to show


def test_every_empty_list_says_how_rows_come_and_what_narrows_one_is_taken_off(
    client: Client,
) -> None:
    empty = 0
    for model, model_admin in admin.site._registry.items():
        assert model_admin.nothing_yet != SitePage.nothing_yet, model
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        page = client.get(address)
        if page.context["cl"].result_list:
            continue
        empty += 1
        assert escape(str(model_admin.nothing_yet)) in page.content.decode(), model
        assert "Nothing matches" not in page.content.decode(), model
    assert empty > 15

    narrowed = client.get(f"{RUNS}?q=nothing").content.decode()
    assert "Nothing matches the search and the filters." in narrowed
    assert '<a href="?" class="desk-do">Show all</a>' in narrowed


# Pages


def test_what_is_beyond_the_last_page_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capital.admin.frame.lists.MOST_ROWS", 3)
    for _ in range(3):
        make_account()
    rows = Account.objects.order_by("pk")
    exact = BoundedPaginator(rows, 2)
    assert (exact.count, exact.num_pages, exact.is_cut) == (3, 2, False)
    make_account()
    make_account()

    with CaptureQueriesContext(connection) as captured:
        paginator = BoundedPaginator(rows, 2)
        assert (paginator.count, paginator.num_pages, paginator.is_cut) == (3, 2, True)

    assert "LIMIT 4" in captured[0]["sql"]
    assert "ORDER BY" not in captured[0]["sql"]
    # Its last page is not fuller than the count says.
    assert len(paginator.page(2)) == 1


def test_number_of_which_there_is_more_says_so() -> None:
    assert str(AtLeast(10_000)) == "10,000+"
    assert AtLeast(10_000) == 10_000


def test_list_says_that_there_is_more_and_how_to_see_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_account()
    for number in range(4):
        make_run(account, f"run-{number}")
    assert "Filter or search to see others." not in client.get(RUNS).content.decode()
    monkeypatch.setattr("capital.admin.frame.lists.MOST_ROWS", 3)

    page = client.get(RUNS).content.decode()

    assert "3+" in page
    assert "Filter or search to see others." in page


def test_every_list_of_the_site_is_bounded() -> None:
    pages = [page for page in admin.site._registry.values() if "capital." in type(page).__module__]

    assert len(pages) > 15
    assert {page.paginator for page in pages} == {BoundedPaginator}


# Search


def test_run_is_found_by_its_key_its_account_and_who_asked(client: Client) -> None:
    actor = make_user(username="anna")
    one = make_run(make_account(name="Main account"), "schedule:2026-03-05", actor=actor)
    two = make_run(make_account(name="Other"), "schedule:2026-03-05")
    three = make_run(make_account(name="Third"), "schedule:2026-03-06")

    assert shown(client, f"{RUNS}?q=schedule:2026-03-05") == [two.pk, one.pk]
    assert shown(client, f"{RUNS}?q=main+ACC") == [one.pk]
    assert shown(client, f"{RUNS}?q='main account'") == [one.pk]
    assert shown(client, f"{RUNS}?q='main'+third") == []
    assert shown(client, f"{RUNS}?q=ann") == [one.pk]
    assert shown(client, f"{RUNS}?q=third") == [three.pk]
    assert shown(client, f"{RUNS}?q=schedule") == []
    assert shown(client, f"{RUNS}?q='") == []


def test_signal_is_found_by_its_id_its_address_and_its_strategy(client: Client) -> None:
    one = make_signal("grid", delivery_id="alert-1", address="192.0.2.7")
    two = make_signal("trend", delivery_id="alert-2", address="192.0.2.8")

    assert shown(client, f"{SIGNALS}?q=alert-1") == [one.pk]
    assert shown(client, f"{SIGNALS}?q=192.0.2.8") == [two.pk]
    assert shown(client, f"{SIGNALS}?q=tren") == [two.pk]
    assert shown(client, f"{SIGNALS}?q=The+grid") == [one.pk]
    assert shown(client, f"{SIGNALS}?q=alert") == []


def test_runs_of_a_time_are_ordered_by_it(client: Client) -> None:
    account = make_account()
    late = make_run(account, "a", created_at=datetime(2026, 3, 5, 12, tzinfo=UTC))
    # The clock was set back between the two.
    early = make_run(account, "b", created_at=datetime(2026, 3, 5, 11, tzinfo=UTC))

    assert shown(client, RUNS) == [early.pk, late.pk]
    asked = "created_at_from_0=2026-03-05&created_at_to_0=2026-03-06"
    assert shown(client, f"{RUNS}?{asked}") == [late.pk, early.pk]


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("outcome__exact=failed", "run_of_rare_outcome"),
        ("trigger__exact=revert", "run_not_of_schedule"),
        ("is_forced__exact=1", "run_that_was_forced"),
    ],
)
def test_what_is_rare_has_an_index(client: Client, query: str, index: str) -> None:
    account = make_account()
    for number in range(3):
        make_run(account, f"run-{number}")
    with connection.cursor() as cursor:
        # A list of three rows is read faster without.
        cursor.execute("SET LOCAL enable_seqscan = off")
        rows = client.get(f"{reverse('admin:capital_allocationrun_changelist')}?{query}")
        statement = str(rows.context["cl"].queryset.order_by()[:50].query)
        cursor.execute(f"EXPLAIN {_with_text(statement)}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert index in plan


def _with_text(statement: str) -> str:
    """Django writes a query for people without the quotes around its texts."""
    for word in ("failed", "revert"):
        statement = statement.replace(f"= {word}", f"= '{word}'")
    return statement


def test_amounts_are_sorted_by_currency_and_what_is_not_known_comes_last(client: Client) -> None:
    for name, currency, starting in (
        ("won", "KRW", "5000"),
        ("small", "USDT", "7"),
        ("large", "USDT", "100"),
        ("unread", "USDT", None),
    ):
        account = make_account(name=name, currency=currency)
        make_summary(account=account, starting_balance=starting and Decimal(starting))

    def listed(sign: str) -> list[str]:
        shown = client.get(reverse("admin:capital_dailyaccountsummary_changelist")).context["cl"]
        column = shown.list_display.index("shown_starting")
        page = client.get(
            reverse("admin:capital_dailyaccountsummary_changelist"), {"o": f"{sign}{column}"}
        )
        return [row.account.name for row in page.context["cl"].result_list]

    assert listed("-") == ["won", "large", "small", "unread"]
    assert listed("") == ["won", "small", "large", "unread"]


def test_page_behind_the_last_one_is_the_last_one_with_its_filters(client: Client) -> None:
    for number in range(120):
        make_account(name=f"kept {number}")
    make_account(name="other")

    page = client.get(reverse("admin:capital_account_changelist"), {"q": "kept", "p": "99"})

    found = page.context["cl"]
    assert (found.result_count, found.page_num) == (120, found.paginator.num_pages)
    assert found.paginator.num_pages > 1
    assert len(found.result_list) > 0


def test_filter_that_is_not_known_is_said_where_all_rows_are_shown(client: Client) -> None:
    make_account(name="shown")
    address = reverse("admin:capital_account_changelist")

    page = client.get(address, {"no_such": "1"}, follow=True).content.decode()

    assert "All rows are shown." in page
    assert "All rows are shown." not in client.get(address).content.decode()


# What no form sends


NO_KEYS = ["", "x", "1e3", "-1.5", str(2**63), "9" * 5000, "\0", "²"]


def test_what_is_ticked_and_no_key_is_passed_over(client: Client) -> None:
    run = make_run(make_account(), "first")
    export = {"action": "export"}

    answers = [
        client.post(RUNS, {**export, "_selected_action": [key, str(run.pk)]}) for key in NO_KEYS
    ]
    nothing = client.post(RUNS, {**export, "_selected_action": NO_KEYS})

    assert [answer.status_code for answer in answers] == [200] * len(NO_KEYS)
    assert nothing.status_code in (200, 302)


@pytest.mark.parametrize("path", ["account", "strategyaccount", "settingchange", "jobrun"])
def test_a_list_is_not_filtered_by_what_no_column_holds(client: Client, path: str) -> None:
    told = "The list cannot be filtered as this address asks."
    # A search is told by Django.
    for name, expected in (
        ("q", "Null characters are not allowed."),
        ("row__exact", told),
        ("venue", told),
        ("name", told),
    ):
        answer = client.get(f"/admin/capital/{path}/", {name: "a\0b"}, follow=True)

        assert answer.status_code == 200
        assert expected in answer.content.decode()


@pytest.mark.parametrize("key", NO_KEYS)
def test_a_choice_that_is_none_is_said_at_its_field(client: Client, key: str) -> None:
    """A page of what was refused shows what was chosen, by its name."""
    answer = client.post("/admin/capital/strategyaccount/add/", {"strategy": key, "account": key})

    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert {"strategy", "account"} <= errors.keys()


def test_a_choice_of_somebody_else_is_neither_taken_nor_named() -> None:
    client, others = Client(), make_account(name="not-theirs")
    client.force_login(allow_everything(make_user(is_staff=True)))

    answer = client.post("/admin/capital/strategyaccount/add/", {"account": str(others.pk)})

    assert "account" in answer.context["adminform"].form.errors
    assert "not-theirs" not in answer.content.decode()
