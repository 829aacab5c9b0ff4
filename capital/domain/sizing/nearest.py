"""The names that are nearest to one that nobody knows: for an answer that helps with a slip."""

from collections.abc import Iterable
from fractions import Fraction

_MOST = 3


def nearest(text: str, names: Iterable[str], *, most: int = _MOST) -> list[str]:
    """The names that share most pairs of letters with ``text``, the nearest first.

    Case, blanks and marks do not count. Ties are in the order of the alphabet, so that the answer
    is the same each time.

    Args:
        text: What was written.
        names: What there is.
        most: How many are named at most.

    Returns:
        Only names that share something with it.
    """
    wanted = _pairs(text)
    likeness = {name: _likeness(wanted, _pairs(name)) for name in set(names)}
    found = [name for name, alike in likeness.items() if alike]
    return sorted(found, key=lambda name: (-likeness[name], name))[:most]


def _likeness(one: frozenset[str], other: frozenset[str]) -> Fraction:
    """Dice's coefficient: 1 for the same pairs, 0 for none in common."""
    whole = len(one) + len(other)
    return Fraction(2 * len(one & other), whole) if whole else Fraction(0)


def _pairs(text: str) -> frozenset[str]:
    letters = "".join(letter for letter in text.casefold() if letter.isalnum())
    # The ends count too, so that a name of one letter has pairs.
    padded = f"^{letters}$"
    return (
        frozenset(padded[at : at + 2] for at in range(len(padded) - 1)) if letters else frozenset()
    )
