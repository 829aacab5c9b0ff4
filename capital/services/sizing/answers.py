"""What one order on one link may be: the answer, and one that refuses."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from capital.domain.errors import SizingError
from capital.domain.money import plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import OrderRequest
from capital.domain.sizing.symbols import Named
from capital.services.markets.prices import PriceSource
from capital.services.sentences import sentence
from capital.services.sizing.terms import LinkTerms


@dataclass(frozen=True, kw_only=True)
class SizedOrder:
    """The answer for one link and one order. Amounts of money are in the account's currency.

    Attributes:
        link_id: The link's primary key. Not in the JSON.
        strategy: The strategy's key.
        account: The account's name.
        symbol: ccxt's symbol of the order's instrument, however it was written; as it was written,
            where it means none.
        side: The order's side.
        quantity: What may be ordered: base units for spot and linear instruments, contracts for
            inverse ones. Zero where nothing may be ordered; ``code`` says why.
        contracts: The quantity in contracts; None on spot.
        amount: What ccxt's ``create_order`` takes as its amount at that venue: contracts, base
            units or an amount of quote currency.
        reduce_only: Whether the order only closes.
        price: The price that it was sized at; None where none was needed, or none was known.
        price_source: Where ``price`` comes from.
        capital: The link's capital now.
        available: What of it is free for this order: without what it lost since it was decided,
            what its positions tie up as far as that is known, and what is reserved.
        in_use: What its positions tie up; None where that is not known, or not of all.
        reserved: What its reservations hold.
        budget: What the order may cost at most, fees included; None for closing and for a
            refusal.
        leverage: What it was sized with: the link's, or the venue's maximum; 1 on spot.
        raw_quantity: Before rounding and limits, in the unit of ``quantity``, cut to 18 decimals.
        step: The step of ``quantity``, in its unit.
        notional: The order's value.
        margin: The capital that it ties up: all of its value on spot, 0 for closing.
        fee: The fee at the account's fee rate. ``margin + fee <= budget`` always.
        stake: The margin of ``quantity`` and half a step, in the quote currency: for bots that
            calculate a quantity from money, and round it down. None for closing, here and below,
            and where no price is known.
        stake_step: The margin of one step.
        min_stake: The margin of the smallest order that the market takes.
        max_stake: That of the largest one; None where nothing bounds it.
        bound_by: What determined the quantity: ``budget``, ``risk``, ``quantity`` (asked for),
            ``stake``,
            ``position``, ``max_amount``, ``max_cost``, ``leverage``, ``available``; with a
            quantity of 0 the limit that it missed: ``step``, ``min_amount``, ``min_cost``,
            ``capital``; empty where refused.
        code: ``sized``, the limit that was missed, or why it was refused.
        figures: The figures of ``code``'s sentence. Not in the JSON.
        warnings: Where the answer differs from what was asked, the limit that was missed with
            its figures, and anything else worth knowing.
        reduces: How much of the quantity reduces what is held, before anything is enlarged. Not in
            the JSON.
        enlarging: What the rest costs with its fee, which is what a reservation holds. Not in the
            JSON.
        error: The error to raise where a refusal of this order refuses the whole request; None
            where the order is not refused. Not in the JSON.
    """

    link_id: int
    strategy: str
    account: str
    symbol: str
    side: str
    quantity: Decimal = Decimal(0)
    contracts: Decimal | None = None
    amount: Decimal = Decimal(0)
    reduce_only: bool = False
    price: Decimal | None = None
    price_source: PriceSource | None = None
    capital: Decimal | None = None
    available: Decimal | None = None
    in_use: Decimal | None = None
    reserved: Decimal | None = None
    budget: Decimal | None = None
    leverage: Decimal | None = None
    raw_quantity: Decimal | None = None
    step: Decimal | None = None
    notional: Decimal | None = None
    margin: Decimal | None = None
    fee: Decimal | None = None
    stake: Decimal | None = None
    stake_step: Decimal | None = None
    min_stake: Decimal | None = None
    max_stake: Decimal | None = None
    bound_by: str = ""
    code: Code
    figures: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Reason, ...] = ()
    reduces: Decimal = Decimal(0)
    enlarging: Fraction = Fraction(0)
    error: SizingError | None = None

    @property
    def reason(self) -> Reason:
        """The code with its figures, for a sentence."""
        return Reason(self.code, self.figures)

    def as_json(self) -> dict[str, Any]:
        """The answer for programs: numbers as text, null for None, warnings with sentences."""
        return {
            "strategy": self.strategy,
            "account": self.account,
            "symbol": self.symbol,
            "side": self.side,
            "quantity": plain(self.quantity),
            "contracts": _text(self.contracts),
            "amount": plain(self.amount),
            "reduce_only": self.reduce_only,
            "price": _text(self.price),
            "price_source": None if self.price_source is None else self.price_source.value,
            "capital": _text(self.capital),
            "available": _text(self.available),
            "in_use": _text(self.in_use),
            "reserved": _text(self.reserved),
            "budget": _text(self.budget),
            "leverage": _text(self.leverage),
            "raw_quantity": _text(self.raw_quantity),
            "step": _text(self.step),
            "notional": _text(self.notional),
            "margin": _text(self.margin),
            "fee": _text(self.fee),
            "stake": _text(self.stake),
            "stake_step": _text(self.stake_step),
            "min_stake": _text(self.min_stake),
            "max_stake": _text(self.max_stake),
            "bound_by": self.bound_by,
            "code": self.code.value,
            "warnings": [
                {"code": warning.code.value, "reason": sentence(warning)}
                for warning in self.warnings
            ],
        }


def not_to_be_sent(*, is_closing: bool) -> tuple[Reason, ...]:
    """Of an answer of 0: a reduce-only order of 0 closes everything on some exchanges."""
    return (Reason(Code.DO_NOT_SEND),) if is_closing else ()


def refused_order(
    link_id: int,
    link: LinkTerms | None,
    order: OrderRequest,
    error: SizingError,
    named: Named | None = None,
) -> SizedOrder:
    """The answer for an order that is refused before it was sized.

    Args:
        link_id: As it was asked for.
        link: None where there is no such link, or not for who asks.
        order: What was asked for.
        error: Why it is refused.
        named: What its symbol means, where that is known.
    """
    ignored = () if named is None or link is None else named.warnings(link.venue)
    return SizedOrder(
        link_id=link_id,
        strategy="" if link is None else link.rules.strategy,
        account="" if link is None else link.account,
        symbol=order.symbol,
        side=order.side,
        capital=None if link is None else link.capital,
        code=error.reason.code,
        figures=dict(error.reason.figures),
        warnings=(error.reason, *ignored, *not_to_be_sent(is_closing=order.is_closing)),
        reduce_only=order.is_closing,
        error=error,
    )


def refused_size(size: SizedOrder, error: SizingError) -> SizedOrder:
    """The answer for an order that was sized, and is refused after all."""
    return SizedOrder(
        link_id=size.link_id,
        strategy=size.strategy,
        account=size.account,
        symbol=size.symbol,
        side=size.side,
        capital=size.capital,
        available=size.available,
        in_use=size.in_use,
        reserved=size.reserved,
        code=error.reason.code,
        figures=dict(error.reason.figures),
        warnings=(
            error.reason,
            *(each for each in size.warnings if each.code is Code.OTHER_EXCHANGE),
            *not_to_be_sent(is_closing=size.reduce_only),
        ),
        reduce_only=size.reduce_only,
        error=error,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
