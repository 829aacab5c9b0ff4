"""Stops that a person places and lifts: who may, and what the next order is answered."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from capital.domain.errors import (
    InvalidStop,
    NotFound,
    NotPermitted,
    RoleTooSmall,
    UnknownAccount,
)
from capital.domain.reasons import Code, Reason
from capital.models import AccountAccess, Stop, StrategyAccount, StrategyCapital, Trouble
from capital.services.access.visibility import visible_to, within_account
from capital.services.limits import (
    Scope,
    find_owner,
    find_scope,
    lift_stop,
    lift_stops,
    may_lift,
    may_stop,
    may_stop_everybody,
    open_stops,
    place_stop,
)
from capital.services.limits.standing import limited_links
from capital.services.sentences import sentence
from capital.services.sizing.orders import SizedOrder, size_orders
from tests.admin.tenants import allow, join
from tests.domain.sizing.builders import order
from tests.factories import (
    make_account,
    make_link,
    make_market,
    make_position,
    make_strategy,
    make_user,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def noon() -> datetime:
    return NOON


def size(link: StrategyAccount, **fields: Any) -> SizedOrder:
    (answer,) = size_orders([link.pk], [order(**{"price": "100", **fields})], clock=noon)
    return answer


def trading_link(**fields: Any) -> StrategyAccount:
    return make_link(account=make_account(**fields), capital="1000")


def scope_of(kind: str, link: StrategyAccount) -> Scope:
    return {
        "link": Scope(link_id=link.pk),
        "account": Scope(account_id=link.account_id),
        "owner": Scope(owner_id=link.account.owner_id),
        "everybody": Scope(everybody=True),
    }[kind]


SCOPES = pytest.mark.parametrize("kind", ["link", "account", "owner", "everybody"])


@SCOPES
def test_next_order_of_whom_a_stop_is_of_is_refused_and_of_others_is_not(kind: str) -> None:
    make_market(fetched_at=NOON)
    link, stranger = trading_link(), trading_link()
    sibling = make_link(account=link.account, capital="1000")
    elsewhere = make_link(account=make_account(owner=link.account.owner), capital="1000")

    stop, is_new = place_stop(
        scope_of(kind, link), reason="An exchange is down", actor=None, clock=noon
    )

    stopped = {
        "link": [link],
        "account": [link, sibling],
        "owner": [link, sibling, elsewhere],
        "everybody": [link, sibling, elsewhere, stranger],
    }[kind]
    for each in (link, sibling, elsewhere, stranger):
        answer = size(each, qty_per="10")
        assert (answer.code is Code.STOPPED) is (each in stopped)
        assert answer.quantity == (0 if each in stopped else 1)
    assert is_new
    assert (stop.scope, stop.actor, stop.at, stop.is_open) == (kind, None, NOON, True)
    assert sentence(size(link, qty_per="10").reason) == (
        "New entries have been stopped since 2026-11-26 21:00: An exchange is down. Positions can "
        "still be closed."
    )


def test_lifting_resumes_what_was_running_and_no_capital_has_moved() -> None:
    make_market(fetched_at=NOON)
    link = trading_link()
    paused = make_link(account=link.account, status="PAUSED", capital="500")
    place_stop(Scope(account_id=link.account_id), reason="Holidays", actor=None)

    lifted = lift_stops(
        Scope(account_id=link.account_id), reason="Back  again ", actor=None, clock=noon
    )

    assert [(each.lifted_at, each.lifted_reason) for each in lifted] == [(NOON, "Back again")]
    assert size(link, qty_per="10").quantity == 1
    assert size(paused, qty_per="10").code is Code.CLOSING_ONLY
    assert [each.allocated_capital for each in StrategyCapital.objects.order_by("pk")] == [
        1000,
        500,
    ]
    assert not link.account.runs.exists()


def test_stops_of_several_scopes_are_lifted_one_by_one() -> None:
    make_market(fetched_at=NOON)
    link = trading_link()
    for kind in ("link", "account", "owner", "everybody"):
        place_stop(scope_of(kind, link), reason=kind, actor=None)

    for kind in ("owner", "link", "everybody"):
        assert len(lift_stops(scope_of(kind, link), reason="over", actor=None)) == 1
        assert size(link, qty_per="10").code is Code.STOPPED
    assert [each.scope for each in open_stops(link.account_id)] == ["account"]
    lift_stops(scope_of("account", link), reason="over", actor=None)

    assert size(link, qty_per="10").code is Code.SIZED
    assert lift_stops(scope_of("account", link), reason="over", actor=None) == []
    # It can be stopped again.
    assert place_stop(scope_of("account", link), reason="again", actor=None)[1]


def test_closing_goes_on_and_so_does_a_sale_that_lowers_what_is_held() -> None:
    make_market(fetched_at=NOON)
    make_market("BTC/USDT:USDT", fetched_at=NOON, contract_size=Decimal(1))
    spot = trading_link()
    futures = make_link(account=spot.account, market_type="futures", capital="1000")
    swap = {"symbol": "BTC/USDT:USDT"}
    make_position(spot, "0.5")
    make_position(futures, "2", "BTC/USDT:USDT")
    place_stop(Scope(account_id=spot.account_id), reason="Stop", actor=None)

    assert size(spot, side="sell", qty_per="-100").quantity == Decimal("0.5")
    assert size(spot, side="sell", qty="0.2").quantity == Decimal("0.2")
    assert size(futures, side="sell", qty_per="-50", **swap).quantity == 1
    assert size(futures, side="sell", qty="2", **swap).quantity == 2
    for side, fields in (
        ("sell", {"qty": "2.1"}),  # It would go on to the short side.
        ("buy", {"qty": "1"}),
        ("buy", {"qty_per": "1"}),
        ("sell", {"qty_per": "1"}),
        ("sell", {"risk_per": "1", "stop_price": "110"}),
    ):
        assert size(futures, side=side, **fields, **swap).code is Code.STOPPED, (side, fields)
    short = make_link(account=spot.account, market_type="futures", capital="1000")
    make_position(short, "-2", "BTC/USDT:USDT")
    assert size(short, side="buy", qty="2", **swap).quantity == 2
    assert size(short, side="sell", qty="1", **swap).code is Code.STOPPED


def test_sizing_asks_for_stops_in_the_queries_that_it_had_and_once_what_one_says(
    django_assert_num_queries: Any,
) -> None:
    make_market(fetched_at=NOON)
    link = trading_link()
    size(link, qty_per="10")
    with django_assert_num_queries(2):
        size(link, qty_per="10")
    place_stop(Scope(everybody=True), reason="Stop", actor=None)
    place_stop(Scope(account_id=make_account().pk), reason="Another", actor=None)
    with django_assert_num_queries(3):
        assert size(link, qty_per="10").code is Code.STOPPED


@SCOPES
def test_stopping_twice_keeps_the_first_stop(kind: str) -> None:
    link = trading_link()
    first, _ = place_stop(scope_of(kind, link), reason="First", actor=None)
    again, is_new = place_stop(scope_of(kind, link), reason="Second", actor=None)

    assert (again, again.reason, is_new) == (first, "First", False)
    assert Stop.objects.count() == 1


def test_lifting_twice_keeps_the_first_lifting() -> None:
    link = trading_link()
    stop, _ = place_stop(Scope(link_id=link.pk), reason="Stop", actor=None)
    user = allow(link.account.owner, "capital.lift_stop")

    lift_stop(stop.pk, reason="First", actor=user, clock=noon)
    again = lift_stop(stop.pk, reason="Second", actor=None)

    assert (again.lifted_reason, again.lifted_by, again.lifted_at) == ("First", user, NOON)


@pytest.mark.parametrize(
    ("scope", "reason", "code", "figures"),
    [
        (Scope(), "Why", Code.STOP_SCOPE_UNCLEAR, {}),
        (Scope(account_id=1, everybody=True), "Why", Code.STOP_SCOPE_UNCLEAR, {}),
        (Scope(everybody=True), "  ", Code.STOP_REASON_MISSING, {}),
        (Scope(everybody=True), "x" * 501, Code.STOP_REASON_TOO_LONG, {"longest": "500"}),
    ],
)
def test_stop_without_one_scope_and_a_reason_is_refused(
    scope: Scope, reason: str, code: Code, figures: dict[str, str]
) -> None:
    for act in (place_stop, lift_stops):
        with pytest.raises(InvalidStop) as refused:
            act(scope, reason=reason, actor=None)
        assert refused.value.reason == Reason(code, figures)
    assert not Stop.objects.exists()


def test_a_stop_is_logged_and_told_to_who_owns_what_is_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    other, link = trading_link(), trading_link()

    with caplog.at_level("WARNING", logger="capital.services.limits.stops"):
        stop, _ = place_stop(Scope(account_id=link.account_id), reason="Down", actor=None)

    assert caplog.messages == [f"Entries of {stop} were stopped: Down"]
    trouble = Trouble.objects.get()
    assert (trouble.code, trouble.account, trouble.account == other.account) == (
        "entries_stopped",
        link.account,
        False,
    )
    assert trouble.figures["cause"] == "Down"


def test_limited_links_are_those_of_the_accounts_that_are_asked_for() -> None:
    limited = {"max_daily_loss_amount": 10}
    links = [make_link(**limited), make_link(**limited), make_link()]
    of_account = make_link(account=make_account(max_drawdown_percent=5))

    def asked(*each: StrategyAccount) -> list[StrategyAccount]:
        return limited_links([link.account_id for link in each])

    assert asked(links[1], links[2], of_account) == [links[1], of_account]
    assert asked(links[2]) == []


def test_what_is_not_there_is_not_stopped() -> None:
    for scope in (Scope(account_id=9), Scope(link_id=9), Scope(owner_id=9)):
        with pytest.raises(NotFound):
            place_stop(scope, reason="Why", actor=None)
    with pytest.raises(NotFound):
        lift_stop(9, reason="Why", actor=None)


# Whom a name means


def asked(**fields: Any) -> Scope:
    return find_scope(
        **{"account": None, "strategy": None, "owner": None, "everybody": False, **fields}
    )


def test_scope_is_found_by_the_names_that_a_person_gives() -> None:
    account = make_account(name="Main", owner=make_user(username="ann"))
    link = make_link(account=account, strategy=make_strategy(key="trend"))
    make_link(strategy=link.strategy)

    assert asked(account="Main") == Scope(account_id=account.pk)
    assert asked(account="Main", strategy="trend") == Scope(link_id=link.pk)
    assert asked(owner="ann") == Scope(owner_id=account.owner_id)
    assert asked(everybody=True) == Scope(everybody=True)
    assert find_owner("ann") == account.owner_id
    for name in ("Ann", ""):
        with pytest.raises(NotFound):
            find_owner(name)


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"account": "Main", "everybody": True},
        {"account": "Main", "owner": "ann"},
        {"owner": "ann", "everybody": True},
        # A strategy trades on many accounts.
        {"strategy": "trend"},
        {"strategy": "trend", "owner": "ann"},
        {"strategy": "trend", "everybody": True},
    ],
)
def test_names_that_mean_not_exactly_one_scope_are_refused(names: dict[str, Any]) -> None:
    with pytest.raises(InvalidStop) as refused:
        asked(**names)
    assert refused.value.reason.code is Code.STOP_SCOPE_UNCLEAR


# Who may


def with_role(link: StrategyAccount, role: str, *permissions: str) -> User:
    user = make_user()
    AccountAccess.objects.create(account=link.account, user=user, role=role)
    return allow(user, *permissions)


def test_operator_stops_own_accounts_and_lifts_nothing() -> None:
    link, other = trading_link(), trading_link()
    operator = join(link.account.owner, "operator")

    for scope in (Scope(link_id=link.pk), Scope(account_id=link.account_id)):
        assert place_stop(scope, reason="Mine", actor=operator)[0].actor == operator
    stop, _ = place_stop(Scope(owner_id=operator.pk), reason="All of mine", actor=operator)
    assert may_stop(operator, link.account)
    assert not may_stop(operator, other.account)
    with pytest.raises(UnknownAccount):
        place_stop(Scope(account_id=other.account_id), reason="Not mine", actor=operator)
    with pytest.raises(NotFound):
        place_stop(Scope(owner_id=other.account.owner_id), reason="Not mine", actor=operator)
    with pytest.raises(NotPermitted, match="view_all_accounts"):
        place_stop(Scope(everybody=True), reason="Not mine", actor=operator)
    assert not may_stop_everybody(operator)
    for each in Stop.objects.all():
        assert not may_lift(operator, each)
        with pytest.raises(NotPermitted, match="lift_stop"):
            lift_stop(each.pk, reason="Enough", actor=operator)
    assert stop.is_open


@SCOPES
def test_risk_stops_and_lifts_everything(kind: str) -> None:
    link, risk = trading_link(), join(make_user(), "risk")

    stop, _ = place_stop(scope_of(kind, link), reason="Risk", actor=risk)

    assert may_stop(risk, link.account)
    assert may_stop_everybody(risk)
    assert may_lift(risk, stop)
    assert lift_stop(stop.pk, reason="Fine", actor=risk).lifted_by == risk


@SCOPES
def test_who_may_lift_lifts_what_is_near_to_them(kind: str) -> None:
    link = trading_link()
    owner = allow(link.account.owner, "capital.lift_stop")
    operator = with_role(link, "operator", "capital.lift_stop")
    viewer = with_role(link, "viewer", "capital.lift_stop")
    stranger = allow(make_user(), "capital.lift_stop")
    stop, _ = place_stop(scope_of(kind, link), reason="Stop", actor=None)
    may_them = {"link": (owner, operator), "account": (owner, operator), "owner": (owner,)}

    for user in (viewer, stranger, operator, owner):
        allowed = user in may_them.get(kind, ())
        assert may_lift(user, stop) is allowed
        if not allowed:
            with pytest.raises((NotFound, NotPermitted, RoleTooSmall, UnknownAccount)):
                lift_stop(stop.pk, reason="Over", actor=user)
        assert Stop.objects.open().exists()
    for user in may_them.get(kind, ()):
        assert not lift_stop(stop.pk, reason="Over", actor=user).is_open


@SCOPES
def test_stop_is_seen_by_whom_it_stops(kind: str) -> None:
    link, other = trading_link(), trading_link()
    place_stop(scope_of(kind, link), reason="Stop", actor=None)
    seen = visible_to(link.account.owner, Stop.objects.all())
    by_others = visible_to(other.account.owner, Stop.objects.all())

    assert seen.count() == 1
    assert by_others.exists() is (kind == "everybody")
    assert within_account(seen, link.account_id).count() == 1
    assert within_account(seen, other.account_id).exists() is (kind == "everybody")
