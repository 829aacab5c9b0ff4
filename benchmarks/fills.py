"""What importing fills costs beside a COPY of the same rows, and what reading the books costs.

``import_fills`` reads the fills of each account from an exchange that answers at once, and books
them to the links whose tag their orders carry. The rows that it wrote are then taken out and
written once more by COPY: the floor. After half of the fills and after all of them, the positions
of one link are read and a day is closed: neither may grow with the number of fills. So may the
memory of the process that imports.

Where other programs run, seconds depend on them. So the CPU time is told as well, of this process
and of the server's that serves it, if that one is on this machine.
"""

import argparse
import json
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import stage

LINKS = 10
DAYS = 28
GOAL = 4.0
# Ids, times and figures of what follows from the fills; the order in which foreign keys hold.
TABLES = (
    "capital_fill",
    "capital_attribution",
    "capital_position",
    "capital_symbolday",
    "capital_linkday",
    "capital_trade",
)
SYMBOLS = tuple(f"{base}/USDT:USDT" for base in ("BTC", "ETH", "SOL", "XRP", "ADA"))


@dataclass(frozen=True)
class Half:
    """What was seen after one half of the fills.

    Attributes:
        import_seconds: Of this half.
        import_cpu: Of this half; None where the server's cannot be read.
        positions_ms: Of reading the positions of one link with what they are worth.
        positions_queries: How many statements that took.
        close_queries: How many statements closing a day of all accounts took, for each batch.
        memory_mb: The most memory that the process ever held.
    """

    fills: int
    import_seconds: float
    import_cpu: float | None
    positions_ms: float
    positions_queries: int
    close_queries: int
    memory_mb: float


def main() -> None:
    arguments = parse_arguments()
    with stage.scratch_database():
        account_ids = seed(arguments.links // LINKS)
        each = arguments.fills // len(account_ids)
        start = starts_at()
        halves = []
        for half in range(2):
            begins = start + timedelta(days=DAYS // 2) * half
            spent = stage.measured(lambda begins=begins: import_half(account_ids, each, begins))
            halves.append(look(account_ids, spent))
        rows, least = floor(arguments.repeats)
    report(arguments, halves, rows, least)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--links", type=int, default=1000, help="Ten on each account.")
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3, help="Of the floor; the best counts.")
    parser.add_argument("--json", action="store_true", help="Print the figures as JSON.")
    return parser.parse_args()


def seed(accounts: int) -> list[int]:
    """Accounts with ten futures links each, and the rules of what they trade."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from capital.models import Account, Market, StrategyAccount
    from strategies.models import Strategy

    owner = get_user_model().objects.create(username="benchmark")
    strategies = Strategy.objects.bulk_create(
        Strategy(owner=owner, name=f"Bot {n}", key=f"bot{n}", market_type="futures")
        for n in range(LINKS)
    )
    rows = Account.objects.bulk_create(
        Account(
            owner=owner,
            name=f"Account {number}",
            venue="bybit",
            currency="USDT",
            wallet_mode="unified",
            api_key="key",
            api_secret="secret",
        )
        for number in range(accounts)
    )
    StrategyAccount.objects.bulk_create(
        StrategyAccount(account=row, strategy=strategy, weight=Decimal(1))
        for row in rows
        for strategy in strategies
    )
    Market.objects.bulk_create(
        Market(
            venue="bybit",
            symbol=symbol,
            market_id=symbol.partition(":")[0].replace("/", ""),
            kind="linear",
            base=symbol.partition("/")[0],
            quote="USDT",
            settle="USDT",
            contract_size=Decimal(1),
            amount_unit="base",
            precision_mode="tick_size",
            amount_precision=Decimal("0.001"),
            fetched_at=timezone.now(),
        )
        for symbol in SYMBOLS
    )
    return [row.pk for row in rows]


def starts_at() -> datetime:
    """The first moment of the fills: all of them are over by today."""
    from django.utils import timezone

    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
        days=2 * DAYS + 1
    )


class Exchange:
    """Answers at once with what one account traded: each link buys and sells its symbol in turn."""

    def __init__(self, fills: int, begins: datetime) -> None:
        self.gap = timedelta(days=DAYS) / (fills + 1)
        self.begins = begins

    def fetch_fills(self, request: Any, questions: Sequence[Any]) -> list[Any]:
        from capital.exchange.trading.contract import Told

        return [Told(tuple(self._fills(question))) for question in questions]

    def _fills(self, question: Any) -> Iterator[Any]:
        from capital.domain.sizing.orders import PositionSide, Side
        from capital.exchange.trading.contract import ReadFill

        if "linear" not in question.call.endpoint:
            return
        number = max(-((self.begins - question.since) // self.gap), 0)
        while (at := self.begins + number * self.gap) < question.until:
            link, turn = number % LINKS, number // LINKS
            name = f"{int(at.timestamp() * 1e6)}"
            yield ReadFill(
                symbol=SYMBOLS[link % len(SYMBOLS)],
                side=Side.BUY if turn % 2 == 0 else Side.SELL,
                position_side=PositionSide.BOTH,
                quantity=Decimal(1 + turn % 3) / 1000,
                price=Decimal(60000 + turn % 997) / 10,
                contract_size=Decimal(1),
                executed_at=at,
                venue_fill_id=name,
                order_id=f"o{name}",
                client_order_id=f"bot{link}-{name}",
                fees=((Decimal("0.012345"), "USDT"),),
                liquidity="taker",
            )
            number += 1


def import_half(account_ids: Sequence[int], fills: int, begins: datetime) -> None:
    from capital.services.trading import import_fills

    with patch(
        "capital.services.trading.reading.get_trading_gateway", lambda: Exchange(fills, begins)
    ):
        for account_id in account_ids:
            until = begins + timedelta(days=DAYS // 2)
            report = import_fills(account_id, since=begins, until=until)
            if report.failures or report.unread or report.unattributed:
                stage.stop(f"The import failed: {report}")


def look(account_ids: Sequence[int], spent: stage.Spent) -> Half:
    """Read the positions of a link, close a day, and say how much memory was needed so far."""
    from capital.models import Fill, StrategyAccount
    from capital.services.trading import open_positions
    from capital.services.trading.days.closing import ACCOUNTS_AT_ONCE, close_days

    link = StrategyAccount.objects.order_by("-pk").first()
    assert link is not None
    seconds, (queries, _) = stage.best_of(
        5, lambda: counted(lambda: list(open_positions([link.account_id])))
    )
    close_queries, _ = counted(lambda: close_days(account_ids))
    batches = -(-len(account_ids) // ACCOUNTS_AT_ONCE)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Half(
        Fill.objects.count(),
        *spent,
        seconds * 1000,
        queries,
        close_queries // batches,
        memory / 1024 if sys.platform == "linux" else memory / 2**20,
    )


def counted(work: Callable[[], object]) -> tuple[int, object]:
    """How many statements ``work`` took, and what it answered."""
    from django.db import connection

    statements = 0

    def count(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        answer = work()
    return statements, answer


def floor(repeats: int) -> tuple[dict[str, int], stage.Spent]:
    """Write what the import wrote once more, the fastest way there is."""
    with copied_out() as written:
        found = []
        for _ in range(repeats):
            execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
            found.append(stage.measured(lambda: write_by_copy(written)))
        rows = {table: text.count(b"\n") for table, text in written.items()}
    cpu = [spent for _, spent in found if spent is not None]
    return rows, (min(seconds for seconds, _ in found), min(cpu, default=None))


@contextmanager
def copied_out() -> Iterator[dict[str, bytes]]:
    """The rows of each table as the server writes them, so that no client makes them for less."""
    from django.db import connection

    with connection.cursor() as cursor:
        written = {}
        for table in TABLES:
            with cursor.copy(f"COPY {table} TO STDOUT") as copy:
                written[table] = b"".join(bytes(block) for block in copy)
        yield written


def write_by_copy(written: dict[str, bytes]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        for table, text in written.items():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(text)


def execute(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def report(
    arguments: argparse.Namespace,
    halves: Sequence[Half],
    rows: dict[str, int],
    least: stage.Spent,
) -> None:
    seconds, cpu = sum(half.import_seconds for half in halves), None
    if least[1] is not None:
        cpu = sum(half.import_cpu or 0 for half in halves) / least[1]
    ratio = seconds / least[0]
    if arguments.json:
        halves_told = [asdict(half) for half in halves]
        told = {
            "rows": rows,
            "halves": halves_told,
            "copy": least,
            "ratio": ratio,
            "cpu_ratio": cpu,
        }
        print(json.dumps(told))
        return
    title = f"{halves[-1].fills:,} fills of {arguments.links} links ({stage.machine()})"
    stage.print_table(
        title,
        (
            "fills",
            "import s",
            "CPU s",
            "positions ms",
            "queries",
            "closing a day",
            "memory MB",
        ),
        [
            (
                f"{half.fills:,}",
                f"{half.import_seconds:.1f}",
                "" if half.import_cpu is None else f"{half.import_cpu:.1f}",
                f"{half.positions_ms:.2f}",
                half.positions_queries,
                half.close_queries,
                f"{half.memory_mb:.0f}",
            )
            for half in halves
        ],
    )
    stage.print_table(
        f"The same rows by COPY: {least[0]:.1f} s; import / COPY {ratio:.1f} (goal {GOAL})"
        + ("" if cpu is None else f"; of CPU {least[1]:.1f} s, {cpu:.1f}"),
        ("table", "rows"),
        [(table, f"{count:,}") for table, count in rows.items()],
    )


if __name__ == "__main__":
    main()
