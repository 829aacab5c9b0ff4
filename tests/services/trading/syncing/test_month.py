"""A month of trading by a script: whatever happens on the way, the books equal its own sums."""

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from capital.domain.performance.fills import Fee
from capital.domain.performance.flows import FlowKind
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.exchange.trading.contract import ReadFill, ReadFlow
from capital.models import Account, Fill, Flow, LinkDay, Position, StrategyAccount
from capital.services.trading import NewFill, import_trades, read_trade_file, report_fills
from tests.factories import make_link, make_strategy
from tests.services.trading.syncing.venue import BEGAN, MINUTE, Sync, Venue, fill, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

CHAOS = os.environ.get("CHAOS") == "1"
SEEDS = range(1000, 1010) if CHAOS else (1000,)
DAYS = 30 if CHAOS else 8
DAY_MINUTES = 24 * 60
D = Decimal
SYMBOL = "BTC/USDT:USDT"
BILLS = "GET /api/v5/account/bills, types 1, 7 and 8"
SWAP = "GET /api/v5/trade/fills-history of SWAP"
NOBODY = "nobody"
_AS_TOLD = ("symbol", "side", "quantity", "price", "venue_fill_id", "order_id")
BOTS = ("grid", "trend", "swing")


class Killed(BaseException):
    """As a process is killed: nothing more is done."""


@dataclass
class Script:
    """What was traded, and what it comes to by its own sums.

    Attributes:
        fills: In the order of time, with who did it.
        funding: The payments.
        cash: By bot and day: what it paid and received for what it traded.
        fees: By bot and day.
        paid: By bot and day, its share of the funding, as an exact fraction.
        held: What each holds now.
    """

    fills: list[tuple[str, ReadFill]] = field(default_factory=list)
    funding: list[ReadFlow] = field(default_factory=list)
    cash: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    fees: dict[tuple[str, object], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    paid: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    held: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def trade(self, bot: str, quantity: Decimal, price: Decimal, at: datetime) -> None:
        """``quantity`` below zero is sold."""
        number = len(self.fills) + 1
        fee = (abs(quantity) * price * D("0.0005")).quantize(D("0.00000001"))
        name = "x" if bot == NOBODY else bot
        self.fills.append(
            (
                bot,
                fill(
                    number,
                    at=at,
                    side=Side.BUY if quantity > 0 else Side.SELL,
                    quantity=abs(quantity),
                    price=price,
                    fees=((fee, "USDT"),),
                    # One in three orders says nothing of who placed it.
                    client_order_id="" if number % 3 == 0 else f"{name}{number}",
                ),
            )
        )
        self.held[bot] += quantity
        self.cash[bot] -= Fraction(quantity) * Fraction(price)
        self.fees[bot, timezone.localdate(at)] += Fraction(fee)

    def fund(self, amount: Decimal, at: datetime) -> None:
        """Paid for all that is held by those who are known."""
        self.funding.append(
            ReadFlow(
                kind=FlowKind.FUNDING,
                currency="USDT",
                amount=amount,
                occurred_at=at,
                symbol=SYMBOL,
                venue_flow_id=f"f{len(self.funding)}",
            )
        )
        known = {bot: Fraction(self.held[bot]) for bot in BOTS}
        total = sum(known.values())
        for bot in BOTS:
            if total:
                self.paid[bot] += Fraction(amount) * known[bot] / total


def written(random: Random) -> Script:
    """Each bot trades a few times a day, long and short; at the end everybody is flat."""
    script = Script()
    minutes = sorted(random.sample(range(1, DAYS * DAY_MINUTES - 60), DAYS * 9))
    for minute in minutes:
        at = BEGAN + minute * MINUTE + timedelta(seconds=random.randrange(60))
        if random.random() < 0.15:
            script.fund(D(random.choice((-1, 1)) * random.randrange(1, 5000)) / 1000, at)
            continue
        bot = random.choice((*BOTS, *BOTS, NOBODY))
        quantity = D(random.choice((-1, 1)) * random.randrange(1, 2000)) / 1000
        script.trade(bot, quantity, D(random.randrange(900_000, 1_100_000)) / 10, at)
    for number, bot in enumerate((*BOTS, NOBODY)):
        if script.held[bot]:
            at = BEGAN + (DAYS * DAY_MINUTES - 50 + number) * MINUTE
            script.trade(bot, -script.held[bot], D("101234.5"), at)
    return script


def as_told(read: ReadFill, **fields: Any) -> NewFill:
    """What the bot says of a fill."""
    return NewFill(
        **{
            "symbol": read.symbol,
            "side": read.side,
            "quantity": read.quantity,
            "price": read.price,
            "executed_at": read.executed_at,
            "fees": tuple(Fee(amount, currency) for amount, currency in read.fees),
            "venue_fill_id": read.venue_fill_id,
            "order_id": read.order_id,
            "client_order_id": read.client_order_id,
            **fields,
        }
    )


@dataclass
class World:
    """The account, its bots, its exchange, and what goes wrong between them."""

    random: Random
    script: Script
    account: Account
    links: dict[str, StrategyAccount]
    venue: Venue
    sync: Sync
    path: Path

    def live(self) -> None:
        """Let all of the script happen, with a sync now and then."""
        told = 0
        stops = sorted(self.random.sample(range(30, DAYS * DAY_MINUTES), DAYS * 4))
        stops.append(DAYS * DAY_MINUTES)
        self.sync(0, self.account)
        for minute in stops:
            now = BEGAN + minute * MINUTE
            happened = [each for each in self.script.fills if each[1].executed_at < now]
            self._report(happened[told:])
            told = len(happened)
            self._list(happened, now)
            self._sync(minute)
            if self.random.random() < 0.1:
                self._import(happened[-20:])

    def settle(self) -> None:
        """At last everything is told, and nothing fails."""
        self.venue.failures.clear()
        self.venue.before = lambda _endpoint: None
        self._list(self.script.fills, None)
        for _ in range(3):
            self.sync(DAYS * DAY_MINUTES, self.account)

    def _report(self, fills: list[tuple[str, ReadFill]]) -> None:
        """What no tag tells, the bot does; and something of the rest, twice."""
        for bot, each in fills:
            if bot == NOBODY or (each.client_order_id and self.random.random() < 0.6):
                continue
            told = as_told(each)
            if self.random.random() < 0.4:
                # It knows its order, and neither the fill's id nor the fee.
                told = replace(told, venue_fill_id="", fees=())
            for _ in range(self.random.choice((1, 1, 2))):
                report_fills(
                    self.links[bot].pk,
                    [told],
                    actor=None,
                    clock=lambda: each.executed_at + MINUTE,  # noqa: B023
                )

    def _list(self, fills: list[tuple[str, ReadFill]], now: datetime | None) -> None:
        """The exchange lists some of the newest fills only later."""
        self.venue.fills = [
            each
            for _, each in fills
            if now is None or each.executed_at < now - MINUTE or self.random.random() < 0.5
        ]
        self.venue.flows[BILLS] = [
            each for each in self.script.funding if now is None or each.occurred_at < now
        ]

    def _sync(self, minute: int) -> None:
        """It works, it fails, or the process is killed: before it asks, or while it writes."""
        self.venue.failures = {}
        if self.random.random() < 0.2:
            self.venue.failures = {self.random.choice((SWAP, BILLS)): refused(Code.EXCHANGE_ERROR)}
        left = self.random.randrange(1, 8) if self.random.random() < 0.3 else None

        def kill(_endpoint: str) -> None:
            nonlocal left
            left = None if left is None else left - 1
            if left == 0:
                raise Killed

        self.venue.before = kill
        with suppress(Killed):
            self.sync(minute, self.account)

    def _import(self, fills: list[tuple[str, ReadFill]]) -> None:
        """A person imports what the bots' logs say of the last days."""
        lines = [(bot, each) for bot, each in fills if bot != NOBODY]
        if not lines:
            return
        path = self.path / "trades.csv"
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("executed_at", *_AS_TOLD, "fee_amount", "fee_currency", "strategy"))
            for bot, each in lines:
                told = [getattr(each, name) for name in _AS_TOLD]
                fee = each.fees[0][0]
                table.writerow([each.executed_at.isoformat(), *told, f"{fee:f}", "USDT", bot])
        last = lines[-1][1].executed_at + 2 * MINUTE
        report = import_trades(self.account.pk, read_trade_file(path), clock=lambda: last)
        assert report.problems == ()


@pytest.fixture(params=SEEDS)
def world(
    request: pytest.FixtureRequest, account: Account, venue: Venue, sync: Sync, tmp_path: Path
) -> World:
    random = Random(request.param)
    links = {
        bot: make_link(
            account=account,
            strategy=make_strategy(owner=account.owner, key=bot, market_type="futures"),
        )
        for bot in BOTS
    }
    return World(random, written(random), account, links, venue, sync, tmp_path)


def earned(link: StrategyAccount) -> Iterator[LinkDay]:
    yield from LinkDay.objects.filter(strategy_account=link).order_by("date")


def test_a_month_of_trading_comes_to_the_scripts_own_sums(world: World) -> None:
    script = world.script
    world.live()
    world.settle()

    assert Fill.objects.exclude(venue_fill_id="").count() == len(script.fills)
    assert Flow.objects.count() == len(script.funding)
    theirs = {each.venue_fill_id for bot, each in script.fills if bot == NOBODY}
    nobodys = Fill.objects.exclude(venue_fill_id="").filter(attributions__isnull=True)
    assert set(nobodys.values_list("venue_fill_id", flat=True)) == theirs
    for bot, link in world.links.items():
        days = list(earned(link))
        position = Position.objects.get(strategy_account=link)
        assert position.quantity == 0
        fees = {day.date: Fraction(day.fees) for day in days if day.fees}
        assert fees == {date: sum_ for (of, date), sum_ in script.fees.items() if of == bot}
        gain = sum(Fraction(day.realized) for day in days)
        funding = sum(Fraction(day.funding) for day in days)
        assert round(float(gain - script.cash[bot]), 9) == 0
        assert round(float(funding - script.paid[bot]), 9) == 0
        assert position.realized_pnl is not None
        total = gain - sum(fees.values()) + funding
        assert abs(Fraction(position.realized_pnl) - total) < Fraction(1, 10**15)
