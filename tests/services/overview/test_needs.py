"""What needs somebody: one list, the most urgent first."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from capital.domain.reasons import Code, Reason
from capital.models import Account, AlertKind, AllocationPool, AllocationRun
from capital.services.alerts.rules import unreadable
from capital.services.alerts.troubles import About, Seen, note
from capital.services.happened import RunsRecorded, say
from capital.services.limits import Scope, place_stop
from capital.services.overview import needs_of
from tests.factories import (
    make_account,
    make_link,
    make_position,
    make_strategy,
    make_summary,
    make_user,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
AMOUNT = Decimal("5000.50")


def tell(*seen: Seen, minutes: int = 0) -> None:
    with transaction.atomic():
        note(seen, now=NOON + timedelta(minutes=minutes))


def test_the_most_urgent_is_first_whenever_it_began() -> None:
    account = make_account(name="Main", connection_code="exchange_refused_key")
    stop, _ = place_stop(
        Scope(account_id=account.pk), reason="An outage", actor=None, clock=lambda: NOON
    )
    figures = {"venue": "binance", "kind": "AuthenticationError"}
    refused = Reason(Code.EXCHANGE_REFUSED_KEY, figures)
    about = About(account_id=account.pk)
    tell(Seen(kind=AlertKind.KEY_REFUSED, about=about, reason=refused), minutes=5)

    found = needs_of(account.owner, clock=lambda: NOON)

    told = [(need.kind, need.subject, need.account_id, need.part, need.since) for need in found]
    assert told == [
        ("key_refused", "Main", account.pk, "", NOON + timedelta(minutes=5)),
        ("stop", "Main", account.pk, str(stop.pk), NOON),
    ]
    assert "binance refused the API key" in found[0].why
    assert needs_of(make_account().owner) == []
    assert needs_of(AnonymousUser()) == []


def test_silent_wallet_is_told_by_its_cause_and_not_by_minutes_that_did_not_pass() -> None:
    account = make_account(venue="bybit", connection_code="exchange_unreachable")
    reason = Reason(
        Code.BALANCE_UNREADABLE,
        {"venue": "bybit", "minutes": "10", "cause": "exchange_unreachable"},
    )
    about = About(account_id=account.pk)
    tell(Seen(kind=AlertKind.POOL_UNREADABLE, about=about, reason=reason))

    (need,) = needs_of(account.owner)

    assert need.why == "Could not reach bybit, or it is having problems."


def test_refusals_of_a_strategy_are_one_line_and_pools_are_one_each() -> None:
    owner = make_user()
    first, second = (make_strategy(owner=owner, key=key) for key in ("first", "second"))
    tell(
        *(
            Seen(
                kind=AlertKind.SIGNAL_REFUSED,
                about=About(strategy_id=strategy.pk),
                reason=Reason(Code.SIGNAL_REFUSED, {"strategy": strategy.key}),
                part=part,
            )
            for strategy, part in ((first, "a"), (first, "b"), (first, "c"), (second, "a"))
        )
    )
    account = make_account(
        owner=owner, suspect_readings={"spot": {"amount": "9"}, "futures": {"amount": "9"}}
    )
    tell(
        *(
            Seen(
                kind=AlertKind.SUSPECT_BALANCE,
                about=About(account_id=account.pk),
                reason=Reason(Code.SUSPECT_MALFORMED, {"pool": pool}),
                part=pool,
            )
            for pool in ("spot", "futures")
        )
    )

    found = needs_of(owner)

    assert sorted((need.kind, need.part, need.more) for need in found) == [
        ("signal_refused", "a", 0),
        ("signal_refused", "a", 2),
        ("suspect_balance", "futures", 0),
        ("suspect_balance", "spot", 0),
    ]


def with_money(name: str, owner: User, **fields: Any) -> Account:
    """An account with 5,000.5 in each of its wallets."""
    account = make_account(name=name, owner=owner, **fields)
    make_summary(account=account, spot_balance=AMOUNT, futures_balance=AMOUNT)
    return account


def test_money_that_nobody_has_because_all_is_paused_needs_somebody() -> None:
    owner = make_user()
    paused = make_strategy(owner=owner, status="PAUSED", market_type="futures")
    active = make_strategy(owner=owner, market_type="futures")
    idle = with_money("Idle", owner)
    make_link(account=idle, strategy=paused)
    # The other pool has its strategy; and here one of two is active.
    make_link(account=idle, strategy=make_strategy(owner=owner, market_type="spot"))
    shared = with_money("Shared", owner)
    make_link(account=shared, strategy=paused)
    make_link(account=shared, strategy=active)
    # Switched off; the link is; nothing is there; it still holds capital; somebody else's.
    make_link(account=with_money("Off", owner, is_active=False), strategy=paused)
    make_link(account=with_money("Unlinked", owner), strategy=paused, is_active=False)
    make_link(account=make_account(name="Unread", owner=owner), strategy=paused)
    make_link(account=with_money("Held", owner), strategy=paused, capital="5000")
    theirs = with_money("Theirs", make_user())
    make_link(account=theirs, strategy=make_strategy(status="PAUSED", market_type="spot"))

    found = needs_of(owner)

    assert [(need.kind, need.subject, need.part, need.since) for need in found] == [
        ("money_idle", "Idle", "futures", None)
    ]
    assert found[0].why == ("Futures: All strategies are paused, so nobody has its 5,000.50 USDT.")
    root = make_user(is_superuser=True)
    of_one = needs_of(root, account_id=theirs.pk)
    assert [(need.subject, need.part) for need in of_one] == [("Theirs", "spot")]


def test_suspect_balance_of_a_pool_that_is_idle_waits_until_a_strategy_is_active() -> None:
    owner = make_user()
    paused = make_strategy(owner=owner, status="PAUSED", market_type="spot")
    account = with_money("Idle", owner, suspect_readings={"spot": {"amount": "9"}})
    make_link(account=account, strategy=paused)
    suspect = Reason(Code.JUMP_SUSPECTED, {"pool": "spot"})
    about = About(account_id=account.pk)
    tell(Seen(kind=AlertKind.SUSPECT_BALANCE, about=about, reason=suspect, part="spot"))

    # It could not be accepted: a pool without an active strategy is not read.
    assert [need.kind for need in needs_of(owner)] == ["money_idle"]
    paused.status = "ACTIVE"
    paused.save()
    assert [need.kind for need in needs_of(owner)] == ["suspect_balance"]


def test_wallet_that_is_silent_is_named() -> None:
    account = make_account(
        venue="binance", connection_code="exchange_timeout", silent_pools="futures"
    )
    other = make_account(
        owner=account.owner,
        venue="bybit",
        connection_code="exchange_timeout",
        silent_pools="unified",
    )
    tell(*(unreadable(each, Code.EXCHANGE_TIMEOUT) for each in (account, other)))

    named, only = needs_of(account.owner)

    assert named.why == "Futures: no answer in time"
    assert only.why == "no answer in time"
    assert named.since == NOON


def test_pools_that_an_open_position_holds_are_named() -> None:
    account = make_account()
    run = AllocationRun.objects.create(
        account=account, run_key="one", trigger="schedule", outcome="held", code="open_position"
    )
    for pool, code in (("spot", "nothing_to_allocate"), ("futures", "open_position")):
        AllocationPool.objects.create(run=run, pool=pool, code=code, source="cached")
    other = make_account(owner=account.owner)
    tell(
        *(
            Seen(
                kind=AlertKind.RUN_HELD,
                about=About(account_id=each.pk),
                reason=Reason(Code.OPEN_POSITION),
            )
            for each in (account, other)
        )
    )
    Account.objects.update(last_check_code="open_position")

    found = {need.account_id: need.why for need in needs_of(account.owner)}

    assert found == {
        account.pk: "Futures: There is an open position, so capital is not reallocated.",
        other.pk: "There is an open position, so capital is not reallocated.",
    }


def test_pool_that_is_held_beside_others_needs_somebody_until_nothing_holds_it() -> None:
    account = make_account(venue="binance", wallet_mode="separate")
    position = make_position(make_link(account=account), "1")
    free = make_account(owner=account.owner, venue="binance", wallet_mode="separate")
    # What is open there is in the pool that moved.
    make_position(make_link(account=free, market_type="futures"), "1", "BTC/USDT:USDT")
    for each in (account, free):
        with transaction.atomic():
            say(RunsRecorded([allocation(each, "partly_held")]), now=NOON)
    # The next check is of the other pool, and says nothing of this one.
    Account.objects.update(last_check_code="below_threshold")

    (need,) = needs_of(account.owner)
    assert (need.kind, need.account_id) == ("run_held", account.pk)
    assert need.why == "Capital was allocated, but these pools keep what they have: spot."

    allocation(account, "allocated")
    assert needs_of(account.owner) == []
    allocation(account, "unchanged_beside_held")
    assert len(needs_of(account.owner)) == 1
    position.quantity = Decimal(0)
    position.save()
    assert needs_of(account.owner) == []


def allocation(account: Account, code: str) -> AllocationRun:
    """The newest run of the account: all of it moved, or the futures pool alone."""
    run = AllocationRun.objects.create(
        account=account,
        run_key=f"{code}-{account.pk}",
        trigger="schedule",
        outcome="applied",
        code=code,
        figures={"pools": "spot"},
    )
    for pool, held in (("spot", "open_position"), ("futures", "allocated")):
        why = "allocated" if code == "allocated" else held
        AllocationPool.objects.create(run=run, pool=pool, code=why, source="cached")
    return run


def test_suspect_balance_that_was_refused_asks_nobody_again() -> None:
    waiting = {"amount": "9", "accepted": "1", "observed_at": NOON.isoformat()}
    account = make_account(
        suspect_readings={
            "spot": {**waiting, "kept_at": NOON.isoformat()},
            "futures": waiting,
        }
    )
    tell(
        *(
            Seen(
                kind=AlertKind.SUSPECT_BALANCE,
                about=About(account_id=account.pk),
                reason=Reason(Code.JUMP_SUSPECTED, {"pool": pool}),
                part=pool,
            )
            for pool in ("spot", "futures")
        )
    )

    assert [need.part for need in needs_of(account.owner)] == ["futures"]
