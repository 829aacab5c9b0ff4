"""A day in the life of a desk: the jobs at their slots, while everything goes wrong that can.

The short form runs with every test. ``CHAOS=1`` (``make chaos``) lives through many days, by the
minute; ``CHAOS_DAYS`` says how many, ``CHAOS_SEED`` with which to begin.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError

from capital.domain.errors import NothingToAccept
from capital.domain.money import floor_to, quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.exchange import ccxt_gateway
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    DailyAccountSummary,
    StrategyAccount,
    StrategyCapital,
)
from capital.services import allocation, days, sync
from capital.services.accounts import active_account_ids
from capital.services.allocation import allocate_capital, reallocate_where_due
from capital.services.audit import audit_capital
from capital.services.days import close_day
from capital.services.reports import report_runs
from capital.services.summaries import BALANCE_FIELD, get_cached_daily_balance
from capital.services.sync import sync_balances
from strategies.models import MarketType
from tests.conftest import Exchange
from tests.simulation.world import World

pytestmark = pytest.mark.django_db

# 21:07 in Seoul, so that the day is closed before anybody reads a balance of the new one.
START = datetime(2026, 3, 10, 12, 7, tzinfo=UTC)
MINUTES_A_DAY = 24 * 60
REALLOCATE_MINUTES = 11
MIDNIGHT = timedelta(hours=15)
CLOSE_DELAY = timedelta(seconds=30)

CHAOS = os.environ.get("CHAOS") == "1"
CHAOS_DAYS = int(os.environ.get("CHAOS_DAYS", "10"))
CHAOS_SEED = int(os.environ.get("CHAOS_SEED", "1000"))


class Killed(BaseException):
    """The process is gone: no handler of the product runs."""


@dataclass
class Day:
    """One simulated day.

    Attributes:
        now: What every clock says.
        audit_every: After how many slots the whole record is read again; what it keeps is not
            lost until then. After a process was killed, it is read at once.
        last_run: The newest run that was looked at.
        keys: The run keys that were delivered.
        accepted: By account and pool, the balance of the last run that knew one.
        counts: How often things happened, to see that they did.
    """

    world: World
    monkeypatch: pytest.MonkeyPatch
    sync_minutes: int
    now: datetime = START
    audit_every: int = 1
    slots: int = 0
    last_run: int = 0
    keys: set[str] = field(default_factory=set)
    accepted: dict[tuple[int, Pool], Decimal] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def live(self) -> None:
        """24 hours, minute by minute."""
        for minute in range(MINUTES_A_DAY + 1):
            self.now = START + timedelta(minutes=minute)
            if minute % self.sync_minutes == 0:
                self.world.shake(self.sync_minutes / 10)
                self._slot(
                    sync, self.world.ids, lambda: sync_balances(self.world.ids, clock=self.clock)
                )
                self._people()
                self._events()
            if minute % REALLOCATE_MINUTES == 0:
                self.world.shake(self.sync_minutes / 40)
                ids, key = active_account_ids(), f"schedule:{self.now:%Y-%m-%dT%H:%M:%S%z}"
                self._slot(allocation, ids, lambda i=ids, k=key: self._reallocate(i, k))
            if (self.now - MIDNIGHT).time().replace(second=0) == datetime.min.time():
                self.now += CLOSE_DELAY
                self._slot(
                    days, self.world.ids, lambda: close_day(self.world.ids, clock=self.clock)
                )
                self._count("midnights")

    def clock(self) -> datetime:
        return self.now

    # What happens at a slot

    def _slot(self, module: Any, ids: list[int], deliver: Callable[[], object]) -> None:
        """A task: now and then its process is killed on the way, or it is delivered twice."""
        if self._likely(0.12):
            with self._broken_at_random(module, Killed):
                try:
                    deliver()
                except Killed:
                    self._count("killed")
            self.assert_sound(ids, thorough=self.sync_minutes > 1)
        if self._likely(0.06):
            with self._broken_at_random(module, DatabaseError):
                try:
                    deliver()
                except DatabaseError:
                    # The day's end tries no account by itself; the queue delivers it again.
                    assert module is days
                self._count("database errors")
            self.assert_sound(ids)
        deliver()
        self.assert_sound(ids)
        if self._likely(0.2):
            before = self._state()
            deliver()
            assert self._state() == before, "the same task again changes nothing"
            self._count("delivered twice")

    def _reallocate(self, ids: list[int], key: str, trigger: str = "schedule") -> None:
        self.keys.add(key)
        results = reallocate_where_due(ids, trigger=trigger, run_key=key, clock=self.clock)
        assert [result.account.pk for result in results] == ids

    def _events(self) -> None:
        """What was changed asks for a reallocation, each with a key of its own."""
        changed, self.world.changed = sorted(self.world.changed), set()
        for account_id in changed:
            key = f"event:{len(self.keys)}"
            self._slot(
                allocation,
                [account_id],
                lambda ids=[account_id], key=key: self._reallocate(ids, key, "event"),
            )

    def _people(self) -> None:
        """A person accepts, asks, forces, or asks without the exchange."""
        chosen = self.world.random.choice(self.world.ids)
        waiting = Account.objects.exclude(suspect_readings={}).order_by("pk").first()
        asked: list[tuple[list[int], dict[str, Any]]] = []
        if waiting is not None and self._likely(0.2):
            asked.append(([waiting.pk], {"accept_jump": True}))
        if self._likely(0.04):
            asked.append(([chosen], {}))
        if self._likely(0.03):
            asked.append(([chosen], {"force": True}))
        if self._likely(0.03):
            asked.append(([chosen], {"live": False}))
        for ids, arguments in asked:
            key = f"person:{len(self.keys)}"
            self.keys.add(key)
            self._slot(allocation, ids, lambda i=ids, k=key, a=arguments: self._ask(i, k, a))
            self._count(" ".join(arguments) or "plain")

    def _ask(self, ids: list[int], key: str, arguments: dict[str, Any]) -> None:
        try:
            allocate_capital(ids, trigger="admin", run_key=key, clock=self.clock, **arguments)
        except NothingToAccept:
            # A try that failed on the way has cleared the suspicion, and could not say so.
            assert arguments == {"accept_jump": True}

    # What must be so

    def _learn(self) -> None:
        """The balances that new runs handed out from, which must be those of the summaries."""
        runs = list(AllocationRun.objects.filter(pk__gt=self.last_run).order_by("pk"))
        for report, run in zip(report_runs(runs), runs, strict=True):
            self.last_run = run.pk
            self._count(run.outcome)
            assert run.created_at == self.now
            for pool in report.pools:
                if pool.balance is None:
                    continue
                key = Pool(pool.pool)
                floored = floor_to(Decimal(pool.balance), quantum_of(report.currency))
                (stored,) = _newest(run.account_id).values_list(BALANCE_FIELD[key], flat=True)
                assert floored == stored, "capital rests on balances that were accepted"
                self.accepted[run.account_id, key] = max(Decimal(0), floored)

    def assert_sound(self, ids: list[int] | None = None, *, thorough: bool = False) -> None:
        """Of the accounts that a task was about; of all that there are at the end."""
        self._learn()
        self.slots += 1
        if thorough or self.slots % self.audit_every == 0:
            assert audit_capital(ids, clock=self.clock).violations == []
        held: dict[tuple[int, Pool], Decimal] = {}
        for account_id, mode, market, amount in StrategyAccount.objects.values_list(
            "account_id",
            "account__wallet_mode",
            "strategy__market_type",
            "capital__allocated_capital",
        ):
            key = account_id, pool_of(MarketType(market), WalletMode(mode))
            held[key] = held.get(key, Decimal(0)) + (amount or Decimal(0))
        for key, total in held.items():
            assert total <= self.accepted.get(key, Decimal(0))
        for account in Account.objects.exclude(suspect_readings={}):
            self._count("suspects seen")
            for pool, suspect in account.suspect_readings.items():
                (stored,) = _newest(account.pk).values_list(BALANCE_FIELD[Pool(pool)], flat=True)
                assert stored == Decimal(suspect["accepted"]), "a suspect never reaches the summary"

    def _state(self) -> list[Any]:
        return [
            list(model.objects.order_by("pk").values())
            for model in (
                StrategyCapital,
                AllocationRun,
                AllocationPool,
                AllocationEntry,
            )
        ] + [
            list(
                DailyAccountSummary.objects.order_by("account", "date").values_list(
                    "account", "date", "starting_balance", *BALANCE_FIELD.values()
                )
            ),
            list(Account.objects.order_by("pk").values_list("suspect_readings", "last_check_code")),
        ]

    # Chance

    def _likely(self, chance: float) -> bool:
        return self.world.random.random() < chance

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    @contextmanager
    def _broken_at_random(self, module: Any, error: type[BaseException]) -> Iterator[None]:
        """The last write of a batch is done, and then its process meets ``error``, once."""
        name = {allocation: "record_runs", sync: "record_observations", days: "open_days"}[module]
        write, calls = getattr(module, name), iter([self.world.random.randint(1, 2)])
        left = next(calls)

        def write_and_break(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            written = write(*args, **kwargs)
            left -= 1
            if left == 0:
                raise error("broken on the way")
            return written

        with self.monkeypatch.context() as patch:
            patch.setattr(module, name, write_and_break)
            yield


def _newest(account_id: int) -> Any:
    return DailyAccountSummary.objects.filter(account_id=account_id).order_by("-date")[:1]


def live_through(
    exchange: Exchange,
    monkeypatch: pytest.MonkeyPatch,
    *,
    seed: int,
    sync_minutes: int,
    audit_every: int,
) -> Day:
    # Two batches of four and two, so that a process can be killed between them.
    for module in (allocation, sync, days):
        monkeypatch.setattr(module, "BATCH_SIZE", 4)
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0)
    with time_machine.travel(START - timedelta(hours=1), tick=False):
        world = World(exchange, Random(seed))
        world.open_desk()
    day = Day(world, monkeypatch, sync_minutes, audit_every=audit_every)
    day.live()
    day.assert_sound(thorough=True)

    assert day.counts["midnights"] == 1
    _assert_chain(day)
    assert set(AllocationRun.objects.values_list("run_key", flat=True)) <= day.keys
    with time_machine.travel(day.now, tick=False):
        for account_id in world.ids:
            (whole,) = _newest(account_id).values_list("ending_balance", flat=True)
            assert get_cached_daily_balance(account_id) == (whole or 0)
    return day


def _assert_chain(day: Day) -> None:
    """Each day starts with what the last one ended with."""
    for account_id in day.world.ids:
        rows = list(DailyAccountSummary.objects.filter(account=account_id).order_by("date"))
        assert len(rows) in (2, 3)
        for before, row in pairwise(rows):
            assert row.starting_balance == before.ending_balance


def test_day_of_a_desk_keeps_every_rule(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = live_through(exchange, monkeypatch, seed=20260310, sync_minutes=20, audit_every=4)

    # A day on which nothing happens proves nothing.
    for what in (
        "applied",
        "held",
        "skipped",
        "unchanged",
        "killed",
        "database errors",
        "delivered twice",
        "suspects seen",
        "accept_jump",
        "force",
        "live",
    ):
        assert day.counts.get(what, 0) > 0, what


@pytest.mark.skipif(not CHAOS, reason="takes minutes a day: make chaos")
@pytest.mark.parametrize("seed", range(CHAOS_SEED, CHAOS_SEED + CHAOS_DAYS))
def test_any_day_by_the_minute_keeps_every_rule(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    live_through(exchange, monkeypatch, seed=seed, sync_minutes=1, audit_every=20)
