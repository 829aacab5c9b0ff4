"""Holdings: what one pool holds, as a venue's balance endpoint has to tell it.

No prices are known here: figures in US dollars count the account's own currency and nothing
else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal

from capital.simulator.trading.book import Position

_ZERO = "0"
_EXACT = Context(prec=200)


@dataclass(frozen=True)
class Holdings:
    """What one pool holds.

    Attributes:
        currency: The account's.
        amounts: Currency to decimal string, or to what a fault made of it; None is left out.
        now_milliseconds: Unix time.
        unrealised: Currency to the PnL of what is open; others have none.
        in_use: Currency to what orders and positions hold; others have nothing in use.
        owner: The number of the account, for venues that say whose balance it is.
        positions: What is open, each with its mark, for venues that tell it beside the balance.
    """

    currency: str
    amounts: Mapping[str, str | None]
    now_milliseconds: int
    unrealised: Mapping[str, str] = field(default_factory=dict)
    in_use: Mapping[str, str] = field(default_factory=dict)
    owner: int = 1
    positions: tuple[tuple[Position, Decimal], ...] = ()

    def pnl_of(self, name: str) -> str:
        """Its unrealised PnL."""
        return self.unrealised.get(name, _ZERO)

    def has_position(self, name: str) -> bool:
        """Whether anything of it is in use or unrealised."""
        return any(amount.strip("-0.") for amount in (self.pnl_of(name), self.used_of(name)))

    def used_of(self, name: str) -> str:
        """What of it is in use."""
        return self.in_use.get(name, _ZERO)

    def free_of(self, name: str, amount: str) -> str:
        """``amount`` without what is in use."""
        return added(amount, self.used_of(name), sign=-1)

    def equity_of(self, name: str, amount: str) -> str:
        """``amount`` with its unrealised PnL."""
        return added(amount, self.pnl_of(name))

    @property
    def listed(self) -> dict[str, str]:
        """What is held, zeros too."""
        return {name: amount for name, amount in self.amounts.items() if amount is not None}

    @property
    def listed_without_zeros(self) -> dict[str, str]:
        """What is held, for venues that leave empty currencies out."""
        return {name: amount for name, amount in self.listed.items() if amount.strip("-0.")}

    @property
    def total(self) -> str:
        """The account's currency."""
        return self.listed.get(self.currency, _ZERO)

    def listed_with(self, catalogue: tuple[str, ...]) -> dict[str, str]:
        """What is held and, as zeros, what else the venue always lists."""
        others = (name for name in catalogue if name not in self.amounts)
        return {**self.listed, **dict.fromkeys(others, _ZERO)}

    def value_of(self, name: str) -> str:
        """Its worth in the account's currency, as far as that is known."""
        return self.total if name == self.currency else _ZERO


def added(amount: str, other: str, *, sign: int = 1) -> str:
    """Their exact sum, or difference; ``amount`` itself where there is nothing to add to it.

    What a fault made of an amount stays as it is.
    """
    if not other.strip("-0.") or not is_plain(amount):
        return amount
    total = _EXACT.add(Decimal(amount), _EXACT.multiply(Decimal(sign), Decimal(other)))
    return format(total, "f")


def is_plain(amount: str) -> bool:
    """Whether it is a number as venues send them, and not what a fault made of it."""
    digits = amount.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdecimal()
