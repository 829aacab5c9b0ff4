"""The simulated exchange of one test, with the accounts that were opened on it."""

from dataclasses import dataclass, field
from typing import Any

from capital.exchange.venues import VENUES
from capital.models import Account
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.factories import make_account


def _secret_of(venue: str, number: int) -> str:
    """Kraken takes Base64 only."""
    secret = f"CANARYsecret{venue}{number}"
    return secret + "A" * (-len(secret) % 4)


@dataclass
class Exchange:
    """The simulator of one test, and the accounts that were opened on it."""

    server: SimulatedExchange
    state: ExchangeState
    keys: dict[int, str] = field(default_factory=dict)

    def open_account(
        self, *, venue: str = "binance", wallets: dict[str, dict[str, str]], **fields: Any
    ) -> Account:
        """An account of ours and its like on the simulated exchange: same keys, these wallets.

        It believes every balance; a test of the jump guard says otherwise.
        """
        number = len(self.keys) + 1
        fields.setdefault("max_jump_percent", None)
        currency = fields.setdefault("currency", VENUES[venue].currency)
        key = f"CANARY-key-{venue}-{number}"
        simulated = SimulatedAccount(
            venue=venue,
            api_key=key,
            api_secret=_secret_of(venue, number),
            api_passphrase=(
                f"CANARY-passphrase-{number}"
                if "api_passphrase" in VENUES[venue].credentials
                else ""
            ),
            currency=currency,
            wallets=wallets,
        )
        self.state.add(simulated)
        account = make_account(
            venue=venue,
            api_key=simulated.api_key,
            api_secret=simulated.api_secret,
            api_passphrase=simulated.api_passphrase,
            **fields,
        )
        self.keys[account.pk] = key
        return account

    def set_balance(self, account: Account, pool: str, amount: str) -> None:
        """From now on the exchange says this."""
        self.state.set_balance(self.keys[account.pk], pool, account.currency, amount)

    def fail(
        self, account: Account, fault: str | None, pool: str | None = None, **times: int
    ) -> None:
        """From now on the exchange fails so; None: no longer."""
        self.state.set_fault(self.keys[account.pk], fault, pool=pool, **times)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Venue and pool of every request so far."""
        return [(request.venue, request.pool) for request in self.server.requests]
