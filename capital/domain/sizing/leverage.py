"""Leverage: the highest that a venue allows, by the size of a position."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from capital.domain.money import plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.formulas import Terms, amount_for_budget
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules, LeverageBracket

_NOTHING = Fraction(0)


@dataclass(frozen=True)
class LeverageSteps:
    """The leverages with which an order may be sized, and up to which amount each.

    A link's leverage is what it wants; the venue's maximum, and its brackets, bound it. A larger
    position has a lower leverage, so the largest order is not always the one with the highest.

    Attributes:
        rules: The instrument's.
        terms: The link's.
        price: The price that the order is sized at.
        held: The quantity of the link's position, which fills brackets as well, signed.
    """

    rules: InstrumentRules
    terms: Terms
    price: Decimal
    held: Decimal

    @cached_property
    def _steps(self) -> tuple[tuple[Terms, Fraction | None], ...]:
        """Terms with each leverage, and the largest amount with it; None for any."""
        if self.rules.kind is InstrumentKind.SPOT:
            return ((self.terms, None),)
        ceiling = min(self.terms.leverage, self.rules.max_leverage or self.terms.leverage)
        brackets = self.rules.brackets or (LeverageBracket(ceiling),)
        return tuple(
            (replace(self.terms, leverage=min(ceiling, each.leverage)), self._room_in(each))
            for each in brackets
        )

    def _room_in(self, bracket: LeverageBracket) -> Fraction | None:
        limits = []
        if bracket.max_notional is not None:
            limits.append(
                Fraction(bracket.max_notional) / self.rules.quoted_worth_of_one(self.price)
            )
        if bracket.max_settled is not None:
            limits.append(
                Fraction(bracket.max_settled)
                * Fraction(self.price)
                / self.rules.quoted_worth_of_one(self.price)
            )
        if bracket.max_amount is not None:
            limits.append(Fraction(bracket.max_amount))
        if not limits:
            return None
        taken = abs(Fraction(self.held)) / self.rules.quantity_of_one
        return max(min(limits) - taken, Fraction(0))

    @cached_property
    def largest(self) -> Fraction | None:
        """The largest amount with any leverage; None where there is no limit."""
        room = [room for _, room in self._steps]
        return None if None in room else max(each for each in room if each is not None)

    @property
    def are_bounded(self) -> bool:
        """Whether a leverage goes up to some amount only."""
        return any(room is not None for _, room in self._steps)

    def amount_for(self, budget: Fraction, *, reduces: Fraction = _NOTHING) -> Fraction:
        """The largest amount that ``budget`` buys with a leverage that is allowed for it.

        So much of it as only ``reduces`` what is held fills no bracket.
        """
        amounts = []
        for terms, room in self._steps:
            amount = amount_for_budget(budget, self.rules, terms, self.price)
            amounts.append(amount if room is None else min(amount, reduces + room))
        return max(amounts)

    def amount_of_margin(self, margin: Fraction, *, reduces: Fraction = _NOTHING) -> Fraction:
        """The largest amount that ties up ``margin``, in the quote currency and without its fee.

        So much of it as only ``reduces`` what is held fills no bracket.
        """
        worth = self.rules.quoted_worth_of_one(self.price)
        amounts = []
        for terms, room in self._steps:
            amount = margin * Fraction(terms.leverage) / worth
            amounts.append(amount if room is None else min(amount, reduces + room))
        return max(amounts)

    def unbounded_amount_for(self, budget: Fraction, *, reduces: Fraction = _NOTHING) -> Fraction:
        """What ``budget`` buys with the leverage of that amount, were there no end of brackets."""
        grows = max(_NOTHING, self.amount_for(budget, reduces=reduces) - reduces)
        return amount_for_budget(budget, self.rules, self.of(grows), self.price)

    def of(self, amount: Decimal | Fraction) -> Terms:
        """The terms with the highest leverage that is allowed for ``amount``."""
        fitting = [terms for terms, room in self._steps if room is None or Fraction(amount) <= room]
        lowest = min((terms for terms, _ in self._steps), key=lambda terms: terms.leverage)
        return max(fitting, key=lambda terms: terms.leverage, default=lowest)

    def warnings(self, amount: Decimal | Fraction) -> tuple[Reason, ...]:
        """That the link's leverage is higher than the one that ``amount`` is sized with.

        Or, where nobody told how high it may be, that it was not checked.
        """
        asked, used = self.terms.leverage, self.of(amount).leverage
        if not amount:
            return ()
        if used < asked:
            figures = {"asked": plain(asked), "limit": plain(used)}
            return (Reason(Code.LEVERAGE_CAPPED, figures),)
        is_told = self.rules.max_leverage is not None or self.rules.brackets
        if asked <= 1 or is_told:
            return ()
        figures = {"asked": plain(asked), "symbol": self.rules.symbol}
        return (Reason(Code.LEVERAGE_UNCHECKED, figures),)
