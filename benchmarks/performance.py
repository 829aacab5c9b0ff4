"""Reports of performance of a large desk: a thousand links with years of days, PostgreSQL.

The days are as the books would leave them, and packed as the job of the day's end does, which is
timed. The page is requested by strategy, account, owner, link and symbol, over a month, a year and
all, and as a file with all figures. Its server time is all that is between request and answer.
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
OK = 200
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
    parser.add_argument("--repeats", type=int, default=3, help="Of each page; the best counts.")
    return parser.parse_args()


def table(arguments: argparse.Namespace) -> None:
    from django.utils import timezone

    from capital.services.performance import GROUPS

    rows: list[tuple[str, ...]] = []
    client = visitor()
    for period in PERIODS:
        for by in GROUPS:
            page = f"/admin/performance/?period={period}&by={by}"
            rows.append((by, period, *measure(client, page, arguments.repeats)))
            rows[-1] += measure(client, f"{page}&export=csv", 1)[:1]
            print(*rows[-1], flush=True)
    middle = (timezone.localdate().replace(day=1) - _DAY).replace(day=15)
    for name, page in (
        ("link, sorted by return", "by=link&o=-return&period=30d"),
        ("link, sorted by return", "by=link&o=-return&period=year"),
        ("strategy, from the middle of a month", f"from={middle}"),
        ("symbol, from the middle of a month", f"by=symbol&from={middle}"),
    ):
        found = measure(client, f"/admin/performance/?{page}", arguments.repeats)
        rows.append((name, page.rpartition("=")[2], *found, ""))
        print(*rows[-1], flush=True)
    stage.print_table(
        f"{arguments.links:,} links, {arguments.days:,} days ({stage.machine()})",
        ("by", "period", "page, ms", "of it CPU, ms", "queries", "all figures as CSV, ms"),
        rows,
    )


def visitor() -> Any:
    """Somebody who sees everything, in a browser without pictures."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    user = get_user_model().objects.create_superuser("visitor")
    client = Client()
    client.force_login(user)
    return client


def measure(client: Any, page: str, repeats: int) -> tuple[str, ...]:
    """Server time of the best, its CPU without the database's, and how many queries it takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    best = []
    for _ in range(repeats + 1):
        start, cpu = time.perf_counter(), time.process_time()
        answer = client.get(page)
        assert answer.status_code == OK, page
        b"".join(answer) if answer.streaming else answer.content  # it is made here
        best.append((time.perf_counter() - start, time.process_time() - cpu))
    with CaptureQueriesContext(connection) as captured:
        client.get(page)
    return *(f"{1000 * min(each):,.0f}" for each in zip(*best, strict=True)), str(len(captured))


def pack() -> None:
    """What the first job of the day's end does after an upgrade, by the links that there are."""
    from django.db import connection, transaction
    from django.utils import timezone

    from capital.models import Account, StrategyAccount
    from capital.services.trading.packed.backlog import pack_backlog
    from capital.services.trading.packed.months import pack_days

    ids = list(Account.objects.order_by("pk").values_list("pk", flat=True))
    start, cpu, packed = time.monotonic(), time.process_time(), 0
    while done := pack_backlog(ids):
        packed += done
    seconds, of_cpu = time.monotonic() - start, time.process_time() - cpu
    print(f"packed {packed} links in {seconds:.1f} s ({of_cpu:.1f} s of CPU)", flush=True)
    with transaction.atomic():
        # Of fewer days than a backlog has.
        links = list(StrategyAccount.objects.values_list("pk", flat=True))
        pack_days(links, today=timezone.localdate())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


# The rows


def seed(links: int, days: int) -> None:
    """Owners with accounts of four links each, a strategy on twenty of them, and their days."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.utils import timezone

    from capital.models import (
        Account,
        LinkDay,
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
    for model in (LinkDay, SymbolDay, Trade):
        copy(model, made[0].pk)
    pack()


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
