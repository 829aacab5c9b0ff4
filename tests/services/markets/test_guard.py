"""What changes the meaning of stored numbers waits for a person, a step for a second sync."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from capital.domain.errors import NoPendingRules, NotPermitted
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentRules, PrecisionMode
from capital.exchange.contract import Listing
from capital.models import Market
from capital.services.jobs.runs import perform_by_hand
from capital.services.markets import accept_rules
from capital.services.markets import rules as markets
from capital.services.markets.rules import sync_markets
from capital.services.sizing.orders import size_orders
from tests.domain.sizing.builders import linear, order, spot
from tests.factories import (
    make_account,
    make_link,
    make_market,
    make_operator,
    make_position,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SYMBOL = "OM/USDT:USDT"
HOUR = timedelta(hours=1)


def om(**fields) -> InstrumentRules:
    """OKX's OM-USDT-SWAP: ten coins a contract, as it was listed first."""
    rules = {"symbol": SYMBOL, "contract_size": Decimal(10), "amount_precision": Decimal(1)}
    return linear(**{**rules, **fields})


@pytest.fixture
def okx(monkeypatch):
    """Says from now on what OKX lists, and syncs."""

    def lists(*rules: InstrumentRules, at: datetime = NOW):
        listed = [Listing(each, "OM-USDT-SWAP", "OM", is_active=True) for each in rules]

        class Gateway:
            def fetch_listings(self, venues, askers):
                return {venue.id: listed for venue in venues}

        monkeypatch.setattr(markets, "get_market_gateway", Gateway)
        (sync,) = sync_markets(["okx"], clock=lambda: at)
        return {name: number for name, number in sync.counts.items() if number}

    return lists


def sized(link, **fields):
    asked = {"symbol": SYMBOL, "price": "3.66", **fields}
    (answer,) = size_orders([link.pk], [order(**asked)], clock=lambda: NOW)
    return answer


def a_link(capital="1000", **fields):
    account = make_account(venue="okx", fee_rate=Decimal("0.0001"))
    return make_link(account=account, market_type="futures", capital=capital, **fields)


def test_a_tenfold_contract_size_is_not_obeyed_until_somebody_accepts_it(okx):
    """27 contracts of ten became 273 of one, at the same price."""
    link = a_link()
    okx(om())
    assert sized(link, qty_per="100").contracts == 27

    assert okx(om(contract_size=Decimal(1)), at=NOW + HOUR) == {"suspect": 1}

    entry = sized(link, qty_per="100")
    assert (entry.quantity, entry.error.code) == (0, Code.MARKET_RULES_SUSPECT)
    assert entry.error.reason.figures == {
        "venue": "okx",
        "symbol": SYMBOL,
        "change": "contract_size 10 → 1",
    }
    assert "Until someone accepts the new rules" in str(entry.error)
    assert accept_rules("okx", SYMBOL) == "contract_size 10 → 1"
    assert sized(link, qty_per="100").contracts == 273


def test_the_job_says_that_something_waits(exchange):
    make_account(venue="okx")
    perform_by_hand("sync_markets")
    Market.objects.filter(symbol="BTC/USDT:USDT").update(contract_size=Decimal("0.1"))

    run = perform_by_hand("sync_markets")

    assert run.outcomes == {"synced": 1, "market_rules_suspect": 1}


def test_closing_goes_on_by_the_stored_rules_and_says_so(okx):
    link = a_link()
    make_position(link, "270", SYMBOL)
    okx(om())
    okx(om(contract_size=Decimal(1)), at=NOW + HOUR)

    close = sized(link, side="sell", qty_per="-100")

    assert (close.contracts, close.reduce_only, close.error) == (27, True, None)
    assert Code.MARKET_RULES_SUSPECT in [each.code for each in close.warnings]


def test_the_rules_in_force_stay_while_others_wait(okx):
    okx(om(min_amount=Decimal(2)))

    okx(om(contract_size=Decimal(1), min_amount=Decimal(20)), at=NOW + HOUR)
    first = Market.objects.get()
    okx(om(contract_size=Decimal(1), min_amount=Decimal(30)), at=NOW + 2 * HOUR)
    second = Market.objects.get()

    assert (second.contract_size, second.min_amount) == (10, 2)
    assert second.fetched_at == NOW + 2 * HOUR
    assert (first.pending_rules["since"], second.pending_rules["since"]) == (
        (NOW + HOUR).isoformat(),
    ) * 2
    accept_rules("okx", SYMBOL)
    market = Market.objects.get()
    assert (market.contract_size, market.min_amount, market.pending_rules) == (1, 30, None)
    assert okx(om(contract_size=Decimal(1), min_amount=Decimal(30)), at=NOW + 3 * HOUR) == {
        "unchanged": 1
    }


def test_a_venue_that_takes_it_back_leaves_nothing_to_accept(okx):
    okx(om())
    okx(om(contract_size=Decimal(1)), at=NOW + HOUR)

    assert okx(om(), at=NOW + 2 * HOUR) == {"changed": 1}

    assert sized(a_link(), qty_per="100").contracts == 27
    with pytest.raises(NoPendingRules):
        accept_rules("okx", SYMBOL)


@pytest.mark.parametrize(
    "change",
    [
        {"contract_size": Decimal("9.999")},
        {"amount_unit": AmountUnit.BASE},
        {"precision_mode": PrecisionMode.DECIMAL_PLACES},
    ],
)
def test_whatever_a_number_counts_is_guarded(okx, change):
    okx(om())

    assert okx(om(**change), at=NOW + HOUR) == {"suspect": 1}


def test_another_instrument_is_not_held_up(okx):
    okx(om(), linear())

    assert okx(om(contract_size=Decimal(1)), linear(), at=NOW + HOUR) == {
        "suspect": 1,
        "unchanged": 1,
    }
    assert sized(a_link("10000000"), symbol="BTC/USDT:USDT", qty_per="1", price="100").error is None


def test_an_instrument_that_is_delisted_meanwhile_is_not_traded(okx):
    okx(om(), spot())
    okx(om(contract_size=Decimal(1)), spot(), at=NOW + HOUR)

    okx(replace(om(), symbol="XYZ/USDT:USDT"), spot(), at=NOW + 2 * HOUR)

    assert not Market.objects.get(symbol=SYMBOL).is_active


def test_rules_that_were_stored_without_a_unit_get_it_without_asking(okx):
    okx(om())
    Market.objects.update(amount_unit="")
    assert sized(a_link(), qty_per="100").contracts == 27

    assert okx(om(), at=NOW + HOUR) == {"changed": 1}

    assert Market.objects.get().amount_unit == "contracts"


def test_the_rules_of_the_one_that_was_named_are_accepted(okx):
    make_market(SYMBOL, venue="bybit")
    make_market("AAA/USDT:USDT", venue="okx")
    okx(om())
    okx(om(contract_size=Decimal(1)), at=NOW + HOUR)

    assert accept_rules("okx", SYMBOL) == "contract_size 10 → 1"

    assert Market.objects.get(venue="okx", symbol=SYMBOL).contract_size == 1


def test_only_who_may_accept_jumps_accepts_rules(okx):
    okx(om())
    okx(om(contract_size=Decimal(1)), at=NOW + HOUR)

    with pytest.raises(NotPermitted):
        accept_rules("okx", SYMBOL, actor=make_user())
    assert Market.objects.get().contract_size == 10
    accept_rules("okx", SYMBOL, actor=make_operator("accept_jump"))
    assert Market.objects.get().contract_size == 1


# Steps


@pytest.mark.parametrize(("before", "after"), [("0.1", "1"), ("1", "0.1")])
def test_the_coarser_step_serves_until_a_second_sync_an_hour_later(okx, before, after):
    okx(om(amount_precision=Decimal(before)))

    okx(om(amount_precision=Decimal(after)), at=NOW + HOUR)
    assert Market.objects.get().amount_precision == 1
    # Too early to be a second opinion.
    okx(om(amount_precision=Decimal(after)), at=NOW + HOUR + timedelta(minutes=59))
    assert Market.objects.get().amount_precision == 1
    assert Market.objects.get().pending_step is not None

    okx(om(amount_precision=Decimal(after)), at=NOW + 2 * HOUR)

    market = Market.objects.get()
    assert (market.amount_precision, market.pending_step) == (Decimal(after), None)


def test_a_step_that_is_taken_back_is_forgotten(okx):
    okx(om(amount_precision=Decimal("0.1")))
    okx(om(amount_precision=Decimal(1)), at=NOW + HOUR)

    okx(om(amount_precision=Decimal("0.1")), at=NOW + 3 * HOUR)

    market = Market.objects.get()
    assert (market.amount_precision, market.pending_step) == (Decimal("0.1"), None)


def test_a_step_that_changes_again_waits_anew(okx):
    okx(om(amount_precision=Decimal("0.1")))
    okx(om(amount_precision=Decimal(1)), at=NOW + HOUR)

    okx(om(amount_precision=Decimal("0.01")), at=NOW + 3 * HOUR)

    market = Market.objects.get()
    assert (market.amount_precision, market.pending_step["to"]) == (Decimal("0.1"), "0.01")


def test_fewer_decimals_are_the_coarser_step(okx):
    decimals = {"precision_mode": PrecisionMode.DECIMAL_PLACES}
    okx(om(**decimals, amount_precision=Decimal(2)))

    okx(om(**decimals, amount_precision=Decimal(4)), at=NOW + HOUR)

    assert Market.objects.get().amount_precision == 2
