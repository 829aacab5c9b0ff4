"""The simulated accounts, what they hold and how they are told to fail.

Read and changed from several threads: the server answers from it while a test, the control
endpoints or a person changes it.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.simulator.accounts import SimulatedAccount, account_from_entry, amount_of
from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault, StandingFault
from capital.simulator.holdings import added
from capital.simulator.markets import PRICES, now_milliseconds
from capital.simulator.orders.order import NotTaken, Order, PlacedOrder, State
from capital.simulator.orders.taking import (
    check_funds,
    filled,
    instrument_of,
    order_of,
    pool_of,
    price_for,
)
from capital.simulator.orders.venues import ORDERS
from capital.simulator.trading.book import Book, Fill, Flow, Moves, Position, plain
from capital.simulator.trading.script import fill_of, flow_of
from capital.simulator.trading.venues import TRADING

__all__ = ["DEMO_ACCOUNTS", "ExchangeState", "SimulatedAccount", "Visit"]

DEMO_ACCOUNTS = Path(__file__).with_name("demo_accounts.json")
"""What is served where no other file is named."""


@dataclass(frozen=True)
class Visit:
    """What one request finds: a copy, so that later changes do not reach it."""

    fault: Fault | None
    amounts: Mapping[str, str]
    recorded: Any
    unrealised: Mapping[str, str]
    in_use: Mapping[str, str]
    positions: tuple[tuple[Position, Decimal], ...] = ()


class ExchangeState:
    """Simulated accounts by their key. Safe to use from several threads."""

    def __init__(self, accounts: Iterable[SimulatedAccount] = ()) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[str, SimulatedAccount] = {}
        self._books: dict[str, Book] = {}
        for account in accounts:
            self.add(account)

    @classmethod
    def from_json(cls, path: str | Path) -> Self:
        """What the file at ``path`` describes: ``{"accounts": [...]}``, or the list alone.

        Raises:
            SimulatorError: The file cannot be read, or an entry of it is wrong; says which.
        """
        state = cls()
        for position, entry in enumerate(_entries(Path(path)), start=1):
            name = entry.get("name") if isinstance(entry, dict) else None
            try:
                state.add(account_from_entry(entry))
            except SimulatorError as error:
                label = f" ({name})" if isinstance(name, str) and name else ""
                raise SimulatorError(f"{path}: account {position}{label}: {error}") from None
        return state

    @property
    def accounts(self) -> list[SimulatedAccount]:
        """All of them, in the order of adding."""
        with self._lock:
            return list(self._accounts.values())

    def add(self, account: SimulatedAccount) -> None:
        """Let ``account`` be there, too."""
        with self._lock:
            if account.api_key in self._accounts:
                raise SimulatorError(
                    "this api_key is on the desk already; give each account its own."
                )
            self._accounts[account.api_key] = account
            self._books[account.api_key] = Book()
            for told in account.traded:
                self._record(account, told)

    def find(self, api_key: str | None) -> SimulatedAccount | None:
        """The account with ``api_key``, if there is one."""
        with self._lock:
            return self._accounts.get(api_key) if api_key else None

    def set_balance(self, api_key: str, pool: str, currency: str, amount: str) -> None:
        """From now on ``pool`` holds ``amount`` of ``currency``."""
        if not isinstance(currency, str) or not currency:
            raise SimulatorError('currency must be a name such as "USDT".')
        with self._lock:
            account = self._known(api_key)
            wallet = account.wallets.setdefault(account.pool_named(pool), {})
            wallet[currency] = amount_of(amount)

    def fill(self, api_key: str, told: Mapping[str, Any]) -> Fill:
        """Execute what ``told`` says (see ``trading.script``): balance and position follow.

        Raises:
            SimulatorError: It is wrong, or more than the account has.
        """
        with self._lock:
            account = self._known(api_key)
            fill = self._read_fill(account, told)
            if fill.instrument.is_spot:
                self._check_holding(account, fill.pool, fill.moves)
            fill = self._books[api_key].add_fill(fill)
            self._move(account, fill.pool, fill.moves)
            return fill

    def flow(self, api_key: str, told: Mapping[str, Any]) -> Flow:
        """Book what ``told`` says (see ``trading.script``): the balance follows.

        Raises:
            SimulatorError: It is wrong, or more than the account has.
        """
        with self._lock:
            account = self._known(api_key)
            flow = self._read_flow(account, told)
            if flow.kind is FlowKind.WITHDRAWAL:
                self._check_holding(account, flow.pool, flow.moves)
            flow = self._books[api_key].add_flow(flow)
            self._move(account, flow.pool, flow.moves)
            return flow

    def place_order(
        self,
        api_key: str,
        placed: PlacedOrder,
        price_of: Callable[[str], str],
        now_milliseconds: int,
    ) -> Order:
        """Take an order: it is filled at once, or rests until the market is there.

        Raises:
            NotTaken: The venue would not take it.
        """
        with self._lock:
            account, book = self._known(api_key), self._books[api_key]
            self._fill_rested(account, price_of)
            trading, ordering = TRADING[account.venue], ORDERS[account.venue]
            one = instrument_of(placed, trading)
            pool, price = pool_of(one, account.pools), Decimal(price_of(one.pair))
            order = order_of(
                placed,
                one,
                pool=pool,
                book=book,
                price=price,
                least=ordering.least,
                now_milliseconds=now_milliseconds,
            )
            at = price_for(order, price)
            self._check_funds(account, order, order.price or price, price_of)
            book.orders[order.order_id] = order
            if at is not None:
                self._execute(account, order, at, is_maker=False)
            return book.orders[order.order_id]

    def _check_funds(
        self,
        account: SimulatedAccount,
        order: Order,
        price: Decimal,
        price_of: Callable[[str], str],
    ) -> None:
        wallet, book = account.wallets.get(order.pool, {}), self._books[account.api_key]
        check_funds(
            order, wallet, book, price=price, mark_of=lambda one: Decimal(price_of(one.pair))
        )

    def _execute(
        self, account: SimulatedAccount, order: Order, price: Decimal, *, is_maker: bool
    ) -> None:
        book = self._books[account.api_key]
        fill = book.add_fill(filled(order, price, TRADING[account.venue], is_maker=is_maker))
        book.orders[order.order_id] = replace(order, state=State.FILLED, fill=fill)
        self._move(account, fill.pool, fill.moves)

    def _fill_rested(self, account: SimulatedAccount, price_of: Callable[[str], str]) -> None:
        """Fill what rested where the market came by; what cannot be paid any more is cancelled."""
        book = self._books[account.api_key]
        for order in [each for each in book.orders.values() if each.state is State.OPEN]:
            if price_for(order, Decimal(price_of(order.instrument.pair))) is None:
                continue
            own = order.price or Decimal(0)
            try:
                self._check_funds(account, order, own, price_of)
            except NotTaken:
                book.orders[order.order_id] = replace(order, state=State.CANCELLED)
                continue
            self._execute(
                account, replace(order, at_milliseconds=now_milliseconds()), own, is_maker=True
            )

    def fill_before(self, api_key: str, told: Mapping[str, Any]) -> None:
        """Let it have traded what ``told`` says: what it holds is what it holds after that."""
        with self._lock:
            self._record(self._known(api_key), told)

    def book_of(
        self,
        account: SimulatedAccount,
        price_of: Callable[[str], str] = PRICES.__getitem__,
    ) -> Book:
        """What it traded, at the prices of now; a copy."""
        with self._lock:
            self._fill_rested(account, price_of)
            return self._books[account.api_key].copy()

    def set_fault(
        self,
        api_key: str,
        fault: Fault | str | None,
        pool: str | None = None,
        times: int | None = None,
    ) -> None:
        """As ``SimulatedAccount.set_fault``, on the account with ``api_key``."""
        with self._lock:
            self._known(api_key).set_fault(fault, pool=pool, times=times)

    def clear_faults(self) -> None:
        """Every pool of every account works again."""
        with self._lock:
            for account in self._accounts.values():
                account.faults.clear()

    def standing_faults(self, account: SimulatedAccount) -> dict[str, StandingFault]:
        """A copy of what stands on ``account``."""
        with self._lock:
            return {
                pool: StandingFault(standing.fault, standing.times)
                for pool, standing in account.faults.items()
            }

    def lasting_fault(self, account: SimulatedAccount, pool: Pool) -> Fault | None:
        """What stands on ``pool`` until it is cleared; one with a count is of balances only."""
        with self._lock:
            standing = account.faults.get(pool)
            return standing.fault if standing and standing.times is None else None

    def visit(
        self,
        account: SimulatedAccount,
        pool: Pool,
        price_of: Callable[[str], str] = PRICES.__getitem__,
    ) -> Visit:
        """Count one request to ``pool`` and tell what it finds there, at the prices of now."""
        with self._lock:
            self._fill_rested(account, price_of)
            book = self._books[account.api_key]
            pairs = {each.instrument.pair for each in book.positions}
            marks = {pair: Decimal(price_of(pair)) for pair in pairs}
            open_now = book.unrealised(pool, marks)
            standing = account.faults.get(pool)
            fault = standing.take() if standing else None
            account.faults = {
                name: other for name, other in account.faults.items() if not other.is_spent
            }
            return Visit(
                fault,
                dict(account.wallets.get(pool, {})),
                account.recorded.get(pool),
                _with(account.unrealised.get(pool, {}), open_now),
                dict(account.in_use.get(pool, {})),
                tuple((each, marks[each.instrument.pair]) for each in book.positions),
            )

    def _record(self, account: SimulatedAccount, told: Mapping[str, Any]) -> None:
        """Take up what lies behind the balances that the account begins with."""
        book = self._books[account.api_key]
        if "kind" in told:
            book.add_flow(self._read_flow(account, told))
        else:
            book.add_fill(self._read_fill(account, told))

    def _read_fill(self, account: SimulatedAccount, told: Mapping[str, Any]) -> Fill:
        now = now_milliseconds()
        return fill_of(told, account.venue, account.pools, now_milliseconds=now)

    def _read_flow(self, account: SimulatedAccount, told: Mapping[str, Any]) -> Flow:
        now = now_milliseconds()
        return flow_of(told, account.venue, account.pools, now_milliseconds=now)

    def _check_holding(self, account: SimulatedAccount, pool: Pool, moves: Moves) -> None:
        wallet = account.wallets.get(pool, {})
        for currency, amount in _with(wallet, moves).items():
            if amount.startswith("-") and amount.strip("-0.") and currency in moves:
                raise SimulatorError(
                    f"the account has only {wallet.get(currency, '0')} {currency}."
                )

    def _move(self, account: SimulatedAccount, pool: Pool, moves: Moves) -> None:
        wallet = account.wallets.setdefault(pool, {})
        wallet.update(_with(wallet, moves))

    def _known(self, api_key: str) -> SimulatedAccount:
        account = self.find(api_key) if isinstance(api_key, str) else None
        if account is None:
            raise SimulatorError("no account on the desk has this api_key.")
        return account


def _with(amounts: Mapping[str, str], moves: Moves) -> dict[str, str]:
    """``amounts`` and what they changed by; what did not change stays as it is written."""
    changed = {
        currency: added(amounts.get(currency, "0"), plain(move))
        for currency, move in moves.items()
        if move
    }
    return {**amounts, **changed}


def _entries(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SimulatorError(f"{path}: cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise SimulatorError(f"{path}: is not JSON ({error}).") from None
    entries = content.get("accounts") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries:
        raise SimulatorError(f'{path}: must hold accounts: {{"accounts": [{{...}}, ...]}}.')
    return entries
