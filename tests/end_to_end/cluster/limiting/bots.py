"""Bots that lose: ``python -m …cluster.limiting.bots ROLE …``.

``seed`` makes one account with two links of 500 each, and limits. ``bot LINK TRADES FILE`` reports
so many round trips that lose 5 each, asks for an order behind each, and writes what it was answered
to its file, from which it goes on after a kill. ``mover FILE`` deposits, withdraws and transfers
until the file is there.
"""

import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

SYMBOL = "BTC/USDT:USDT"
LOSS = Decimal(5)
_REST_SECONDS = 0.05


def seed() -> None:
    """The account stops at 10 % of its 1,000, the first link at a loss of 30."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from capital.models import Account, Market, StrategyAccount, StrategyCapital
    from strategies.models import Strategy

    owner = User.objects.create(username="trader")
    account = Account.objects.create(
        owner=owner,
        name="Desk",
        venue="binance",
        currency="USDT",
        max_daily_loss_percent=Decimal(10),
    )
    Market.objects.create(
        venue="binance",
        symbol=SYMBOL,
        market_id="BTCUSDT",
        base="BTC",
        quote="USDT",
        settle="USDT",
        kind="linear",
        precision_mode="tick_size",
        amount_precision=Decimal("0.1"),
        amount_unit="base",
        contract_size=Decimal(1),
        fetched_at=timezone.now(),
    )
    for number, limits in enumerate(({"max_daily_loss_amount": Decimal(30)}, {}), 1):
        strategy = Strategy.objects.create(
            owner=owner, name=f"S{number}", key=f"s{number}", market_type="futures"
        )
        link = StrategyAccount.objects.create(strategy=strategy, account=account, **limits)
        StrategyCapital.objects.create(strategy_account=link, allocated_capital=Decimal(500))


class Bot:
    """One process. Its fills have names of their own, so that none is told twice."""

    def __init__(self, number: int, trades: int, diary: Path) -> None:
        from capital.models import StrategyAccount

        self.trades, self.diary = trades, diary
        self.link = StrategyAccount.objects.order_by("pk")[number]

    def work(self) -> None:
        """Every trade that is not in the diary yet."""
        done = len(self.diary.read_text().splitlines()) if self.diary.exists() else 0
        for number in range(done, self.trades):
            self._lose(number)
            line = f"{self._is_stopped()} {self._answer()} {self._is_stopped()}"
            with self.diary.open("a") as file:
                file.write(line + "\n")

    def _lose(self, number: int) -> None:
        from django.utils import timezone

        from capital.domain.sizing.orders import Side
        from capital.services.trading import NewFill, report_fills

        # Both fills in one report: what is open has no mark here, so it would not be judged.
        trade = ((Side.BUY, Decimal(100)), (Side.SELL, Decimal(100) - LOSS))
        fills = [
            NewFill(
                symbol=SYMBOL,
                side=side,
                quantity=Decimal(1),
                price=price,
                executed_at=timezone.now() - timedelta(milliseconds=10 - place),
                venue_fill_id=f"{self.link.pk}-{number}-{place}",
            )
            for place, (side, price) in enumerate(trade)
        ]
        report_fills(self.link.pk, fills, actor=None)

    def _is_stopped(self) -> bool:
        from capital.services.limits import open_stops

        stops = open_stops(self.link.account_id)
        return any(stop.account_id or stop.strategy_account_id == self.link.pk for stop in stops)

    def _answer(self) -> str:
        from capital.domain.sizing.orders import OrderRequest
        from capital.services.sizing import size_orders

        order = OrderRequest(symbol=SYMBOL, side="buy", qty_per=Decimal(10), price=Decimal(100))
        (answer,) = size_orders([self.link.pk], [order])
        return answer.code.value


def move(until: Path) -> None:
    """Money comes and goes that nobody earned or lost."""
    from django.utils import timezone

    from capital.domain.performance.flows import FlowKind
    from capital.domain.pools import Pool
    from capital.models import Account
    from capital.services.trading import enter_flow

    moved = 0
    account = Account.objects.get()
    kinds = ((FlowKind.DEPOSIT, 5000), (FlowKind.WITHDRAWAL, -900), (FlowKind.TRANSFER, -300))
    while not until.exists():
        kind, amount = kinds[moved % len(kinds)]
        now = timezone.now()
        enter_flow(
            account.pk,
            pool=Pool.FUTURES,
            kind=kind,
            currency="USDT",
            amount=Decimal(amount),
            occurred_at=now,
        )
        moved += 1
        # SQLite's write lock has no queue: who never rests can keep the others from it for as long
        # as they wait.
        time.sleep(_REST_SECONDS)
    sys.stdout.write(str(moved))


def main() -> None:
    """The role that the command line names."""
    import django

    django.setup()
    role, *rest = sys.argv[1:]
    if role == "seed":
        seed()
    elif role == "mover":
        move(Path(rest[0]))
    else:
        Bot(int(rest[0]), int(rest[1]), Path(rest[2])).work()


if __name__ == "__main__":
    main()
