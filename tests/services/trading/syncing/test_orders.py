"""Client order ids that only the orders tell: all are asked, some at a time, and each once."""

from collections.abc import Callable

import pytest

from capital.domain.reasons import Code
from capital.models import Account, Attribution, Fill, StrategyAccount
from capital.services.trading import ReadReport, import_fills
from capital.services.trading.syncing import account as account_reading
from tests.factories import make_account, make_flow, make_link, make_market, make_strategy
from tests.services.trading.syncing.venue import BEGAN, MINUTE, Sync, Venue, fill, refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capital.services.trading.syncing.orders._AT_ONCE", 2)


@pytest.fixture
def account() -> Account:
    """On an exchange whose fills do not tell the client's id of their order."""
    make_market("BTC/USDT:USDT")
    account = make_account(venue="binance", api_key="key", api_secret="s")
    # So the symbol is asked for.
    make_flow(account, kind="funding", symbol="BTC/USDT:USDT", occurred_at=BEGAN)
    return account


@pytest.fixture
def grid(account: Account) -> StrategyAccount:
    strategy = make_strategy(owner=account.owner, key="grid", market_type="futures")
    return make_link(account=account, strategy=strategy)


def names() -> list[tuple[str, str]]:
    rows = Fill.objects.order_by("executed_at", "pk")
    return list(rows.values_list("order_id", "client_order_id"))


def test_however_many_orders_an_answer_has_all_are_asked(
    account: Account, grid: StrategyAccount, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    orders = ["a", "b", "a", "c", "a", "d", "e"]
    venue.fills = [fill(1 + number / 10, order_id=name) for number, name in enumerate(orders)]
    venue.client_ids = {name: f"grid-{name}" for name in orders}

    assert sync(5, account)["fills"] == 7

    assert venue.orders_asked == ["a", "b", "c", "d", "e"]
    assert names() == [(name, f"grid-{name}") for name in orders]
    assert set(Attribution.objects.values_list("strategy_account", flat=True)) == {grid.pk}


def test_what_was_asked_before_a_failure_is_kept_and_the_rest_is_asked_the_next_time(
    account: Account, grid: StrategyAccount, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    orders = ["a", "b", "c", "d", "e"]
    venue.fills = [fill(1 + number / 10, order_id=name) for number, name in enumerate(orders)]
    venue.client_ids = {name: f"grid-{name}" for name in orders}
    venue.client_ids["d"] = refused(Code.EXCHANGE_RATE_LIMITED)

    sync(5, account)
    assert names() == [(name, f"grid-{name}") for name in "abc"]
    venue.client_ids["d"] = "grid-d"
    sync(10, account)

    assert names() == [(name, f"grid-{name}") for name in orders]
    assert venue.orders_asked == ["a", "b", "c", "d", "d", "e"]


def test_where_the_first_order_is_not_told_for_now_nothing_is_recorded_until_it_is(
    account: Account, grid: StrategyAccount, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.fills = [fill(1, order_id="a"), fill(2, order_id="b"), fill(3, order_id="c")]
    venue.client_ids = {name: f"grid-{name}" for name in "abc"}
    venue.client_ids["a"] = refused(Code.EXCHANGE_RATE_LIMITED)

    assert "fills" not in sync(5, account)
    assert names() == []
    venue.client_ids["a"] = "grid-a"
    assert sync(10, account)["fills"] == 3

    assert names() == [("a", "grid-a"), ("b", "grid-b"), ("c", "grid-c")]


def test_a_fill_that_tells_its_client_order_id_keeps_it_and_is_not_asked(
    account: Account, grid: StrategyAccount, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.fills = [fill(1, order_id="a", client_order_id="grid-told"), fill(2, order_id="b")]
    venue.client_ids = {"a": "grid-a", "b": "grid-b"}

    sync(5, account)

    assert names() == [("a", "grid-told"), ("b", "grid-b")]
    assert venue.orders_asked == ["b"]


def test_one_sync_asks_so_many_and_the_next_goes_on(
    account: Account,
    grid: StrategyAccount,
    venue: Venue,
    sync: Sync,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sync(0, account)
    monkeypatch.setattr(account_reading, "_STEPS", 2)
    orders = [f"{number}" for number in range(7)]
    venue.fills = [fill(1 + number / 10, order_id=name) for number, name in enumerate(orders)]
    venue.client_ids = {name: f"grid-{name}" for name in orders}

    sync(5, account)
    asked = [list(venue.orders_asked)]
    sync(10, account)
    asked.append(venue.orders_asked[4:])

    assert asked == [["0", "1", "2", "3"], ["4", "5", "6"]]
    assert names() == [(name, f"grid-{name}") for name in orders]


@pytest.fixture
def reading(
    account: Account, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], ReadReport]:
    """What an import of the first minutes comes to."""
    monkeypatch.setattr("capital.services.trading.reading.get_trading_gateway", lambda: venue)
    monkeypatch.setattr("capital.services.trading.reading.get_gateway", lambda: venue)

    def read() -> ReadReport:
        return import_fills(account.pk, since=BEGAN, clock=lambda: BEGAN + 30 * MINUTE)

    return read


def test_an_import_asks_the_orders_too(
    grid: StrategyAccount, venue: Venue, reading: Callable[[], ReadReport]
) -> None:
    venue.fills = [fill(1, order_id="a"), fill(2, order_id="b"), fill(3, order_id="c")]
    venue.client_ids = {"a": "grid-a", "c": "web-c"}

    report = reading()

    assert (report.recorded, report.unattributed, report.failures) == (3, 2, {})
    assert names() == [("a", "grid-a"), ("b", ""), ("c", "web-c")]
    assert venue.orders_asked == ["a", "b", "c"]


def test_an_import_stops_where_orders_are_not_told_for_now(
    grid: StrategyAccount, venue: Venue, reading: Callable[[], ReadReport]
) -> None:
    venue.fills = [fill(1, order_id="a"), fill(2, order_id="b"), fill(3, order_id="c")]
    venue.client_ids = {"a": "grid-a", "b": "grid-b", "c": refused(Code.EXCHANGE_UNREACHABLE)}

    report = reading()

    assert [reason.code for reason in report.failures.values()] == [Code.EXCHANGE_UNREACHABLE]
    assert names() == [("a", "grid-a"), ("b", "grid-b")]
