"""Funding of an account, divided among those who held the symbol at that moment.

An exchange knows one position in a symbol, and pays or takes funding for it. Several links may hold
parts of it, and against each other: who is long 2 beside one who is short 1 is paid twice what the
account is paid, and the other one pays once.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import TypeVar

from capital.domain.money import EXACT, quotient
from capital.domain.performance.fills import Fill, Funding
from capital.domain.performance.pnl import Booked, Books
from capital.domain.sizing.orders import Side

_Holder = TypeVar("_Holder", bound=Hashable)


def divide_funding(amount: Decimal, held: Mapping[_Holder, Decimal]) -> dict[_Holder, Decimal]:
    """A payment in proportion to what each held: signed, so that a short part pays a long one.

    Args:
        amount: What the account was paid, below zero where it paid.
        held: By holder, below zero is short; all in one unit.

    Returns:
        What each holder was paid. Their sum is exactly ``amount``; what does not end at 36 decimals
        falls to the last holder. Empty where what they hold sums to zero: nobody can say whose it
        is.
    """
    holders = [holder for holder, quantity in held.items() if quantity]
    total = reduce(EXACT.add, (held[holder] for holder in holders), Decimal(0))
    if not total:
        return {}
    shares, left = {}, amount
    for holder in holders[:-1]:
        shares[holder] = quotient(EXACT.multiply(amount, held[holder]), total)
        left = EXACT.subtract(left, shares[holder])
    shares[holders[-1]] = left
    return shares


def keep_books_together(
    books: Mapping[_Holder, Books],
    happened: Mapping[_Holder, Iterable[Fill | Funding]],
    shared: Iterable[Funding] = (),
) -> dict[_Holder, tuple[Books, list[Booked]]]:
    """The books of all who trade one symbol on one account, after all of these.

    Args:
        books: How things stood before the first of them, of everybody who may hold something. Their
            order says who gets what a division leaves over.
        happened: The fills of each, and what was paid to it alone, in any order.
        shared: What was paid for all that was held at that moment, in any order.

    Returns:
        By holder, its books and what each event did to them, in the order of time.
    """
    now: dict[_Holder, tuple[Books, list[Booked]]] = {
        holder: (before, []) for holder, before in books.items()
    }
    events: list[tuple[_Holder | None, Fill | Funding]] = [
        (holder, each) for holder, of_holder in happened.items() for each in of_holder
    ]
    events += [(None, each) for each in shared]

    def book(holder: _Holder, each: Fill | Funding) -> None:
        before, entries = now[holder]
        after, entry = before.after(each)
        entries.append(entry)
        now[holder] = after, entries

    for holder, each in sorted(events, key=lambda event: in_sequence(event[1])):
        if holder is not None:
            book(holder, each)
            continue
        assert isinstance(each, Funding), "fills are somebody's"
        held = {key: before.position.amount for key, (before, _) in now.items()}
        for key, share in shares_of(each, held).items():
            book(key, share)
    return now


def shares_of(payment: Funding, held: Mapping[_Holder, Decimal]) -> dict[_Holder, Funding]:
    """What each was paid of one payment, as ``divide_funding`` divides it."""
    shares = divide_funding(payment.amount, held)
    return {holder: replace(payment, amount=share) for holder, share in shares.items()}


def in_sequence(happened: Fill | Funding) -> tuple[tuple[datetime, int, str], bool]:
    """Where it comes among all that happened: both sides of a self-trade have one id."""
    is_sale = isinstance(happened, Fill) and happened.side is Side.SELL
    return happened.order, is_sale
