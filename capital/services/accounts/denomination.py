"""What an account's money is counted in: its own currency, also where that stands for others."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from capital.domain.performance.symbols import parse_symbol
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.models import Account
from capital.services.accounts.lookup import stands_for


class Denomination(NamedTuple):
    """The venue and the currency of an account.

    Where its currency stands for the settle currencies of contracts, one for one, what these earn
    is its own. On spot it stands for none: coins are paid in what they are quoted in.
    """

    venue: str
    currency: str

    @classmethod
    def of(cls, account: Account) -> "Denomination":
        """Of an account."""
        return cls(account.venue, account.currency)

    @property
    def currencies(self) -> AbstractSet[str]:
        """The account's currency, and those that it stands for."""
        return {self.currency, *stands_for(self.venue, self.currency)}

    def counted(self, currency: str, pool: str) -> str:
        """In which currency money counts that moved in a pool, as ``Pool`` has it."""
        if currency == self.currency or pool == Pool.SPOT:
            return currency
        return self.currency if currency in self.currencies else currency

    def paid_in(self, symbol: str) -> str:
        """In which currency what an instrument earns counts; empty for no symbol."""
        parsed = parse_symbol(symbol)
        if parsed is None:
            return ""
        is_spot = parsed.kind is InstrumentKind.SPOT
        return self.counted(parsed.settle, Pool.SPOT if is_spot else Pool.FUTURES)

    def is_own(self, symbol: str) -> bool:
        """Whether what an instrument earns is in the account's currency."""
        return self.paid_in(symbol) == self.currency
