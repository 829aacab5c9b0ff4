"""What only looking finds: what has lasted, and what is over."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django_q.models import Schedule

from capital.domain.clock import Clock as ClockOf
from capital.domain.reasons import Code, Reason
from capital.models import (
    Account,
    Alert,
    AlertKind,
    Attribution,
    ClusterHeartbeat,
    LimitState,
    Market,
    PoolDay,
    Stop,
    Trouble,
    WebhookAnswer,
    WebhookDelivery,
)
from capital.services.alerts.rules import NOT_HEARD, day_part, near_part
from capital.services.alerts.troubles import About, Seen, note
from capital.services.alerts.watch import watch
from capital.services.jobs import table, watching
from capital.services.jobs.schedules import sync_schedules
from strategies.models import Strategy
from tests.factories import (
    make_account,
    make_fill,
    make_link,
    make_market,
    make_strategy,
)
from tests.services.alerts.helpers import NOON, Clock

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.fixture
def clock() -> Clock:
    return Clock()


def told() -> list[tuple[str, str]]:
    return [(row.kind, row.state) for row in Alert.objects.order_by("pk")]


def begin(
    kind: AlertKind, about: About, part: str = "", code: Code = Code.UNCHANGED, **f: str
) -> None:
    with transaction.atomic():
        note([Seen(kind=kind, about=about, part=part, reason=Reason(code, f))], now=NOON)


def down(**fields: Any) -> Account:
    return make_account(connection_code="exchange_unreachable", **fields)


def test_where_nothing_is_wrong_it_looks_twice(
    clock: Clock, django_assert_max_num_queries: Any
) -> None:
    make_account()

    with django_assert_max_num_queries(6):  # two, and two transactions
        assert watch([], clock=clock) == {"began": 0, "over": 0}


def test_many_that_cannot_be_read_are_told_together_once_that_lasts(
    clock: Clock, settings: Any
) -> None:
    settings.CAPITAL_ALERT_UNREADABLE_MINUTES = 5
    many = [down() for _ in range(3)]
    down(is_active=False)
    make_account(connection_code="live_disabled")
    make_account(connection_code="exchange_refused_key")
    make_account(connection_code="of_tomorrow")

    for _minute in range(5):
        watch([], clock=clock)
        clock.forward(minutes=1)
    assert told() == []
    watch([], clock=clock)
    watch([], clock=clock)

    assert told() == [("pool_unreadable", "began")] * 3
    assert {row.account for row in Alert.objects.all()} == set(many)
    assert {row.at for row in Alert.objects.all()} == {NOON + timedelta(minutes=5)}
    Account.objects.update(connection_code="")
    assert watch([], clock=clock)["over"] == 3


def test_another_cause_is_the_same_trouble(clock: Clock, settings: Any) -> None:
    settings.CAPITAL_ALERT_UNREADABLE_MINUTES = 1
    down()
    watch([], clock=clock)
    clock.forward(minutes=1)
    watch([], clock=clock)
    Account.objects.update(connection_code="exchange_timeout")

    watch([], clock=clock)

    assert told() == [("pool_unreadable", "began")]


def test_what_lasts_is_told_later_though_nobody_notes_it_again(clock: Clock) -> None:
    link = make_link()
    make_fill(link, strategy_account=None, account=link.account)
    with transaction.atomic():
        note(
            [
                Seen(
                    kind=AlertKind.FILLS_UNATTRIBUTED,
                    about=About(account_id=link.account_id),
                    reason=Reason(Code.FILLS_OF_NOBODY),
                    after=timedelta(minutes=15),
                )
            ],
            now=NOON,
        )
    clock.forward(minutes=14)
    watch([], clock=clock)
    assert told() == []

    clock.forward(minutes=1)
    assert watch([], clock=clock) == {"began": 1, "over": 0}


Ending = Callable[[], None]


def of_account(
    kind: AlertKind, code: Code, column: str, ended: Any, **stored: Any
) -> Callable[[], Ending]:
    def make() -> Ending:
        account = make_account(**stored)
        begin(kind, About(account_id=account.pk), code=code, pool="spot")
        rows = Account.objects.filter(pk=account.pk)
        return lambda: rows.update(**{column: ended}) and None

    return make


def limit_near() -> Ending:
    link = make_link()
    begin(
        AlertKind.LIMIT_NEAR,
        About(account_id=link.account_id),
        near_part("drawdown", link.pk),
    )
    rows = LimitState.objects
    rows.create(strategy_account=link, kind="drawdown", limit="10", warned_at=NOON, judged_at=NOON)
    return lambda: rows.update(warned_at=None) and None


def stop() -> Ending:
    row = Stop.objects.create(everybody=True, reason="news", at=NOON)
    begin(AlertKind.STOP, About(for_everybody=True), f"{row.pk}")
    return lambda: row.lift(by_id=None, at=NOON, reason="well", figures={}) and None


def delivery(strategy: Strategy, at: datetime, *codes: str, refused: str = "") -> None:
    """A signal: refused, or answered with sizes of these codes."""
    row = WebhookDelivery.objects.create(
        strategy=strategy,
        fingerprint="f",
        body={},
        received_at=at,
        refusal={"code": refused} if refused else None,
    )
    if not refused:
        body = {"sizes": [{"code": code} for code in codes]}
        WebhookAnswer.objects.create(delivery=row, body=body, answered_at=at)


def signal() -> Ending:
    strategy = make_strategy()
    begin(AlertKind.SIGNAL_REFUSED, About(strategy_id=strategy.pk), "x")
    delivery(strategy, NOON - timedelta(hours=1), "sized")
    later = NOON + timedelta(minutes=1)
    delivery(strategy, later, refused="x")
    return lambda: delivery(strategy, later + timedelta(seconds=1), "sized")


def signal_late() -> Ending:
    """It is taken each time, and leads to no order."""
    strategy = make_strategy()
    begin(AlertKind.SIGNAL_REFUSED, About(strategy_id=strategy.pk), "signal_late")
    delivery(strategy, NOON + timedelta(minutes=1), "signal_late", "sized")
    return lambda: delivery(strategy, NOON + timedelta(minutes=1, seconds=1), "sized")


def signal_refused_again() -> Ending:
    """One was taken meanwhile; the last one was not. One that waits for its answer says nothing."""
    strategy = make_strategy()
    begin(AlertKind.SIGNAL_REFUSED, About(strategy_id=strategy.pk), "x")
    moment = NOON + timedelta(seconds=20)
    delivery(strategy, moment, "sized")
    delivery(strategy, moment + timedelta(seconds=1), refused="x")
    waits = {"strategy": strategy, "fingerprint": "f", "body": {}}
    WebhookDelivery.objects.create(**waits, received_at=moment + timedelta(seconds=2))

    def end() -> None:
        delivery(strategy, moment + timedelta(seconds=3), "sized")
        delivery(strategy, moment + timedelta(seconds=4), refused="another")

    return end


def fills() -> Ending:
    link = make_link()
    fill = make_fill(link, strategy_account=None, account=link.account)
    begin(AlertKind.FILLS_UNATTRIBUTED, About(account_id=link.account_id))

    def assign() -> None:
        Attribution.objects.create(fill=fill, strategy_account=link, how="person")

    return assign


def unexplained() -> Ending:
    account = make_account()
    day = NOON.date()
    begin(
        AlertKind.BALANCE_UNEXPLAINED,
        About(account_id=account.pk),
        day_part("spot", day),
        date=day.isoformat(),
    )
    fields = {"account": account, "date": day, "until": NOON, "balance": D(1000)}
    PoolDay.objects.create(**fields, pool="spot", unexplained=D(20))
    PoolDay.objects.create(**fields, pool="futures", unexplained=D(0))
    spot = PoolDay.objects.filter(pool="spot")
    return lambda: spot.update(unexplained=D(1)) and None


def rules() -> Ending:
    market = make_market("OM/USDT:USDT", venue="okx", pending_rules={"rules": {}, "since": ""})
    make_market("XX/USDT:USDT", venue="okx")
    begin(AlertKind.RULES_SUSPECT, About(venue="okx"), market.symbol)
    return lambda: Market.objects.update(pending_rules=None) and None


CASES: dict[str, Callable[[], Ending]] = {
    "key": of_account(
        AlertKind.KEY_REFUSED, Code.EXCHANGE_REFUSED_KEY, "connection_code", "",
        connection_code="exchange_refused_key",
    ),
    "suspect": of_account(
        AlertKind.SUSPECT_BALANCE, Code.JUMP_SUSPECTED, "suspect_readings", {},
        suspect_readings={"spot": {"amount": "1", "accepted": "2"}},
    ),
    "failed": of_account(
        AlertKind.RUN_FAILED, Code.DATABASE_ERROR, "last_check_code", "allocated",
        last_check_code="database_error",
    ),
    "held": of_account(
        AlertKind.RUN_HELD, Code.OPEN_POSITION, "last_check_code", "allocated",
        last_check_code="open_position",
    ),
    "off": of_account(AlertKind.KEY_CAN_WITHDRAW, Code.UNCHANGED, "is_active", False),
    "limit": limit_near,
    "stop": stop,
    "signal": signal,
    "signal late": signal_late,
    "signal again": signal_refused_again,
    "fills": fills,
    "unexplained": unexplained,
    "rules": rules,
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_lasts_is_not_over_and_what_ended_is_told_once(case: str, clock: Clock) -> None:
    end = CASES[case]()
    clock.forward(minutes=2)

    assert watch([], clock=clock)["over"] == 0
    end()
    assert watch([], clock=clock)["over"] == 1
    assert watch([], clock=clock)["over"] == 0
    assert [state for _, state in told()] == ["began", "over"]


@pytest.mark.parametrize("code", sorted(NOT_HEARD))
def test_a_refused_key_is_not_taken_again_by_an_exchange_that_is_not_heard(
    code: Code, clock: Clock
) -> None:
    account = make_account(connection_code=code.value)
    begin(AlertKind.KEY_REFUSED, About(account_id=account.pk), code=Code.EXCHANGE_REFUSED_KEY)

    assert watch([], clock=clock)["over"] == 0

    Account.objects.update(connection_code=Code.EXCHANGE_CURRENCY_MISSING.value)
    assert watch([], clock=clock)["over"] == 1


# Jobs and clusters


def test_a_late_job_a_stuck_queue_and_a_silent_cluster_are_told_to_operators(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Schedule.objects.all().delete()
    sync_schedules(clock=clock)
    beat = ClusterHeartbeat.objects.create(host="one", pid=7, started_at=NOON, beat_at=NOON)
    watching.look(clock=clock)
    assert told() == []
    monkeypatch.setattr("capital.services.jobs.health.oldest_wait", lambda now: timedelta(hours=1))

    clock.forward(minutes=10)
    watching.look(clock=clock)

    found = {row.key for row in Trouble.objects.filter(over_at=None)}
    late = {key.rpartition(":")[2] for key in found if key.startswith("job_late")}
    assert late == {"sync_balances", "reallocate_due", "queue"}
    assert any(key.startswith("cluster_silent") for key in found)
    assert not any(
        (row.account_id, row.for_everybody) != (None, False) for row in Alert.objects.all()
    )

    monkeypatch.setattr("capital.services.jobs.health.oldest_wait", lambda now: None)
    beat.beat_at = clock.now
    beat.save()
    watching.look(clock=clock)
    over = [row.code for row in Alert.objects.filter(state="over")]
    assert sorted(over) == ["cluster_silent", "queue_stuck"]


def test_the_jobs_do_their_work(clock: ClockOf) -> None:
    from capital.services.jobs import perform_by_hand

    for job in (table.WATCH, table.SEND_DIGEST, table.CHECK_KEYS):
        assert perform_by_hand(job.name).error == ""
