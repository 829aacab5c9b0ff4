"""Whose a fill is, where nobody said so: by the tag in its order id, or by its symbol."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Claimant:
    """A link of the account.

    Attributes:
        id: Its primary key.
        tag: What its bot's client order ids begin with.
        symbols: The symbols that it declares as its own.
    """

    id: int
    tag: str = ""
    symbols: Collection[str] = field(default_factory=frozenset)


def by_tag(client_order_id: str, claimants: Iterable[Claimant], *, prefix: str = "") -> int | None:
    """The link whose tag the client order id begins with; None where no or several tags match.

    In any case of letters: venues change it. A tag may be followed by anything.

    Args:
        client_order_id: As the venue tells it.
        claimants: The links of the account.
        prefix: What the venue, or ccxt at this venue, writes before a client's own text.
    """
    text = client_order_id.lower().removeprefix(prefix.lower())
    found = {each.id for each in claimants if each.tag and text.startswith(each.tag.lower())}
    return found.pop() if text and len(found) == 1 else None


def by_symbol(symbol: str, claimants: Iterable[Claimant]) -> int | None:
    """The one link that declares the symbol; None where no or several do."""
    found = {each.id for each in claimants if symbol in each.symbols}
    return found.pop() if len(found) == 1 else None


def tag_conflict(tag: str, others: Iterable[str]) -> str | None:
    """A tag of the same account that begins with ``tag``, or that ``tag`` begins with; None: none.

    Orders of the longer one would begin with both.
    """
    ours = tag.lower()
    for other in others:
        theirs = other.lower()
        if theirs and ours and (theirs.startswith(ours) or ours.startswith(theirs)):
            return other
    return None
