"""Fills and flows that are read by themselves: all of them, once, whatever happens meanwhile."""

from datetime import timedelta
from decimal import Decimal
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.domain.sizing.prices import MarketPrice
from capital.exchange.trading.contract import ReadFlow, Unread
from capital.models import Account, AskedFor, Attribution, Fill, Flow, Position, TradingCursor
from capital.services.trading import NewFill, account_pnl, report_fills
from tests.factories import make_account, make_flow, make_link, make_market, make_strategy
from tests.services.trading.syncing.venue import BEGAN, MINUTE, Sync, Venue, fill, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
SWAP = "GET /api/v5/trade/fills-history of SWAP"
POSITIONS = "GET /api/v5/account/positions"
FUTURES = "GET /api/v5/trade/fills-history of FUTURES"
SPOT = "GET /api/v5/trade/fills-history of SPOT"
BILLS = "GET /api/v5/account/bills, types 1, 7 and 8"


class Killed(BaseException):
    """As a process is killed: nothing more is done."""


def ids() -> list[str]:
    return sorted(Fill.objects.values_list("venue_fill_id", flat=True), key=int)


def cursor(account: Account, endpoint: str = SWAP) -> TradingCursor:
    return TradingCursor.objects.get(account=account, endpoint=endpoint)


def test_a_fee_in_a_third_coin_is_valued_by_the_price_of_its_minute_or_not_at_all(
    account: Account, venue: Venue, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_market("OKB/USDT", venue="okx")
    grid = make_strategy(owner=account.owner, key="grid", market_type="futures")
    make_link(account=account, strategy=grid)
    asked: list[str] = []

    class Prices:
        def fetch_prices(self, quoted: Any) -> Any:
            asked.extend(each.symbol for each in quoted)
            return {each: MarketPrice(last=D("50")) for each in quoted}

    monkeypatch.setattr(
        "capital.services.trading.syncing.fee_values.get_market_gateway", lambda **_: Prices()
    )
    sync(0, account)
    now, named = BEGAN + 5 * MINUTE, {"client_order_id": "grid-1"}
    venue.fills = [
        fill(1, fees=((D("0.01"), "OKB"),), **named),
        fill(2, at=now - timedelta(seconds=59), fees=((D("0.02"), "OKB"),), **named),
        fill(3, at=now - timedelta(seconds=59), fees=((D("0.03"), "USDT"), (D(1), "X")), **named),
    ]
    sync(5, account)

    assert set(asked) == {"OKB/USDT"}
    (row,) = account_pnl([account.pk], by=["strategy"])
    assert (row.fees, row.realized) == (D("1.03"), D("-1.03"))
    assert row.fees_unvalued == {"OKB": D("0.01"), "X": D(1)}
    assert Fill.objects.get(venue_fill_id="2").fees == [
        {"amount": "0.02", "currency": "OKB", "value": "1.00"}
    ]


def test_orders_are_asked_once_for_what_their_fills_do_not_tell(venue: Venue, sync: Sync) -> None:
    make_market("BTC/USDT:USDT")
    account = make_account(venue="binance", api_key="key", api_secret="s")
    grid = make_strategy(owner=account.owner, key="grid", market_type="futures")
    link = make_link(account=account, strategy=grid)
    # So the symbol is asked for.
    make_flow(account, kind="funding", symbol="BTC/USDT:USDT", occurred_at=BEGAN)
    sync(0, account)
    venue.fills = [fill(1, order_id="7"), fill(2, order_id="7"), fill(3, order_id="8")]
    venue.client_ids = {"7": "grid-1"}
    sync(5, account)
    venue.fills += [fill(6, order_id="7"), fill(7, order_id="9")]
    venue.client_ids["9"] = refused(Code.EXCHANGE_RATE_LIMITED)
    sync(10, account)
    venue.client_ids["9"] = "web_9"
    sync(15, account)

    # The one that passes is asked again; the one that is not told is not.
    assert venue.orders_asked == ["7", "8", "9", "9"]
    columns = ("order_id", "client_order_id", "strategy_account")
    rows = Fill.objects.order_by("executed_at").values_list(*columns)
    assert list(rows) == [
        ("7", "grid-1", link.pk), ("7", "grid-1", link.pk), ("8", "", None),
        ("7", "grid-1", link.pk), ("9", "web_9", None),
    ]  # fmt: skip


def test_what_is_traded_after_the_first_sync_is_recorded_and_what_was_before_is_not(
    account: Account, venue: Venue, sync: Sync
) -> None:
    venue.fills = [fill(-1)]
    assert sync(0, account) == {"synced": 1}
    venue.fills += [fill(2), fill(3)]

    assert sync(5, account) == {"synced": 1, "fills": 2}

    assert ids() == ["2", "3"]
    assert (cursor(account).begins_at, cursor(account).read_until) == (BEGAN, BEGAN + 5 * MINUTE)


def test_the_first_sync_asks_whether_it_may_ask(account: Account, venue: Venue, sync: Sync) -> None:
    venue.fills = [fill(-0.5)]
    venue.failures[SPOT] = refused(Code.EXCHANGE_REFUSED_KEY)

    assert sync(0, account) == {"exchange_refused_key": 1}

    assert (cursor(account, SPOT).code, cursor(account).asked_at) == ("exchange_refused_key", BEGAN)
    assert (ids(), cursor(account).read_until) == ([], BEGAN)


def test_a_fill_that_the_exchange_lists_late_is_found_by_the_overlap(
    account: Account, venue: Venue, sync: Sync
) -> None:
    for minutes in (0, 5, 10):
        sync(minutes, account)
    # It happened before the last two syncs, and is told only now.
    venue.fills = [fill(4)]

    assert sync(13, account) == {"synced": 1, "fills": 1}
    assert sync(14, account) == {"synced": 1}


def test_a_question_that_fails_stays_where_it_is_and_says_why(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.fills = [fill(2), fill(3, symbol="BTC/USDT")]
    venue.failures[SWAP] = venue.failures[FUTURES] = refused()

    counts = sync(5, account)

    assert counts == {"exchange_error": 1, "fills": 1}
    failed, well = cursor(account), cursor(account, SPOT)
    assert (failed.read_until, failed.code, failed.asked_at) == (
        BEGAN, "exchange_error", BEGAN + 5 * MINUTE,
    )  # fmt: skip
    assert (well.read_until, well.code) == (BEGAN + 5 * MINUTE, "")

    venue.failures.clear()
    # Hours later: nothing was passed over.
    assert sync(600, account)["fills"] == 1
    assert (ids(), cursor(account).code) == (["2", "3"], "")


def test_an_exchange_that_is_to_be_left_alone_is_asked_nothing_more(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    # The first of all.
    venue.failures[FUTURES] = refused(Code.EXCHANGE_RATE_LIMITED)
    venue.asked.clear()

    assert sync(5, account) == {"exchange_rate_limited": 1}

    assert [endpoint for endpoint, *_ in venue.asked] == [POSITIONS, FUTURES]


def test_one_exchanges_failure_is_nothing_to_another_account(
    account: Account, venue: Venue, sync: Sync
) -> None:
    make_market("BTC/USDT:USDT", venue="bybit")
    other = make_account(venue="bybit", api_key="key", api_secret="s")
    sync(0, account, other)
    venue.fills = [fill(2)]

    def fail(endpoint: str) -> None:
        if endpoint == FUTURES:
            raise RuntimeError("never told to anybody")

    venue.before = fail
    assert sync(5, account, other) == {"failed": 1, "synced": 1, "fills": 1}
    assert Fill.objects.get().account == other


# Before each answer, and while each row is written: what is recorded afterwards is the same.
@pytest.mark.parametrize("killed_at", range(10))
def test_a_kill_at_any_point_loses_and_doubles_nothing(
    account: Account, venue: Venue, sync: Sync, monkeypatch: Any, killed_at: int
) -> None:
    link = make_link(account=account, strategy=make_strategy(owner=account.owner, key="grid"))
    sync(0, account)
    venue.fills = [
        fill(number, client_order_id="grid1", side=(Side.BUY, Side.SELL)[number % 2])
        for number in range(1, 6)
    ]
    venue.flows[BILLS] = [funding(3, "-1.5")]
    points = iter(range(1000))

    def kill(*_: Any) -> None:
        if next(points) == killed_at:
            raise Killed

    venue.before = kill
    module = "capital.services.trading.syncing.account"
    for name in ("advance", "record_venue_fills", "record_venue_flows"):
        whole = __import__(module, fromlist=[name]).__dict__[name]

        def recorded(*args: Any, whole: Any = whole, **given: Any) -> Any:
            done = whole(*args, **given)
            kill()
            return done

        monkeypatch.setattr(f"{module}.{name}", recorded)
    with pytest.raises(Killed):
        sync(6, account)
    venue.before = lambda _: None
    sync(7, account)

    assert ids() == ["1", "2", "3", "4", "5"]
    assert Attribution.objects.count() == 5
    assert [flow.amount for flow in Flow.objects.all()] == [D("-1.5")]
    position = Position.objects.get(strategy_account=link)
    assert (position.quantity, position.realized_pnl) == (D(-1), D("-1.5"))


def funding(minute: int, amount: str, **fields: Any) -> ReadFlow:
    return ReadFlow(
        **{
            "kind": FlowKind.FUNDING,
            "currency": "USDT",
            "amount": D(amount),
            "occurred_at": BEGAN + minute * MINUTE,
            "symbol": "BTC/USDT:USDT",
            "venue_flow_id": f"f{minute}",
            **fields,
        }
    )


def test_a_fill_that_three_tell_is_recorded_once(
    account: Account, venue: Venue, sync: Sync
) -> None:
    grid = make_strategy(owner=account.owner, key="grid", market_type="futures")
    link = make_link(account=account, strategy=grid)
    sync(0, account)
    told: dict[str, Any] = {
        "symbol": "BTC/USDT:USDT", "side": Side.BUY, "quantity": D(1), "price": D(100),
        "executed_at": BEGAN + 2 * MINUTE,
    }  # fmt: skip
    # Of the order, then of its fill by the exchange's id.
    report_fills(link.pk, [NewFill(**told, order_id="o2")], actor=None, clock=lambda: BEGAN)
    venue.fills = [fill(2)]
    sync(5, account)
    (result,) = report_fills(
        link.pk, [NewFill(**told, venue_fill_id="2", order_id="o2")], actor=None,
        clock=lambda: BEGAN,
    )  # fmt: skip

    assert result.code == "known"
    assert Fill.objects.count() == 2
    assert Position.objects.get().quantity == 1


def test_what_another_process_has_read_meanwhile_is_recorded_once(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.fills = [fill(2), fill(3)]
    sync(5, account)
    # One that had begun before: it knows the cursor as it was.
    TradingCursor.objects.filter(account=account).update(read_until=BEGAN + MINUTE)

    assert sync(4, account) == {"synced": 1}
    assert ids() == ["2", "3"]


def test_accounts_that_waited_longest_go_first_and_the_others_are_told_to_wait(
    account: Account, venue: Venue, sync: Sync
) -> None:
    second, third = (
        make_account(venue="okx", api_key="key", api_secret="s", api_passphrase="p")
        for _ in range(2)
    )
    sync(0, account)
    sync(1, second)
    begun = iter([True, *[False] * 9])

    # One may begin: the one that was never read.
    counts = sync(5, second, account, third, may_go_on=lambda: next(begun))

    assert counts == {"synced": 1, "waiting": 2}
    assert TradingCursor.objects.filter(account=third, read_until=BEGAN + 5 * MINUTE).exists()
    begun = iter([True, *[False] * 9])
    sync(6, second, account, third, may_go_on=lambda: next(begun))
    assert cursor(account).asked_at == BEGAN + 6 * MINUTE


def test_a_long_absence_is_read_in_parts_and_what_the_exchange_no_longer_tells_is_said(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    sync(5, account)
    days = 100
    late = days * 24 * 60
    venue.fills = [fill(60), fill(late - 60)]
    venue.asked.clear()

    while cursor(account).read_until < BEGAN + late * MINUTE:
        sync(late, account)

    spans = [until - since for endpoint, since, until in venue.asked if endpoint == SWAP]
    assert max(spans) <= timedelta(days=7) + 10 * MINUTE
    assert ids() == [str(late - 60)]
    # Of OKX's 90 days, ten are gone: it says since when.
    assert cursor(account).missing_since == BEGAN + 5 * MINUTE


def test_less_is_asked_for_where_it_took_too_long(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.failures[SPOT] = refused(Code.EXCHANGE_TIMEOUT)
    sync(120, account)
    venue.failures.clear()
    venue.asked.clear()

    sync(120, account)

    first, second, *_ = [
        (until - BEGAN) / MINUTE for endpoint, _, until in venue.asked if endpoint == SPOT
    ]
    assert (first, second) == (60, 120)


def test_rows_that_cannot_be_booked_are_kept_and_the_others_are_recorded(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.fills = [fill(2)]
    venue.unread[SWAP] = (Unread("PEPE-SWAP", "an unknown instrument", "77"),)

    for minute in (5, 6):
        sync(minute, account)

    assert ids() == ["2"]
    (row,) = cursor(account).unread
    assert (row["name"], row["problem"], row["row_id"]) == (
        "PEPE-SWAP", "an unknown instrument", "77",
    )  # fmt: skip


def test_nothing_is_recorded_of_an_account_that_got_another_key_meanwhile(
    account: Account, venue: Venue, sync: Sync, monkeypatch: Any
) -> None:
    sync(0, account)
    venue.fills = [fill(2)]

    module = "capital.services.trading.syncing.account"
    locked = __import__(module, fromlist=["lock_accounts"]).lock_accounts

    def with_another_key(account_ids: Any) -> Any:
        found = locked(account_ids)
        for each in found.values():
            each.api_key = "another"
            each.is_sandbox = True
        return found

    monkeypatch.setattr(f"{module}.lock_accounts", with_another_key)
    sync(5, account)

    assert (ids(), cursor(account).read_until) == ([], BEGAN)


def test_what_is_answered_to_a_question_that_is_gone_begins_no_cursor_again(
    account: Account, venue: Venue, sync: Sync, monkeypatch: Any
) -> None:
    sync(0, account)
    venue.fills = [fill(2)]
    venue.failures[SPOT] = refused()
    module = "capital.services.trading.syncing.account"
    gone = TradingCursor.objects.filter(endpoint__in=[SWAP, SPOT])
    for name in ("advance", "note_failure"):
        whole = __import__(module, fromlist=[name]).__dict__[name]

        def without(*args: Any, whole: Any = whole, **given: Any) -> Any:
            gone.filter(endpoint=args[1].call.endpoint).delete()
            return whole(*args, **given)

        monkeypatch.setattr(f"{module}.{name}", without)
    assert sync(5, account) == {"exchange_error": 1, "fills": 1}

    assert (ids(), gone.exists()) == (["2"], False)
    assert cursor(account, FUTURES).read_until == BEGAN + 5 * MINUTE


def test_cursors_of_what_is_no_longer_asked_are_removed(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    kept = set(TradingCursor.objects.values_list("pk", flat=True))
    made = {"asked_for": AskedFor.FILLS, "begins_at": BEGAN, "read_until": BEGAN}
    for pool, endpoint in (("spot", SPOT), ("unified", "GET /gone")):
        TradingCursor.objects.create(account=account, pool=pool, endpoint=endpoint, **made)
    other = TradingCursor.objects.create(
        account=make_account(), pool="spot", endpoint="GET /gone", **made
    )

    sync(5, account)

    assert set(TradingCursor.objects.values_list("pk", flat=True)) == {*kept, other.pk}


def test_with_no_time_left_an_account_waits_and_nothing_is_asked(
    account: Account, venue: Venue, sync: Sync, monkeypatch: Any
) -> None:
    second = make_account(venue="okx", api_key="key", api_secret="s", api_passphrase="p")
    left = SimpleNamespace(left=timedelta(seconds=30))
    module = "capital.services.trading.syncing.sync"
    reading = __import__(module, fromlist=["AccountReading"]).AccountReading

    def slowly(*args: Any) -> Any:
        left.left = timedelta(seconds=2)
        return reading(*args)

    with monkeypatch.context() as patched:
        patched.setattr(f"{module}._moment_in", lambda _: left)
        patched.setattr(f"{module}.AccountReading", slowly)
        assert sync(5, account, second) == {"waiting": 2}
    assert venue.asked == []

    assert sync(6, account, second) == {"synced": 2}


def test_an_exchange_of_orders_is_asked_for_a_week_and_for_no_positions(
    venue: Venue, sync: Sync
) -> None:
    """An order is listed by when it was placed: of eight days ago it is told no more."""
    make_market("BTC/KRW", venue="upbit", quote="KRW", settle="KRW")
    upbit = make_account(venue="upbit", currency="KRW", api_key="key", api_secret="s")
    make_link(account=upbit)
    venue.coins[Pool.SPOT] = {"BTC": D(1)}
    day = 24 * 60
    for at in range(11):
        sync(at * day, upbit)
    venue.asked.clear()

    assert sync(10 * day + 60, upbit) == {"synced": 1}

    orders = [since for endpoint, since, _ in venue.asked if "orders/closed" in endpoint]
    assert set(orders) == {BEGAN + 3 * day * MINUTE}
    assert not TradingCursor.objects.filter(asked_for=AskedFor.POSITIONS).exists()


@override_settings(CAPITAL_LIVE_BALANCES=False)
def test_nothing_is_asked_where_live_reading_is_switched_off(
    account: Account, venue: Venue, sync: Sync
) -> None:
    assert sync(0, account) == {"live_disabled": 1}
    assert (venue.asked, TradingCursor.objects.count()) == ([], 0)


def test_inactive_accounts_are_left_out(account: Account, venue: Venue, sync: Sync) -> None:
    Account.objects.update(is_active=False)

    assert sync(0, account) == {}


def test_queries_do_not_grow_with_the_number_of_fills(
    account: Account, venue: Venue, sync: Sync, django_assert_max_num_queries: Any
) -> None:
    sync(0, account)
    numbers, counts = iter(range(1000)), []
    # The first that finds something asks more than the others.
    for minute, more in ((5, 3), (10, 3), (15, 30)):
        venue.fills += [
            fill(number, at=BEGAN + (minute - 1) * MINUTE) for number in islice(numbers, more)
        ]
        with django_assert_max_num_queries(100) as asked:
            sync(minute, account)
        counts.append(len(asked))

    assert Fill.objects.count() == 36
    assert counts[1] == counts[2]


# By symbol: the exchange wants one


@pytest.fixture
def by_symbol(venue: Venue) -> Account:
    for symbol in ("BTC/USDT", "ETH/USDT", "XRP/USDT"):
        make_market(symbol)
    return make_account(venue="binance", api_key="key", api_secret="secret")


SPOT_OF_BINANCE = "GET /api/v3/myTrades"


def test_symbols_come_from_positions_and_coins_and_are_asked_from_the_beginning(
    by_symbol: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, by_symbol)
    # A coin is bought at a time at which nobody knows of its symbol.
    venue.fills = [fill(2, symbol="ETH/USDT"), fill(3, symbol="XRP/USDT")]
    venue.coins[Pool.SPOT] = {"ETH": D(1), "USDT": D(5), "XRP": D(0)}
    sync(5, by_symbol)
    assert ids() == []

    # Wallets are looked at every quarter of an hour.
    sync(20, by_symbol)

    assert ids() == ["2"]
    asked = {row.symbol for row in TradingCursor.objects.filter(endpoint=SPOT_OF_BINANCE)}
    assert asked == {"ETH/USDT"}


def test_wallets_that_cannot_be_read_are_said(by_symbol: Account, venue: Venue, sync: Sync) -> None:
    venue.failures["wallets"] = refused()

    assert sync(0, by_symbol) == {"exchange_error": 1}

    noted = TradingCursor.objects.get(asked_for=AskedFor.HOLDINGS)
    assert (noted.code, noted.asked_at) == ("exchange_error", BEGAN)


def test_a_symbol_in_which_nothing_happens_is_asked_every_half_an_hour(
    by_symbol: Account, venue: Venue, sync: Sync
) -> None:
    venue.coins[Pool.SPOT] = {"ETH": D(1)}
    sync(0, by_symbol)
    day = 24 * 60 + 1
    sync(day, by_symbol)
    venue.asked.clear()
    for minute in (5, 10, 29, 31):
        sync(day + minute, by_symbol)

    asked = [until for endpoint, _, until in venue.asked if endpoint == SPOT_OF_BINANCE]
    assert asked == [BEGAN + (day + 31) * MINUTE]


# Flows


def test_funding_is_divided_and_what_a_person_entered_is_matched(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    entered = make_flow(
        account, pool="unified", amount=D(1000), occurred_at=BEGAN - timedelta(hours=20)
    )
    other = make_flow(
        account, pool="unified", amount=D(999), occurred_at=BEGAN - timedelta(hours=20)
    )
    venue.flows[BILLS] = [
        ReadFlow(FlowKind.TRANSFER, "USDT", D("1000.0"), BEGAN + MINUTE, "", "t1"),
        ReadFlow(FlowKind.TRANSFER, "USDT", D(-7), BEGAN + MINUTE),
    ]

    assert sync(5, account) == {"synced": 1, "flows": 2}
    assert sync(6, account) == {"synced": 1}

    matched = Flow.objects.get(venue_flow_id="t1")
    assert matched.matches == entered
    assert list(Flow.objects.filter(matched_by__isnull=True, source="person")) == [other]
