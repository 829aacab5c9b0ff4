"""Ways to the latest daily summary of each account, with a year of history.

``capital.services.balances.summaries.load_summaries``, which the allocation uses, beside the other
ways to ask the same through the ORM and one in plain SQL. Every way must find the same rows.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import stage

if TYPE_CHECKING:
    from capital.models import DailyAccountSummary

    Way = Callable[[], Mapping[int, DailyAccountSummary]]

FLOOR = "plain SQL, LATERAL from account"


def main() -> None:
    arguments = parse_arguments()
    with stage.scratch_database():
        from django.utils import timezone

        now = timezone.now()
        today = timezone.localdate(now)
        account_ids = seed(arguments.accounts, arguments.days, today)
        seconds = measure(ways_to_ask(account_ids, now), arguments)
    floor = seconds[FLOOR]
    assert floor is not None, "nothing cancels the floor"
    stage.print_table(
        f"Latest of {arguments.days} summaries of each of {arguments.accounts} accounts"
        f" ({stage.machine()})",
        ("way", "ms", "ratio to the first"),
        [
            (way, *figures(measured, floor, arguments.give_up_seconds))
            for way, measured in seconds.items()
        ],
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--days", type=int, default=365, help="Of history of each account.")
    parser.add_argument("--repeats", type=int, default=3, help="Of each way; the best counts.")
    parser.add_argument(
        "--give-up-seconds", type=int, default=120, help="A way that takes longer is cancelled."
    )
    return parser.parse_args()


def figures(seconds: float | None, floor: float, give_up_seconds: int) -> tuple[str, str]:
    if seconds is None:
        return f"> {give_up_seconds * 1000}", f"> {give_up_seconds / floor:.0f}"
    return f"{seconds * 1000:.0f}", f"{seconds / floor:.1f}"


def measure(ways: "Mapping[str, Way]", arguments: argparse.Namespace) -> dict[str, float | None]:
    """Seconds of each way, best of the repeats; None where it was cancelled."""
    from django.db import OperationalError, connection

    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {arguments.give_up_seconds * 1000}")
    expected = {account_id: row.pk for account_id, row in ways[FLOOR]().items()}
    seconds: dict[str, float | None] = {}
    for name, ask in ways.items():
        try:
            # Once is enough for what takes many seconds.
            first, found = stage.timed(ask)
            again = 0 if first > 10 else arguments.repeats - 1
            seconds[name] = min([first, *(stage.timed(ask)[0] for _ in range(again))])
        except OperationalError:
            seconds[name] = None
            continue
        if {account_id: row.pk for account_id, row in found.items()} != expected:
            stage.stop(f"{name}: does not find the latest summaries.")
    return seconds


def ways_to_ask(account_ids: Sequence[int], now: datetime) -> "dict[str, Way]":
    from django.db.models import F, Max, OuterRef, Subquery

    from capital.models import Account, DailyAccountSummary
    from capital.services.allocation.allocate import BATCH_SIZE
    from capital.services.balances.summaries import load_latest, load_summaries

    summaries = DailyAccountSummary.objects
    every = Account.objects.order_by().values_list("pk", flat=True)

    def by_account(rows: "Sequence[DailyAccountSummary]") -> "dict[int, DailyAccountSummary]":
        return {row.account_id: row for row in rows}

    def lateral() -> "dict[int, DailyAccountSummary]":
        return by_account(
            list(
                summaries.raw(
                    "SELECT latest.* FROM capital_account AS account CROSS JOIN LATERAL ("
                    " SELECT * FROM capital_dailyaccountsummary WHERE account_id = account.id"
                    " ORDER BY date DESC LIMIT 1) AS latest"
                )
            )
        )

    def load(batch_size: int) -> "dict[int, DailyAccountSummary]":
        """It answers today's row and the one before as well."""
        found: dict[int, DailyAccountSummary] = {}
        for start in range(0, len(account_ids), batch_size):
            batch = load_summaries(account_ids[start : start + batch_size], now=now)
            found |= {key: row.latest for key, row in batch.items() if row.latest is not None}
        return found

    def annotated_account() -> "dict[int, DailyAccountSummary]":
        newest = summaries.filter(account=OuterRef("pk")).order_by("-date").values("pk")[:1]
        keys = Account.objects.annotate(latest=Subquery(newest)).values_list("latest", flat=True)
        return by_account(list(summaries.in_bulk(list(keys)).values()))

    def distinct_on() -> "dict[int, DailyAccountSummary]":
        return by_account(list(summaries.order_by("account_id", "-date").distinct("account_id")))

    def correlated_summary() -> "dict[int, DailyAccountSummary]":
        newest = summaries.filter(account=OuterRef("account")).order_by("-date").values("pk")[:1]
        return by_account(list(summaries.filter(pk=Subquery(newest))))

    def date_max() -> "dict[int, DailyAccountSummary]":
        newest = Max("account__summaries__date")
        return by_account(list(summaries.annotate(newest=newest).filter(date=F("newest"))))

    return {
        FLOOR: lateral,
        f"load_summaries, {BATCH_SIZE} accounts at a time": lambda: load(BATCH_SIZE),
        "load_summaries, all at once": lambda: load(len(account_ids)),
        "load_latest, for looking only": lambda: load_latest(every, now=now),
        "Account with a Subquery [:1], then in_bulk": annotated_account,
        "DISTINCT ON (account)": distinct_on,
        "a correlated Subquery on the summaries": correlated_summary,
        "date=Max(account's dates)": date_max,
    }


def seed(accounts: int, days: int, today: date) -> list[int]:
    """Accounts with a row for each of the last ``days`` days, in the order of the days."""
    from django.contrib.auth import get_user_model

    from capital.models import Account, DailyAccountSummary

    owner = get_user_model().objects.create(username="benchmark")
    stage.copy_instances(
        Account,
        (
            Account(
                owner=owner,
                name=f"Account {number}",
                venue="binance",
                currency="USDT",
                wallet_mode="separate",
            )
            for number in range(accounts)
        ),
    )
    stored = list(Account.objects.order_by("pk"))
    oldest = today - timedelta(days=days - 1)
    stage.copy_instances(
        DailyAccountSummary,
        (
            DailyAccountSummary(
                account=account,
                date=oldest,
                spot_balance=Decimal(10369),
                futures_balance=Decimal(5000),
                ending_balance=Decimal(15369),
            )
            for account in stored
        ),
    )
    repeat_daily(days - 1)
    return [account.pk for account in stored]


def repeat_daily(days: int) -> None:
    """Copy the rows that there are to each of the ``days`` days after, inside the database."""
    from django.db import connection

    from capital.models import DailyAccountSummary

    names = [
        field.column
        for field in DailyAccountSummary._meta.concrete_fields
        if field.column and not field.primary_key and field.name != "date"
    ]
    columns = ", ".join(names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO capital_dailyaccountsummary (date, {columns})"
            f" SELECT date + day, {columns}"
            " FROM capital_dailyaccountsummary CROSS JOIN generate_series(1, %s) AS day"
            " ORDER BY day, account_id",
            [days],
        )
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
