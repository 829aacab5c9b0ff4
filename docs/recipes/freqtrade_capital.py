"""freqtrade, its stakes from Capital, and what it trades told to Capital.

Copy this file and ``capital_client.py`` beside your strategy, and begin the strategy with it:

    from freqtrade.strategy import IStrategy
    from freqtrade_capital import CapitalSized

    class Mine(CapitalSized, IStrategy):
        capital_link = ("trend", "Binance main")  # key of the strategy, name of the account
        capital_percent = "50"  # of the strategy's capital, for one entry
        …  # as ever

In the environment: ``CAPITAL`` (…/api/v1) and ``TOKEN`` (scope ``size``). In freqtrade's
configuration: ``"stake_amount": "unlimited"`` and ``"tradable_balance_ratio": 1``. The link is this
bot's alone.

What freqtrade does, and what becomes of it here:

- **Whatever a hook raises, it takes its own stake.** Here, whatever goes wrong is no entry.
- **A stake below its minimum is raised**, by up to 30 %. Here that is no entry.
- **From a stake it calculates an amount in floats** and rounds it down. The stake is of half a step
  more, so that the amount is the one that was answered.
- **Entries into an open trade** (``adjust_trade_position``) do not pass ``custom_stake_amount``.
  Here they are cut to what is free, or left out. Less of a trade is always let through. Forced
  entries into open trades pass no hook at all, so a bot that allows them does not start.
- **Back-tests call the same hooks.** Here they ask and tell nothing, and take freqtrade's stakes.
- **A dry run** asks for sizes and tells nothing: its trades are none. With
  ``capital_tells_dry_runs = True``, on an account that is there for that, it tells them.
- **``order_filled`` is called once**, also where nobody could be reached, and not for trades that
  are deleted. Here orders are told when they are filled, again with each loop until that came
  through, and those of the last week after a restart; told twice, they count once. With each loop
  what is held is compared, and told where it differs.

An exit never waits for Capital, and is never refused by it.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, wraps
from typing import Any

from capital_client import (
    Answer,
    Capital,
    CapitalError,
    Conflict,
    Link,
    NotFound,
    Problem,
    Unavailable,
)
from freqtrade.enums import TRADE_MODES, RunMode
from freqtrade.persistence import Trade

logger = logging.getLogger(__name__)

TOLD_AGAIN = timedelta(days=7)
# How far freqtrade's clock and Capital's may differ, and how long an entry takes from its size on.
AROUND = timedelta(seconds=20)


class CapitalSized:
    """What a strategy is besides, and first: ``class Mine(CapitalSized, IStrategy)``."""

    capital_link: Link
    capital_percent = "50"
    capital_tells_dry_runs = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Keep what a strategy says of its own from taking the place of what is said here."""
        super().__init_subclass__(**options)
        own = vars(cls)
        if "custom_stake_amount" in own:
            raise TypeError(f"{cls.__name__}: Capital says the stake, not custom_stake_amount.")
        if "adjust_trade_position" in own:
            cls.adjust_trade_position = _sized(own["adjust_trade_position"])
        for name in _FIRST.keys() & own.keys():
            setattr(cls, name, _first(_FIRST[name], own[name]))

    @cached_property
    def capital(self) -> Capital:
        """The API, with little patience: freqtrade waits meanwhile."""
        return Capital.from_environment(timeout_seconds=5, attempts=2, patience_seconds=6)

    @property
    def _is_trading(self) -> bool:
        return self.config["runmode"] in TRADE_MODES

    @property
    def _tells(self) -> bool:
        mode = self.config["runmode"]
        return mode is RunMode.LIVE or (mode is RunMode.DRY_RUN and self.capital_tells_dry_runs)

    # What freqtrade asks.

    def leverage(
        self, pair: str, current_rate: float, proposed_leverage: float, side: str, **more: Any
    ) -> float:
        """The link's, as far as the market allows it."""
        if not self._is_trading:
            return proposed_leverage
        size = self._ask(pair, side, current_rate, qty_per=self.capital_percent, reserves=False)
        # It is asked for again with the stake: at most this much.
        return 1.0 if size is None else float(size.leverage)

    def custom_stake_amount(
        self,
        pair: str,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        leverage: float,
        side: str,
        **more: Any,
    ) -> float:
        """What Capital answers; 0, which is no entry, where it answers nothing."""
        if not self._is_trading:
            return proposed_stake
        how = {"qty_per": self.capital_percent}
        return self._stake(pair, side, current_rate, leverage, min_stake, **how)

    def bot_start(self, **more: Any) -> None:
        """Refuse a configuration by which freqtrade would order what nobody sized."""
        self.check_configuration()
        super().bot_start(**more)

    def check_configuration(self) -> None:
        """Refuse it.

        Raises:
            ValueError: It says what to change.
        """
        if not self._is_trading:
            return
        if self.config["stake_amount"] != "unlimited":
            raise ValueError('Capital says the stakes: set "stake_amount" to "unlimited".')
        if self.config.get("force_entry_enable") and self.position_adjustment_enable:
            raise ValueError(
                'Forced entries into open trades are not sized: no "force_entry_enable".'
            )

    def bot_loop_start(self, **more: Any) -> None:
        """Tell what was not told yet."""
        self.tell_capital()
        super().bot_loop_start(**more)

    def order_filled(self, **more: Any) -> None:
        """Tell it at once; where that fails, with the next loop."""
        self.tell_capital()
        super().order_filled(**more)

    # What Capital is asked.

    def _stake(
        self,
        pair: str,
        side: str,
        rate: float,
        leverage: float,
        min_stake: float | None,
        **how: Any,
    ) -> float:
        size = self._ask(pair, side, rate, reserves=self._tells, leverage=leverage, **how)
        if size is None or not size.is_order:
            return 0
        if size.leverage != Decimal(str(leverage)):
            logger.warning(f"No entry into {pair}: {leverage}x, but Capital has {size.leverage}x.")
            return 0
        # Of half a step more, and at the rate by which freqtrade divides.
        stake = float(size.stake * Decimal(str(rate)) / size.price)
        if stake < (min_stake or 0):
            logger.warning(f"No entry into {pair}: {stake} is below freqtrade's {min_stake}.")
            return 0
        return stake

    def _ask(
        self, pair: str, side: str, rate: float, *, reserves: bool, **order: Any
    ) -> Answer | None:
        """A size; None, and a line in the log, where there is none for whatever reason."""
        order = {name: Decimal(str(value)) for name, value in order.items()}
        order["price"] = Decimal(str(rate))
        order["order_type"] = self.order_types["entry"].upper()
        way = "buy" if side == "long" else "sell"
        try:
            if reserves:
                size = self.capital.reserve(self.capital_link, pair, way, **order).size
            else:
                size = self.capital.size(self.capital_link, pair, way, **order)
        except Exception as error:  # noqa: BLE001  # raised on, freqtrade takes its own stake
            logger.warning(f"No entry into {pair}: {error}")
            return None
        if not size.is_order:
            logger.info(f"No entry into {pair}: {[each.reason for each in size.warnings]}")
        return size

    # What Capital is told.

    def tell_capital(self) -> None:
        """Tell of orders that ended, of what is held, and of what will not be ordered any more."""
        if not self._tells:
            return
        try:
            trades = [
                *Trade.get_open_trades(),
                *Trade.get_trades_proxy(close_date=datetime.now(UTC) - TOLD_AGAIN),
            ]
            self._name_orders(trades)
            for trade in trades:
                self._tell_orders(trade)
            self._release(trades)
            self._tell_positions([each for each in trades if each.is_open])
        except (CapitalError, OSError) as error:
            logger.warning(f"Capital will be told with the next loop: {error}")

    def _name_orders(self, trades: Sequence[Any]) -> None:
        """Say for which order each reservation was: its fills use it."""
        for row in self._rows("reservations", state="open"):
            after = datetime.fromisoformat(row.created_at) - AROUND
            for trade in trades:
                for order in trade.orders:
                    is_entry = order.ft_order_side == trade.entry_side
                    is_its = trade.pair == row.symbol and order.order_date_utc > after
                    if is_entry and is_its and order.order_id not in self._told_orders:
                        self._quietly(self.capital.placed, row.id, order.order_id)

    def _tell_orders(self, trade: Any) -> None:
        for order in trade.orders:
            if order.ft_is_open or not order.safe_filled or order.order_id in self._told_orders:
                continue
            try:
                self.capital.report_fills(self.capital_link, [fill_of(trade, order)])
            except Unavailable:
                raise
            except Problem as error:
                logger.error(f"Capital does not take order {order.order_id}: {error}")
            self._told_orders.add(order.order_id)

    def _tell_positions(self, trades: Sequence[Any]) -> None:
        """All that is held, where Capital knows it otherwise, and once at the start."""
        held: dict[str, Decimal] = {}
        for trade in trades:
            amount = Decimal(str(-trade.amount if trade.is_short else trade.amount))
            if amount:
                held[trade.pair] = held.get(trade.pair, Decimal(0)) + amount
        known = {row.symbol: row.quantity for row in self._rows("positions", is_open="true")}
        if held == known and self._has_told_all:
            return
        rates = {trade.pair: Decimal(str(trade.open_rate)) for trade in trades}
        positions = [
            {"symbol": pair, "quantity": amount, "entry_price": rates[pair]}
            for pair, amount in held.items()
        ]
        self.capital.report_positions(self.capital_link, positions)
        self._has_told_all = True

    def _release(self, trades: Sequence[Any]) -> None:
        """Hold nothing any more for an order that ended, filled or not, or that never was one."""
        entering = {trade.pair for trade in trades for order in trade.orders if order.ft_is_open}
        # One that expired while nobody ran holds on, until it is known that nothing came of it.
        states = ("open", "placed") if self._has_told_all else ("open", "placed", "expired")
        for row in [row for state in states for row in self._rows("reservations", state=state)]:
            age = datetime.now(UTC) - datetime.fromisoformat(row.created_at)
            if row.symbol not in entering and (row.order_id or age > AROUND):
                self._quietly(self.capital.release, row.id)

    def _quietly(self, tell: Callable[..., Any], *what: Any) -> None:
        """What was used or released meanwhile needs no more."""
        try:
            tell(*what)
        except Conflict as error:
            logger.info(f"Reservation {what[0]}: {error}")

    def _rows(self, name: str, **filters: Any) -> Iterator[Answer]:
        return self.capital.rows(name, strategy_account=self._link_id, **filters)

    @cached_property
    def _link_id(self) -> int:
        if isinstance(self.capital_link, int):
            return self.capital_link
        key, name = self.capital_link
        for row in self.capital.rows("capital", strategy=key):
            if row.account_name == name:
                return int(row.strategy_account)
        raise NotFound(404, "not_found", f"{key} does not trade on {name}.")

    @cached_property
    def _told_orders(self) -> set[str]:
        return set()

    _has_told_all = False


def fill_of(trade: Any, order: Any) -> dict[str, Any]:
    """One of freqtrade's orders, which keep no single fills, as Capital reads it.

    The fee is what freqtrade makes of it: in the base coin where the exchange takes it from that,
    else in the stake's currency.
    """
    is_entry = order.ft_order_side == trade.entry_side
    rate = trade.fee_open if is_entry else trade.fee_close
    paid_in = trade.fee_open_currency if is_entry else trade.fee_close_currency
    quantity, price = Decimal(str(order.safe_filled)), Decimal(str(order.safe_price))
    is_in_base = paid_in == trade.safe_base_currency
    fee = Decimal(str(rate or 0)) * (quantity if is_in_base else quantity * price)
    return {
        "symbol": trade.pair,
        "side": trade.entry_side if is_entry else trade.exit_side,
        "quantity": quantity,
        "price": price,
        "fees": [{"amount": fee, "currency": paid_in if is_in_base else trade.stake_currency}],
        "executed_at": order.order_filled_utc or order.order_date_utc,
        "order_id": order.order_id,
    }


def _sized(adjust: Callable[..., Any]) -> Callable[..., Any]:
    """A strategy's ``adjust_trade_position``, of which more of a trade is at most what is free."""

    @wraps(adjust)
    def asked(self: Any, **how: Any) -> Any:
        wish = adjust(self, **how)
        stake, *tag = wish if isinstance(wish, tuple) else (wish,)
        if not self._is_trading or not stake or stake < 0:
            return wish
        trade = how["trade"]
        side = "short" if trade.is_short else "long"
        rate, least = how["current_entry_rate"], how["min_stake"]
        return (self._stake(trade.pair, side, rate, trade.leverage, least, stake=stake), *tag)

    return asked


_FIRST = {
    "bot_start": "check_configuration",
    "bot_loop_start": "tell_capital",
    "order_filled": "tell_capital",
}


def _first(what: str, hook: Callable[..., Any]) -> Callable[..., Any]:
    """A strategy's own hook, with what is done here first."""

    @wraps(hook)
    def called(self: Any, **more: Any) -> Any:
        getattr(self, what)()
        return hook(self, **more)

    return called
