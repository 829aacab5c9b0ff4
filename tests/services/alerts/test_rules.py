"""What happens is told in its own transaction; what goes well costs nothing."""

import logging
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.performance.telling import FillSource
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import Side
from capital.exchange.contract import KeyFacts, Listing
from capital.models import (
    Account,
    Alert,
    AllocationRun,
    LimitState,
    PoolDay,
    Trouble,
    WebhookDelivery,
)
from capital.services import happened
from capital.services.alerts import rules, troubles
from capital.services.alerts.rules import is_unexplained
from capital.services.audit.checks import audit_and_tell
from capital.services.balances import keys as key_services
from capital.services.balances.keys import inspect_keys
from capital.services.balances.sync import sync_balances
from capital.services.happened import say
from capital.services.limits import Scope, lift_stop, place_stop
from capital.services.limits import limits as limit_services
from capital.services.markets import rules as markets
from capital.services.markets.rules import sync_markets
from capital.services.sentences import sentence_of
from capital.services.trading import NewFill
from capital.services.trading.recording.record import Recording
from capital.services.webhooks.refusals import record_refusal
from capital.services.webhooks.secrets import rotate_secret
from tests.domain.sizing.builders import linear
from tests.factories import (
    make_account,
    make_link,
    make_market,
    make_strategy,
    make_summary,
    make_user,
)
from tests.services.alerts.helpers import NOON
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

D = Decimal


def happens(event: happened.Event, now: datetime = NOON) -> None:
    with transaction.atomic():
        say(event, now=now)


def told() -> list[tuple[str, str, str]]:
    rows = Alert.objects.order_by("pk")
    return [(row.kind, row.state, row.code) for row in rows]


def run(outcome: str, code: str, **fields: Any) -> AllocationRun:
    account = fields.pop("account", None) or make_account()
    return AllocationRun(account=account, outcome=outcome, code=code, **fields)


# Allocations


def test_a_failed_and_a_held_run_are_told_and_the_others_are_not() -> None:
    failed = run("failed", "database_error", figures={"kind": "DatabaseError"})
    held = run("held", "open_position")
    others = [
        run("applied", "allocated"),
        run("unchanged", "unchanged"),
        run("skipped", "no_balance"),
        run("failed", "account_changed", trigger="revert"),
        # It is told as a suspect balance.
        run("held", "jump_suspected"),
    ]

    happens(happened.RunsRecorded([failed, held, *others]))

    assert told() == [
        ("run_failed", "began", "database_error"),
        ("run_held", "began", "open_position"),
    ]
    assert [row.account for row in Alert.objects.order_by("pk")] == [failed.account, held.account]


def test_pool_that_is_held_beside_others_is_told_and_again_only_if_it_is_another() -> None:
    account = make_account()
    moved = {"account": account, "outcome": "applied", "code": "partly_held"}

    for pools in ("spot", "spot", "futures"):
        happens(happened.RunsRecorded([run(**moved, figures={"pools": pools})]))
    # Their balance was not read, which is told as that.
    happens(happened.RunsRecorded([run("applied", "partly_allocated", figures={"pools": "spot"})]))

    assert told() == [
        ("run_held", "began", "partly_held"),
        ("run_held", "changed", "partly_held"),
    ]
    assert Trouble.objects.get().figures == {"pools": "futures"}


def test_an_account_that_fails_at_every_slot_is_told_once() -> None:
    account = make_account()
    for _slot in range(5):
        failed = run("failed", "database_error", account=account, figures={"kind": "Full"})
        happens(happened.RunsRecorded([failed]))

    assert told() == [("run_failed", "began", "database_error")]


def test_runs_that_go_well_cost_no_query() -> None:
    runs = [run("applied", "allocated"), run("unchanged", "unchanged")]

    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        say(happened.RunsRecorded(runs), now=NOON)

    assert len(queries) == 0


def test_a_failure_to_tell_keeps_nothing_from_happening(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        Account.objects.update(name="half done")
        raise DatabaseError("disk is on fire")

    account = make_account(name="Main")
    monkeypatch.setattr(rules, "note", refuse)

    with caplog.at_level(logging.ERROR):
        failed = run("failed", "database_error", account=account, figures={"kind": "Full"})
        happens(happened.RunsRecorded([failed]))

    account.refresh_from_db()
    assert account.name == "Main"
    assert "Nobody is told of RunsRecorded (DatabaseError)." in caplog.text


# Exchanges


def test_a_key_that_is_refused_is_told_at_once_and_an_exchange_that_is_down_is_not(
    exchange: Exchange,
) -> None:
    refused, down = (
        exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1000"}}) for _ in range(2)
    )
    exchange.fail(refused, "unauthorized")
    exchange.fail(down, "server_error")

    sync_balances([refused.pk, down.pk], clock=lambda: NOON)
    sync_balances([refused.pk, down.pk], clock=lambda: NOON + timedelta(minutes=1))

    assert told() == [("key_refused", "began", "exchange_refused_key")]
    assert Alert.objects.get().account == refused


def test_a_balance_that_jumped_is_told_with_what_to_do(exchange: Exchange) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "7"}}, max_jump_percent=D(50)
    )
    make_summary(account=account, date=NOON.date() - timedelta(days=1), spot_balance=D(100))

    for minute in range(3):
        sync_balances([account.pk], clock=lambda: NOON + timedelta(minutes=minute))  # noqa: B023

    assert told() == [("suspect_balance", "began", "jump_suspected")]
    alert = Alert.objects.get()
    assert sentence_of(alert.code, alert.figures).endswith("or someone accepts it.")


def test_a_key_that_can_withdraw_is_told_until_it_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, silent, off = make_account(), make_account(), make_account(is_active=False)
    facts: dict[int, Any] = {account.pk: KeyFacts(can_withdraw=True), silent.pk: KeyFacts()}
    monkeypatch.setattr(key_services, "inspect_key", lambda each: facts[each.pk])
    ids = [account.pk, silent.pk, off.pk]

    assert inspect_keys(ids, clock=lambda: NOON) == {"can_withdraw": 1, "not_told": 1}
    assert inspect_keys(ids, clock=lambda: NOON) == {"can_withdraw": 1, "not_told": 1}
    facts[account.pk] = KeyFacts(can_withdraw=False)
    assert inspect_keys(ids, clock=lambda: NOON) == {"sound": 1, "not_told": 1}

    assert told() == [
        ("key_can_withdraw", "began", "key_can_withdraw"),
        ("key_can_withdraw", "over", "key_can_withdraw"),
    ]


def test_a_venue_that_does_not_answer_says_nothing_of_its_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_account: Account) -> KeyFacts:
        raise RuntimeError("signed with CANARY")

    monkeypatch.setattr(key_services, "inspect_key", fail)

    assert inspect_keys([make_account().pk], clock=lambda: NOON) == {"failed": 1}
    assert "CANARY" not in caplog.text


# Stops and limits


@pytest.mark.parametrize("scope", ["link", "account", "owner", "everybody"])
def test_a_stop_is_told_and_that_it_was_lifted(scope: str) -> None:
    link = make_link(account=make_account(name="Main", owner=make_user(username="maria")))
    scopes = {
        "link": Scope(link_id=link.pk),
        "account": Scope(account_id=link.account_id),
        "owner": Scope(owner_id=link.account.owner_id),
        "everybody": Scope(everybody=True),
    }
    stop, _ = place_stop(scopes[scope], reason="news", actor=None, clock=lambda: NOON)
    place_stop(scopes[scope], reason="again", actor=None, clock=lambda: NOON)
    lift_stop(stop.pk, reason="all is well", actor=None, clock=lambda: NOON)
    lift_stop(stop.pk, reason="again", actor=None, clock=lambda: NOON)

    began, over = Alert.objects.order_by("pk")
    assert (began.kind, began.state, over.kind, over.state) == ("stop", "began", "stop", "over")
    name = {"link": str(link), "account": str(link.account), "owner": "maria"}.get(
        scope, "all accounts"
    )
    assert sentence_of(began.code, began.figures) == f"New entries of {name} are stopped (news)."
    assert sentence_of(over.code, over.figures) == f"The stop of {name} was lifted (all is well)."
    columns = [(row.account_id, row.owner_id, row.for_everybody) for row in (began, over)]
    assert columns[0] == columns[1]
    assert columns[0] == {
        "owner": (None, link.account.owner_id, False),
        "everybody": (None, None, True),
    }.get(scope, (link.account_id, None, False))


class _Judged:
    def __init__(self, reason: Reason | None) -> None:
        self.reason, self.used = reason, D(1)


def test_a_limit_that_is_near_is_told_once_until_it_is_far() -> None:
    account = make_account()
    state = LimitState(account=account, kind="drawdown")
    standing = type("Standing", (), {"account": account, "name": "trend on Main"})()
    near = Reason(Code.DRAWDOWN_NEAR, {"percent": "8.2", "limit": "10"})

    with transaction.atomic():
        for reason in (near, near, None, near):
            limit_services._warn(state, _Judged(reason), standing, now=NOON)  # type: ignore[arg-type]

    # Whether it is far is what the watch looks at.
    assert told() == [("limit_near", "began", "drawdown_near")]
    assert Alert.objects.get().subject == "trend on Main"


# Signals, rules, fills, balances


def test_a_refused_signal_is_told_to_who_sees_the_strategy() -> None:
    strategy = make_strategy(key="trend")
    rotate_secret(strategy)
    for code in ("invalid", "invalid", "unknown_symbol"):
        record_refusal(
            strategy.webhook_secret,
            body={"symbol": "X"},
            refusal={"status": 422, "code": code, "detail": "No."},
            address="::1",
            clock=lambda: NOON,
        )

    assert told() == [
        ("signal_refused", "began", "signal_refused"),
        ("signal_refused", "began", "signal_refused"),
    ]
    first = Alert.objects.order_by("pk")[0]
    assert first.strategy == strategy
    assert sentence_of(first.code, first.figures).startswith(
        "A signal to trend was refused, so no order was sized."
    )


def test_a_signal_whose_order_is_refused_for_what_nobody_knows_is_told_each_cause_once() -> None:
    delivery = WebhookDelivery.objects.create(
        strategy=make_strategy(key="trend"), fingerprint="0" * 64, body={}
    )
    for cause in ("position_unknown", "position_unknown", "signal_late"):
        happens(happened.SignalRefused(delivery, cause))

    assert told() == [("signal_refused", "began", "signal_not_followed")] * 2


def test_rules_that_mean_something_else_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def lists(size: int, at: datetime) -> None:
        listed = [
            Listing(
                linear(symbol="OM/USDT:USDT", contract_size=D(size), amount_precision=D(1)),
                "OM-USDT-SWAP",
                "OM",
                is_active=True,
            )
        ]

        class Gateway:
            def fetch_listings(self, venues: Any, _askers: Any) -> Any:
                return {venue.id: listed for venue in venues}

        monkeypatch.setattr(markets, "get_market_gateway", Gateway)
        sync_markets(["okx"], clock=lambda: at)

    lists(10, NOON)
    assert told() == []
    lists(1, NOON + timedelta(hours=1))
    lists(1, NOON + timedelta(hours=2))

    assert told() == [("rules_suspect", "began", "market_rules_suspect")]
    alert = Alert.objects.get()
    assert (alert.venue, alert.figures["symbol"]) == ("okx", "OM/USDT:USDT")


def test_fills_of_nobody_are_noted_and_may_still_be_assigned() -> None:
    link = make_link(market_type="futures")
    make_link(account=link.account, market_type="futures")
    make_market("BTC/USDT:USDT", contract_size=D(1), fetched_at=NOON)
    fill = NewFill(
        symbol="BTC/USDT:USDT",
        side=Side.BUY,
        quantity=D(1),
        price=D(100),
        executed_at=NOON,
        venue_fill_id="1",
    )
    recording = Recording(link.account, None, FillSource.VENUE, None, NOON)
    with transaction.atomic():
        recording.record([fill])

    assert told() == []
    trouble = Trouble.objects.get()
    assert (trouble.kind, trouble.account, trouble.after_seconds) == (
        "fills_unattributed",
        link.account,
        900,
    )


def pool_day(
    account: Account, day: date, unexplained: str | None, balance: str = "1000"
) -> PoolDay:
    return PoolDay(
        account=account,
        pool="spot",
        date=day,
        until=NOON,
        balance=D(balance),
        unexplained=None if unexplained is None else D(unexplained),
    )


@pytest.mark.parametrize(
    ("unexplained", "balance", "expected"),
    [
        ("10", "1000", False),
        ("10.01", "1000", True),
        ("-10.01", "1000", True),
        ("0", "0", False),
        ("0.01", "0", True),
        (None, "1000", False),
    ],
)
def test_what_is_unexplained_counts_above_the_account_s_percent(
    unexplained: str | None, balance: str, expected: bool
) -> None:
    account = make_account()
    day = pool_day(account, NOON.date(), unexplained, balance)

    assert is_unexplained(day, account) is expected


@pytest.mark.usefixtures("seoul")
def test_an_unexplained_change_of_a_day_that_has_ended_is_told() -> None:
    account = make_account()
    today = NOON.date()
    rows = [pool_day(account, today - timedelta(days=days), "20") for days in (0, 1, 2, 3)]

    for _ in range(2):
        happens(happened.DaysExplained(rows, {account.pk: account}))

    assert [row.figures["date"] for row in Alert.objects.order_by("figures__date")] == [
        "2026-11-24",
        "2026-11-25",
    ]
    alert = Alert.objects.order_by("pk")[0]
    assert "20.00 USDT of the change in the spot pool" in sentence_of(alert.code, alert.figures)


# The audit


@pytest.fixture
def broken() -> Account:
    account = make_account(max_jump_percent=D(50))
    Account.objects.filter(pk=account.pk).update(suspect_readings={"spot": {"amount": "1"}})
    return account


def test_a_broken_rule_is_told_until_the_audit_finds_none(broken: Account) -> None:
    other = make_account()

    assert audit_and_tell(clock=lambda: NOON).violations
    audit_and_tell([other.pk], clock=lambda: NOON)
    audit_and_tell(clock=lambda: NOON)
    Account.objects.filter(pk=broken.pk).update(suspect_readings={})
    audit_and_tell([broken.pk], clock=lambda: NOON)

    assert told() == [
        ("audit_broken", "began", "audit_found"),
        ("audit_broken", "over", "audit_found"),
    ]
    assert {row.account for row in Alert.objects.all()} == {broken}


def test_every_event_has_its_rule() -> None:
    assert set(rules._RULES) == set(happened.Event.__args__)


def test_a_key_is_told_before_it_is_cut() -> None:
    key = troubles.key_of(troubles.AlertKind.RULES_SUSPECT, troubles.About(venue="x"), "y" * 300)

    assert len(key) == 200
