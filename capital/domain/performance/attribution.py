"""Whose a fill may be, where nobody said so: by the tag in its order id, or by its symbol."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property


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

    @cached_property
    def lowered(self) -> str:
        """The tag, for comparing in any case of letters."""
        return self.tag.lower()


def fitting_tags(
    client_order_id: str, claimants: Iterable[Claimant], *, prefix: str = ""
) -> set[int]:
    """The links whose tags the client order id begins with.

    In any case of letters: venues change it. A tag may be followed by anything.

    Args:
        client_order_id: As the venue tells it.
        claimants: The links of the account.
        prefix: What the venue, or ccxt at this venue, writes before a client's own text.
    """
    text = client_order_id.lower().removeprefix(prefix.lower())
    return {each.id for each in claimants if each.lowered and text.startswith(each.lowered)}


def fitting_symbols(symbol: str, claimants: Iterable[Claimant]) -> set[int]:
    """The links that declare the symbol."""
    return {each.id for each in claimants if symbol in each.symbols}


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
