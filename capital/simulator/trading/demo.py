"""What the bots of the demo desk trade: a month up to today, the same on every machine.

It is a script for the simulator, in the form of ``trading.script``. The demo's bots report these
fills as bots do, and its exchanges tell of them: nothing is a result that was made up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT, floor_to, quantum_of
from capital.simulator.state import ExchangeState
from capital.simulator.trading.book import plain

DAYS = 30
"""Days before today on which the bots trade."""

BY_HAND = "by hand"
"""Whose a fill is that no bot knows of: its owner traded with the same keys."""

# By how much the price of a day goes the bot's way, in steps. Each bot starts elsewhere in it.
_STEPS = (
    4, -3, 7, 2, 9, -6, 3, 5, -11, 8, 4, -2, 6, 12, -9,
    3, -4, 7, 1, 5, -13, 10, 2, 6, -5, 8, 3, -7, 9, 4,
)  # fmt: skip
_SECOND = 1000
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR


@dataclass(frozen=True)
class _Bot:
    """One link that buys and sells once a day.

    Attributes:
        account: By name.
        strategy: By key.
        quantity: Of each trade.
        price: At which it enters.
        step: What the price goes its way, or against it, for each of ``_STEPS``.
        currency: What its fees are paid in.
        fee: In parts of a trade's worth.
    """

    account: str
    strategy: str
    symbol: str
    quantity: str
    price: str
    step: str
    currency: str = "USDT"
    fee: str = "0.0005"

    @property
    def is_spot(self) -> bool:
        return ":" not in self.symbol


_SWAP, _ETHER = "BTC/USDT:USDT", "ETH/USDT:USDT"
_BOTS = (
    _Bot("Binance main", "btc-grid", "BTC/USDT", "0.1", "60800", "75", fee="0.001"),
    _Bot("Binance main", "trend", _SWAP, "0.05", "61000", "90"),
    _Bot("Binance main", "basis", _ETHER, "0.6", "2950", "5"),
    _Bot("Binance fallback", "btc-grid", "BTC/USDT", "0.03", "60900", "80", fee="0.001"),
    _Bot("Bybit unified", "btc-grid", "BTC/USDT", "0.05", "60850", "85", fee="0.001"),
    _Bot("Bybit unified", "trend", _SWAP, "0.15", "61100", "95"),
    _Bot("Bybit unified", "basis", _ETHER, "1.5", "2960", "6"),
    _Bot("OKX unified", "trend", _SWAP, "0.04", "60950", "90"),
    _Bot("OKX unified", "basis", _ETHER, "1.6", "2955", "4"),
    _Bot("Upbit KRW", "krw-momentum", "BTC/KRW", "0.05", "94500000", "180000", "KRW"),
    _Bot("Upbit KRW", "btc-grid", "ETH/KRW", "0.5", "4570000", "9000", "KRW"),
    _Bot("Bithumb KRW", "krw-momentum", "BTC/KRW", "0.02", "94400000", "150000", "KRW", "0.0004"),
)


@dataclass(frozen=True)
class DemoStep:
    """One fill or flow of the script.

    Attributes:
        account: By name.
        strategy: Whose it is, by key; ``BY_HAND``; empty of a deposit.
        told: What the simulator is told.
        is_left_open: Whether what it opens is held to the end.
    """

    account: str
    strategy: str
    told: Mapping[str, Any]
    is_left_open: bool = False


def demo_steps(midnight: datetime, now: datetime) -> list[DemoStep]:
    """The script up to ``now``, in the order of time.

    Args:
        midnight: When today began, where the desk is.
        now: What is later has not happened yet.
    """
    last = _milliseconds(now)
    steps = [step for step in _all_steps(midnight) if step.told["at"] <= last]
    return sorted(steps, key=lambda step: step.told["at"])


def trade_demo(state: ExchangeState, midnight: datetime, now: datetime) -> None:
    """Let the demo's accounts have traded: what they hold is what they hold after it."""
    keys = {account.name: account.api_key for account in state.accounts}
    for step in demo_steps(midnight, now):
        if step.account in keys:
            state.fill_before(keys[step.account], step.told)


def _all_steps(midnight: datetime) -> Iterator[DemoStep]:
    for number, bot in enumerate(_BOTS):
        for days_ago in range(DAYS, -1, -1):
            begins = _milliseconds(midnight - timedelta(days=days_ago))
            date = (midnight - timedelta(days=days_ago)).date()
            yield from _day(bot, number, begins, date.toordinal(), is_today=not days_ago)
    day = _milliseconds(midnight - timedelta(days=12))
    deposit = {"kind": "deposit", "currency": "USDT", "amount": "500", "at": day + 10 * _HOUR}
    yield DemoStep("Binance main", "", {**deposit, "pool": "spot", "id": f"77{day // _DAY}"})
    # Somebody sold coins of their own, with the keys that the bots have.
    yesterday = _milliseconds(midnight - timedelta(days=1))
    sale = {"symbol": "BTC/USDT", "side": "sell", "quantity": "0.0025", "price": "61200"}
    fee = {"amount": "0.15", "currency": "USDT"}
    names = {"id": f"88{yesterday // _DAY}1", "order_id": f"88{yesterday // _DAY}2"}
    yield DemoStep(
        "Binance main", BY_HAND, {**sale, **names, "at": yesterday + 16 * _HOUR, "fees": [fee]}
    )
    # It is open since this morning.
    opened = {"symbol": _ETHER, "side": "sell", "quantity": "0.5", "price": "3010"}
    today = _milliseconds(midnight)
    names = {"id": f"99{today // _DAY}1", "order_id": f"99{today // _DAY}2"}
    fee = {"amount": "0.75", "currency": "USDT"}
    told = {**opened, **names, "client_order_id": "basis-open", "at": today + 90 * _SECOND}
    yield DemoStep("Bybit unified", "basis", {**told, "fees": [fee]}, is_left_open=True)


def _day(
    bot: _Bot, number: int, begins: int, ordinal: int, *, is_today: bool
) -> Iterator[DemoStep]:
    """In at nine, out at three; today in the first minute, so that it has happened."""
    steps = Decimal(_STEPS[(ordinal + 7 * number) % len(_STEPS)])
    is_short = not bot.is_spot and (ordinal + number) % 3 == 0
    way = EXACT.multiply(steps, Decimal(bot.step))
    entry = Decimal(bot.price)
    leave = EXACT.subtract(entry, way) if is_short else EXACT.add(entry, way)
    # Not at midnight itself: what was held then is what yesterday closed with.
    opens = begins + ((number + 1) * _SECOND if is_today else 9 * _HOUR + number * 60 * _SECOND)
    closes = opens + (30 * _SECOND if is_today else 6 * _HOUR)
    sides = ("sell", "buy") if is_short else ("buy", "sell")
    for place, (side, price, at) in enumerate(
        zip(sides, (entry, leave), (opens, closes), strict=True)
    ):
        paid = _charged(bot, price, Decimal(bot.fee))
        row_id = f"{ordinal}{number:02}{place}"
        told = {
            "symbol": bot.symbol,
            "side": side,
            "quantity": bot.quantity,
            "price": plain(price),
            "at": at,
            "fees": [{"amount": plain(paid), "currency": bot.currency}],
            "id": row_id,
            "order_id": f"5{row_id}",
            "client_order_id": f"{bot.strategy}-{row_id}",
        }
        yield DemoStep(bot.account, bot.strategy, told)
    if not bot.is_spot and ordinal % 14 == 0 and not is_today:
        # What is long pays a ten-thousandth.
        paid = _charged(bot, entry, Decimal("0.0001"))
        amount = paid if is_short else EXACT.minus(paid)
        funding = {"kind": "funding", "symbol": bot.symbol, "currency": bot.currency}
        told = {**funding, "amount": plain(amount), "at": opens + 3 * _HOUR}
        yield DemoStep(bot.account, bot.strategy, {**told, "id": f"6{ordinal}{number:02}"})


def _charged(bot: _Bot, price: Decimal, part: Decimal) -> Decimal:
    """A part of what the bot's trade is worth, in whole units of its currency.

    The balances of the demo's days are told in these, too: its statements explain every cent.
    """
    worth = EXACT.multiply(price, Decimal(bot.quantity))
    return floor_to(EXACT.multiply(worth, part), quantum_of(bot.currency))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp()) * _SECOND
