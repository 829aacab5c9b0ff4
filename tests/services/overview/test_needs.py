"""What needs somebody: one list, the most urgent first."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from capital.domain.reasons import Code, Reason
from capital.models import Account, AlertKind
from capital.services.alerts.troubles import About, Seen, note
from capital.services.limits import Scope, place_stop
from capital.services.overview import needs_of
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


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


def test_money_that_nobody_has_because_all_is_paused_needs_somebody() -> None:
    owner = make_user()
    nothing = {"owner": owner, "last_check_code": "nothing_to_allocate"}
    paused = make_strategy(owner=owner, status="PAUSED")
    idle = make_account(name="Idle", **nothing)
    make_link(account=idle, strategy=paused)
    # Nothing was ever linked; switched off; the link is; checked otherwise; somebody else's.
    make_account(name="New", **nothing)
    make_link(account=make_account(name="Off", is_active=False, **nothing), strategy=paused)
    make_link(account=make_account(name="Unlinked", **nothing), strategy=paused, is_active=False)
    make_link(account=make_account(name="Fine", owner=owner), strategy=paused)
    theirs = make_account(name="Theirs", last_check_code="nothing_to_allocate")
    make_link(account=theirs, strategy=make_strategy(status="PAUSED"))

    found = needs_of(owner)

    assert [(need.kind, need.subject, need.since) for need in found] == [
        ("money_idle", "Idle", None)
    ]
    root = make_user(is_superuser=True)
    assert [need.subject for need in needs_of(root, account_id=theirs.pk)] == ["Theirs"]
    assert Account.objects.count() == 6
