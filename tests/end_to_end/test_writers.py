"""Many writers at once: outcomes, not timings."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from capital.domain.errors import PlanStale, RevertRefused
from capital.models import Account, AllocationEntry, AllocationRun, StrategyCapital
from capital.services.allocation.allocate import allocate_capital, auto_allocate_capital_for_account
from capital.services.allocation.applying import apply_plan
from capital.services.allocation.plans import make_plan
from capital.services.allocation.reverts import revert_run
from tests.factories import make_account, make_link, make_summary
from tests.paths import ROOT

on_postgresql = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

WRITERS = 8


def at_once(work: Callable[[int], Any], writers: int = WRITERS) -> list[Any]:
    """Run ``work(0)`` … ``work(writers - 1)`` together, each on a connection of its own."""
    gate = threading.Barrier(writers)

    def go(number: int) -> Any:
        try:
            gate.wait()
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=writers) as threads:
        return list(threads.map(go, range(writers)))


def funded_account(links: int = 3) -> Account:
    account = make_account()
    make_summary(account=account, spot_balance=Decimal("100.00"))
    for _ in range(links):
        make_link(account=account)
    return account


def total_capital(account: Account) -> Decimal:
    rows = StrategyCapital.objects.filter(strategy_account__account=account)
    return sum((row.allocated_capital for row in rows), Decimal(0))


class TestOnPostgreSQL:
    pytestmark = on_postgresql

    def test_eight_writers_with_one_key_make_one_run(self) -> None:
        account = funded_account()

        runs = at_once(
            lambda _: auto_allocate_capital_for_account(account.pk, run_key="slot", live=False)
        )

        assert {run.pk for run in runs} == {AllocationRun.objects.get().pk}
        assert AllocationEntry.objects.count() == 3
        assert total_capital(account) == Decimal("100.00")

    def test_writers_with_keys_of_their_own_are_all_recorded_one_after_the_other(self) -> None:
        account = funded_account()

        at_once(
            lambda n: auto_allocate_capital_for_account(account.pk, run_key=f"k{n}", live=False)
        )

        outcomes = AllocationRun.objects.order_by("pk").values_list("outcome", flat=True)
        assert list(outcomes) == ["applied"] + ["unchanged"] * (WRITERS - 1)
        assert total_capital(account) == Decimal("100.00")

    def test_batches_that_overlap_in_other_orders_never_wait_for_each_other(self) -> None:
        accounts = [funded_account() for _ in range(12)]
        ids = [account.pk for account in accounts]

        at_once(lambda n: allocate_capital(ids if n % 2 else ids[::-1], live=False))

        assert AllocationRun.objects.count() == WRITERS * len(ids)
        assert not AllocationRun.objects.filter(outcome="failed").exists()
        assert {total_capital(account) for account in accounts} == {Decimal("100.00")}

    def test_row_that_points_at_a_locked_account_can_be_inserted(self) -> None:
        account = funded_account()
        strategy = make_link().strategy
        done = threading.Event()

        def insert() -> None:
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '5s'")
                    make_link(account=account, strategy=strategy)
                done.set()
            finally:
                connection.close()

        with transaction.atomic():
            list(Account.objects.select_for_update(no_key=True).filter(pk=account.pk))
            thread = threading.Thread(target=insert)
            thread.start()
            thread.join(timeout=10)

        assert done.is_set()

    def test_plan_that_is_applied_twice_at_once_makes_one_set_of_runs(self) -> None:
        accounts = [funded_account() for _ in range(3)]
        plan = make_plan([account.pk for account in accounts], live=False)

        answers = at_once(lambda _: [run.pk for run in apply_plan(plan.public_id)])

        made = list(AllocationRun.objects.order_by("pk").values_list("pk", flat=True))
        assert len(made) == 3
        assert [sorted(answer) for answer in answers] == [made] * WRITERS
        assert {total_capital(account) for account in accounts} == {Decimal("100.00")}

    def test_two_plans_of_one_account_at_once_apply_one_and_refuse_the_other(self) -> None:
        account = funded_account()
        plans = [make_plan([account.pk], live=False) for _ in range(2)]

        def try_it(number: int) -> str:
            try:
                return apply_plan(plans[number].public_id)[0].outcome
            except PlanStale as error:
                return error.changes[account.pk].code.value

        assert sorted(at_once(try_it, writers=2)) == ["applied", "later_run"]
        assert AllocationRun.objects.count() == 1

    def test_run_that_is_reverted_twice_at_once_is_reverted_once(self) -> None:
        account = funded_account()
        run = auto_allocate_capital_for_account(account.pk, live=False)

        def try_it(_: int) -> str:
            try:
                return revert_run(run.pk).code
            except RevertRefused as error:
                return error.reason.code.value

        answers = sorted(at_once(try_it))

        assert answers == ["reverted"] + ["reverted_already"] * (WRITERS - 1)
        assert AllocationRun.objects.get(trigger="revert").reverts == run
        assert total_capital(account) == Decimal(0)

    def test_reader_never_sees_half_a_run(self) -> None:
        account = funded_account(links=2)
        auto_allocate_capital_for_account(account.pk, live=False)
        summary = account.summaries.get()
        seen: set[Decimal] = set()

        def work(number: int) -> None:
            for step in range(10):
                if number == 0:
                    amount = Decimal(100 + step % 2)
                    type(summary).objects.filter(pk=summary.pk).update(spot_balance=amount)
                    auto_allocate_capital_for_account(account.pk, live=False)
                else:
                    seen.add(total_capital(account))

        at_once(work, writers=3)

        assert seen <= {Decimal(100), Decimal(101)}


def test_processes_with_one_key_make_one_run_on_sqlite(tmp_path: Path, migrated: Path) -> None:
    shutil.copyfile(migrated, tmp_path / "desk.sqlite3")
    environment = {
        **os.environ,
        "DEBUG": "1",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'desk.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "capital_project.settings",
    }

    def manage(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert manage("load_demo").communicate()[1] == ""

    arguments = ["reallocate", "--account", "Binance fallback", "--cached", "--run-key", "k"]
    writers = [manage(*arguments, "--json") for _ in range(4)]
    answers = [writer.communicate()[0] for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(set(answers)) == 1
    assert '"outcome": "applied"' in answers[0]
