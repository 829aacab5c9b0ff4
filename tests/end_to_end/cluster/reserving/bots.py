"""Bots that reserve, fill and release: ``python -m …cluster.reserving.bots ROLE …``.

``seed`` makes one account with two links of 10,000 each. ``bot NAME CALLS FILE`` reserves so many
times, and writes what it did to its file, from which it goes on after a kill. ``watch FILE`` looks
again and again whether more is promised than there is, until the file is there.
"""

import random
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

CAPITAL = Decimal(10_000)
SYMBOL = "BTC/USDT:USDT"
PRICE = Decimal(100)


def seed() -> None:
    """One account on Binance, two futures links, one contract of one coin."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from capital.models import Account, Market, StrategyAccount, StrategyCapital
    from strategies.models import Strategy

    owner = User.objects.create(username="trader")
    account = Account.objects.create(
        owner=owner, name="Desk", venue="binance", currency="USDT", fee_rate=Decimal("0.001")
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
    for number in (1, 2):
        strategy = Strategy.objects.create(
            owner=owner, name=f"S{number}", key=f"s{number}", market_type="futures"
        )
        link = StrategyAccount.objects.create(
            strategy=strategy, account=account, leverage=Decimal(2)
        )
        StrategyCapital.objects.create(strategy_account=link, allocated_capital=CAPITAL)


class Bot:
    """One process. What it does follows from its name, so that a new one goes on where it died."""

    def __init__(self, name: str, calls: int, diary: Path) -> None:
        from capital.models import StrategyAccount

        self.name, self.calls, self.diary = name, calls, diary
        self.links = list(StrategyAccount.objects.order_by("pk").values_list("pk", flat=True))

    def work(self) -> None:
        """Every call that is not in the diary yet."""
        done = len(self.diary.read_text().splitlines()) if self.diary.exists() else 0
        for number in range(done, self.calls):
            line = self._call(number, random.Random(f"{self.name} {number}"))
            with self.diary.open("a") as file:
                file.write(line + "\n")

    def _call(self, number: int, chance: random.Random) -> str:
        from capital.domain.sizing.orders import OrderRequest
        from capital.services.sizing import Hold, Wish, reserve_orders

        key, link_id = f"{self.name}-{number}", chance.choice(self.links)
        # One bot alone closes: two that close the same position at once would turn it around.
        closes = self.name == "bot-0" and chance.random() < 0.7
        order = OrderRequest(
            symbol=SYMBOL,
            side="sell" if closes else "buy",
            qty_per=Decimal(-100 if closes else chance.randint(1, 60)),
            price=PRICE,
        )
        hold = Hold(expires_in=chance.choice((1, 60)), client_order_id=key)
        wish = [Wish(order, hold)]
        times = chance.choice((1, 2))
        answers = [reserve_orders([link_id], wish, key=key)[0] for _ in range(times)]
        ids = {each.reservation and each.reservation.pk for each in answers}
        [reserved] = {each for each in ids if each} or {0}
        size = answers[0].size_as_json()
        filled = Decimal(0)
        if Decimal(size["quantity"]):
            fates = ["fill", "part", "release", "forget"]
            if hold.expires_in > 1:
                # An order that is not placed has to be filled, and told, before it expires: after
                # that another bot's report may say that nothing came of it.
                fates.append("unplaced")
            fate = chance.choice(fates)
            filled = self._fate(fate, chance, link_id, key, reserved, order.side, size["quantity"])
        return f"{key} {reserved} {filled}"

    def _fate(
        self,
        fate: str,
        chance: random.Random,
        link_id: int,
        key: str,
        reserved: int,
        side: str,
        size: str,
    ) -> Decimal:
        """What becomes of the order; says how much of it was filled."""
        from capital.domain.errors import ReservationRefused
        from capital.services.limits import place_reservation, release_reservation

        quantity = Decimal(size)
        try:
            if reserved and fate in ("fill", "part"):
                place_reservation(reserved, order_id=f"o-{key}", actor=None)
            if reserved and fate == "release":
                release_reservation(reserved, actor=None)
        except ReservationRefused:
            # It expired before, or a process that was killed has told its fill.
            return self._told(key)
        if fate in ("release", "forget"):
            return Decimal(0)
        if fate == "part":
            half = (quantity / 2).quantize(Decimal("0.1"))
            if half:
                self._fill(link_id, key, side, half, f"{key}-1")
            if reserved and half != quantity and chance.random() < 0.5:
                release_reservation(reserved, actor=None)
            return half
        self._fill(link_id, key, side, quantity, f"{key}-2")
        return quantity

    def _told(self, key: str) -> Decimal:
        from capital.models import Fill

        fills = Fill.objects.filter(client_order_id=key).values_list("quantity", flat=True)
        return sum(fills, Decimal(0))

    def _fill(self, link_id: int, key: str, side: str, quantity: Decimal, name: str) -> None:
        from django.utils import timezone

        from capital.domain.sizing.orders import Side
        from capital.services.trading import NewFill, report_fills

        fill = NewFill(
            symbol=SYMBOL,
            side=Side(side),
            quantity=quantity,
            price=PRICE,
            executed_at=timezone.now(),
            venue_fill_id=name,
            client_order_id=key,
        )
        report_fills(link_id, [fill], actor=None)


def promised() -> Iterator[tuple[int, Decimal]]:
    """What each link has in use and reserved now, as one moment saw it."""
    from django.db import connection, transaction
    from django.utils import timezone

    from capital.models import Position, StrategyAccount
    from capital.services.limits.held import held_capital

    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        links = list(StrategyAccount.objects.order_by("pk"))
        held = held_capital([link.pk for link in links], now=timezone.now())
        for link in links:
            positions = Position.objects.filter(strategy_account=link)
            held_coins = sum((abs(each.quantity) for each in positions), Decimal(0))
            in_use = held_coins * PRICE / link.leverage
            reserved = held[link.pk].amount if link.pk in held else Decimal(0)
            yield link.pk, in_use + reserved


def watch(until: Path) -> None:
    """Say every time that more is promised than there is; and end what has expired."""
    from capital.models import Account
    from capital.services.limits import end_expired_reservations

    account_ids = list(Account.objects.values_list("pk", flat=True))
    looks = 0
    while not until.exists():
        for link_id, amount in list(promised()):
            if amount > CAPITAL:
                sys.stdout.write(f"link {link_id}: {amount} of {CAPITAL} promised\n")
        end_expired_reservations(account_ids)
        looks += 1
    sys.stderr.write(f"looked {looks} times")


def main() -> None:
    """The role that the command line names."""
    import django

    django.setup()
    role, *rest = sys.argv[1:]
    if role == "seed":
        seed()
    elif role == "watch":
        watch(Path(rest[0]))
    else:
        Bot(rest[0], int(rest[1]), Path(rest[2])).work()


if __name__ == "__main__":
    main()
