"""What JSON columns hold: texts with every digit, read back as the report that they came from."""

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from capital.domain.balances import Observation, PoolReading, Source
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.services.allocation.allocate import preview_allocation
from capital.services.allocation.policies.in_use import InUse
from capital.services.allocation.report import EntryReport, PoolReport, report_decision
from capital.services.allocation.stored import (
    in_use_from_json,
    judged_as_json,
    judged_from_json,
    pool_from_json,
    pools_as_json,
    shown_as_json,
)
from capital.services.balances.readings import JudgedReadings
from capital.services.balances.suspects import Suspect
from tests.factories import make_account, make_link, make_position, make_strategy, make_summary

pytestmark = pytest.mark.django_db


def test_snapshot_has_texts_and_reads_back_as_the_same_report() -> None:
    account = make_account(currency="BTC", reserve_percent=Decimal(10))
    observed_at = timezone.now()
    make_summary(
        account=account,
        spot_balance=Decimal("1E-8"),
        spot_observed_at=observed_at,
        futures_balance=None,
    )
    for market in ("spot", "futures"):
        strategy = make_strategy(key=f"of-{market}", market_type=market)
        make_link(account=account, strategy=strategy, weight=Decimal("2.50"))
    (preview,) = preview_allocation([account.pk], live=False)
    assert preview.decision is not None

    spot, futures = pools_as_json(preview.decision, "BTC")

    assert datetime.fromisoformat(spot.pop("observed_at")) == observed_at
    assert spot == {
        "pool": "spot",
        "balance": "0.00000001",
        "source": "cached",
        "reserve": "0.00000001",
        "unallocated": "0.00000000",
        "code": "live_disabled",
        "figures": {},
        "entries": [
            {
                "strategy": "of-spot",
                "weight": "2.5",
                "before": None,
                "after": "0.00000000",
                "code": "share",
                "steps": [
                    {
                        "did": "share",
                        "balance": "0.00000001",
                        "reserve": "0.00000001",
                        "claim": "2.5",
                        "claims": "2.5",
                        "amount": "0",
                    }
                ],
            }
        ],
    }
    assert (futures["balance"], futures["observed_at"], futures["reserve"]) == (None, None, None)
    assert futures["entries"][0].keys() == {"strategy", "weight", "before", "after", "code"}
    shown = shown_as_json(preview.decision, "BTC")
    report = report_decision(preview.account, preview.decision)
    assert tuple(pool_from_json(stored) for stored in shown["pools"]) == report.pools


def test_a_snapshot_tells_what_coins_counted_beside_the_balance() -> None:
    account = make_account()
    make_summary(account=account, spot_balance=Decimal(100), futures_balance=Decimal(5))
    for market in ("spot", "futures"):
        make_link(account=account, market_type=market)
    (preview,) = preview_allocation([account.pk], live=False)
    assert preview.decision is not None
    spot, futures = preview.decision.pools
    spot = replace(spot, reading=replace(spot.reading, holdings=Decimal("7.25")))
    decision = replace(preview.decision, pools=(spot, futures))

    stored = pools_as_json(decision, "USDT")

    assert [each.get("holdings") for each in stored] == ["7.25", None]
    assert [pool_from_json(each).holdings for each in stored] == [Decimal("7.25"), None]


def test_what_a_plan_was_made_from_reads_back_as_it_was() -> None:
    at = datetime(2026, 11, 26, 9, 30, tzinfo=timezone.get_default_timezone())
    unread = Reason(Code.EXCHANGE_ERROR, {"venue": "bybit", "kind": "timeout"})
    judged = JudgedReadings(
        readings={
            Pool.SPOT: PoolReading(
                Pool.SPOT, Decimal("1E-8"), Source.LIVE, at, Reason(Code.LIVE_BALANCE)
            ),
            Pool.FUTURES: PoolReading(Pool.FUTURES, None, Source.NONE, None, unread),
        },
        believed={Pool.SPOT: Observation(Decimal("1E-8"), at)},
        suspects={
            Pool.FUTURES: Suspect(Observation(Decimal(9), at), Decimal(3), is_slide=True),
            Pool.UNIFIED: Suspect(Observation(Decimal(8), at), Decimal(2), is_known=True),
            Pool.SPOT: Suspect(Observation(Decimal(7), at), Decimal(1), is_recorded=True),
        },
        restarted={Pool.SPOT, Pool.FUTURES},
    )
    in_use = InUse(
        links={3: Decimal("0.5"), 4: Decimal(6)},
        holdings={Pool.SPOT: Decimal("7.25")},
        unknown={Pool.FUTURES: unread},
    )

    stored = json.loads(json.dumps(judged_as_json(judged, in_use)))

    assert judged_from_json(stored) == judged
    assert in_use_from_json(stored) == in_use


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [(None, None, None), ("5", None, None), (None, "5", 5), ("5", "3.5", Decimal("-1.5"))],
)
def test_change_of_an_entry_is_none_where_nothing_is_held_afterwards(
    before: str | None, after: str | None, change: Decimal | None
) -> None:
    def amount(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    entry = EntryReport("trend", Decimal(1), amount(before), amount(after), "share")

    assert entry.change == change


@pytest.mark.parametrize(
    ("source", "has_time", "sentence"),
    [
        ("live", True, "The balance was read from the exchange."),
        ("cached", False, "Live balances are switched off."),
        ("cached", True, "Cached balance of 2026-11-26 09:30: Live balances are switched off."),
    ],
)
def test_cached_balance_says_of_when_it_is(source: str, has_time: bool, sentence: str) -> None:
    moment = datetime(2026, 11, 26, 9, 30, tzinfo=timezone.get_default_timezone())
    code = "live_balance" if source == "live" else "live_disabled"

    pool = PoolReport(
        "spot", Decimal(1), source, moment if has_time else None, None, None, code, {}, ()
    )

    assert pool.reason == sentence


def test_each_entry_says_why_it_is_as_it_is() -> None:
    account = make_account()
    make_summary(account=account, spot_balance=Decimal(100), futures_balance=None)
    for market, status in (("spot", "ACTIVE"), ("spot", "PAUSED"), ("futures", "ACTIVE")):
        link = make_link(account=account, market_type=market, status=status, capital="5")
    held = make_position(link, "1")

    def reasons() -> list[str]:
        (preview,) = preview_allocation([account.pk], live=False)
        assert preview.decision is not None
        pools = report_decision(account, preview.decision).pools
        return [pool.reason_of(entry) for pool in pools for entry in pool.entries]

    assert reasons() == [
        "Allocated by weight.",
        "The strategy is paused.",
        "On hold: its capital stays as it is.",
    ]
    held.delete()
    assert reasons() == [
        "Allocated by weight.",
        "The strategy is paused.",
        "Kept, because no balance was available to allocate from.",
    ]


@pytest.mark.parametrize(
    ("source", "code", "is_unread", "is_held"),
    [
        ("live", "share", False, False),
        ("cached", "share", True, False),
        ("none", "kept", True, False),
        ("none", "held", False, True),
        ("none", "pool_kept", False, True),
        ("none", "strategy_paused", False, False),
    ],
)
def test_pool_that_is_held_or_needs_no_balance_is_not_one_that_was_not_read(
    source: str, code: str, is_unread: bool, is_held: bool
) -> None:
    entry = EntryReport("trend", Decimal(1), Decimal(5), Decimal(5), code)

    pool = PoolReport("spot", None, source, None, None, None, "open_position", {}, (entry,))

    assert (pool.is_unread, pool.is_held) == (is_unread, is_held)
