"""What coins that spot strategies bought are worth, as part of what is divided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from capital.domain.allocation.policies.contract import to_decimal
from capital.domain.balances import Coins
from capital.domain.money import EXACT

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Coin:
    """What one link holds of a coin by its books or reports.

    Attributes:
        link: Its primary key.
        name: Of the coin.
        quantity: Above zero.
        price: Of one, in account currency, not older than a mark may be; None without.
    """

    link: int
    name: str
    quantity: Decimal
    price: Decimal | None


@dataclass(frozen=True)
class CoinsWorth:
    """What coins are worth.

    Attributes:
        links: By link, in account currency, to 18 decimals.
        unknown: The coins of which it cannot be told, by name.
    """

    links: Mapping[int, Decimal]
    unknown: Sequence[str]


def worth_of_coins(held: Mapping[str, Sequence[Coin]], wallet: Coins | None) -> CoinsWorth:
    """What each link's coins are worth: at most what the wallet has of each, pro rata.

    Args:
        held: By coin, what links hold of it.
        wallet: What the wallet has of each; a coin that is not in it is not there. None where
            that is not known: then nothing is, unless nothing is held.
    """
    links: dict[int, Decimal] = {}
    unknown = []
    for name, coins in sorted(held.items()):
        has = None if wallet is None else wallet.get(name, _ZERO)
        booked = sum((Fraction(coin.quantity) for coin in coins), Fraction(0))
        part = None if has is None else min(Fraction(1), Fraction(max(has, _ZERO)) / booked)
        if part is None or any(coin.price is None for coin in coins):
            # Nothing of it is there: then no price is needed.
            if part != 0:
                unknown.append(name)
            continue
        for coin in coins:
            assert coin.price is not None, "told above"
            worth = to_decimal(Fraction(coin.quantity) * Fraction(coin.price) * part)
            links[coin.link] = EXACT.add(links.get(coin.link, _ZERO), worth)
    return CoinsWorth(links, unknown)
