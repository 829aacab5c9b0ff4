"""Market rules from the venues: what is added, changed, withdrawn and not believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection

from capital.domain.errors import UnknownVenue
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules, LeverageBracket
from capital.exchange.ccxt import markets as ccxt_markets
from capital.exchange.contract import Listing
from capital.exchange.venues import VENUES
from capital.models import JobRun, Market
from capital.services.jobs.runs import perform_by_hand
from capital.services.markets import rules as markets
from capital.services.markets.rules import sync_markets
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from tests.domain.sizing.builders import inverse, linear, spot
from tests.factories import make_account, make_market

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Listed:
    """A gateway with the answer that a test gives it."""

    def __init__(self, *rules: InstrumentRules) -> None:
        self.answer: list[Listing] | Reason = [
            Listing(each, each.symbol.replace("/", ""), each.symbol.split("/")[0], is_active=True)
            for each in rules
        ]

    def fetch_listings(self, venues, askers):
        return {venue.id: self.answer for venue in venues}


@pytest.fixture
def venue(monkeypatch):
    """Says from now on what Binance lists, and syncs."""

    def lists(*rules: InstrumentRules, at: datetime = NOW, answer=None):
        gateway = Listed(*rules)
        gateway.answer = gateway.answer if answer is None else answer
        monkeypatch.setattr(markets, "get_market_gateway", lambda: gateway)
        (sync,) = sync_markets(["binance"], clock=lambda: at)
        return sync

    return lists


def counts(sync) -> dict[str, int]:
    return {name: number for name, number in sync.counts.items() if number}


def test_every_venue_of_the_table_is_read_through_the_wire(exchange):
    syncs = sync_markets(list(VENUES), clock=lambda: NOW)

    assert {sync.venue: sync.problem for sync in syncs} == dict.fromkeys(VENUES)
    for venue in VENUES.values():
        kinds = Market.objects.filter(venue=venue.id).values_list("kind", flat=True)
        assert {InstrumentKind(kind).market_type for kind in kinds} == venue.markets


def test_the_five_venues_are_read_through_the_wire(exchange):
    venues = ["binance", "bithumb", "bybit", "okx", "upbit"]

    syncs = sync_markets(venues, clock=lambda: NOW)

    assert [(sync.venue, sync.problem, counts(sync)) for sync in syncs] == [
        ("binance", None, {"added": 5}),
        ("bithumb", None, {"added": 2}),
        ("bybit", None, {"added": 5}),
        ("okx", None, {"added": 5}),
        ("upbit", None, {"added": 2}),
    ]
    market = Market.objects.get(venue="okx", symbol="BTC/USD:BTC")
    assert (market.market_id, market.kind, market.base, market.quote, market.settle) == (
        "BTC-USD-SWAP",
        "inverse",
        "BTC",
        "USD",
        "BTC",
    )
    assert (market.contract_size, market.amount_precision) == (100, 1)
    assert market.fetched_at == NOW
    assert Market.objects.get(venue="bithumb", symbol="BTC/KRW").min_cost == 5000
    again = sync_markets(venues, clock=lambda: NOW)
    assert [counts(sync) for sync in again] == [{"unchanged": n} for n in (5, 2, 5, 5, 2)]


def test_without_names_it_is_the_venues_of_active_accounts(exchange):
    make_account(venue="okx")
    make_account(venue="okx")
    make_account(venue="bybit")
    make_account(venue="upbit", currency="KRW", is_active=False)

    assert [sync.venue for sync in sync_markets()] == ["bybit", "okx"]


def test_an_unknown_venue_is_refused():
    with pytest.raises(UnknownVenue):
        sync_markets(["binance", "ftx"])


def test_a_changed_rule_is_written(venue):
    venue(spot())

    sync = venue(spot(amount_precision=Decimal("0.0001"), min_cost=Decimal(5)))

    assert counts(sync) == {"changed": 1}
    market = Market.objects.get()
    assert (market.amount_precision, market.min_cost) == (Decimal("0.0001"), 5)


def test_rules_that_did_not_change_are_fresh_again(venue):
    venue(spot())

    venue(spot(), at=NOW + timedelta(days=1))

    assert Market.objects.get().fetched_at == NOW + timedelta(days=1)


def test_what_is_listed_no_longer_stays_and_is_not_traded(venue):
    venue(spot(), spot(symbol="OLD/USDT"))

    later = NOW + timedelta(days=1)
    assert counts(venue(spot(), at=later)) == {"unchanged": 1, "withdrawn": 1}

    old = Market.objects.get(symbol="OLD/USDT")
    assert (old.is_active, old.fetched_at) == (False, NOW)
    assert counts(venue(spot(), spot(symbol="OLD/USDT"), at=later)) == {
        "unchanged": 1,
        "changed": 1,
    }
    assert Market.objects.get(symbol="OLD/USDT").is_active


def test_another_venue_s_markets_are_left_alone(venue, exchange):
    sync_markets(["okx"])
    venue(spot())

    assert Market.objects.filter(venue="okx", is_active=True).count() == 5


def test_what_one_venue_lists_no_longer_is_traded_on_another_all_the_same(venue):
    for symbol in ("BTC/USDT", "OLD/USDT", "BTC/USDT:USDT"):
        make_market(symbol, venue="okx")

    first = venue(spot(), spot(symbol="OLD/USDT"))
    second = venue(spot())

    assert (first.problem, counts(first)) == (None, {"added": 2})
    assert (second.problem, counts(second)) == (None, {"unchanged": 1, "withdrawn": 1})
    assert set(Market.objects.filter(is_active=False).values_list("venue", "symbol")) == {
        ("binance", "OLD/USDT")
    }


def test_a_failing_venue_keeps_what_is_known(venue):
    venue(spot())

    sync = venue(answer=Reason(Code.EXCHANGE_UNREACHABLE, {"venue": "binance", "kind": "X"}))

    assert sync.problem.code is Code.EXCHANGE_UNREACHABLE
    assert Market.objects.get().is_active


def test_half_an_answer_switches_no_markets_off(venue):
    """A venue's futures list can fail where its spot list does not."""
    venue(spot(), linear())

    sync = venue(spot())

    assert sync.problem == Reason(
        Code.EXCHANGE_BAD_MARKETS, {"venue": "binance", "kind": "no linear market"}
    )
    assert Market.objects.filter(is_active=True).count() == 2


def test_a_rule_that_would_not_be_kept_exactly_takes_no_other_with_it(venue):
    finer = spot(symbol="FINE/USDT", amount_precision=Decimal("0.0000000000000000001"))

    sync = venue(spot(), finer, spot(symbol="LONG" * 20 + "/USDT"))

    assert counts(sync) == {"added": 1, "unusable": 2}
    assert [market.symbol for market in Market.objects.all()] == ["BTC/USDT"]


def test_a_rule_that_can_no_longer_be_kept_is_not_traded_by_the_old_one(venue):
    venue(spot(), inverse())

    sync = venue(spot(amount_precision=Decimal("0.0000000000000000001")), inverse())

    assert counts(sync) == {"unchanged": 1, "unusable": 1, "withdrawn": 1}
    assert not Market.objects.get(symbol="BTC/USDT").is_active


def test_an_inactive_market_stays_inactive(venue, monkeypatch):
    gateway = Listed(spot())
    gateway.answer = [replace(listing, is_active=False) for listing in gateway.answer]
    venue(answer=gateway.answer)

    assert not Market.objects.get().is_active


def test_live_reading_switched_off_asks_nobody(exchange, settings):
    settings.CAPITAL_LIVE_BALANCES = False

    (sync,) = sync_markets(["binance"])

    assert sync.problem == Reason(Code.LIVE_DISABLED)
    assert exchange.server.market_place.requests == []


# One symbol twice, and databases that fail


def test_one_symbol_twice_is_stored_once(venue):
    gateway = Listed(spot(), spot(symbol="ETH/USDT"), spot())

    assert counts(venue(answer=gateway.answer)) == {"added": 2, "duplicate": 1}

    assert sorted(Market.objects.values_list("symbol", flat=True)) == ["BTC/USDT", "ETH/USDT"]
    assert counts(venue(answer=gateway.answer)) == {"unchanged": 2, "duplicate": 1}


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        # ccxt keeps the last of a name.
        ([("old", True), ("new", True)], "new"),
        ([("old", False), ("new", True)], "new"),
        ([("traded", True), ("delisted", False)], "traded"),
        ([("one", False), ("other", False)], "other"),
    ],
)
def test_of_several_the_traded_one_that_ccxt_would_use_is_stored(venue, listed, kept):
    listings = [Listing(spot(), name, "BTC", is_active=active) for name, active in listed]

    venue(answer=listings)

    assert Market.objects.get().market_id == kept


def test_a_venue_that_cannot_be_stored_does_not_stop_those_behind_it(monkeypatch):
    class Both:
        def fetch_listings(self, venues, askers):
            return {venue.id: Listed(spot()).answer for venue in venues}

    write = markets._write

    def refuse_binance(venue, *given):
        if venue == "binance":
            raise DatabaseError("disk is on fire, key=CANARY")
        return write(venue, *given)

    monkeypatch.setattr(markets, "get_market_gateway", Both)
    monkeypatch.setattr(markets, "_write", refuse_binance)

    first, second = sync_markets(["binance", "bybit"], clock=lambda: NOW)

    assert first.problem == Reason(
        Code.MARKETS_NOT_STORED, {"venue": "binance", "kind": "DatabaseError"}
    )
    assert (second.problem, counts(second)) == (None, {"added": 1})
    assert [market.venue for market in Market.objects.all()] == ["bybit"]


def test_a_venue_that_hangs_holds_up_no_other_one(exchange, monkeypatch, settings):
    """Not even where as many answers are waited for as venues hang."""
    settings.CAPITAL_LIVE_CONCURRENCY = 1
    monkeypatch.setattr(ccxt_markets, "LISTING_SECONDS", 4)
    exchange.server.market_place.fail_at("/api/v5/public/instruments", "drip")

    first, second = sync_markets(["okx", "upbit"], clock=lambda: NOW)

    assert first.problem == Reason(Code.EXCHANGE_TIMEOUT, {"venue": "okx", "seconds": "4"})
    assert (second.problem, counts(second)) == (None, {"added": 2})


BRACKETS = (
    LeverageBracket(Decimal(50), max_notional=Decimal(50000)),
    LeverageBracket(Decimal(25), max_amount=Decimal(250000)),
    LeverageBracket(Decimal(10), max_settled=Decimal("0.5")),
)


def unbracketed(*rules: InstrumentRules) -> list[Listing]:
    """Listed by a venue that did not tell their brackets this time."""
    return [replace(each, has_brackets=False) for each in Listed(*rules).answer]


def stored_brackets(symbol: str):
    row = Market.objects.values("venue", "symbol", *RULE_COLUMNS).get(symbol=symbol)
    return rules_of(row).brackets


def test_brackets_are_stored_as_they_were_told(venue):
    venue(linear(brackets=BRACKETS))

    assert stored_brackets(linear().symbol) == BRACKETS


def test_stored_brackets_stand_until_the_venue_tells_others(venue):
    venue(linear(brackets=BRACKETS), linear(symbol="ETH/USDT:USDT", brackets=BRACKETS[:1]))

    # What was told for one contract is never another's.
    answer = unbracketed(linear(), linear(symbol="ETH/USDT:USDT"), linear(symbol="X/USDT:USDT"))
    assert counts(venue(answer=answer)) == {"unchanged": 2, "added": 1}
    assert stored_brackets(linear().symbol) == BRACKETS
    assert stored_brackets("ETH/USDT:USDT") == BRACKETS[:1]
    assert stored_brackets("X/USDT:USDT") == ()

    venue(linear(brackets=BRACKETS[1:]), linear(symbol="ETH/USDT:USDT"))
    assert stored_brackets(linear().symbol) == BRACKETS[1:]
    assert stored_brackets("ETH/USDT:USDT") == ()


def test_brackets_of_another_settle_currency_do_not_stand(venue):
    venue(linear(brackets=BRACKETS))

    venue(answer=unbracketed(linear(settle="USDC")))

    assert stored_brackets(linear().symbol) == ()


def test_a_venue_without_brackets_is_synced_all_the_same(exchange):
    exchange.server.market_place.fail_at("/v5/market/risk-limit", "server_error")

    (sync,) = sync_markets(["bybit"], clock=lambda: NOW)

    assert (sync.problem, counts(sync)) == (None, {"added": 5})
    market = Market.objects.get(venue="bybit", symbol="BTC/USDT:USDT")
    assert (market.max_leverage, market.leverage_brackets) == (100, [])


def test_a_thousand_markets_cost_a_few_queries(venue, django_assert_max_num_queries):
    many = [spot(symbol=f"C{number}/USDT") for number in range(1000)]
    venue(*many)

    # SQLite splits bulk writes at its parameter limit.
    most = 7 if connection.vendor == "postgresql" else 31
    with django_assert_max_num_queries(most):
        venue(*many)


def test_the_job_counts_venues(exchange):
    make_account(venue="binance")
    make_account(venue="okx")

    run = perform_by_hand("sync_markets")

    assert (run.outcomes, run.error) == ({"synced": 2}, "")
    assert JobRun.objects.get().name == "sync_markets"


def test_the_job_says_which_venues_failed_by_their_code(exchange):
    make_account(venue="binance")
    exchange.server.market_place.fail("rate_limited")

    assert perform_by_hand("sync_markets").outcomes == {"exchange_rate_limited": 1}
