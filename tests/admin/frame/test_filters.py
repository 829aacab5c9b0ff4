"""Each filter of a list leaves the rows that it names, and the others out, or says why not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.templatetags.admin_list import admin_list_filter
from django.contrib.messages.storage.cookie import CookieStorage
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import TextFilter

from capital.admin.accounts.filters import VenueFilter
from capital.admin.frame.filters import CurrencyFilter, OneOfFilter
from capital.admin.jobs.runs import JobFilter
from capital.admin.trading.markets import MarketVenueFilter
from capital.models import Account, AllocationRun, TradingCursor
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db

# What no filter expects.
HOSTILE = ("%", "9" * 30, "\x00", "0001-01-01")
DATES = ("year", "month", "day")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def listed(root: Client, name: str, **query: Any) -> list[Any]:
    page = root.get(reverse(f"admin:{name}_changelist"), query)
    return list(page.context["cl"].result_list)


@pytest.mark.parametrize("state", ["active", "inactive", "suspect"])
def test_accounts_of_each_state(root: Client, state: str) -> None:
    suspect = {"spot": {"amount": "2", "accepted": "1", "observed_at": "2026-11-26T00:00:00Z"}}
    make_account(name="active")
    make_account(name="inactive", is_active=False)
    make_account(name="suspect", is_active=False, suspect_readings=suspect)
    expected = {"inactive": ["inactive", "suspect"]}.get(state, [state])

    assert [row.name for row in listed(root, "capital_account", state=state)] == expected


def test_accounts_of_which_not_all_trades_are_known(root: Client) -> None:
    now = timezone.now()
    for name, hours, is_active in (("read", 0, True), ("unread", 2, True), ("off", 2, False)):
        TradingCursor.objects.create(
            account=make_account(name=name, is_active=is_active),
            pool="futures",
            asked_for="fills",
            endpoint="GET /fills",
            begins_at=now - timedelta(days=1),
            read_until=now - timedelta(hours=hours),
        )

    assert [row.name for row in listed(root, "capital_account", state="trades")] == ["unread"]


def test_capital_of_each_pool_and_currency(root: Client) -> None:
    separate = make_account(name="separate")
    unified = make_account(name="unified", venue="bybit", wallet_mode="unified", currency="USDC")
    for account, market in (
        (separate, "spot"),
        (separate, "futures"),
        (unified, "spot"),
        (unified, "futures"),
    ):
        make_link(account=account, market_type=market, capital="1")

    def pools(**query: Any) -> list[tuple[str, str]]:
        links = [row.strategy_account for row in listed(root, "capital_strategycapital", **query)]
        return [(link.account.name, link.strategy.market_type) for link in links]

    assert pools(pool="spot") == [("separate", "spot")]
    assert pools(pool="futures") == [("separate", "futures")]
    assert pools(pool="unified") == [("unified", "spot"), ("unified", "futures")]
    assert pools(currency="USDT") == [("separate", "spot"), ("separate", "futures")]


def test_runs_of_a_time_and_of_an_account(root: Client) -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=timezone.get_default_timezone())
    account, other = make_account(), make_account()

    def run_of(of: Account, days: int) -> AllocationRun:
        return AllocationRun.objects.create(
            account=of,
            run_key=f"key-{days}",
            trigger="command",
            outcome="failed",
            code="database_error",
            created_at=noon + timedelta(days=days),
        )

    before, at, after, others = (
        run_of(each, days) for each, days in ((account, -1), (account, 0), (account, 1), (other, 2))
    )

    def runs(**query: Any) -> list[AllocationRun]:
        return listed(root, "capital_allocationrun", **query)

    assert runs(created_at_from_0="2026-11-22") == [others, after, at]
    assert runs(created_at_to_0="2026-11-22") == [at, before]
    assert runs(created_at_from_0="2026-11-22", created_at_from_1="12:01") == [others, after]
    assert runs(created_at_to_0="2026-11-22", created_at_to_1="11:59") == [before]
    assert runs(created_at_from_0="no date") == [others, after, at, before]
    assert runs(account__id__exact=other.pk) == [others]


def test_strategies_of_an_owner(root: Client) -> None:
    mine, theirs = make_strategy(), make_strategy()

    assert listed(root, "strategies_strategy", owner__id__exact=mine.owner_id) == [mine]
    page = root.get(reverse("admin:strategies_strategy_changelist"))
    (owners,) = (each for each in page.context["cl"].filter_specs if each.title == "owner")
    assert {key for key, _ in owners.lookup_choices} == {mine.owner_id, theirs.owner_id}


def asked_of(model: type[Model], query: dict[str, str]) -> Any:
    request: Any = RequestFactory().get("/", query)
    request.user = make_user(is_staff=True, is_superuser=True)
    request._messages = CookieStorage(request)
    return request


def shown(model: type[Model], query: dict[str, str]) -> bool:
    """Show the list and its filters as the page does; False where it leads to all rows."""
    model_admin = admin.site._registry[model]
    request = asked_of(model, query)
    try:
        found = model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters:
        [told] = request._messages
        assert str(told) == "The list cannot be filtered as this address asks. All rows are shown."
        return False
    for each in found.filter_specs:
        admin_list_filter(found, each)
    return True


@pytest.mark.once
@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_a_list_takes_or_tells_whatever_its_filters_are_asked_for(model: type[Model]) -> None:
    model_admin = admin.site._registry[model]
    filters = model_admin.get_changelist_instance(asked_of(model, {})).filter_specs
    names = {name for each in filters for name in each.expected_parameters()}
    if model_admin.date_hierarchy:
        names |= {f"{model_admin.date_hierarchy}__{part}" for part in DATES}
    for name in sorted({*names, "q", "p", "o"}):
        for text in HOSTILE:
            shown(model, {name: text})


def told_of(model: type[Model], query: dict[str, str]) -> list[str]:
    """What is told over the list."""
    request = asked_of(model, query)
    admin.site._registry[model].get_changelist_instance(request)
    return [str(each) for each in request._messages]


@pytest.mark.once
@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_a_word_that_a_filter_does_not_offer_is_told(model: type[Model]) -> None:
    model_admin = admin.site._registry[model]
    filters = model_admin.get_changelist_instance(asked_of(model, {})).filter_specs
    for each in filters:
        if isinstance(each, OneOfFilter):
            assert told_of(model, {each.parameter_name: "no such word"})
            for word, _ in each.lookup_choices:
                assert not told_of(model, {each.parameter_name: word})


def test_every_filter_of_few_words_tells_of_others() -> None:
    """Whoever offers what the code lists is one; the others offer what stands in the database."""
    of_rows = (CurrencyFilter, VenueFilter, MarketVenueFilter, JobFilter, TextFilter)
    request = asked_of(Account, {})
    for model, model_admin in admin.site._registry.items():
        for each in model_admin.get_list_filter(request):
            if isinstance(each, type) and issubclass(each, SimpleListFilter):
                assert issubclass(each, (OneOfFilter, *of_rows)), (model, each)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"created_at_from_0": "22.11.2026"}, "22.11.2026"),
        ({"created_at_to_0": "2026-13-01"}, "2026-13-01"),
        ({"created_at_to_0": "2026-11-22", "created_at_to_1": "25:00"}, "2026-11-22 25:00"),
        ({"created_at_from_1": "09:30"}, "09:30"),
        ({"created_at_from_0": "2026-11-22", "created_at_from_1": "09:30"}, None),
    ],
)
def test_what_is_no_date_is_told(root: Client, query: dict[str, str], told: str | None) -> None:
    page = root.get(reverse("admin:capital_allocationrun_changelist"), query).content.decode()

    assert ("The list is not limited by" in page) is (told is not None)
    assert told is None or f"‘{told}’" in page


def test_it_is_told_on_the_page(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    make_summary(account=make_account(name="shown all the same"))
    address = reverse("admin:capital_dailyaccountsummary_changelist")

    page = client.get(address, {"account__id__exact": "9" * 30}, follow=True)

    assert page.redirect_chain == [(f"{address}?e=1", 302)]
    assert "The list cannot be filtered as this address asks." in page.content.decode()
    assert "shown all the same" in page.content.decode()
