"""The simulated accounts, what they hold and how they are told to fail.

Read and changed from several threads: the server answers from it while a test, the control
endpoints or a person changes it.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from capital.domain.pools import Pool
from capital.simulator.accounts import SimulatedAccount, account_from_entry, amount_of
from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault, StandingFault

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


class ExchangeState:
    """Simulated accounts by their key. Safe to use from several threads."""

    def __init__(self, accounts: Iterable[SimulatedAccount] = ()) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[str, SimulatedAccount] = {}
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

    def visit(self, account: SimulatedAccount, pool: Pool) -> Visit:
        """Count one request to ``pool`` and tell what it finds there."""
        with self._lock:
            standing = account.faults.get(pool)
            fault = standing.take() if standing else None
            account.faults = {
                name: other for name, other in account.faults.items() if not other.is_spent
            }
            return Visit(
                fault,
                dict(account.wallets.get(pool, {})),
                account.recorded.get(pool),
                dict(account.unrealised.get(pool, {})),
                dict(account.in_use.get(pool, {})),
            )

    def _known(self, api_key: str) -> SimulatedAccount:
        account = self.find(api_key) if isinstance(api_key, str) else None
        if account is None:
            raise SimulatorError("no account on the desk has this api_key.")
        return account


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
