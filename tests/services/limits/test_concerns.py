"""What is said of accounts: what stops them, and which of their limits are near or not judged."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from capital.models import Account, AllocationRun, LimitState, Stop, StrategyAccount
from capital.services.limits import (
    Scope,
    links_resumed_by,
    losses_of,
    may_stop_all,
    place_stop,
    scope_name,
    stops_beside,
    stops_of_strategy,
    stops_seen,
    stops_when_decided,
    who_stopped,
    wide_stops,
    widest_scopes,
)
from tests.factories import make_account, make_link, make_operator, make_strategy, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
D = Decimal


def main_link(**fields: Any) -> StrategyAccount:
    account = make_account(name="Main", owner=make_user(username="ann"))
    return make_link(account=account, strategy=make_strategy(key="trend", name="Trend"), **fields)


def near(row: Account | StrategyAccount, **fields: Any) -> LimitState:
    of = {"account": row} if isinstance(row, Account) else {"strategy_account": row}
    return LimitState.objects.create(
        **of,
        **{
            "kind": "drawdown",
            "used": D("8.25"),
            "limit": D(10),
            "code": "drawdown_near",
            "figures": {"percent": "8.25", "limit": "10"},
            "judged_at": NOON,
            **fields,
        },
    )


def test_stops_of_an_account_and_of_its_links_are_told_with_their_reasons() -> None:
    link = main_link()
    place_stop(Scope(account_id=link.account_id), reason="An outage", actor=None)
    Stop.objects.create(
        strategy_account=link, code="drawdown_reached", figures={"percent": "10.2", "limit": "10"}
    )
    place_stop(Scope(owner_id=link.account.owner_id), reason="Holidays", actor=None)
    elsewhere = make_link()
    place_stop(Scope(link_id=elsewhere.pk), reason="Elsewhere", actor=None)

    told = losses_of([link.account_id])

    assert list(told) == [link.account_id]
    # What stops all accounts of an owner is told once, and not of each of them.
    assert told[link.account_id].stops == [
        "account Main (binance USDT): An outage",
        "strategy link Trend @ Main: The drawdown is 10.2%; the limit is 10%.",
    ]
    assert told[link.account_id].limits == []


def test_limits_that_are_near_or_not_judged_are_told_of_their_account() -> None:
    link = main_link(max_drawdown_percent=D(10))
    Account.objects.filter(pk=link.account_id).update(max_daily_loss_percent=D(5))
    near(link)
    near(
        link.account,
        kind="daily_loss",
        used=None,
        code="limit_not_judged",
        figures={"cause": "no_books"},
    )
    # Far from its limit
    near(make_link(account=link.account, max_drawdown_percent=D(50)), code="", figures={})

    told = losses_of([link.account_id])

    assert list(told) == [link.account_id]
    first, second = told[link.account_id].limits
    assert first == "Trend @ Main: The drawdown is 8.25%. New entries stop at 10%."
    assert second.startswith("Main (binance USDT): The limit is not watched: ")
    assert told[link.account_id].stops == []


def test_limit_that_was_removed_is_not_told() -> None:
    link = main_link(max_daily_loss_percent=D(5))
    near(link)

    assert losses_of([link.account_id]) == {}


def test_wide_stops_are_told_of_these_owners_and_of_everybody() -> None:
    link = main_link()
    other = make_account()
    place_stop(Scope(owner_id=link.account.owner_id), reason="Holidays", actor=None)
    place_stop(Scope(owner_id=other.owner_id), reason="Theirs", actor=None)
    place_stop(Scope(account_id=link.account_id), reason="Not wide", actor=None)
    assert wide_stops([link.account.owner_id]) == ["owner ann: Holidays"]
    place_stop(Scope(everybody=True), reason="An outage", actor=None)

    assert wide_stops([link.account.owner_id]) == ["owner ann: Holidays", "everybody: An outage"]
    assert wide_stops([]) == ["everybody: An outage"]


def test_stop_is_called_after_whom_it_stops() -> None:
    link = main_link()
    scopes = (
        Scope(link_id=link.pk),
        Scope(account_id=link.account_id),
        Scope(owner_id=link.account.owner_id),
        Scope(everybody=True),
    )

    names = [scope_name(place_stop(scope, reason="Why", actor=None)[0]) for scope in scopes]

    assert names == [
        "strategy link Trend @ Main",
        "account Main (binance USDT)",
        "owner ann",
        "everybody",
    ]


def test_strategy_is_stopped_by_what_stops_its_links_on_accounts_that_one_sees() -> None:
    owner = make_user()
    link = make_link(account=make_account(owner=owner))
    sibling = make_link(account=link.account)
    theirs = make_link(strategy=link.strategy, account=make_account())
    of_link = Stop.objects.create(strategy_account=link, reason="link")
    of_account = Stop.objects.create(account=link.account, reason="account")
    of_owner = Stop.objects.create(owner=owner, reason="owner")
    of_all = Stop.objects.create(everybody=True, reason="all")
    Stop.objects.create(strategy_account=sibling, reason="sibling")
    unseen = Stop.objects.create(account=theirs.account, reason="theirs")
    over = Stop.objects.create(account=make_account(owner=owner), reason="elsewhere")
    assert over.is_open

    assert list(stops_of_strategy(link.strategy_id, owner)) == [
        of_link, of_account, of_owner, of_all,
    ]  # fmt: skip
    root = make_user(is_superuser=True)
    assert unseen in stops_of_strategy(link.strategy_id, root)
    of_account.lift(by_id=None, at=NOON, reason="over", figures={})
    assert of_account not in stops_of_strategy(link.strategy_id, owner)


def test_what_was_stopped_when_an_allocation_was_decided_stays_known() -> None:
    account = make_account()
    run = AllocationRun.objects.create(
        account=account, run_key="r", trigger="api", outcome="unchanged", created_at=NOON
    )
    hour = timedelta(hours=1)

    def stop(at: datetime, lifted: datetime | None = None, **of: Any) -> Stop:
        found = Stop.objects.create(**(of or {"account": account}), reason="s", at=at)
        if lifted is not None:
            found.lift(by_id=None, at=lifted, reason="over", figures={})
        return found

    lifted_since = stop(NOON - hour, NOON + hour)
    stop(NOON - hour, NOON)
    stop(NOON + hour, owner=account.owner)
    stop(NOON - hour, account=make_account())
    then = stop(NOON, everybody=True)

    assert list(stops_when_decided(run, account.owner)) == [lifted_since, then]
    assert list(stops_when_decided(run, make_user())) == [then]


def test_who_stopped_is_a_user_a_limit_or_the_command_line() -> None:
    actor = make_user(username="risk")
    account = make_account()
    by_limit = Stop(account=account, code="drawdown_reached")

    assert who_stopped(Stop(account=account, reason="s", actor=actor)) == "risk"
    assert who_stopped(Stop(account=account, reason="s")) == "command line"
    assert who_stopped(by_limit) == "limit of loss"


def test_stops_that_one_sees_begin_with_everybodys_and_the_owners() -> None:
    link, other = main_link(), make_link()
    one, _ = place_stop(Scope(account_id=link.account_id), reason="One", actor=None)
    mine, _ = place_stop(Scope(owner_id=link.account.owner_id), reason="Mine", actor=None)
    place_stop(Scope(owner_id=other.account.owner_id), reason="Theirs", actor=None)
    everybody, _ = place_stop(Scope(everybody=True), reason="All", actor=None)

    assert stops_seen(link.account.owner) == [everybody, mine, one]


@pytest.mark.parametrize(
    ("scope", "resumed"), [("everybody", 2), ("owner", 1), ("account", 1), ("link", 1)]
)
def test_lifting_one_stop_resumes_what_no_other_stops_and_what_was_running(
    scope: str, resumed: int
) -> None:
    link, elsewhere = main_link(), make_link()
    # Did not run: switched off, paused.
    make_link(account=link.account, is_active=False)
    make_link(account=link.account, strategy=make_strategy(status="PAUSED"))
    scopes = {
        "everybody": Scope(everybody=True),
        "owner": Scope(owner_id=link.account.owner_id),
        "account": Scope(account_id=link.account_id),
        "link": Scope(link_id=link.pk),
    }
    stop, _ = place_stop(scopes[scope], reason="All", actor=None)
    far, _ = place_stop(Scope(link_id=make_link().pk), reason="Elsewhere", actor=None)

    assert links_resumed_by(stop) == resumed
    assert list(stops_beside(stop)) == ([far] if scope == "everybody" else [])

    others = [
        place_stop(each, reason="Before", actor=None)[0]
        for name, each in scopes.items()
        if name != scope
    ]
    kept = others if scope != "everybody" else [far, *others]
    assert sorted(row.pk for row in stops_beside(stop)) == sorted(row.pk for row in kept)
    assert links_resumed_by(stop) == (1 if scope == "everybody" else 0)
    assert elsewhere.account_id != link.account_id


def test_all_entries_may_mean_everybody_ones_own_accounts_or_nothing() -> None:
    boss = make_operator("stop_entries", "view_all_accounts")
    make_account(owner=boss)
    owner, stranger = make_operator("stop_entries"), make_operator("stop_entries")
    make_account(owner=owner)
    forbidden = make_account().owner

    told = {user: widest_scopes(user) for user in (boss, owner, stranger, forbidden)}
    assert told == {
        boss: [Scope(everybody=True), Scope(owner_id=boss.pk)],
        owner: [Scope(owner_id=owner.pk)],
        stranger: [],
        forbidden: [],
    }
    assert {user: may_stop_all(user) for user in told} == {
        boss: True,
        owner: True,
        stranger: False,
        forbidden: False,
    }
    assert not may_stop_all(AnonymousUser())
