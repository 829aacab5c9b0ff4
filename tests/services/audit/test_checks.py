"""The audit: a clean database gives nothing, and each rule that is broken gives its own code."""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from capital.domain.reasons import Code
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    DailyAccountSummary,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.allocation.allocate import allocate_capital
from capital.services.allocation.reverts import revert_run
from capital.services.audit import checks as audit_service
from capital.services.audit.checks import audit_capital
from capital.services.balances.days import close_day
from strategies.models import MarketType, Strategy
from tests.factories import forge, make_account, make_link, make_summary
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

FUTURES = MarketType.FUTURES
# 21:00 in Seoul.
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
YESTERDAY = NOON.date() - timedelta(days=1)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass
class Books:
    """An account with both wallets and a run that divided them."""

    exchange: Exchange
    account: Account
    a: StrategyAccount
    b: StrategyAccount
    paused: StrategyAccount
    futures: StrategyAccount

    def decide(self, at: datetime = NOON, **arguments: Any) -> AllocationRun:
        return allocate_capital([self.account.pk], clock=lambda: at, **arguments)[0]

    @property
    def run(self) -> AllocationRun:
        """The newest one."""
        return AllocationRun.objects.filter(account=self.account).order_by("-pk")[0]

    def pool(self, name: str = "spot") -> AllocationPool:
        pool: AllocationPool = self.run.pools.get(pool=name)
        return pool

    def entry(self, link: StrategyAccount) -> AllocationEntry:
        return AllocationEntry.objects.get(pool__run=self.run, strategy_account=link)

    @property
    def summary(self) -> models.QuerySet[DailyAccountSummary]:
        return DailyAccountSummary.objects.filter(account=self.account)


@pytest.fixture
def books(exchange: Exchange) -> Books:
    """300 and 600 of 1000.019 in spot, 450 of 500 in futures; a tenth of each is kept back."""
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000.019"}, "futures": {"USDT": "500"}},
        reserve_percent=Decimal(10),
    )
    books = Books(
        exchange,
        account,
        a=make_link(account=account),
        b=make_link(account=account, weight=Decimal(2)),
        paused=make_link(account=account, status="PAUSED"),
        futures=make_link(account=account, market_type=FUTURES),
    )
    books.decide()
    return books


@pytest.fixture
def unread(books: Books) -> Books:
    """Another account, whose exchange never answers: its links hold 10, 20 (paused) and none."""
    account = books.exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "1"}})
    books.exchange.fail(account, "unauthorized")
    books = Books(
        books.exchange,
        account,
        a=make_link(account=account, capital="10"),
        b=make_link(account=account),
        paused=make_link(account=account, status="PAUSED", capital="20"),
        futures=make_link(account=account, market_type=FUTURES),
    )
    assert books.decide().outcome == "skipped"
    return books


def broken(now: datetime = LATER) -> list[str]:
    return [
        violation.reason.code.value for violation in audit_capital(clock=lambda: now).violations
    ]


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def drop_constraint(model: type[models.Model], name: str) -> None:
    """Only until the end of the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f'ALTER TABLE {model._meta.db_table} DROP CONSTRAINT "{name}"')


@contextmanager
def unchecked(model: type[models.Model], name: str) -> Iterator[None]:
    """The database's CHECK does not look."""
    if connection.vendor == "postgresql":
        drop_constraint(model, name)
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        yield
        cursor.execute("PRAGMA ignore_check_constraints = OFF")


# A clean database


@pytest.mark.usefixtures("seoul")
def test_sound_books_of_every_kind_break_no_rule(exchange: Exchange) -> None:
    separate = exchange.open_account(
        wallets={"spot": {"USDT": "1000.019"}, "futures": {"USDT": "-5.5"}},
        reserve_amount=Decimal("33.333"),
        max_jump_percent=Decimal(50),
    )
    unified = exchange.open_account(venue="bybit", wallets={"unified": {"USDT": "77.777"}})
    won = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "100000.9"}})
    coins = exchange.open_account(
        currency="BTC", wallets={"spot": {"BTC": "0.123456789"}, "futures": {"BTC": "0"}}
    )
    everyone = [separate, unified, won, coins]
    for account in everyone:
        make_link(account=account, weight=Decimal("0.3"))
        make_link(account=account, weight=Decimal("0.7"))
        make_link(account=account, status="PAUSED", capital="12.5")
    make_link(account=separate, market_type=FUTURES, capital="5000")
    open_one = make_link(account=unified, market_type=FUTURES)
    ids = [account.pk for account in everyone]

    def slot(hours: float, **arguments: Any) -> list[str]:
        at = NOON + timedelta(hours=hours)
        return [run.outcome for run in allocate_capital(ids, clock=lambda: at, **arguments)]

    assert slot(0) == ["applied"] * 4
    assert slot(1) == ["unchanged"] * 4
    exchange.fail(separate, "unauthorized", "spot")
    exchange.fail(won, "unauthorized")
    exchange.set_balance(coins, "spot", "0.2")
    Position.objects.create(strategy_account=open_one, symbol="BTC/USDT", quantity=Decimal(-1))
    assert slot(2) == ["unchanged", "held", "unchanged", "applied"]
    assert slot(3, live=False, force=True)[1] == "unchanged"
    # Past midnight, the won account's cache too old, the first one's balance tripled.
    close_day(ids, clock=lambda: NOON + timedelta(hours=3.1))
    Account.objects.filter(pk=won.pk).update(max_cache_age_hours=1)
    exchange.state.clear_faults()
    exchange.fail(won, "unauthorized")
    exchange.set_balance(separate, "spot", "3000")
    assert slot(4)[0] == "held"
    runs = allocate_capital(
        [separate.pk], accept_jump=True, clock=lambda: NOON + timedelta(hours=5)
    )
    assert runs[0].outcome == "applied"

    report = audit_capital(clock=lambda: NOON + timedelta(hours=6))

    assert report.violations == []
    assert report.checked["accounts"] == 4
    assert report.checked["runs"] == AllocationRun.objects.count() == 21
    assert report.checked["summaries"] == 8
    assert report.checked["entries"] == AllocationEntry.objects.count()


def test_empty_database_breaks_no_rule() -> None:
    assert broken() == []


def test_rows_of_other_programs_are_judged_fairly(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    # Neither times nor parts that add up, and a start of its own.
    make_summary(account=account, date=YESTERDAY, ending_balance=Decimal("15369.123"))
    make_summary(
        account=account,
        date=NOON.date(),
        starting_balance=Decimal(7),
        ending_balance=Decimal(9),
        spot_balance=Decimal("0.001"),
    )
    make_link(account=account, capital="12.345")
    AllocationRun.objects.create(
        account=account, run_key="theirs", trigger="command", outcome="skipped", code="no_balance"
    )

    assert broken(NOON + timedelta(days=3000)) == []


def test_pools_of_a_venue_that_is_no_longer_known_are_not_judged(books: Books) -> None:
    Account.objects.filter(pk=books.account.pk).update(venue="ftx")

    assert broken() == []


def test_wallet_of_which_the_mode_changed_is_no_crossing(books: Books) -> None:
    # Bybit does not know the key: no balance.
    Account.objects.filter(pk=books.account.pk).update(venue="bybit", wallet_mode="unified")
    books.summary.delete()

    assert books.decide(NOON + timedelta(minutes=5)).outcome == "skipped"
    assert broken() == []


def test_writes_nothing_and_costs_the_same_for_many_accounts(exchange: Exchange) -> None:
    def accounts(number: int) -> None:
        made = [make_account() for _ in range(number)]
        for account in made:
            make_summary(account=account, date=YESTERDAY, spot_balance=Decimal(100))
            make_link(account=account)
        allocate_capital([account.pk for account in made], live=False, clock=lambda: NOON)

    accounts(1)
    with CaptureQueriesContext(connection) as of_one:
        assert broken() == []
    accounts(60)
    with CaptureQueriesContext(connection) as of_many:
        assert broken() == []

    assert len(of_many) == len(of_one) <= 26
    # DECLARE: PostgreSQL's word for what is selected and then read piece by piece.
    assert {query["sql"].split()[0] for query in of_many} <= {"SELECT", "DECLARE"}


def test_history_is_read_piece_by_piece(books: Books, monkeypatch: Any) -> None:
    for minutes in range(1, 6):
        books.exchange.set_balance(books.account, "spot", f"{1000 + minutes}")
        books.decide(NOON + timedelta(minutes=minutes))
    other = make_account()
    for day in range(1, 6):
        for account in (books.account, other):
            make_summary(
                account=account,
                date=YESTERDAY - timedelta(days=day),
                ending_balance=Decimal("1500.01"),
            )
    monkeypatch.setattr(audit_service, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(audit_service, "ACCOUNTS_AT_ONCE", 1)
    forge(books.entry(books.b), before=Decimal(1))

    report = audit_capital(clock=lambda: LATER)

    assert (report.checked["runs"], report.checked["summaries"]) == (6, 11)
    assert [violation.reason.code for violation in report.violations] == ["chain_broken"]


def test_each_summary_is_read_once_whatever_the_order_in_which_they_were_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = [make_account() for _ in range(2)]
    for day in range(3):
        for account in reversed(accounts):
            make_summary(account=account, date=YESTERDAY - timedelta(days=day))
    monkeypatch.setattr(audit_service, "ROWS_AT_ONCE", 1)

    assert audit_capital(clock=lambda: LATER).checked["summaries"] == 6


def test_only_the_chosen_accounts_are_judged(books: Books, unread: Books) -> None:
    forge(books.run, is_forced=True)

    assert audit_capital([unread.account.pk], clock=lambda: LATER).violations == []
    (violation,) = audit_capital([books.account.pk], clock=lambda: LATER).violations
    assert (violation.account_id, violation.run_id) == (books.account.pk, books.run.pk)


def test_rows_of_an_account_are_read_with_it_and_with_no_other(books: Books, unread: Books) -> None:
    mine, others, all_of_them = (
        Counter(audit_capital(ids, clock=lambda: LATER).checked)
        for ids in ([books.account.pk], [unread.account.pk], None)
    )

    assert mine["accounts"] == others["accounts"] == 1
    assert mine + others == all_of_them
    assert mine == Counter(accounts=1, runs=1, pools=2, entries=4, capital=4, summaries=1)


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_reads_one_moment(exchange: Exchange) -> None:
    make_link(account=make_account(), capital="3")

    report = audit_capital()

    assert (report.violations, report.checked["capital"]) == ([], 1)
    assert not connection.in_atomic_block
    make_account()


# One broken rule each

Break = Callable[[Books], object]


def _with_basis(books: Books, change: Callable[[dict[str, Any]], None]) -> None:
    basis = copy.deepcopy(books.run.basis)
    change(basis)
    forge(books.run, basis=basis)


def _set_capital(link: StrategyAccount, amount: str) -> None:
    StrategyCapital.objects.filter(strategy_account=link).update(allocated_capital=Decimal(amount))


def _unchanged(books: Books) -> AllocationRun:
    run = books.decide(NOON + timedelta(minutes=1))
    assert run.outcome == "unchanged"
    return run


def _snapshot_missing(books: Books) -> None:
    forge(_unchanged(books), snapshot=None)


def _snapshot_forged(books: Books) -> None:
    run = _unchanged(books)
    snapshot = copy.deepcopy(run.snapshot)
    snapshot[0]["reserve"], snapshot[0]["unallocated"] = "100.00", "0.01"
    forge(run, snapshot=snapshot)


def _snapshot_changes(books: Books) -> None:
    run = _unchanged(books)
    snapshot = copy.deepcopy(run.snapshot)
    snapshot[0]["entries"][0]["before"] = "1.00"
    forge(run, snapshot=snapshot)


def _pools_missing(books: Books) -> None:
    AllocationRun.objects.create(
        account=books.account,
        run_key="empty",
        trigger="command",
        outcome="applied",
        code="allocated",
        created_at=NOON,
    )


def _pools_unexpected(books: Books) -> None:
    run = AllocationRun.objects.create(
        account=books.account,
        run_key="failed",
        trigger="command",
        outcome="failed",
        code="unexpected_error",
        figures={"kind": "E"},
        created_at=NOON,
    )
    AllocationPool.objects.create(run=run, pool="spot", source="none", code="not_read")


def _modes_mixed(books: Books) -> None:
    AllocationPool.objects.create(run=books.run, pool="unified", source="none", code="not_read")


def _share_wrong(books: Books) -> None:
    forge(books.entry(books.a), after=Decimal("300.01"))
    forge(books.entry(books.b), after=Decimal("599.99"))
    _set_capital(books.a, "300.01")
    _set_capital(books.b, "599.99")


def _share_not_whole(books: Books) -> None:
    forge(books.entry(books.a), after=Decimal("300.005"))
    forge(books.entry(books.b), after=Decimal("599.995"))
    _set_capital(books.a, "300.005")
    _set_capital(books.b, "599.995")


def _reserve_wrong(books: Books) -> None:
    forge(books.pool("futures"), reserve=Decimal("49.99"))
    forge(books.entry(books.futures), after=Decimal("450.01"))
    _set_capital(books.futures, "450.01")


def _reserve_over_balance(books: Books) -> None:
    forge(books.pool("futures"), reserve=Decimal("500.01"), unallocated=Decimal("-0.01"))
    forge(books.entry(books.futures), after=Decimal(0))
    _set_capital(books.futures, "0")


def _reserve_over_balance_without_basis(books: Books) -> None:
    _reserve_over_balance(books)
    forge(books.run, basis=None)


def _weights_unusable(books: Books) -> None:
    forge(books.entry(books.futures), weight=Decimal(0))
    _with_basis(books, lambda basis: basis["links"][str(books.futures.pk)].update(weight="0"))


def _debt_allocated(books: Books) -> None:
    books.exchange.set_balance(books.account, "futures", "-12.345")
    books.decide(NOON + timedelta(minutes=1))
    forge(books.pool("futures"), reserve=Decimal(1), unallocated=Decimal("-13.35"))


def _negative_entry(books: Books) -> None:
    """Only the first of two entries."""
    first = books.entry(books.a)
    books.exchange.set_balance(books.account, "spot", "2000")
    books.decide(NOON + timedelta(minutes=1))
    forge(first, after=Decimal(-300))
    forge(books.entry(books.a), before=Decimal(-300))


def _chain_broken(books: Books) -> None:
    books.exchange.set_balance(books.account, "spot", "2000")
    books.decide(NOON + timedelta(minutes=1))
    forge(books.entry(books.a), before=Decimal("299.99"))


def _capital_negative(books: Books) -> None:
    with unchecked(StrategyCapital, "strategy_capital_not_negative"):
        make_link(account=books.account, capital="-1")


def _suspect(**stored: Any) -> Break:
    return lambda books: Account.objects.filter(pk=books.account.pk).update(suspect_readings=stored)


def _summary(**values: Any) -> Break:
    def change(books: Books) -> None:
        assert books.summary.update(**values) == 1

    return change


def _changed(books: Books, link: StrategyAccount) -> AllocationEntry:
    books.exchange.set_balance(books.account, "spot", "2000")
    books.decide(NOON + timedelta(minutes=1))
    return books.entry(link)


def _unknown_yesterday(books: Books) -> None:
    make_summary(account=books.account, date=YESTERDAY, spot_balance=Decimal(1000))
    books.summary.filter(date__gt=YESTERDAY).update(starting_balance=Decimal(1500))


def _skipped_without_pools(books: Books) -> None:
    AllocationRun.objects.create(
        account=books.account,
        run_key="skipped",
        trigger="command",
        outcome="skipped",
        code="no_balance",
        basis=books.run.basis,
        created_at=NOON,
    )


SUSPECT = {"amount": "1", "accepted": "2", "observed_at": NOON.isoformat()}

OF_DIVIDED_BOOKS: dict[str, tuple[Break, list[str]]] = {
    "run key": (lambda b: forge(b.run, run_key="a\nb"), ["run_key_malformed"]),
    "basis": (lambda b: forge(b.run, basis={"links": 1}), ["record_unreadable"]),
    "snapshot that is none": (
        lambda b: forge(_unchanged(b), snapshot=[1]),
        ["record_unreadable"],
    ),
    "run of the future": (lambda b: forge(b.run, created_at=DECEMBER), ["time_in_future"]),
    "check of the future": (
        lambda b: Account.objects.filter(pk=b.account.pk).update(last_checked_at=DECEMBER),
        ["time_in_future"],
    ),
    "capital of the future": (
        lambda b: StrategyCapital.objects.filter(strategy_account=b.a).update(
            allocated_at=DECEMBER
        ),
        ["time_in_future"],
    ),
    "summary of the future": (_summary(spot_observed_at=DECEMBER), ["time_in_future"]),
    "suspect of the future": (
        _suspect(spot={**SUSPECT, "observed_at": DECEMBER.isoformat()}),
        ["time_in_future"],
    ),
    "reading after the decision": (
        lambda b: forge(b.pool(), observed_at=NOON + timedelta(minutes=30)),
        ["read_after_decision"],
    ),
    "no snapshot": (_snapshot_missing, ["snapshot_missing"]),
    "snapshot that does not add up": (_snapshot_forged, ["reserve_wrong", "share_wrong"]),
    "snapshot in which capital changes": (
        _snapshot_changes,
        ["outcome_contradicted", "chain_broken"],
    ),
    "snapshot of an applied run": (lambda b: forge(b.run, snapshot=[]), ["snapshot_unexpected"]),
    "applied without pools": (_pools_missing, ["pools_missing"]),
    "failed with pools": (_pools_unexpected, ["pools_unexpected"]),
    "skipped, but capital moved": (
        lambda b: forge(b.run, outcome="skipped"),
        ["outcome_contradicted"],
    ),
    "held, but with a balance": (lambda b: forge(b.run, outcome="held"), ["outcome_contradicted"]),
    "forced mark": (lambda b: forge(b.run, is_forced=True), ["forced_mark_wrong"]),
    "no forced mark": (
        lambda b: forge(b.decide(NOON + timedelta(minutes=1), force=True), is_forced=False),
        ["forced_mark_wrong"],
    ),
    "trigger": (lambda b: forge(b.run, trigger="api"), ["arguments_contradicted"]),
    "live, but nobody asked": (
        lambda b: forge(b.run, arguments={"live": False}),
        ["live_though_cached"] * 2,
    ),
    "both wallet modes": (_modes_mixed, ["wallet_modes_mixed"]),
    "another account's link": (
        lambda b: StrategyAccount.objects.filter(pk=b.paused.pk).update(account=make_account()),
        ["link_of_another_account"],
    ),
    "another market's pool": (
        lambda b: Strategy.objects.filter(pk=b.paused.strategy_id).update(market_type=FUTURES),
        ["across_pools"],
    ),
    "basis with another weight": (
        lambda b: _with_basis(b, lambda basis: basis["links"][str(b.a.pk)].update(weight="9")),
        ["basis_contradicted"],
    ),
    "basis with another balance": (
        lambda b: _with_basis(b, lambda basis: basis["balances"].update(spot="1")),
        ["basis_contradicted"],
    ),
    "source": (lambda b: forge(b.pool(), source="none"), ["reading_contradicted"]),
    "time of a reading": (lambda b: forge(b.pool(), observed_at=None), ["reading_contradicted"]),
    "rest": (lambda b: forge(b.pool(), unallocated=Decimal("0.01")), ["pool_not_conserved"]),
    "no rest": (lambda b: forge(b.pool(), unallocated=None), ["pool_not_conserved"]),
    "debt": (_debt_allocated, ["debt_allocated"]),
    "reserve by the rule": (_reserve_wrong, ["reserve_wrong"]),
    "reserve over the balance": (_reserve_over_balance, ["reserve_wrong"]),
    "reserve over the balance, no basis": (_reserve_over_balance_without_basis, ["reserve_wrong"]),
    "weights": (_weights_unusable, ["weights_unusable"]),
    "shares": (_share_wrong, ["share_wrong"] * 2),
    "finer than a cent": (_share_not_whole, ["entry_not_whole"] * 2),
    "code of an entry": (lambda b: forge(b.entry(b.a), code="kept"), ["entry_code_wrong"]),
    "chain": (_chain_broken, ["chain_broken"]),
    "capital below zero": (_capital_negative, ["capital_negative"]),
    "capital that no run gave": (lambda b: _set_capital(b.a, "299.99"), ["capital_not_recorded"]),
    "capital that is gone": (
        lambda b: StrategyCapital.objects.filter(strategy_account=b.a).delete(),
        ["capital_not_recorded"],
    ),
    "more capital than balance": (
        lambda b: make_link(account=b.account, capital="1000"),
        ["capital_exceeds_balance"],
    ),
    "suspect of no pool": (_suspect(margin=SUSPECT), ["suspect_malformed"]),
    "suspect without an amount": (_suspect(spot={"amount": "1"}), ["suspect_malformed"]),
    "suspect of NaN": (_suspect(spot={**SUSPECT, "amount": "NaN"}), ["suspect_malformed"]),
    "suspect without a zone": (
        _suspect(spot={**SUSPECT, "observed_at": "2026-03-10T12:00:00"}),
        ["suspect_malformed"],
    ),
    "float noise": (
        _summary(spot_balance=Decimal("1000.005"), ending_balance=Decimal("1500.005")),
        ["summary_not_whole"],
    ),
    "time of no balance": (
        _summary(futures_balance=None, ending_balance=None, ending_observed_at=None),
        ["time_without_balance"],
    ),
    "ending": (_summary(ending_balance=Decimal(1500)), ["ending_wrong"]),
    "ending while a part is unknown": (
        _summary(futures_balance=None, futures_observed_at=None),
        ["ending_wrong"],
    ),
    "no ending": (_summary(ending_balance=None, ending_observed_at=None), ["ending_wrong"]),
    "start after an unknown yesterday": (_unknown_yesterday, ["start_wrong"]),
    "chain from an unknown yesterday": (
        lambda b: forge(_changed(b, b.a), before=None),
        ["chain_broken"],
    ),
    "skipped without pools": (_skipped_without_pools, ["pools_missing"]),
    "time of the ending": (
        _summary(futures_observed_at=NOON - timedelta(hours=2)),
        ["ending_time_wrong"],
    ),
    "start": (
        lambda b: make_summary(
            account=b.account, date=YESTERDAY, ending_balance=Decimal("1500.00")
        ),
        ["start_wrong"],
    ),
}


@pytest.mark.parametrize(("seconds", "is_found"), [(90, False), (120, False), (121, True)])
def test_clocks_of_two_machines_may_differ_by_twice_the_tolerance(
    books: Books, seconds: int, is_found: bool
) -> None:
    difference = timedelta(seconds=seconds)
    Account.objects.filter(pk=books.account.pk).update(last_checked_at=LATER + difference)
    assert broken(now=LATER) == ["time_in_future"] * is_found

    Account.objects.filter(pk=books.account.pk).update(last_checked_at=LATER)
    forge(books.pool(), observed_at=NOON + difference)
    assert broken(now=LATER) == ["read_after_decision"] * is_found


@pytest.mark.parametrize("what", OF_DIVIDED_BOOKS)
def test_broken_rule_is_found_and_no_other(books: Books, what: str) -> None:
    assert broken() == []
    break_it, expected = OF_DIVIDED_BOOKS[what]

    break_it(books)

    assert broken() == expected


def _link_repeated(books: Books) -> None:
    AllocationEntry.objects.create(
        pool=books.pool("futures"), strategy_account=books.b, weight=Decimal(1), code="kept"
    )


def _idle_not_released(books: Books) -> None:
    forge(books.entry(books.paused), after=Decimal(20))
    _set_capital(books.paused, "20")


def _kept_but_changed(books: Books) -> None:
    forge(books.entry(books.a), after=Decimal(9))
    _set_capital(books.a, "9")


def _negative_though_kept(books: Books) -> None:
    """The next run puts it right."""
    forge(books.entry(books.b), before=Decimal(-1), after=Decimal(-1))
    books.exchange.state.clear_faults()
    books.decide(NOON + timedelta(minutes=1))
    forge(books.entry(books.b), before=Decimal(-1))


OF_UNREAD_BOOKS: dict[str, tuple[Break, list[str]]] = {
    "link in two pools": (_link_repeated, ["link_repeated"]),
    "reserve of nothing": (
        lambda b: forge(b.pool(), reserve=Decimal(0)),
        ["divided_without_balance"],
    ),
    "rest of nothing": (
        lambda b: forge(b.pool(), unallocated=Decimal(0)),
        ["divided_without_balance"],
    ),
    "idle link that keeps its capital": (_idle_not_released, ["idle_not_released"]),
    "kept, but another amount": (_kept_but_changed, ["kept_but_changed"]),
    "share of nothing": (lambda b: forge(b.entry(b.a), code="share"), ["entry_code_wrong"]),
    "below zero": (_negative_though_kept, ["entry_negative"]),
}


@pytest.mark.parametrize("what", OF_UNREAD_BOOKS)
def test_broken_rule_of_a_skipped_run_is_found_and_no_other(unread: Books, what: str) -> None:
    assert broken() == []
    break_it, expected = OF_UNREAD_BOOKS[what]

    break_it(unread)

    assert broken() == expected


@pytest.fixture
def reverted(books: Books) -> Books:
    """The same books; b's weight became a's, and the run that answered it was taken back."""
    StrategyAccount.objects.filter(pk=books.b.pk).update(weight=1)
    run = books.decide(NOON + timedelta(minutes=1))
    revert_run(run.pk, clock=lambda: NOON + timedelta(minutes=2))
    assert (books.entry(books.a).after, books.entry(books.b).after) == (300, 600)
    return books


def _restored_wrong(books: Books) -> None:
    forge(books.entry(books.a), after=Decimal("299.99"))
    forge(books.pool(), unallocated=Decimal("0.01"))
    _set_capital(books.a, "299.99")


def _untouched_but_changed(books: Books) -> None:
    forge(books.entry(books.paused), after=Decimal(5))
    forge(books.pool(), reserve=Decimal("95.01"))
    _set_capital(books.paused, "5")


def _of_the_first_run(books: Books) -> None:
    first = AllocationRun.objects.order_by("pk")[0]
    forge(books.run, reverts=first, arguments={**books.run.arguments, "reverts": first.pk})


OF_REVERTED_BOOKS: dict[str, tuple[Break, list[str]]] = {
    "another amount": (_restored_wrong, ["restored_wrong"]),
    "another run": (
        lambda b: forge(b.run, reverts=AllocationRun.objects.order_by("pk")[0]),
        ["arguments_contradicted", "revert_not_of_last"],
    ),
    "another run, in its arguments too": (_of_the_first_run, ["revert_not_of_last"]),
    "a share by weight": (lambda b: forge(b.entry(b.a), code="share"), ["entry_code_wrong"]),
    "untouched, but another amount": (_untouched_but_changed, ["kept_but_changed"]),
    "finer than a cent": (_share_not_whole, ["entry_not_whole"] * 2 + ["restored_wrong"] * 2),
    "reserve": (
        lambda b: forge(b.pool(), reserve=Decimal("99.01"), unallocated=Decimal(1)),
        ["reserve_wrong"],
    ),
    "rest": (lambda b: forge(b.pool(), unallocated=Decimal(1)), ["pool_not_conserved"]),
    "source": (lambda b: forge(b.pool(), source="none"), ["reading_contradicted"]),
    "basis with another balance": (
        lambda b: _with_basis(b, lambda basis: basis["balances"].update(spot="1")),
        ["basis_contradicted"],
    ),
    "below zero": (
        lambda b: (
            forge(b.entry(b.a), after=Decimal(-300)),
            forge(b.entry(b.b), after=Decimal(1200)),
        ),
        ["entry_negative"] + ["restored_wrong"] * 2 + ["capital_not_recorded"] * 2,
    ),
}


@pytest.mark.parametrize("what", OF_REVERTED_BOOKS)
def test_broken_rule_of_a_revert_is_found_and_no_other(reverted: Books, what: str) -> None:
    assert broken() == []
    break_it, expected = OF_REVERTED_BOOKS[what]

    break_it(reverted)

    assert broken() == expected


# Every finding has such a record; these have a test of their own below.
OF_THEIR_OWN = {"unified_with_parts", "run_key_repeated", "summary_repeated"}
# And these in the tests of what was traded.
OF_BOOKS = {
    "position_not_of_fills",
    "day_not_of_fills",
    "funding_not_of_flows",
    "day_not_of_positions",
    "day_start_wrong",
    "day_missing",
    "month_not_of_days",
    "month_not_of_symbols",
    "year_not_of_months",
    "summary_not_of_links",
    "attribution_of_other_account",
    "flow_of_other_account",
}


def _findings() -> set[str]:
    """The codes of every reason that the audit's modules make."""
    root = Path(audit_service.__file__).parents[2]
    found = set()
    for module in (*root.glob("domain/audit/*.py"), *root.glob("services/audit/*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Reason":
                found.add(Code[ast.unparse(node.args[0]).removeprefix("Code.")].value)
    return found


def test_every_finding_is_provoked_by_a_forged_record_of_its_own() -> None:
    tables = (OF_DIVIDED_BOOKS, OF_UNREAD_BOOKS, OF_REVERTED_BOOKS)
    expected = [set(codes) for table in tables for _, codes in table.values()]
    alone = {code for codes in expected if len(codes) == 1 for code in codes}

    assert alone | OF_THEIR_OWN | OF_BOOKS == _findings()


def test_capital_despite_debt_is_found(books: Books) -> None:
    """The next run takes it back, so that nothing else is wrong."""
    books.exchange.set_balance(books.account, "futures", "-12.345")
    books.decide(NOON + timedelta(minutes=1))
    forge(books.entry(books.futures), after=Decimal(5))
    forge(books.pool("futures"), unallocated=Decimal("-17.35"))
    books.exchange.set_balance(books.account, "spot", "2000")
    books.decide(NOON + timedelta(minutes=2))
    forge(books.entry(books.futures), before=Decimal(5))

    assert broken() == ["debt_allocated"]


def test_shares_of_a_few_cents_are_judged_and_no_reserve_is_missed(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "0.09"}, "futures": {"USDT": "0"}})
    links = [make_link(account=account), make_link(account=account, weight=Decimal(2))]
    (run,) = allocate_capital([account.pk], clock=lambda: NOON)
    assert broken() == []

    forge(run.pools.get(), reserve=None)
    assert broken() == ["pool_not_conserved"]
    forge(run.pools.get(), reserve=Decimal(0))
    for link, amount in zip(links, ("0.06", "0.03"), strict=True):
        forge(AllocationEntry.objects.get(strategy_account=link), after=Decimal(amount))
        _set_capital(link, amount)

    assert broken() == ["share_wrong"] * 2


def test_pool_of_one_market_beside_a_unified_one_is_found(exchange: Exchange) -> None:
    account = exchange.open_account(venue="okx", wallets={"unified": {"USDT": "77.777"}})
    make_link(account=account)
    (run,) = allocate_capital([account.pk], clock=lambda: NOON)

    AllocationPool.objects.create(run=run, pool="spot", source="none", code="not_read")

    assert broken() == ["wallet_modes_mixed"]


def test_archived_link_that_keeps_its_capital_is_found(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "1"}})
    exchange.fail(account, "unauthorized")
    make_link(account=account)
    archived = make_link(account=account, status="ARCHIVED", capital="20")
    allocate_capital([account.pk], clock=lambda: NOON)
    assert broken() == []

    forge(AllocationEntry.objects.get(strategy_account=archived), after=Decimal(20))
    _set_capital(archived, "20")

    assert broken() == ["idle_not_released"]


def test_unified_wallet_with_a_balance_of_one_market_is_found(exchange: Exchange) -> None:
    account = exchange.open_account(venue="okx", wallets={"unified": {"USDT": "77.777"}})
    make_link(account=account)
    allocate_capital([account.pk], clock=lambda: NOON)
    assert broken() == []

    DailyAccountSummary.objects.update(spot_balance=Decimal(5), spot_observed_at=NOON)

    assert broken() == ["unified_with_parts"]


def test_balance_that_another_program_left_on_a_unified_wallet_may_be_handed_on(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(venue="okx", wallets={"unified": {"USDT": "77.777"}})
    make_summary(account=account, date=YESTERDAY, spot_balance=Decimal(5))
    make_link(account=account)

    allocate_capital([account.pk], clock=lambda: NOON)

    assert broken() == []


def test_ending_of_a_spot_only_venue_that_is_not_its_spot_balance_is_found(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1000.9"}})
    make_link(account=account)
    allocate_capital([account.pk], clock=lambda: NOON)
    assert broken() == []

    DailyAccountSummary.objects.update(ending_balance=Decimal(1001))

    assert broken() == ["ending_wrong"]


@pytest.mark.postgresql
def test_run_key_of_two_runs_is_found(books: Books) -> None:
    key, second = books.run.run_key, _unchanged(books)
    drop_constraint(AllocationRun, "allocation_run_key_unique_per_account")

    forge(second, run_key=key)

    assert broken() == ["run_key_repeated"]


@pytest.mark.postgresql
def test_run_key_is_repeated_within_one_account_only(books: Books, unread: Books) -> None:
    first, second, third = books.run, _unchanged(books), _unchanged(books)
    alone = unread.run
    drop_constraint(AllocationRun, "allocation_run_key_unique_per_account")
    for run in (first, second, alone):
        forge(run, run_key="same")
    forge(third, run_key="other")

    (violation,) = audit_capital(clock=lambda: LATER).violations

    assert (violation.account_id, violation.run_id) == (books.account.pk, second.pk)
    assert violation.reason.figures == {
        "run_key": "'same'",
        "times": "2",
        "runs": f"{first.pk}, {second.pk}",
    }
    assert audit_capital([unread.account.pk], clock=lambda: LATER).violations == []


@pytest.mark.postgresql
def test_two_summaries_of_one_day_are_found(books: Books) -> None:
    drop_constraint(DailyAccountSummary, "daily_summary_once_a_day")

    make_summary(account=books.account, date=NOON.date())

    assert broken() == ["summary_repeated"]
