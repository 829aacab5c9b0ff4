"""What allocating many accounts costs, beside a floor that writes the same rows by COPY.

Three runs of ``allocate_capital`` over all accounts, from cached readings: the first, in which
everything changes; a second, in which nothing does; and a third after every balance has moved.
After each, the rows that it wrote are taken out again and written once more by COPY, with an
upsert from a temporary table for the capital: the floor. Reading the links and the summaries
once, as plain tuples, is measured beside it.
"""

import argparse
import cProfile
import json
import pstats
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import FrameType
from typing import Any

import stage

# Phases are what these two call in other modules of capital, found by looking at the stack, so
# that they are never out of date.
CALLERS = frozenset({"capital.services.allocation.allocate", "capital.services.allocation.batches"})
REST = "the rest"
GUARDS = "capital.services.transactions"
COMMIT = "commit (checks foreign keys)"
SAMPLE_SECONDS = 0.003
AUDIT_TABLES = ("capital_allocationrun", "capital_allocationpool", "capital_allocationentry")
CAPITAL_TABLE = "capital_strategycapital"
VENUES = ("binance", "binance", "binance", "bybit", "upbit")


@dataclass
class Stopwatch:
    """Time, statements and time in statements of each phase.

    The time is sampled: whatever lies between two looks at the stack counts for the second.
    """

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    statement_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    statements: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch this thread while the block runs."""
        from django.db import connection

        stopped = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(threading.get_ident(), stopped))
        sampler.start()
        try:
            with connection.execute_wrapper(self._on_statement):
                yield
        finally:
            stopped.set()
            sampler.join()

    def _sample(self, watched: int, stopped: threading.Event) -> None:
        since = time.perf_counter()
        while not stopped.wait(SAMPLE_SECONDS):
            phase = phase_of(sys._current_frames()[watched])
            now = time.perf_counter()
            self.seconds[phase] += now - since
            since = now

    def _on_statement(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        phase = phase_of(sys._getframe())
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.statements[phase] += 1
            self.statement_seconds[phase] += time.perf_counter() - start


def phase_of(frame: FrameType | None) -> str:
    """The function that the allocation waits for, as ``module.function``."""
    phase = REST
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module in CALLERS:
            return phase
        # A decorator of transactions is no phase: what it guards is.
        if module.startswith("capital.") and module != GUARDS:
            phase = f"{module.rpartition('.')[2]}.{frame.f_code.co_name}"
        elif module == "django.db.backends.base.base" and frame.f_code.co_name == "commit":
            phase = COMMIT
        frame = frame.f_back
    return REST


@dataclass(frozen=True)
class Measured:
    """One run over all accounts, and its floor."""

    name: str
    batches: int
    seconds: float
    floor_seconds: float
    read_seconds: float
    cpu: float | None
    floor_cpu: float | None
    read_cpu: float | None
    rows: dict[str, int]
    stopwatch: Stopwatch


def main() -> None:
    arguments = parse_arguments()
    with stage.scratch_database():
        account_ids = seed(arguments.accounts, arguments.links)
        runs = []
        for name, change in (
            ("all new", None),
            ("nothing changes", None),
            ("all change", move_balances),
        ):
            if change is not None:
                change()
            runs.append(measure(name, account_ids, arguments))
        if arguments.json:
            print(json.dumps(ratios(runs)))
            return
        report(runs, arguments)


def ratios(runs: Sequence[Measured]) -> dict[str, dict[str, float | None]]:
    """What the goals are told in: each run by read + COPY, and by the run in which all changes.

    ``cpu`` is the same in CPU time, of this process and of the server's: on a machine that others
    use, it says more. None where the server's cannot be read.
    """
    whole = runs[-1]
    return {
        run.name: {
            "read_and_copy": run.seconds / (run.read_seconds + run.floor_seconds),
            "read_and_copy_cpu": quotient(run.cpu, known_sum(run.read_cpu, run.floor_cpu)),
            "all_change": run.seconds / whole.seconds,
            "all_change_cpu": quotient(run.cpu, whole.cpu),
        }
        for run in runs
    }


def known_sum(one: float | None, other: float | None) -> float | None:
    """None where one of both is not known."""
    return None if one is None or other is None else one + other


def quotient(part: float | None, whole: float | None) -> float | None:
    """None where one of both is not known."""
    return None if part is None or not whole else part / whole


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--links", type=int, default=10, help="Strategies on each account.")
    parser.add_argument("--repeats", type=int, default=3, help="Of the floor; the best counts.")
    parser.add_argument("--json", action="store_true", help="Print the ratios as JSON.")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="Run under cProfile and print where the time goes; the ratios are not to be used.",
    )
    return parser.parse_args()


def measure(name: str, account_ids: Sequence[int], arguments: argparse.Namespace) -> Measured:
    from capital.services.allocation.allocate import BATCH_SIZE, allocate_capital

    execute("DROP TABLE IF EXISTS held", f"CREATE TABLE held AS TABLE {CAPITAL_TABLE}")
    execute("VACUUM ANALYZE")
    # The runs before stay: a decision compares its inputs with those of the last one.
    before = {table: last_key(table) for table in AUDIT_TABLES}
    stopwatch = Stopwatch()
    profile = cProfile.Profile() if arguments.profile else None
    # Who only wants ratios need not pay for looking at the stack.
    with nullcontext() if arguments.json else stopwatch.running():
        if profile is not None:
            profile.enable()
        runs: list[Any] = []
        seconds, cpu = stage.measured(
            lambda: runs.extend(allocate_capital(account_ids, live=False))
        )
        if profile is not None:
            profile.disable()
    if profile is not None:
        print(f"\n{name}")
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(30)
    outcomes = Counter(run.outcome for run in runs)
    print(f"{name}: {dict(outcomes)} in {seconds:.1f} s")
    runs.clear()
    rows, (floor_seconds, floor_cpu) = replay(before, arguments.repeats)
    read_seconds, read_cpu = min(stage.measured(plain_read) for _ in range(arguments.repeats))
    batches = -(-len(account_ids) // BATCH_SIZE)
    return Measured(
        name,
        batches,
        seconds,
        floor_seconds,
        read_seconds,
        cpu,
        floor_cpu,
        read_cpu,
        rows,
        stopwatch,
    )


def last_key(table: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
        return int(cursor.fetchone()[0])


def replay(before: Mapping[str, int], repeats: int) -> tuple[dict[str, int], stage.Spent]:
    """Write what the last run wrote once more, the fastest way there is: to empty tables.

    The rows are text already, as the server gave them: no client could make them for less.
    """
    changed = f"SELECT * FROM {CAPITAL_TABLE} EXCEPT SELECT * FROM held"
    written = {CAPITAL_TABLE: copy_out(f"({changed})")}
    written |= {
        table: copy_out(f"(SELECT * FROM {table} WHERE id > {last})")
        for table, last in before.items()
    }
    spent = []
    for _ in range(repeats):
        truncate(*AUDIT_TABLES, CAPITAL_TABLE)
        execute(f"INSERT INTO {CAPITAL_TABLE} SELECT * FROM held", "VACUUM ANALYZE")
        spent.append(stage.measured(lambda: write_by_copy(written)))
    return {table: text.count(b"\n") for table, text in written.items()}, min(spent)


def write_by_copy(written: dict[str, bytes]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE incoming (LIKE {CAPITAL_TABLE} INCLUDING DEFAULTS)"
            " ON COMMIT DROP"
        )
        for table, text in written.items():
            target = "incoming" if table == CAPITAL_TABLE else table
            with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                copy.write(text)
        cursor.execute(
            f"INSERT INTO {CAPITAL_TABLE} SELECT * FROM incoming"
            " ON CONFLICT (strategy_account_id) DO UPDATE SET"
            " allocated_capital = excluded.allocated_capital, allocated_at = excluded.allocated_at"
        )


def plain_read() -> int:
    """Every link with its strategy and capital, and every latest summary, as tuples."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link.id, link.account_id, link.weight, link.is_active, strategy.key,"
            " strategy.market_type, strategy.status, capital.allocated_capital"
            " FROM capital_strategyaccount AS link"
            " JOIN strategies_strategy AS strategy ON strategy.id = link.strategy_id"
            f" LEFT JOIN {CAPITAL_TABLE} AS capital ON capital.strategy_account_id = link.id"
            " ORDER BY link.id"
        )
        links = cursor.fetchall()
        cursor.execute(
            "SELECT latest.* FROM capital_account AS account CROSS JOIN LATERAL ("
            " SELECT * FROM capital_dailyaccountsummary WHERE account_id = account.id"
            " ORDER BY date DESC LIMIT 1) AS latest"
        )
        return len(links) + len(cursor.fetchall())


def report(runs: Sequence[Measured], arguments: argparse.Namespace) -> None:
    stage.print_table(
        f"{arguments.accounts} accounts x {arguments.links} links ({stage.machine()})",
        (
            "run",
            "seconds",
            "COPY s",
            "run / COPY",
            "writing / COPY",
            "read s",
            "run / (read + COPY)",
            "queries a batch",
            "rows",
        ),
        [
            (
                run.name,
                f"{run.seconds:.1f}",
                f"{run.floor_seconds:.2f}",
                f"{run.seconds / run.floor_seconds:.1f}",
                f"{writing_seconds(run) / run.floor_seconds:.1f}",
                f"{run.read_seconds:.2f}",
                f"{run.seconds / (run.read_seconds + run.floor_seconds):.1f}",
                f"{run.stopwatch.statements.total() / run.batches:.1f}",
                sum(run.rows.values()),
            )
            for run in runs
        ],
    )
    whole: Counter[str] = Counter()
    for run in runs:
        whole.update(run.stopwatch.seconds)
        whole.update(dict.fromkeys(run.stopwatch.statements, 0))
    stage.print_table(
        "Where the time goes: share of the run (of it in SQL statements), queries a batch",
        ("what the allocation calls", *(run.name for run in runs)),
        [(phase, *(share(run, phase) for run in runs)) for phase, _ in whole.most_common()],
    )
    stage.print_table(
        "Rows written",
        ("table", *(run.name for run in runs)),
        [(table, *(run.rows[table] for run in runs)) for table in (CAPITAL_TABLE, *AUDIT_TABLES)],
    )


def writing_seconds(run: Measured) -> float:
    writing = ("records.", "summaries.record", COMMIT)
    return sum(
        seconds for phase, seconds in run.stopwatch.seconds.items() if phase.startswith(writing)
    )


def share(run: Measured, phase: str) -> str:
    watch, total = run.stopwatch, sum(run.stopwatch.seconds.values())
    part = 100 * watch.seconds[phase] / total
    in_statements = 100 * watch.statement_seconds[phase] / total
    statements = watch.statements[phase] / run.batches
    return f"{part:.0f} % ({in_statements:.0f} %), {statements:.1f}"


def seed(accounts: int, links: int) -> list[int]:
    """Accounts on separate, unified and spot-only venues, with links and yesterday's summary."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from capital.exchange.venues import get_venue
    from capital.models import Account, DailyAccountSummary, StrategyAccount
    from strategies.markets import MarketType
    from strategies.models import Strategy

    owner = get_user_model().objects.create(username="benchmark")
    by_market: dict[MarketType, list[Strategy]] = {
        market: Strategy.objects.bulk_create(
            Strategy(
                owner=owner, name=f"{market} {n}", key=f"{market}-{n:06}", market_type=market.value
            )
            for n in range(5 * links)
        )
        for market in MarketType
    }
    venues = [get_venue(VENUES[number % len(VENUES)]) for number in range(accounts)]
    stage.copy_instances(
        Account,
        (
            Account(
                owner=owner,
                name=f"Account {number}",
                venue=venue.id,
                currency=venue.currency,
                wallet_mode=venue.usual_wallet_mode.value,
                reserve_percent=Decimal(number % 4 * 5),
            )
            for number, venue in enumerate(venues)
        ),
    )
    stored = list(Account.objects.order_by("pk"))
    stage.copy_instances(
        StrategyAccount,
        (
            StrategyAccount(
                account=account,
                strategy=by_market[markets[n % len(markets)]][(number + n) % (5 * links)],
                weight=Decimal(1) + Decimal("0.37") * n,
            )
            for number, (account, venue) in enumerate(zip(stored, venues, strict=True))
            for markets in [sorted(venue.markets)]
            for n in range(links)
        ),
    )
    yesterday = timezone.localdate() - timedelta(days=1)
    observed_at = timezone.now() - timedelta(days=1)
    stage.copy_instances(
        DailyAccountSummary,
        (
            DailyAccountSummary(
                account=account,
                date=yesterday,
                spot_balance=Decimal(10369 + number),
                futures_balance=Decimal(5000 + number),
                ending_balance=Decimal(15369 + 2 * number),
                spot_observed_at=observed_at,
                futures_observed_at=observed_at,
                ending_observed_at=observed_at,
            )
            for number, account in enumerate(stored)
        ),
    )
    return [account.pk for account in stored]


def move_balances() -> None:
    execute(
        "UPDATE capital_dailyaccountsummary SET spot_balance = spot_balance + 137,"
        " futures_balance = futures_balance + 137, ending_balance = ending_balance + 274"
    )


def truncate(*tables: str) -> None:
    """Empty ``tables``; the triggers that keep audit rows watch rows, not tables."""
    execute(f"TRUNCATE {', '.join(tables)} CASCADE")


def execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def copy_out(source: str) -> bytes:
    from django.db import connection

    with connection.cursor() as cursor, cursor.copy(f"COPY {source} TO STDOUT") as copy:
        return b"".join(bytes(block) for block in copy)


if __name__ == "__main__":
    main()
