"""What every simulated venue tells of trading, read by ccxt over HTTP, is what was scripted."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.accounts import AccountClients
from capital.exchange.contract import BalanceRequest, Credentials
from capital.exchange.gateway import get_market_gateway, get_trading_gateway
from capital.exchange.trading.contract import (
    FillsQuestion,
    Instrument,
    OrderQuestion,
    Told,
    TradingRequest,
)
from capital.exchange.trading.venues import trading_of
from capital.exchange.venues import VENUES, get_venue
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from capital.simulator.venues import pools_of_venue
from tests.simulator.trading.desks import AS_ORDERS, DESKS, MARK, Desk
from tests.simulator.trading.scripts import Script, account_of, step_at

# In whole seconds, as some venues tell them; behind every window that a venue has.
BEGINS = (datetime.now(UTC) - timedelta(hours=60)).replace(microsecond=0)
UNTIL = BEGINS + timedelta(hours=59)
_NUMBERS = {desk: number for number, desk in enumerate(DESKS)}
_HEDGED = [
    (desk, hedged) for desk in DESKS for hedged in ((False, True) if desk.hedges else (False,))
]


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(ExchangeState()) as exchange:
        for pair in ("BTC/USDT", "BTC/USDC", "BTC/USD"):
            exchange.market_place.set_price(pair, str(MARK))
        yield exchange


async def _at_once(*_: Any) -> None:
    """A turn, without waiting for it: only the answers are looked at here."""


@pytest.fixture(autouse=True)
def _urls(exchange: SimulatedExchange, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CAPITAL_VENUE_URLS = exchange.venue_urls
    monkeypatch.setattr(AccountClients, "take_spare_turn", _at_once)


_LISTED: dict[str, Mapping[str, Instrument]] = {}


def instruments_of(venue: str) -> Mapping[str, Instrument]:
    """As the venue's own list of markets names them."""
    if venue not in _LISTED:
        listings = get_market_gateway().fetch_listings([get_venue(venue)])[venue]
        assert not isinstance(listings, Reason)
        _LISTED[venue] = {
            each.rules.symbol: Instrument(
                symbol=each.rules.symbol,
                market_id=each.market_id,
                kind=each.rules.kind,
                base=each.base,
                quote=each.rules.quote,
                settle=each.rules.settle,
                contract_size=each.rules.contract_size or Decimal(1),
            )
            for each in listings
        }
    return _LISTED[venue]


def opened(exchange: SimulatedExchange, desk: Desk, purpose: int) -> SimulatedAccount:
    """An account of its own for each test."""
    secret = b64encode(f"secret-{desk.venue}".encode()).decode()
    phrase = "phrase" if "api_passphrase" in VENUES[desk.venue].credentials else ""
    account = account_of(desk, 10 * _NUMBERS[desk] + purpose, secret, phrase)
    exchange.state.add(account)
    return account


def request_of(account: SimulatedAccount, desk: Desk) -> TradingRequest:
    credentials = Credentials(account.api_key, account.api_secret, account.api_passphrase)
    balances = BalanceRequest(
        account_id=1,
        venue=get_venue(desk.venue),
        currency=desk.currency,
        pools=[desk.pool],
        credentials=credentials,
    )
    return TradingRequest(balances, desk.pool, tuple(instruments_of(desk.venue).values()))


def questions(desk: Desk, symbols: Any, since: datetime, until: datetime) -> list[FillsQuestion]:
    found = []
    for call in trading_of(desk.venue).fills[desk.pool]:
        if "{order}" in call.params.values():
            continue
        if not call.by_symbol:
            found.append(FillsQuestion(call, since, until))
            continue
        found += [
            FillsQuestion(call, since, until, one)
            for one in symbols
            if one is not None and one.kind in call.kinds
        ]
    return found


def all_rows(answers: list[Any]) -> list[Any]:
    rows: dict[Any, None] = {}
    for answer in answers:
        assert isinstance(answer, Told), answer
        assert answer.unread == ()
        rows.update(dict.fromkeys(answer.rows))
    return list(rows)


@pytest.mark.parametrize(
    ("desk", "hedged"), _HEDGED, ids=[f"{desk.name}{'-hedged' * on}" for desk, on in _HEDGED]
)
def test_what_a_venue_tells_is_what_was_scripted(
    exchange: SimulatedExchange, desk: Desk, hedged: bool
) -> None:
    account = opened(exchange, desk, int(hedged))
    script = Script(desk, instruments_of(desk.venue), BEGINS, hedged=hedged)
    fills: list[Any] = []
    flows: list[Any] = []
    for step in script.steps():
        is_flow = "kind" in step.told
        told = {**step.told, "pool": desk.pool}
        (exchange.state.flow if is_flow else exchange.state.fill)(account.api_key, told)
        if step.read is not None:
            (flows if is_flow else fills).append(step.read)
    gateway, request, row = get_trading_gateway(), request_of(account, desk), trading_of(desk.venue)

    asked = questions(desk, script.by_kind.values(), BEGINS, UNTIL)
    read = all_rows(gateway.fetch_fills(request, asked))
    assert sorted(read, key=lambda each: each.executed_at) == fills

    positions = all_rows(gateway.fetch_positions(request, row.positions.get(desk.pool, ())))
    held = [each for each in positions if each.quantity]
    assert sorted(held, key=lambda each: (each.symbol, each.quantity)) == sorted(
        script.positions(), key=lambda each: (each.symbol, each.quantity)
    )

    calls = row.flows.get(desk.pool, ())
    moved = all_rows(gateway.fetch_flows(request, calls, since=BEGINS, until=UNTIL))
    assert sorted(moved, key=lambda each: each.occurred_at) == flows


_BY_ORDER = [
    desk
    for desk in DESKS
    if any(call.order is not None for call in trading_of(desk.venue).fills[desk.pool])
]


@pytest.mark.parametrize("desk", _BY_ORDER, ids=lambda desk: desk.name)
def test_an_order_tells_its_client_order_id(exchange: SimulatedExchange, desk: Desk) -> None:
    account, gateway = opened(exchange, desk, 6), get_trading_gateway()
    request = request_of(account, desk)
    named = instruments_of(desk.venue)
    script = Script(desk, named, BEGINS, hedged=False)
    traded = [script.by_kind[kind] for kind in desk.trades]
    for number, one in enumerate(traded):
        told = {"symbol": one.symbol, "price": "50000", "pool": desk.pool, "quantity": "1"}
        at, name = step_at(BEGINS, 58), f"grid-{number}"
        exchange.state.fill(
            account.api_key, {**told, "side": "buy", "at": at, "client_order_id": name}
        )
    asked = questions(desk, traded, UNTIL - timedelta(hours=2), UNTIL)
    read = all_rows(gateway.fetch_fills(request, asked))
    by_kind = {kind: each.call for each in asked for kind in each.call.kinds}

    orders = [
        OrderQuestion(by_kind[named[each.symbol].kind], named[each.symbol], each.order_id)
        for each in read
    ]
    unknown = replace(orders[0], order_id="987654321")
    *names, failed = gateway.fetch_client_ids(request, [*orders, unknown])

    assert sorted(names) == [f"grid-{number}" for number in range(len(traded))]
    assert isinstance(failed, Reason)
    assert failed.code is Code.EXCHANGE_ERROR


def trade(exchange: SimulatedExchange, account: SimulatedAccount, desk: Desk, times: int) -> None:
    """Trade the desk's first instrument so often, a second apart."""
    told = {"symbol": symbol_of(desk), "price": "50000", "pool": desk.pool, "is_maker": True}
    told["quantity"] = "1" if desk.trades == "i" else "0.01"
    for number in range(times):
        side, at = "sell" if number % 2 else "buy", step_at(BEGINS, 58) + 1000 * number
        exchange.state.fill(account.api_key, {**told, "side": side, "at": at})


def with_short_pages(question: FillsQuestion) -> FillsQuestion:
    """The same with ten rows a page, where the venue lets one say so: it is the quicker to read."""
    call = question.call
    name = next((name for name, most in call.params.items() if most == call.pages.size), None)
    if name is None or call.pages.size <= 100 or call.endpoint.endswith("of futures"):
        return question
    short = replace(call, params={**call.params, name: 10}, pages=replace(call.pages, size=10))
    return replace(question, call=short)


# Each call once: some answer for several pools.
_PAGED = {trading_of(desk.venue).fills[desk.pool][0].endpoint: desk for desk in DESKS}.values()


@pytest.mark.parametrize("desk", _PAGED, ids=lambda desk: desk.name)
def test_a_second_page_is_read_with_the_first(exchange: SimulatedExchange, desk: Desk) -> None:
    account = opened(exchange, desk, 2)
    one = instruments_of(desk.venue)[symbol_of(desk)]
    (asked, *_) = questions(desk, [one], UNTIL - timedelta(hours=2), UNTIL)
    question = with_short_pages(asked)
    times = question.call.pages.size + 1
    trade(exchange, account, desk, times)

    read = all_rows(get_trading_gateway().fetch_fills(request_of(account, desk), [question]))
    names = {each.order_id if desk.venue in AS_ORDERS else each.venue_fill_id for each in read}

    assert len(read) == len(names) == times


_LONG = [desk for desk in _PAGED if trading_of(desk.venue).fills[desk.pool][0].pages.size > 100]


@pytest.mark.parametrize("desk", _LONG, ids=lambda desk: desk.name)
def test_a_full_answer_is_as_long_as_the_row_says(exchange: SimulatedExchange, desk: Desk) -> None:
    """A shorter one would pass for the last: only one request would be made."""
    account = opened(exchange, desk, 5)
    one = instruments_of(desk.venue)[symbol_of(desk)]
    (asked, *_) = questions(desk, [one], UNTIL - timedelta(hours=2), UNTIL)
    trade(exchange, account, desk, asked.call.pages.size + 1)
    # Its rows are counted, and not read.
    unread = replace(asked.call, fields=replace(asked.call.fields, only={"?": (0,)}))

    get_trading_gateway().fetch_fills(request_of(account, desk), [replace(asked, call=unread)])

    assert sum(each.api_key == account.api_key for each in exchange.questions) > 1


def symbol_of(desk: Desk) -> str:
    """The desk's first instrument."""
    script = Script(desk, instruments_of(desk.venue), BEGINS, hedged=False)
    symbol: str = script.by_kind[desk.trades[0]].symbol
    return symbol


_BOUNDED = ["binance", "bybit", "bitget", "gate", "kucoin", "htx", "bingx", "upbit"]


@pytest.mark.parametrize("venue", _BOUNDED)
def test_a_longer_span_than_the_venue_answers_is_refused(
    exchange: SimulatedExchange, venue: str
) -> None:
    desk = next(each for each in DESKS if each.venue == venue)
    request = request_of(opened(exchange, desk, 3), desk)
    call = trading_of(venue).fills[desk.pool][0]
    assert call.span is not None
    one = next(each for each in instruments_of(venue).values() if each.kind in call.kinds)
    for span, is_read in ((call.span, True), (2 * call.span, False)):
        question = FillsQuestion(replace(call, span=None), UNTIL - span, UNTIL, one)
        (answer,) = get_trading_gateway().fetch_fills(request, [question])
        assert isinstance(answer, Told) is is_read


_BY_SYMBOL = [desk for desk in DESKS if trading_of(desk.venue).fills[desk.pool][0].by_symbol]


@pytest.mark.parametrize("desk", _BY_SYMBOL, ids=lambda desk: desk.name)
def test_a_symbol_is_wanted_where_the_venue_wants_one(
    exchange: SimulatedExchange, desk: Desk
) -> None:
    request = request_of(opened(exchange, desk, 4), desk)
    call = trading_of(desk.venue).fills[desk.pool][0]
    named = {"{symbol}", "{base}"}
    bare = {name: value for name, value in call.params.items() if value not in named}
    question = FillsQuestion(replace(call, params=bare), UNTIL - timedelta(hours=1), UNTIL)

    (answer,) = get_trading_gateway().fetch_fills(request, [question])

    assert isinstance(answer, Reason)


def test_every_venue_and_pool_is_scripted() -> None:
    scripted = {(desk.venue, desk.pool) for desk in DESKS}

    assert scripted == {(venue, pool) for venue in VENUES for pool in pools_of_venue(venue)}
