"""Every page and command with years of history: 30 million entries, a million days and signals.

The product decides each account's first runs, from cached balances that move up and down; these
are then copied by the database, cycle after cycle, until there are as many entries as were asked
for. So the record keeps its rules, and ``audit_capital`` finds nothing.
"""

import argparse
import io
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import stage

GOAL_SECONDS = 1.0
COMMAND_GOAL_SECONDS = 10.0
LINKS = 10
STRATEGIES = 40
YEARS = timedelta(days=3 * 365)
# What is copied: two runs that change capital, and after each one that changes nothing.
STEPS = 4
ENTRIES_A_CYCLE = 2 * LINKS
CYCLES_AT_ONCE = 50


def main() -> None:
    arguments = parse_arguments()
    with stage.scratch_database(), tempfile.TemporaryDirectory() as folder:
        size = generate(arguments.accounts, arguments.entries, arguments.signals)
        print(f"{size} in the database")
        pages = measure_pages(arguments.repeats)
        commands = measure_commands(folder)
    title = f"{arguments.entries:,} entries of {arguments.accounts} accounts ({stage.machine()})"
    stage.print_table(
        title, ("page", "first s", "again s", "queries", f"under {GOAL_SECONDS:.0f} s"), pages
    )
    stage.print_table(title, ("command", "s", f"under {COMMAND_GOAL_SECONDS:.0f} s"), commands)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=30_000_000)
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3, help="Of each page; the best counts.")
    return parser.parse_args()


# The rows


def generate(accounts: int, entries: int, signals: int) -> str:
    """Fill the database. Says how large it is."""
    from django.utils import timezone

    now = timezone.now()
    start = now - YEARS
    cycles = max(entries // (ENTRIES_A_CYCLE * accounts), 1)
    templates = seed(accounts, start)
    execute("SET session_replication_role = replica")
    copy_runs(templates, accounts, cycles, start, (now - start) / (cycles * STEPS + 1))
    add_days(now)
    add_signals(signals, start, now)
    # What is measured is not a server that still writes what was just generated.
    execute("SET session_replication_role = origin", "VACUUM ANALYZE", "CHECKPOINT")
    return str(value("SELECT pg_size_pretty(pg_database_size(current_database()))"))


def seed(accounts: int, start: datetime) -> list[list[int]]:
    """Accounts with ten links, and the runs that are copied: their ids, by step."""
    from django.contrib.auth import get_user_model

    from capital.models import Account, StrategyAccount
    from strategies.models import Strategy

    users = get_user_model().objects
    users.create_superuser("root", password="root")
    owners = users.bulk_create(get_user_model()(username=f"owner-{n}") for n in range(10))
    strategies = Strategy.objects.bulk_create(
        Strategy(
            owner=owners[number % 10],
            name=f"Strategy {number}",
            key=f"s-{number:05}",
            market_type="spot" if number % 2 else "futures",
        )
        for number in range(STRATEGIES)
    )
    rows = Account.objects.bulk_create(
        Account(
            owner=owners[number % 10],
            name=f"Account {number}",
            venue="binance",
            currency="USDT",
            wallet_mode="separate",
        )
        for number in range(accounts)
    )
    StrategyAccount.objects.bulk_create(
        StrategyAccount(
            account=row,
            strategy=strategies[(number + step) % STRATEGIES],
            weight=Decimal(1) + Decimal("0.37") * step,
        )
        for number, row in enumerate(rows)
        for step in range(LINKS)
    )
    ids = [row.pk for row in rows]
    decide(ids, "10000.00", start - timedelta(hours=5))
    return [
        decide(ids, amount, start - timedelta(hours=4 - step))
        for step, amount in enumerate(("9000.00", "9000.00", "10000.00", "10000.00"))
    ]


def decide(ids: Sequence[int], amount: str, moment: datetime) -> list[int]:
    """Let the product allocate these balances at that time; says the runs' primary keys."""
    from capital.models import DailyAccountSummary
    from capital.services.allocation import allocate_capital

    balance = Decimal(amount)
    for key in ids:
        DailyAccountSummary.objects.update_or_create(
            account_id=key,
            date=moment.date(),
            defaults={
                "starting_balance": balance * 2,
                "ending_balance": balance * 2,
                "spot_balance": balance,
                "futures_balance": balance,
                "spot_observed_at": moment,
                "futures_observed_at": moment,
                "ending_observed_at": moment,
            },
        )
    runs = allocate_capital(
        ids, trigger="schedule", run_key=f"seed:{moment}", live=False, clock=lambda: moment
    )
    return [run.pk for run in runs]


def copy_runs(
    templates: Sequence[Sequence[int]],
    accounts: int,
    cycles: int,
    start: datetime,
    interval: timedelta,
) -> None:
    """Copy the runs of all steps cycle after cycle, in the order of time."""
    make_templates(templates)
    bases = [value(f"SELECT max(id) FROM capital_allocation{name}") for name in TABLES]
    for first in range(0, cycles, CYCLES_AT_ONCE):
        last = min(first + CYCLES_AT_ONCE, cycles) - 1
        figures = {
            "accounts": accounts,
            "steps": STEPS,
            "links": LINKS,
            "start": start,
            "interval": interval,
            "first": first,
            "last": last,
            "run": bases[0],
            "pool": bases[1],
            "entry": bases[2],
        }
        for statement in (COPY_RUNS, COPY_POOLS, COPY_ENTRIES):
            execute(statement, parameters=figures)
    for name in TABLES:
        table = f"capital_allocation{name}"
        execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")


TABLES = ("run", "pool", "entry")

# The number of a run in the whole history, and the time that it is of.
_NUMBER = "((cycle * %(steps)s + step) * %(accounts)s + place)"
_TIME = "%(start)s + (cycle * %(steps)s + step) * %(interval)s + place * interval '1 millisecond'"
_CYCLES = "generate_series(%(first)s, %(last)s) AS cycle"

COPY_RUNS = f"""
    INSERT INTO capital_allocationrun
        (id, account_id, run_key, trigger, actor_id, outcome, code, figures, arguments, snapshot,
         basis, is_forced, reverts_id, created_at)
    SELECT %(run)s + 1 + {_NUMBER}, account_id, 'schedule:' || {_NUMBER}, trigger, actor_id,
        outcome, code, figures, arguments, snapshot, basis, is_forced, reverts_id, {_TIME}
    FROM {_CYCLES}, template_run ORDER BY 1"""
# Of the steps, every second one changes something.
_CHANGE = "((cycle * %(steps)s / 2 + step / 2) * %(accounts)s + place)"
COPY_POOLS = f"""
    INSERT INTO capital_allocationpool
        (id, run_id, pool, reading, holdings, source, observed_at, reserve, unallocated, code,
         figures)
    SELECT %(pool)s + 1 + {_CHANGE} * 2 + number, %(run)s + 1 + {_NUMBER}, pool, reading, holdings,
        source, {_TIME}, reserve, unallocated, code, figures
    FROM {_CYCLES}, template_pool ORDER BY 1"""
COPY_ENTRIES = f"""
    INSERT INTO capital_allocationentry
        (id, pool_id, strategy_account_id, weight, before, after, code)
    SELECT %(entry)s + 1 + {_CHANGE} * %(links)s + number,
        %(pool)s + 1 + {_CHANGE} * 2 + pool_number, strategy_account_id, weight, before, after, code
    FROM {_CYCLES}, template_entry ORDER BY 1"""


def make_templates(templates: Sequence[Sequence[int]]) -> None:
    """Tables of what is copied: each row with its account's place and its step."""
    execute("CREATE TEMPORARY TABLE template (run_id bigint, step int, place int)")
    for step, runs in enumerate(templates):
        execute(
            f"INSERT INTO template SELECT id, {step}, place - 1"
            " FROM unnest(%(runs)s::bigint[]) WITH ORDINALITY AS given (id, place)",
            parameters={"runs": list(runs)},
        )
    execute(
        "CREATE TEMPORARY TABLE template_run AS SELECT step, place, run.*"
        " FROM template JOIN capital_allocationrun AS run ON run.id = run_id",
        "CREATE TEMPORARY TABLE template_pool AS SELECT step, place, pool.*,"
        " row_number() OVER (PARTITION BY pool.run_id ORDER BY pool.id) - 1 AS number"
        " FROM template JOIN capital_allocationpool AS pool USING (run_id)",
        "CREATE TEMPORARY TABLE template_entry AS SELECT step, place, pool.number AS pool_number,"
        " entry.*, row_number() OVER (PARTITION BY pool.run_id ORDER BY entry.id) - 1 AS number"
        " FROM template_pool AS pool JOIN capital_allocationentry AS entry"
        " ON entry.pool_id = pool.id",
        "ANALYZE template_run",
        "ANALYZE template_pool",
        "ANALYZE template_entry",
    )


def add_days(now: datetime) -> None:
    """A summary of each account and day, as the last one is."""
    from django.utils import timezone

    execute(
        "CREATE TEMPORARY TABLE newest AS SELECT DISTINCT ON (account_id) *"
        " FROM capital_dailyaccountsummary ORDER BY account_id, date DESC",
        "DELETE FROM capital_dailyaccountsummary",
        "INSERT INTO capital_dailyaccountsummary (account_id, date, starting_balance,"
        " ending_balance, spot_balance, futures_balance, spot_observed_at, futures_observed_at,"
        " ending_observed_at, trails)"
        " SELECT account_id, day::date, starting_balance, ending_balance, spot_balance,"
        " futures_balance, least(day + interval '12 hours', %(now)s),"
        " least(day + interval '12 hours', %(now)s), least(day + interval '12 hours', %(now)s),"
        " '{}' FROM newest, generate_series(%(first)s, %(last)s, interval '1 day') AS day"
        " ORDER BY day, account_id",
        parameters={
            "now": now,
            "first": timezone.localdate(now - YEARS),
            "last": timezone.localdate(now),
        },
    )


def add_signals(signals: int, start: datetime, now: datetime) -> None:
    """Webhook events with an answer each."""
    execute(
        "INSERT INTO capital_webhookdelivery (id, strategy_id, delivery_id, fingerprint, body,"
        " address, is_signed, received_at)"
        " SELECT n, 1 + n %% %(strategies)s, 'signal-' || n, md5(n::text), '{\"symbol\":"
        ' "BTC/USDT", "side": "buy", "qty_per": "10"}\', \'192.0.2.\' || n %% 200, false,'
        " %(start)s + n * %(interval)s FROM generate_series(1, %(signals)s) AS n",
        "SELECT setval('capital_webhookdelivery_id_seq', %(signals)s)",
        parameters={
            "strategies": STRATEGIES,
            "start": start,
            "interval": (now - start) / (signals + 1),
            "signals": signals,
        },
    )


def execute(*statements: str, parameters: dict[str, Any] | None = None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, parameters)


def value(statement: str) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


# What is measured


def pages() -> list[str]:
    """Addresses: every list first, filtered, searched, deep inside; and the pages of one row."""
    from django.utils import timezone

    account = value("SELECT max(id) FROM capital_account")
    strategy = value("SELECT max(id) FROM strategies_strategy")
    newest = value("SELECT max(id) FROM capital_allocationrun")
    changed = value("SELECT max(id) FROM capital_allocationrun WHERE outcome = 'applied'")
    key = value("SELECT run_key FROM capital_allocationrun ORDER BY id OFFSET 50 LIMIT 1")
    signal = value("SELECT max(id) FROM capital_webhookdelivery")
    today = timezone.localdate()
    day = today - YEARS / 2
    runs = "/admin/capital/allocationrun/"
    days = "/admin/capital/dailyaccountsummary/"
    signals = "/admin/capital/webhookdelivery/"
    return [
        "/admin/",
        "/admin/capital/account/",
        f"/admin/capital/account/{account}/change/",
        "/admin/strategies/strategy/",
        f"/admin/strategies/strategy/{strategy}/change/",
        "/admin/capital/strategyaccount/",
        "/admin/capital/strategycapital/",
        runs,
        f"{runs}?p=200",
        f"{runs}?outcome__exact=applied",
        f"{runs}?outcome__exact=failed",
        f"{runs}?account__id__exact={account}",
        f"{runs}?account__id__exact={account}&p=120",
        f"{runs}?created_at_from_0={day}&created_at_to_0={day}",
        f"{runs}?q=Account+999",
        f"{runs}?q={key}",
        f"{runs}?q=nothing-like-it",
        f"{runs}{newest}/change/",
        f"{runs}{changed}/change/",
        days,
        f"{days}?p=200",
        f"{days}?q=Account+999",
        f"{days}?date__year={today.year - 1}",
        signals,
        f"{signals}?p=200",
        f"{signals}?q=signal-500000",
        f"{signals}?q=nothing-like-it",
        f"{signals}{signal}/change/",
        "/admin/capital/jobrun/",
        "/api/v1/allocation-runs/",
        f"/api/v1/allocation-runs/?account={account}",
        "/api/v1/allocation-runs/?outcome=failed",
        f"/api/v1/allocation-runs/{changed}/",
        "/api/v1/capital/",
        "/api/v1/daily-summaries/",
    ]


def commands(archive: str) -> list[str]:
    """What people and jobs run; files go to a folder."""
    from django.utils import timezone

    account = value("SELECT max(id) FROM capital_account")
    changed = value(
        f"SELECT max(id) FROM capital_allocationrun WHERE account_id = {account}"
        " AND outcome = 'applied'"
    )
    oldest = timezone.localdate(timezone.now() - YEARS + timedelta(days=40)).replace(day=1)
    return [
        f"reallocate --cached --dry-run --account {account}",
        f"reallocate --cached --if-due --account {account}",
        "reallocate --cached --if-due",
        f"revert --dry-run {changed}",
        f"audit_capital --account {account}",
        f"audit_capital --account {account}",
        "run_job close_day",
        "run_job prune",
        "jobs",
        f"archive --dry-run --before {oldest}",
        f"archive --before {oldest} --account {account} --to {archive}",
    ]


class _Counter:
    """Counts statements, whatever becomes of the connection's own log."""

    def __init__(self) -> None:
        self.queries = 0

    def __call__(self, run: Any, *arguments: Any) -> Any:
        self.queries += 1
        return run(*arguments)


def measure_pages(repeats: int) -> list[Sequence[object]]:
    """Each page as a superuser, who sees all rows, through the whole stack of middleware."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client

    settings.ALLOWED_HOSTS = ["localhost"]
    client = Client(SERVER_NAME="localhost")
    client.force_login(get_user_model().objects.get(username="root"))
    rows: list[Sequence[object]] = []
    for path in pages():
        counted = _Counter()
        with connection.execute_wrapper(counted):
            first, answer = stage.timed(lambda path=path: client.get(path))  # type: ignore[misc]
        if answer.status_code != 200:
            # Longer than the server allows a statement.
            rows.append((path, f"{first:.2f}", "", counted.queries, str(answer.status_code)))
            print(*rows[-1], flush=True)
            continue
        again, _ = stage.best_of(repeats, lambda path=path: client.get(path))  # type: ignore[misc]
        rows.append(
            (path, f"{first:.2f}", f"{again:.2f}", counted.queries, _yes(again < GOAL_SECONDS))
        )
        print(*rows[-1], flush=True)
    return rows


def measure_commands(archive: str) -> list[Sequence[object]]:
    """Each command once; of two that are the same, the second finds what the first remembered."""
    from django.conf import settings
    from django.core.management import CommandError, call_command

    settings.CAPITAL_LIVE_BALANCES = False
    rows: list[Sequence[object]] = []
    for line in commands(archive):
        told = io.StringIO()

        def run(line: str = line, told: io.StringIO = told) -> object:
            try:
                return call_command(*line.split(), stdout=told, stderr=told)
            except SystemExit as ended:
                return ended.code
            except CommandError as error:
                return str(error)

        seconds, answer = stage.timed(run)
        rows.append((line, f"{seconds:.2f}", _yes(seconds < COMMAND_GOAL_SECONDS)))
        print(*rows[-1], answer or "", flush=True)
    return rows


def _yes(is_so: bool) -> str:  # noqa: FBT001
    return "yes" if is_so else "NO"


if __name__ == "__main__":
    main()
