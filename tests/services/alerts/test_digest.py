"""The daily digest: by currency, of what its user sees, and of nothing else."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import translation

from capital.domain.reasons import Code, Reason
from capital.models import Account, Alert, AlertKind, PoolDay
from capital.services.alerts.digest import digest_of, write_digests
from capital.services.alerts.messages import digest_lines
from capital.services.alerts.outbox import send_delivery, spread_alerts
from capital.services.alerts.troubles import About, Seen, note
from tests.factories import (
    make_account,
    make_link,
    make_link_day,
    make_summary,
    make_user,
    trust,
)
from tests.services.alerts.helpers import NOON, Clock, make_target, use

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
TODAY = date(2026, 11, 26)
YESTERDAY = TODAY - timedelta(days=1)


def desk(name: str) -> Any:
    """A user with two accounts in dollars, one of which has two strategies, and one in won."""
    user = make_user(username=name)
    main = make_account(owner=user, name=f"{name} main")
    other = make_account(owner=user, name=f"{name} other")
    won = make_account(owner=user, name=f"{name} won", venue="upbit", currency="KRW")
    make_summary(account=main, date=TODAY, ending_balance=D("12345.5"))
    make_summary(account=won, date=TODAY, ending_balance=D(1000000))
    trend, grid = make_link(account=main), make_link(account=main)
    none = {"fees": D(0), "funding": D(0), "unrealized": D(0)}
    for link in (trend, grid):
        make_link_day(link, **{**none, "date": YESTERDAY - timedelta(days=1), "realized": D(0)})
    make_link_day(trend, **{**none, "date": YESTERDAY, "realized": D(10), "fees": D(1)})
    make_link_day(grid, **{**none, "date": YESTERDAY, "realized": D(-3)})
    make_link_day(grid, **{**none, "date": TODAY, "realized": D(100)})
    for day, amount in ((YESTERDAY, "500"), (TODAY, "7")):
        PoolDay.objects.create(
            account=main, pool="spot", date=day, until=NOON, external=D(amount), unexplained=D(0)
        )
    return user, main, other, (trend, grid)


def test_a_digest_tells_each_currency_by_itself_and_what_is_not_known() -> None:
    user, _main, _other, (trend, grid) = desk("ann")
    desk("eve")

    details = digest_of(user, day=YESTERDAY, now=NOON)

    assert details is not None
    won, dollars = details["currencies"]
    assert won == {
        "currency": "KRW",
        "accounts": 1,
        "unknown": 0,
        "balance": "1000000",
        "pnl": None,
        "external": None,
        "best": None,
        "worst": None,
    }
    assert dollars | {"best": None, "worst": None} == {
        "currency": "USDT",
        "accounts": 2,
        "unknown": 1,
        "balance": "12345.5",
        "pnl": "6",
        "external": "500",
        "best": None,
        "worst": None,
    }
    assert dollars["best"] == {"strategy": trend.strategy.key, "pnl": "9"}
    assert dollars["worst"] == {"strategy": grid.strategy.key, "pnl": "-3"}


def test_what_one_pool_or_strategy_does_not_tell_makes_the_sum_unknown() -> None:
    user, _main, other, (trend, grid) = desk("ann")
    PoolDay.objects.create(
        account=other, pool="spot", date=YESTERDAY, until=NOON, code="no_balance"
    )
    make_link_day(make_link(account=other), date=YESTERDAY, unrealized=None)
    make_link_day(trend, date=YESTERDAY, currency="BTC", realized=D("0.5"), fees=D(0))

    details = digest_of(user, day=YESTERDAY, now=NOON)

    assert details is not None
    bitcoin, _won, dollars = details["currencies"]
    assert (bitcoin["currency"], bitcoin["accounts"], bitcoin["balance"]) == ("BTC", 0, None)
    assert (dollars["external"], dollars["pnl"]) == (None, None)
    assert dollars["worst"] == {"strategy": grid.strategy.key, "pnl": "-3"}


def test_deposits_are_not_known_where_an_account_was_not_read_that_day() -> None:
    user, _main, other, _links = desk("ann")
    before, after = NOON - timedelta(days=3), NOON

    for created, expected in ((after, "500"), (before, None)):
        Account.objects.filter(pk=other.pk).update(created_at=created)
        details = digest_of(user, day=YESTERDAY, now=NOON)
        assert details is not None
        assert details["currencies"][1]["external"] == expected

    Account.objects.filter(pk=other.pk).update(is_active=False)
    details = digest_of(user, day=YESTERDAY, now=NOON)
    assert details is not None
    assert details["currencies"][1]["external"] == "500"


def test_what_needs_attention_is_what_is_wrong_now_with_what_the_user_sees() -> None:
    user, main, *_ = desk("ann")
    _eve, hers, *_ = desk("eve")
    for account in (main, hers):
        with transaction.atomic():
            note(
                [
                    Seen(
                        kind=AlertKind.RUN_FAILED,
                        about=About(account_id=account.pk),
                        reason=Reason(Code.DATABASE_ERROR, {"kind": "Full"}),
                    )
                ],
                now=NOON,
            )

    details = digest_of(user, day=YESTERDAY, now=NOON)
    assert details is not None
    assert [each["subject"] for each in details["troubles"]] == ["ann main"]
    boss = digest_of(trust(make_user()), day=YESTERDAY, now=NOON)
    assert boss is not None
    assert [each["subject"] for each in boss["troubles"]] == ["ann main", "eve main"]
    assert digest_of(make_user(), day=YESTERDAY, now=NOON) is None


def test_a_digest_is_written_once_a_day_for_who_wants_it(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    channel, clock = use(monkeypatch), Clock()
    ann, *_ = desk("ann")
    eve, *_ = desk("eve")
    boss = trust(make_user(username="boss"))
    make_target(ann)
    make_target(ann, name="second", address="second@example.com")
    make_target(eve, kinds_off=["digest"])
    make_target(boss, is_active=False)

    assert write_digests(clock=clock) == 1
    assert write_digests(clock=clock) == 0
    spread_alerts(clock=clock)
    for delivery in Alert.objects.get().deliveries.order_by("pk"):
        send_delivery(delivery.pk, clock=clock)

    assert [to for to, _ in channel.sent] == ["ann@example.com", "second@example.com"]
    assert channel.sent[0][1].text.splitlines() == [
        "The day of 2026-11-25, and what needs attention.",
        "KRW: balance 1,000,000; PnL —; deposits less withdrawals —",
        "USDT: balance 12,345.50; PnL 6.00; deposits less withdrawals 500.00",
        "  the balance of 1 account is not known",
        *channel.sent[0][1].text.splitlines()[4:6],
        "Nothing needs attention.",
    ]
    clock.forward(days=1)
    assert write_digests(clock=clock) == 1


def test_a_digest_is_in_the_reader_s_language_and_says_how_much_is_left_out() -> None:
    troubles = [{"subject": "", "code": "unchanged", "figures": {}}]
    details = {"currencies": [], "troubles": troubles, "more_troubles": 3}

    with translation.override("ko"):
        lines = list(digest_lines(details))

    assert lines[0] == "확인이 필요한 사항:"
    assert lines[-1].strip() == "외 3건"


def test_a_digest_costs_the_same_for_many_accounts(django_assert_max_num_queries: Any) -> None:
    user, *_ = desk("ann")
    for number in range(5):
        make_link(account=make_account(owner=user, name=f"more {number}"))

    with django_assert_max_num_queries(14):
        digest_of(user, day=YESTERDAY, now=NOON)


def test_who_sees_no_account_gets_no_digest_and_of_few_troubles_none_is_left_out() -> None:
    stranger = make_user(username="none")
    make_target(stranger)
    assert write_digests(clock=Clock()) == 0
    assert not Alert.objects.exists()

    trouble = {"subject": "Main", "code": "no_balance", "figures": {"pools": "spot"}}
    details = {"currencies": [], "troubles": [trouble], "more_troubles": 0}
    lines = list(digest_lines(details))
    assert lines[-1].startswith("  Main: ")
