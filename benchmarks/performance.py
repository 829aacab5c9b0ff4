"""Reports of performance of a large desk: a thousand links with years of days, PostgreSQL.

The days are as the books would leave them, and packed as the job of the day's end does. Each report
is asked for by strategy, account, owner, link and symbol, over a month, a year and all; its text is
made, too, as the command prints it. The ratio is to 30 days by strategy.
"""

import argparse
import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import stage

STRATEGIES, LINKS_OF_ACCOUNT, OWNERS = 50, 4, 10
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
PERIODS = ("30d", "year", "all")
_DAY = timedelta(days=1)
_ZERO = Decimal(0)


def main() -> None:
    arguments = parse_arguments()
    with stage.scratch_database():
        start = time.monotonic()
        seed(arguments.links, arguments.days)
        print(f"seeded in {time.monotonic() - start:.0f} s", flush=True)
        table(arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--links", type=int, default=1000)
    parser.add_argument("--days", type=int, default=3 * 365 + 1)
    parser.add_argument("--repeats", type=int, default=5, help="Of 30 days; the best counts.")
    return parser.parse_args()


def table(arguments: argparse.Namespace) -> None:
    from capital.services.performance import GROUPS

    rows, first = [], 0.0
    for period in PERIODS:
        for by in GROUPS:
            seconds, queries, count = measure(by, period, arguments.repeats)
            first = first or seconds
            rows.append(
                (
                    *(by, period, str(count), f"{1000 * seconds:,.0f}"),
                    *(str(queries), f"{seconds / first:.1f}"),
                )
            )
            print(*rows[-1], flush=True)
    stage.print_table(
        f"{arguments.links:,} links, {arguments.days:,} days ({stage.machine()})",
        ("by", "period", "rows", "CPU ms", "queries", "ratio"),
        rows,
    )


def measure(by: str, period: str, repeats: int) -> tuple[float, int, int]:
    """CPU seconds of the best, without the database, its queries, and how many rows there are."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from capital.models import StrategyAccount
    from capital.services.performance import chosen_period, performance, report_as_json

    asked = chosen_period(period, now=timezone.now())
    with CaptureQueriesContext(connection) as captured:
        report = performance(StrategyAccount.objects.all(), by=by, period=asked)
    best = []
    for _ in range(repeats if period == "30d" else 1):
        start = time.process_time()
        report_as_json(performance(StrategyAccount.objects.all(), by=by, period=asked))
        best.append(time.process_time() - start)
    return min(best), len(captured), len(report.rows)


def pack() -> None:
    from django.db import transaction
    from django.utils import timezone

    from capital.models import StrategyAccount
    from capital.services.trading.packed.months import pack_days

    ids = list(StrategyAccount.objects.order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        pack_days(ids, today=timezone.localdate())


# The rows


def seed(links: int, days: int) -> None:
    """Owners with accounts of four links each, a strategy on twenty of them, and their days."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.utils import timezone

    from capital.models import (
        Account,
        LinkDay,
        LinkMonth,
        StrategyAccount,
        StrategyCapital,
        SymbolDay,
        Trade,
    )
    from strategies.models import Strategy

    call_command("flush", interactive=False, verbosity=0)
    owners = [get_user_model().objects.create(username=f"owner-{n}") for n in range(OWNERS)]
    strategies = Strategy.objects.bulk_create(
        Strategy(owner=owners[0], name=f"Trend {n}", key=f"trend-{n:03}", market_type="futures")
        for n in range(STRATEGIES)
    )
    accounts = Account.objects.bulk_create(
        Account(owner=owners[n % OWNERS], name=f"Account {n}", venue="binance", currency="USDT")
        for n in range(-(-links // LINKS_OF_ACCOUNT))
    )
    made = StrategyAccount.objects.bulk_create(
        StrategyAccount(
            account=accounts[n // LINKS_OF_ACCOUNT],
            strategy=strategies[n % STRATEGIES],
            weight=Decimal(1),
        )
        for n in range(links)
    )
    StrategyCapital.objects.bulk_create(
        StrategyCapital(strategy_account=link, allocated_capital=Decimal(1000)) for link in made
    )
    today, chance = timezone.localdate(), random.Random(7)
    for link in made[:STRATEGIES]:
        rows = list(days_of(link.pk, today - (days - 1) * _DAY, days, chance))
        LinkDay.objects.bulk_create((row for row, _ in rows), batch_size=2000)
        SymbolDay.objects.bulk_create((each for _, each in rows), batch_size=2000)
    seed_trades([link.pk for link in made[:STRATEGIES]], today, days, chance)
    pack()
    for model in (LinkDay, LinkMonth, SymbolDay, Trade):
        copy(model, made[0].pk)


def copy(model: Any, first: int) -> None:
    """The same of every other link, made by the database: a strategy's links are alike."""
    from django.db import connection

    columns = ", ".join(
        f'"{field.column}"'
        for field in model._meta.concrete_fields
        if field.column not in ("id", "strategy_account_id")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} (strategy_account_id, {columns}) "
            f"SELECT link, {columns} FROM {model._meta.db_table} JOIN "
            "(SELECT id AS link FROM capital_strategyaccount WHERE id >= %s) AS links "
            "ON (link - %s) %% %s = strategy_account_id - %s",
            [first + STRATEGIES, first, STRATEGIES, first],
        )
        cursor.execute(f"ANALYZE {model._meta.db_table}")


def days_of(
    link_id: int, first: date, days: int, chance: random.Random
) -> Iterator[tuple[Any, Any]]:
    from capital.models import LinkDay, SymbolDay

    settled, worth = Decimal(1000), _ZERO
    for number in range(days):
        realized = Decimal(chance.randrange(-20_0000, 21_0000)).scaleb(-4)
        fees, funding = Decimal(chance.randrange(1, 9_9999)).scaleb(-5), Decimal("-0.0123")
        after = Decimal(chance.randrange(-30_000000, 30_000000)).scaleb(-6)
        common: dict[str, Any] = {
            "strategy_account_id": link_id,
            "date": first + number * _DAY,
            "currency": "USDT",
            "fees": fees,
            "funding": funding,
            "volume": Decimal(2000),
            "fills": 4,
            "trades": 1,
        }
        day = LinkDay(
            **common,
            equity_start=settled + worth,
            settled_start=settled,
            capital_added=_ZERO,
            realized=realized,
            unrealized=after,
        )
        symbol = SymbolDay(
            **common,
            symbol=SYMBOLS[number % len(SYMBOLS)],
            position_side="both",
            realized=realized,
            cost_unknown=_ZERO,
        )
        settled, worth = settled + realized - fees + funding, after
        yield day, symbol


def seed_trades(link_ids: list[int], today: date, days: int, chance: random.Random) -> None:
    """A round trip of each link every third day."""
    from datetime import datetime

    from django.utils import timezone

    from capital.models import Trade

    zone = timezone.get_default_timezone()
    for link_id in link_ids:
        trades = []
        for number in range(0, days, 3):
            day = today - number * _DAY
            closed_at = datetime(day.year, day.month, day.day, 0, chance.randrange(60), tzinfo=zone)
            amounts = dict.fromkeys(
                ("entered", "entry_value", "exited", "exit_value", "fees", "funding"), Decimal(1)
            )
            trades.append(
                Trade(
                    strategy_account_id=link_id,
                    symbol=SYMBOLS[0],
                    position_side="both",
                    currency="USDT",
                    is_long=True,
                    opened_at=closed_at - timedelta(hours=5),
                    closed_at=closed_at,
                    date=day,
                    realized=Decimal(chance.randrange(-20_0000, 21_0000)).scaleb(-4),
                    fills=4,
                    **amounts,
                )
            )
        Trade.objects.bulk_create(trades, batch_size=2000)


if __name__ == "__main__":
    main()
