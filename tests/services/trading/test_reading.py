"""Fills read back from an exchange: recorded once, of a link only where that is known."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from capital.domain.errors import TradingRefused
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.models import Account, Attribution, Fill, Position, StrategyAccount, SymbolDay
from capital.services.trading import NewFill, ReadReport, import_fills, report_fills
from capital.services.trading.fills import record_venue_fills
from capital.services.trading.whose import owners_of
from strategies.models import Strategy
from tests.exchange.readings.plain_server import PlainServer
from tests.factories import make_account, make_fill, make_link, make_market, make_strategy

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("seoul"),
]

D = Decimal
BTC = "BTC/USDT"
BEGAN = datetime(2026, 3, 10, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=12)
TRADES, WALLET, ORDER = "/api/v3/myTrades", "/api/v3/account", "/api/v3/order"


def clock() -> datetime:
    return NOW


def trade(number: int, *, order: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": order or number,
        "price": "100",
        "qty": "1",
        "commission": "0.1",
        "commissionAsset": "USDT",
        "isBuyer": True,
        "isMaker": False,
        "time": int(BEGAN.timestamp() * 1000) + number * 60_000,
        **fields,
    }


@pytest.fixture
def account() -> Account:
    make_market(BTC)
    return make_account(venue="binance", api_key="key", api_secret="secret")


@pytest.fixture
def link(account: Account) -> StrategyAccount:
    strategy = make_strategy(owner=account.owner, key="grid", market_type="spot")
    return make_link(account=account, strategy=strategy)


def served(trades: Any, **answers: Any) -> PlainServer:
    def of_a_symbol(arguments: Mapping[str, Any]) -> Any:
        since, until = int(arguments["startTime"]), int(arguments["endTime"])
        rows = [row for row in trades if row["symbol"] == arguments["symbol"]]
        return [row for row in rows if since <= row["time"] <= until]

    wallet = {"balances": [{"asset": "USDT", "free": "5", "locked": "0"}, {"asset": "BTC",
              "free": "1", "locked": "0"}]}  # fmt: skip
    return PlainServer(
        {
            TRADES: of_a_symbol,
            WALLET: wallet,
            ORDER: {"clientOrderId": "by hand"},
            "/fapi/v3/account": {"assets": []},
            **answers,
        }
    )


@pytest.fixture
def reading(account: Account) -> Iterator[Any]:
    def read(server: PlainServer, **times: Any) -> ReadReport:
        with server, override_settings(CAPITAL_VENUE_URLS={account.venue: server.base_url}):
            return import_fills(account.pk, clock=clock, **{"since": BEGAN, **times})

    return read


def test_a_fill_of_an_order_that_a_bot_told_is_of_its_link(
    link: StrategyAccount, reading: Any
) -> None:
    # The bot told of its order, and nothing of its fills.
    report_fills(
        link.pk,
        [
            NewFill(
                symbol=BTC, side=Side.BUY, quantity=D(2), price=D(100), order_id="7",
                executed_at=BEGAN + timedelta(hours=1),
            )
        ],
        actor=None,
        clock=clock,
    )  # fmt: skip

    report = reading(served([trade(1, order=7), trade(2, order=7), trade(3, order=8)]))

    assert (report.recorded, report.unattributed, report.failures) == (3, 1, {})
    owned = Attribution.objects.filter(fill__source="venue").values_list(
        "fill__venue_fill_id", "strategy_account", "how"
    )
    assert sorted(owned) == [("1", link.pk, "bot"), ("2", link.pk, "bot")]
    # The exchange's fills take the place of the bot's order: two fees were paid, and 2 bought.
    assert [(day.fees, day.fills) for day in SymbolDay.objects.all()] == [(D("0.2"), 2)]


def test_a_client_order_id_that_begins_with_a_strategys_key_is_of_its_link() -> None:
    venue = {"venue": "mexc", "currency": "USDT"}
    account = make_account(**venue, api_key="key", api_secret="secret")
    make_market(BTC, venue="mexc")
    links = [
        make_link(account=account, strategy=make_strategy(owner=account.owner, key=key))
        for key in ("grid", "trend")
    ]
    trades = [
        trade(1, clientOrderId="GRID-17"),
        trade(2, clientOrderId="other"),
        trade(3, clientOrderId=None),
    ]
    with served(trades) as server, override_settings(CAPITAL_VENUE_URLS={"mexc": server.base_url}):
        report = import_fills(account.pk, since=BEGAN, clock=clock)

    assert (report.recorded, report.unattributed) == (3, 2)
    (attribution,) = Attribution.objects.all()
    assert (attribution.strategy_account, attribution.how) == (links[0], "tag")
    assert attribution.fill.venue_fill_id == "1"


def whose(account: Account, fills: list[Fill], related: dict[Fill, int] | None = None) -> Any:
    found = owners_of(
        account, fills, list(related or {}), {fill.pk: pk for fill, pk in (related or {}).items()}
    )
    return [(found[id(fill)].link_id, found[id(fill)].how.value) if id(fill) in found else None
            for fill in fills]  # fmt: skip


def told(symbol: str = BTC, client: str = "", order: str = "") -> Fill:
    return Fill(symbol=symbol, client_order_id=client, order_id=order)


def test_a_fill_is_its_orders_then_its_tags_then_its_symbols(django_assert_num_queries) -> None:
    account = make_account(venue="bybit", wallet_mode="unified")
    grid, trend, third = (
        make_link(
            account=account,
            strategy=make_strategy(key=key, order_tag=tag, market_type=market),
            symbols=symbols,
        )
        for key, tag, market, symbols in (
            ("grid", "g1", "spot", [BTC]),
            ("trend", "", "spot", ["ETH/USDT", "SOL/USDT"]),
            ("swing", "", "futures", []),
        )
    )
    StrategyAccount.objects.filter(pk=third.pk).update(symbols=[BTC, "SOL/USDT"])
    # Of another account, which is not asked.
    make_link(account=make_account(), symbols=["XRP/USDT"])
    reported = make_fill(trend, order_id="7")
    fills = [
        told(client="g1-1", order="7"),
        told(client="G1x"),
        told("ETH/USDT", client="g1-2"),
        told("ETH/USDT", client="grid-2"),
        told(client="swing-3"),
        told(),
        told("SOL/USDT"),
        told("XRP/USDT"),
    ]

    with django_assert_num_queries(1):
        found = whose(account, fills, {reported: trend.pk})

    assert found == [
        (trend.pk, "bot"),
        (grid.pk, "tag"),
        (grid.pk, "tag"),
        (trend.pk, "symbol"),
        (third.pk, "tag"),
        (grid.pk, "symbol"),
        # A futures strategy declares it, too: it does not trade this market.
        (trend.pk, "symbol"),
        None,
    ]


def test_where_several_fit_the_next_way_is_not_asked() -> None:
    account = make_account(venue="bybit", wallet_mode="unified")
    grid, other = (
        make_link(account=account, strategy=make_strategy(key=key)) for key in ("grid", "other")
    )
    # Around what refuses it.
    Strategy.objects.filter(key="other").update(order_tag="grid-2")
    StrategyAccount.objects.filter(pk=grid.pk).update(symbols=[BTC])
    orders = {make_fill(each, order_id="7", venue_fill_id=each.strategy.key): each.pk
              for each in (grid, other)}  # fmt: skip

    found = whose(account, [told(client="grid-2-1"), told(order="7"), told()], orders)

    assert found == [None, None, (grid.pk, "symbol")]
    StrategyAccount.objects.filter(pk=other.pk).update(symbols=["ETH/USDT", BTC])
    assert whose(account, [told(), told("ETH/USDT")]) == [None, (other.pk, "symbol")]


@pytest.mark.parametrize(
    ("venue", "symbol", "client", "is_found"),
    [
        ("gate", "BTC/USDT:USDT", "t-grid_1x", True),
        ("okx", "BTC/USDT:USDT", "Grid17", True),
        ("okx", "BTC/USDT:USDT", "Gri7", False),
        ("htx", "BTC/USDT", "grid_1-7", True),
        ("htx", "BTC/USDT:USDT", "grid_1-7", False),
        ("hyperliquid", "BTC/USDT", "grid_1", False),
        ("nowhere", "BTC/USDT", "grid_1", True),
    ],
)
def test_a_tag_is_looked_for_as_the_venue_writes_it(
    venue: str, symbol: str, client: str, is_found: bool
) -> None:
    link = make_link(strategy=make_strategy(key="grid", order_tag="grid_1"))
    Account.objects.filter(pk=link.account_id).update(venue=venue)

    (found,) = whose(Account.objects.get(), [told(symbol, client)])

    assert found == ((link.pk, "tag") if is_found else None)


def test_two_links_that_told_of_one_order_leave_its_fills_to_nobody(
    account: Account, link: StrategyAccount, reading: Any
) -> None:
    other = make_link(account=account, strategy=make_strategy(owner=account.owner, key="b"))
    for each, number in ((link, "a1"), (other, "b1")):
        row = make_fill(each, order_id="7", venue_fill_id=number)
        Attribution.objects.create(fill=row, strategy_account=each, how="bot")

    report = reading(served([trade(1, order=7)]))

    assert (report.recorded, report.unattributed) == (1, 1)


def test_reading_again_records_nothing_twice(
    account: Account, link: StrategyAccount, reading: Any
) -> None:
    first = reading(served([trade(1), trade(2)]))
    again = reading(served([trade(1), trade(2, price="101"), trade(3)]))

    assert (first.recorded, first.known) == (2, 0)
    assert (again.recorded, again.known, again.differs) == (1, 1, 1)
    assert Fill.objects.filter(account=account).count() == 3


def test_a_bot_that_reports_a_fill_of_nobody_makes_it_its_own(
    link: StrategyAccount, reading: Any
) -> None:
    reading(served([trade(1)]))
    (fill,) = Fill.objects.all()

    report_fills(
        link.pk,
        [
            NewFill(
                symbol=BTC, side=Side.BUY, quantity=D(1), price=D(100), venue_fill_id="1",
                executed_at=fill.executed_at,
            )
        ],
        actor=None,
        clock=clock,
    )  # fmt: skip

    assert fill.strategy_account is None
    (attribution,) = Attribution.objects.all()
    assert attribution.strategy_account == link


def test_what_cannot_be_read_is_said_and_the_rest_is_recorded(
    link: StrategyAccount, account: Account, reading: Any
) -> None:
    make_market("ETH/USDT")
    make_fill(link, symbol="ETH/USDT", order_id="1")

    def answer(arguments: Mapping[str, Any]) -> Any:
        return {} if arguments["symbol"] == "ETHUSDT" else [trade(1), trade(2, symbol="NOBODY")]

    report = reading(served([], **{TRADES: answer}))

    assert report.recorded == 1
    assert [(each.name, each.problem) for each in report.unread] == [
        ("NOBODY", "an unknown instrument")
    ]
    assert {name: reason.code for name, reason in report.failures.items()} == {
        "GET /api/v3/myTrades ETH/USDT": Code.EXCHANGE_BAD_ANSWER
    }


def test_a_pair_that_is_no_longer_listed_is_recorded(
    link: StrategyAccount, account: Account, reading: Any
) -> None:
    def answer(_: Mapping[str, Any]) -> Any:
        return [trade(1, symbol="POLYUSDT")]

    report = reading(served([], **{TRADES: answer}))

    assert report.recorded == 1
    assert Fill.objects.get().symbol == "POLY/USDT"


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"since": NOW + timedelta(days=1)}, Code.FILL_IN_FUTURE),
        ({"since": datetime(1999, 1, 1, tzinfo=UTC)}, Code.MOMENT_TOO_OLD),
        ({"since": BEGAN, "until": BEGAN}, Code.FILL_IN_FUTURE),
    ],
)
def test_a_span_must_make_sense(account: Account, times: Any, code: Code) -> None:
    with pytest.raises(TradingRefused) as refused:
        import_fills(account.pk, clock=clock, **times)

    assert refused.value.reason.code is code


@override_settings(CAPITAL_LIVE_BALANCES=False)
def test_nothing_is_asked_where_live_reading_is_switched_off(account: Account) -> None:
    report = import_fills(account.pk, since=BEGAN, clock=clock)

    assert {reason.code for reason in report.failures.values()} == {Code.LIVE_DISABLED}


def test_what_is_older_than_the_exchange_tells_is_said_to_be_missing() -> None:
    account = make_account(venue="okx", api_key="key", api_secret="s", api_passphrase="p")
    make_market(BTC, venue="okx", market_id="BTC-USDT")
    body = {"code": "0", "msg": "", "data": []}
    asked: list[str] = []
    with (
        PlainServer({"/api/v5/trade/fills-history": body}) as server,
        override_settings(CAPITAL_VENUE_URLS={"okx": server.base_url}),
    ):
        report = import_fills(
            account.pk,
            since=NOW - timedelta(days=100),
            until=NOW - timedelta(days=89),
            on_question=asked.append,
            clock=clock,
        )

    endpoint = "GET /api/v5/trade/fills-history of SPOT"
    assert asked[0] == endpoint
    assert report.failures == {}
    assert report.cut[endpoint] == NOW - timedelta(days=90) + timedelta(minutes=1)


def test_many_fills_are_recorded_part_by_part(
    account: Account, link: StrategyAccount, reading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    StrategyAccount.objects.filter(pk=link.pk).update(symbols=[BTC])
    parts = []

    def recorded(account: Account, fills: list[NewFill], **more: Any) -> Any:
        parts.append(len(fills))
        return record_venue_fills(account, fills, **more)

    monkeypatch.setattr("capital.services.trading.reading._AT_ONCE", 2)
    monkeypatch.setattr("capital.services.trading.reading.record_venue_fills", recorded)

    report = reading(served([trade(number) for number in range(1, 8)]))

    assert (report.recorded, parts) == (7, [2, 2, 3])
    (position,) = Position.objects.all()
    assert (position.quantity, position.realized_pnl) == (D(7), D("-0.7"))
    assert [(day.fees, day.fills) for day in SymbolDay.objects.all()] == [(D("0.7"), 7)]


def test_what_was_read_before_a_failure_is_recorded(
    account: Account, link: StrategyAccount, reading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.trading.reading._STEP", timedelta(hours=6))
    later = int((BEGAN + timedelta(hours=6)).timestamp() * 1000)

    def failing(arguments: Mapping[str, Any]) -> Any:
        if int(arguments["endTime"]) > later:
            return {}
        return [trade(1)]

    report = reading(served([], **{TRADES: failing}))

    assert (report.recorded, list(report.failures)) == (1, [f"GET {TRADES} {BTC}"])
