"""The admin's lists with 1,000 accounts and a year of summaries: server time of the first page.

Each page is asked for through the whole stack of middleware, as a superuser, who sees all rows.
The queries are those of one page; their number must not depend on the number of rows.
"""

import argparse
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import stage

GOAL_MS = 300
PAGES = (
    "/admin/capital/account/",
    "/admin/capital/account/?freshness=fresh",
    "/admin/capital/account/?freshness=stale",
    "/admin/capital/account/?q=Account+9",
    "/admin/strategies/strategy/",
    "/admin/capital/strategyaccount/",
    "/admin/capital/allocationrun/",
    "/admin/capital/strategycapital/",
    "/admin/capital/dailyaccountsummary/",
    "/admin/",
)


def main() -> None:
    arguments = parse_arguments()
    with stage.scratch_database():
        seed(arguments.accounts, arguments.days, arguments.runs)
        rows = measure(arguments.repeats)
    stage.print_table(
        f"First pages with {arguments.accounts} accounts, {arguments.days} days of summaries and "
        f"{arguments.runs} runs of each ({stage.machine()})",
        ("page", "ms", "queries", f"under {GOAL_MS} ms"),
        rows,
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365, help="Of summaries of each account.")
    parser.add_argument("--runs", type=int, default=30, help="Of each account.")
    parser.add_argument("--repeats", type=int, default=5, help="Of each page; the best counts.")
    return parser.parse_args()


def seed(accounts: int, days: int, runs: int) -> None:
    """One owner of each ten accounts; two links on each account.

    Every fifth account's balances are stale. Of each account's runs the last but one allocated:
    the gate has something to compare with.
    """
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.utils import timezone

    from capital.domain.allocation.gate import Inputs, LinkState
    from capital.domain.allocation.links import Reserve
    from capital.domain.pools import Pool
    from capital.models import (
        Account,
        AllocationRun,
        DailyAccountSummary,
        StrategyAccount,
        StrategyCapital,
    )
    from capital.services.allocation.policies.kept import inputs_as_json
    from strategies.models import Strategy

    users = get_user_model().objects
    users.create_superuser("root", password="root")
    owners = users.bulk_create(
        [get_user_model()(username=f"owner-{number}") for number in range(max(accounts // 10, 1))]
    )
    owner_of = [owners[number % len(owners)] for number in range(accounts)]
    strategies = Strategy.objects.bulk_create(
        [
            Strategy(
                owner=owner_of[number],
                name=f"Strategy {number}",
                key=f"s-{number:05}",
                market_type="spot" if number % 2 else "futures",
            )
            for number in range(accounts)
        ]
    )
    rows = Account.objects.bulk_create(
        [
            Account(
                owner=owner_of[number],
                name=f"Account {number}",
                venue="binance",
                currency="USDT",
                wallet_mode="separate",
                min_change_amount=10,
            )
            for number in range(accounts)
        ]
    )
    links = StrategyAccount.objects.bulk_create(
        [
            StrategyAccount(account=row, strategy=strategies[(number + step) % accounts])
            for number, row in enumerate(rows)
            for step in (0, 1)
        ]
    )
    now = timezone.now()
    stale = now - timedelta(hours=2)
    StrategyCapital.objects.bulk_create(
        [
            StrategyCapital(
                strategy_account=link, allocated_capital=Decimal(5000), allocated_at=now
            )
            for link in links
        ]
    )
    today = timezone.localdate()
    stage.copy_instances(
        DailyAccountSummary,
        (
            DailyAccountSummary(
                account=row,
                date=today - timedelta(days=age),
                starting_balance=Decimal(10000),
                spot_balance=Decimal(5000),
                futures_balance=Decimal(5000),
                ending_balance=Decimal(10000),
                spot_observed_at=observed_at,
                futures_observed_at=observed_at,
                ending_observed_at=observed_at,
            )
            for age in reversed(range(days))
            for number, row in enumerate(rows)
            for observed_at in (now if number % 5 else stale,)
        ),
    )
    links_of: dict[int, list[StrategyAccount]] = {row.pk: [] for row in rows}
    for link in links:
        links_of[link.account_id].append(link)
    found_nothing = {"outcome": "skipped", "code": "no_balance", "figures": {"pools": "spot"}}

    def allocated(account: Account) -> dict[str, Any]:
        basis = Inputs(
            links={
                link.pk: LinkState(link.strategy.key, link.weight, None)
                for link in links_of[account.pk]
            },
            reserve=Reserve(account.reserve_percent, account.reserve_amount),
            balances={Pool.SPOT: Decimal(5000), Pool.FUTURES: Decimal(5000)},
        )
        return {"outcome": "unchanged", "code": "unchanged", "basis": inputs_as_json(basis)}

    stage.copy_instances(
        AllocationRun,
        (
            AllocationRun(
                account=row,
                run_key=f"run-{number}",
                trigger="schedule",
                **(allocated(row) if number == runs - 2 else found_nothing),
                created_at=now - timedelta(minutes=11 * (runs - number)),
            )
            for number in range(runs)
            for row in rows
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


class _Counter:
    """Counts statements, whatever becomes of the connection's own log."""

    def __init__(self) -> None:
        self.queries = 0

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        self.queries += 1
        return execute(*arguments)


def measure(repeats: int) -> list[Sequence[object]]:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client

    settings.ALLOWED_HOSTS = ["localhost"]
    client = Client(SERVER_NAME="localhost")
    client.force_login(get_user_model().objects.get(username="root"))
    rows = []
    for path in PAGES:
        counted = _Counter()
        with connection.execute_wrapper(counted):
            answer = client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        seconds, _ = stage.best_of(repeats, lambda path=path: client.get(path))  # type: ignore[misc]
        fast = seconds * 1000 < GOAL_MS
        rows.append((path, f"{seconds * 1000:.0f}", counted.queries, "yes" if fast else "NO"))
    return rows


if __name__ == "__main__":
    main()
