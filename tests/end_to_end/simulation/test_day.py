"""A day in the life of a desk: the jobs at their slots, while everything goes wrong that can.

The short form runs with every test: its jobs come seldom, and as much happens between two of them
as in a whole day. ``CHAOS=1`` (``make chaos``) lives through many days, with every slot that there
is; ``CHAOS_DAYS`` says how many, ``CHAOS_SEED`` with which to begin.
"""

import os
import pydoc
import time
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
from django.test import TestCase
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from capital.domain.errors import JobFailed, NothingToAccept
from capital.domain.money import floor_to, quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.exchange.ccxt import balances as ccxt_gateway
from capital.exchange.politeness import SHARED
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    DailyAccountSummary,
    JobRun,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.allocation import allocate, records
from capital.services.allocation.allocate import allocate_capital, reallocate_where_due
from capital.services.allocation.runs import report_runs
from capital.services.audit.checks import audit_capital
from capital.services.balances import days, sync, trails
from capital.services.balances.summaries import BALANCE_FIELD, get_cached_daily_balance
from capital.services.jobs.table import Slot
from capital.services.jobs.work import WORK
from strategies.models import MarketType
from tests.end_to_end.simulation.world import World
from tests.factories import make_market
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

# 21:07 in Seoul, so that the day is closed before anybody reads a balance of the new one.
START = datetime(2026, 3, 10, 12, 7, tzinfo=UTC)
MINUTES_A_DAY = 24 * 60
# Of the project's time zone, in UTC.
MIDNIGHT, HALF_PAST_THREE = (15, 0), (18, 30)
CLOSE_DELAY = timedelta(seconds=30)
# Where each job writes, to be broken there.
MODULES = {"sync_balances": sync, "reallocate": allocate, "close_day": days}

CHAOS = os.environ.get("CHAOS") == "1"
CHAOS_DAYS = int(os.environ.get("CHAOS_DAYS", "10"))
CHAOS_SEED = int(os.environ.get("CHAOS_SEED", "1000"))


class Killed(BaseException):
    """The process is gone: no handler of the product runs."""


@dataclass
class Day:
    """One simulated day.

    Attributes:
        clock: Says what time it is, as every clock does.
        audit_every: After how many tasks the whole record is read again; what it keeps is not
            lost until then. After a process was killed, it is read at once.
        last_run: The newest run that was looked at.
        keys: The run keys that were delivered.
        slots: The jobs' slots that came.
        accepted: By account and pool, the balance of the last run that knew one.
        counts: How often things happened, to see that they did.
    """

    world: World
    monkeypatch: pytest.MonkeyPatch
    sync_minutes: int
    reallocate_minutes: int
    clock: Callable[[], datetime] = timezone.now
    audit_every: int = 1
    checks: int = 0
    last_run: int = 0
    keys: set[str] = field(default_factory=set)
    slots: set[tuple[str, datetime]] = field(default_factory=set)
    accepted: dict[tuple[int, Pool], Decimal] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def live(self) -> None:
        """24 hours, minute by minute; every clock says so."""
        for minute in range(MINUTES_A_DAY + 1):
            SHARED.forget()  # its limits are for a minute that is one
            now = START + timedelta(minutes=minute)
            time_of_day = (now.hour, now.minute)
            with time_machine.travel(now, tick=False) as traveller:
                if minute % self.sync_minutes == 0:
                    self._shake(self.sync_minutes / 10)
                    self._slot("sync_balances")
                    self._people()
                    self._work_off_the_queue()
                if minute % self.reallocate_minutes == 0:
                    self._shake(self.sync_minutes / 40)
                    self._slot("reallocate_due")
                if time_of_day == HALF_PAST_THREE:
                    self._slot("prune")
                if time_of_day == MIDNIGHT:
                    traveller.shift(CLOSE_DELAY)
                    self._slot("close_day")
                    self._count("midnights")

    # What happens at a slot

    def _shake(self, intensity: float) -> None:
        """What was changed, and nothing else, asks for a reallocation when it is committed."""
        with TestCase.captureOnCommitCallbacks(execute=True):
            self.world.shake(intensity)
        queued = {account for row in OrmQ.objects.all() for account in row.task["args"][0]}
        assert queued == self.world.changed
        self.world.changed = set()

    def _slot(self, name: str) -> None:
        """The scheduler queues the job, as it does at its time; the workers do what there is."""
        self.slots.add((name, self.clock()))
        async_task(f"capital.tasks.{name}", intended=self.clock().isoformat())
        self._work_off_the_queue()

    def _work_off_the_queue(self) -> None:
        """Oldest task first; a job that hands chunks out queues more."""
        while (row := OrmQ.objects.order_by("pk").first()) is not None:
            self._task(row.task)
            row.delete()

    def _task(self, task: dict[str, Any]) -> None:
        function = task["func"].rpartition(".")[2]
        name, arguments, intended = function.removesuffix("_chunk"), task["args"], None
        if name == "reallocate_after_event":
            self.keys.add(arguments[1])
            self._count("events")
        elif function == name:
            intended = task["kwargs"]["intended"]
        else:
            intended = arguments[2]
            self._count("chunks")
        ids = arguments[0] if arguments else self.world.ids
        if name == "reallocate_due":
            self.keys.add(f"schedule:{intended}")

        def at_once() -> None:
            """What a second worker does that has the same task at the same moment."""
            if intended is None:
                reallocate_where_due(_active(ids), trigger="event", run_key=arguments[1])
            elif arguments:
                WORK[name].do(_active(ids), Slot.from_text(intended, clock=self.clock))

        module = next((MODULES[key] for key in MODULES if name.startswith(key)), None)
        call = pydoc.locate(task["func"])
        self._deliver(module, ids, lambda: call(*arguments, **task["kwargs"]), at_once)

    def _deliver(
        self, module: Any, ids: list[int], deliver: Callable[[], object], at_once: Callable[[], Any]
    ) -> None:
        """A task: now and then its process is killed on the way, or it is delivered twice."""
        if module and self._likely(0.12):
            with self._broken_at_random(module, Killed):
                try:
                    deliver()
                except Killed:
                    self._count("killed")
            self.assert_sound(ids, thorough=self.sync_minutes > 1)
        if module and self._likely(0.06):
            with self._broken_at_random(module, DatabaseError):
                try:
                    deliver()
                except JobFailed:
                    # The day's end tries no account by itself; the queue delivers it again.
                    assert module is days
                self._count("database errors")
            self.assert_sound(ids)
        deliver()
        if module:
            self.assert_sound(ids)
        if self._likely(0.2):
            before = self._state()
            deliver()
            at_once()
            assert self._state() == before, "the same task again changes nothing"
            self._count("delivered twice")

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
            ask = lambda i=ids, k=key, a=arguments: self._ask(i, k, a)  # noqa: E731
            self._deliver(allocate, ids, ask, ask)
            self._count(" ".join(arguments) or "plain")

    def _ask(self, ids: list[int], key: str, arguments: dict[str, Any]) -> None:
        try:
            allocate_capital(ids, trigger="admin", run_key=key, **arguments)
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
            assert run.created_at == self.clock()
            for pool in report.pools:
                if pool.balance is None:
                    continue
                key = Pool(pool.pool)
                floored = floor_to(pool.balance, quantum_of(report.currency))
                (stored,) = _newest(run.account_id).values_list(BALANCE_FIELD[key], flat=True)
                assert floored == stored, "capital rests on balances that were accepted"
                self.accepted[run.account_id, key] = max(Decimal(0), floored)

    def assert_sound(self, ids: list[int] | None = None, *, thorough: bool = False) -> None:
        """Of the accounts that a task was about; of all that there are at the end."""
        self._learn()
        self.checks += 1
        if thorough or self.checks % self.audit_every == 0:
            assert audit_capital(ids).violations == []
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
                assert stored != Decimal(suspect["amount"]), "a suspect never reaches the summary"
                if "is_slide" not in suspect:
                    assert stored == Decimal(suspect["accepted"]), "it is compared with that"

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
        module, name = {
            allocate: (records, "record_runs"),
            sync: (sync, "learn"),
            days: (days, "open_days"),
        }[module]
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


def _active(ids: list[int]) -> list[int]:
    return list(Account.objects.filter(pk__in=ids, is_active=True).values_list("pk", flat=True))


def _newest(account_id: int) -> Any:
    return DailyAccountSummary.objects.filter(account_id=account_id).order_by("-date")[:1]


def live_through(
    exchange: Exchange,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    *,
    seed: int,
    sync_minutes: int,
    reallocate_minutes: int,
    audit_every: int,
) -> Day:
    # Two chunks of four and two accounts, and the first one in two batches, so that a process can
    # be killed between them.
    settings.CAPITAL_JOB_CHUNK = 4
    for module in (allocate, sync, days):
        monkeypatch.setattr(module, "BATCH_SIZE", 3)
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0)
    # The clock that nobody sets goes on with the others.
    monkeypatch.setattr(trails, "steady_clock", lambda: timedelta(seconds=time.time()))
    with time_machine.travel(START - timedelta(hours=1), tick=False):
        world = World(exchange, Random(seed))
        world.open_desk()
        # Else switching an account on asks for its venue's market rules besides.
        for venue in set(Account.objects.values_list("venue", flat=True)):
            make_market(venue=venue)
    day = Day(world, monkeypatch, sync_minutes, reallocate_minutes, audit_every=audit_every)
    day.live()

    with time_machine.travel(START + timedelta(minutes=MINUTES_A_DAY, seconds=1), tick=False):
        day.assert_sound(thorough=True)
        for account_id in world.ids:
            (whole,) = _newest(account_id).values_list("ending_balance", flat=True)
            assert get_cached_daily_balance(account_id) == (whole or 0)
    assert day.counts["midnights"] == 1
    _assert_chain(day)
    assert set(AllocationRun.objects.values_list("run_key", flat=True)) <= day.keys
    done = JobRun.objects.filter(chunk=0, finished_at__isnull=False, error="")
    assert set(done.exclude(intended_at=None).values_list("name", "intended_at")) == day.slots
    return day


def _assert_chain(day: Day) -> None:
    """Each day starts with what the last one ended with."""
    for account_id in day.world.ids:
        rows = list(DailyAccountSummary.objects.filter(account=account_id).order_by("date"))
        assert len(rows) in (2, 3)
        for before, row in pairwise(rows):
            assert row.starting_balance == before.ending_balance


def test_day_of_a_desk_keeps_every_rule(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    day = live_through(
        exchange,
        monkeypatch,
        settings,
        seed=20260316,
        sync_minutes=30,
        reallocate_minutes=33,
        audit_every=12,
    )

    # A day on which nothing happens proves nothing.
    for what in (
        "applied",
        "held",
        "skipped",
        "unchanged",
        "killed",
        "database errors",
        "delivered twice",
        "events",
        "chunks",
        "suspects seen",
        "accept_jump",
        "force",
        "live",
    ):
        assert day.counts.get(what, 0) > 0, what


@pytest.mark.skipif(not CHAOS, reason="takes minutes a day: make chaos")
@pytest.mark.parametrize("seed", range(CHAOS_SEED, CHAOS_SEED + CHAOS_DAYS))
def test_any_day_by_the_minute_keeps_every_rule(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, settings: Any, seed: int
) -> None:
    live_through(
        exchange,
        monkeypatch,
        settings,
        seed=seed,
        sync_minutes=1,
        reallocate_minutes=11,
        audit_every=20,
    )
