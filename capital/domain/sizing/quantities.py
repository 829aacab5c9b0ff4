"""The amount of an admitted order, from the instrument's rules and a price.

Each way of asking (a share of the capital, a risk, an absolute quantity, a share of the position)
gives a raw amount. ``_fit`` then brings it into the instrument's rules, always downwards, so that
the order never costs more than was asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from capital.domain.errors import OrderRefused
from capital.domain.money import fraction_of, plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.admission import only_reduces
from capital.domain.sizing.available import Room
from capital.domain.sizing.formulas import (
    Cost,
    Terms,
    amount_for_risk,
    cost_of,
)
from capital.domain.sizing.instruments import InstrumentRules
from capital.domain.sizing.leverage import LeverageSteps
from capital.domain.sizing.orders import HUNDRED, OrderRequest, OrderType, Side, StakeOf
from capital.domain.sizing.prices import check_stop
from capital.domain.sizing.rounding import cut, round_down, step_at

_NOTHING = Decimal(0)
_NO_AMOUNT = Fraction(0)


class Bound(StrEnum):
    """What determined an amount, or which limit it missed. ``value`` is what is sent."""

    BUDGET = "budget"
    RISK = "risk"
    QUANTITY = "quantity"
    STAKE = "stake"
    POSITION = "position"
    MAX_AMOUNT = "max_amount"
    MAX_COST = "max_cost"
    LEVERAGE = "leverage"
    AVAILABLE = "available"
    CAPITAL = "capital"
    STEP = "step"
    MIN_AMOUNT = "min_amount"
    MIN_COST = "min_cost"


@dataclass(frozen=True)
class Sizing:
    """How much may be ordered, and why no more.

    Attributes:
        amount: In the instrument's ``amount_unit``, a whole number of steps; 0 for nothing.
        raw_amount: The amount before rounding and limits.
        step: The step of amounts, in the same unit.
        bound_by: What determined the amount; with an amount of 0 the limit that it missed.
        code: ``sized``, or the limit that it missed.
        figures: The figures of the code's sentence.
        budget: What the order may cost at most; None where nothing is spent.
        cost: What the order costs; None where the price is not known.
        leverage: The leverage that it is sized with; None for closing.
        reduces: How much of the amount reduces what is held, before anything is enlarged.
        enlarging: What the rest of it costs, with its fee.
        reduce_only: Whether the order only closes.
        warnings: Where the answer differs from what was asked.
    """

    amount: Decimal
    raw_amount: Fraction
    step: Decimal
    bound_by: Bound
    code: Code = Code.SIZED
    figures: Mapping[str, str] = field(default_factory=dict)
    budget: Fraction | None = None
    cost: Cost | None = None
    leverage: Decimal | None = None
    reduces: Fraction = Fraction(0)
    enlarging: Fraction = Fraction(0)
    reduce_only: bool = False
    warnings: tuple[Reason, ...] = ()


def size_entry(
    order: OrderRequest,
    rules: InstrumentRules,
    terms: Terms,
    *,
    price: Decimal,
    held: Decimal,
    riskiest_price: Decimal | None = None,
    room: Room | None = None,
) -> Sizing:
    """The amount of an order that closes nothing. With fees it costs no more than its budget.

    Where it is known what is free of the capital, what enlarges a position costs no more than that.

    Args:
        order: Checked and admitted.
        rules: The instrument's.
        terms: The link's; the leverage is 1 on spot.
        price: The price to size at, > 0: the one at which the order costs most.
        held: The quantity of the link's position, signed.
        riskiest_price: The price at which it loses most until its stop; None for ``price``.
        room: How far it may go; None where that is not known, and nothing is cut.

    Raises:
        InvalidOrder: The protective stop is on the wrong side.
        OrderRefused: An absolute quantity costs more than the link may spend, or than is free.
    """
    if not order.qty_per and not order.risk_per:
        return _size_quantity(order, rules, terms, price, held, room)
    warnings: tuple[Reason, ...] = ()
    if order.qty:
        wins = "qty_per" if order.qty_per else "risk_per"
        warnings = (Reason(Code.QTY_IGNORED, {"wins": wins}),)
    # An order by risk alone spends at most the link's own capital, even where the account
    # allows more.
    percent = order.qty_per or min(HUNDRED, terms.max_budget_percent)
    steps = _steps(rules, terms, price, held, room)
    raw, bound, budget = _spendable(terms.budget(percent), steps, room)
    if order.risk_per:
        at = riskiest_price or price
        stop = check_stop(order, at)
        at_risk = amount_for_risk(order.risk_per, rules, terms, entry=at, stop=stop)
        if at_risk < raw:
            raw, bound = at_risk, Bound.RISK
    sizing = _fit(raw, bound, order, rules, price)
    if terms.capital <= 0:
        sizing = _missed(sizing, Bound.CAPITAL, Code.NO_CAPITAL)
    elif not raw and bound is Bound.AVAILABLE:
        sizing = _missed(sizing, Bound.AVAILABLE, Code.NOTHING_AVAILABLE)
    elif room is not None and sizing.bound_by is Bound.AVAILABLE:
        figures = {"available": plain(cut(room.budget)), "currency": rules.settle}
        warnings += (Reason(Code.CUT_TO_AVAILABLE, figures),)
    elif _leaves_no_room_for_fees(sizing, terms, percent):
        warnings += (Reason(Code.NO_ROOM_FOR_FEES, {"percent": plain(percent)}),)
    grows = _growth(sizing.amount, room)
    used = steps.of(grows)
    cost = cost_of(sizing.amount, rules, used, price)
    enlarging = _cost_of_enlarging(cost, sizing.amount, grows)
    return replace(
        sizing,
        budget=budget,
        cost=cost,
        leverage=used.leverage,
        reduces=fraction_of(sizing.amount) - grows,
        enlarging=enlarging,
        warnings=warnings + sizing.warnings + steps.warnings(grows),
    )


def _spendable(
    budget: Fraction, steps: LeverageSteps, room: Room | None
) -> tuple[Fraction, Bound, Fraction]:
    """How much a budget buys, what bounds that, and the budget within what is free.

    What an order reduces first is not bought with what is free, so there only its rest is cut.
    """
    is_cut = room is not None and not room.reduces and room.budget < budget
    if room is not None and is_cut:
        budget = room.budget
    reduces = _NO_AMOUNT if room is None else room.reduces
    raw = steps.amount_for(budget, reduces=reduces)
    bound = Bound.AVAILABLE if is_cut else Bound.BUDGET
    if steps.are_bounded and raw < steps.unbounded_amount_for(budget, reduces=reduces):
        bound = Bound.LEVERAGE
    if room is not None and reduces:
        within = reduces + steps.amount_for(room.budget)
        if within < raw:
            raw, bound = within, Bound.AVAILABLE
    return raw, bound, budget


def _leaves_no_room_for_fees(sizing: Sizing, terms: Terms, percent: Decimal) -> bool:
    """Whether the order spends all that the link has, with nothing set aside for its fee."""
    return (
        bool(sizing.amount)
        and sizing.bound_by is Bound.BUDGET
        and percent >= HUNDRED
        and not terms.fee_rate
        and terms.utilisation == 1
    )


def size_close(
    order: OrderRequest,
    rules: InstrumentRules,
    terms: Terms,
    *,
    price: Decimal | None,
    held: Decimal,
) -> Sizing:
    """The amount that closes ``-qty_per`` percent of the position, all of it at most.

    Closing needs no price: without one, the minimum cost is not checked. It never applies to the
    whole position, so that dust can be closed.

    Args:
        order: Checked and admitted, with ``qty_per`` below zero.
        rules: The instrument's.
        terms: The link's.
        price: None where none is known.
        held: The quantity of the link's position, signed.

    Raises:
        OrderRefused: There is no position, or the side would enlarge it.
    """
    assert order.qty_per is not None, "it closes"
    assert order.qty_per < 0, "it closes"
    _check_closing_side(order, held)
    asked, warnings = order.qty_per.copy_abs(), []
    if order.qty:
        warnings.append(Reason(Code.QTY_IGNORED, {"wins": "qty_per"}))
    if asked > HUNDRED:
        warnings.append(Reason(Code.CLOSE_CAPPED, {"asked": plain(asked)}))
    is_whole = asked >= HUNDRED
    share = min(asked, HUNDRED)
    whole = abs(Fraction(held)) / rules.quantity_of_one
    sizing = _fit(
        whole * Fraction(share) / 100,
        Bound.POSITION,
        order,
        rules,
        price,
        exempt_from_min_cost=is_whole,
    )
    if is_whole and sizing.amount and sizing.bound_by is Bound.POSITION:
        rest = (whole - Fraction(sizing.amount)) * rules.quantity_of_one
        if rest:
            warnings.append(Reason(Code.CLOSE_LEAVES_REST, {"rest": plain(cut(rest))}))
    if rules.is_dust(held):
        warnings.append(Reason(Code.DUST, {"position": plain(held), "symbol": order.symbol}))
    return replace(
        sizing,
        cost=None if price is None else _cost_of_reducing(sizing.amount, rules, terms, price),
        reduce_only=True,
        warnings=(*warnings, *sizing.warnings),
    )


def _steps(
    rules: InstrumentRules, terms: Terms, price: Decimal, held: Decimal, room: Room | None
) -> LeverageSteps:
    """The leverages of an order. What it reduces fills no bracket."""
    is_against = room is not None and bool(room.reduces)
    return LeverageSteps(rules, terms, price=price, held=_NOTHING if is_against else held)


def _growth(amount: Decimal, room: Room | None) -> Fraction:
    """The part of an order that enlarges a position, or opens one."""
    reduces = _NO_AMOUNT if room is None else room.reduces
    grows = fraction_of(amount)
    return max(_NO_AMOUNT, grows - reduces) if reduces else grows


def _cost_of_enlarging(cost: Cost, amount: Decimal, grows: Fraction) -> Fraction:
    """What so much of an order costs, with its fee."""
    return cost.total * (grows / fraction_of(amount)) if grows else grows


def _size_quantity(
    order: OrderRequest,
    rules: InstrumentRules,
    terms: Terms,
    price: Decimal,
    held: Decimal,
    room: Room | None,
) -> Sizing:
    """An absolute quantity: rounded, and refused where it costs more than the link may spend."""
    if only_reduces(order, rules):
        # Whatever it is, none of it fills a bracket.
        steps = LeverageSteps(replace(rules, brackets=()), terms, price=price, held=_NOTHING)
        raw, bound = _asked_amount(order, rules, steps, _NO_AMOUNT)
        sizing = _fit(raw, bound, order, rules, price)
        return _exit(sizing, order, rules, terms, price=price, held=held)
    steps = _steps(rules, terms, price, held, room)
    reduces = _NO_AMOUNT if room is None else room.reduces
    raw, bound = _asked_amount(order, rules, steps, reduces)
    if steps.largest is not None and raw > reduces + steps.largest:
        raw, bound = reduces + steps.largest, Bound.LEVERAGE
    sizing = _fit(raw, bound, order, rules, price)
    if reduces and sizing.amount <= reduces:
        return _exit(sizing, order, rules, terms, price=price, held=held)
    if terms.capital <= 0:
        sizing = _missed(sizing, Bound.CAPITAL, Code.NO_CAPITAL)
    field = "qty" if order.stake is None else "stake"
    return _within_limits(sizing, rules, terms, steps, price=price, room=room, field=field)


def _asked_amount(
    order: OrderRequest, rules: InstrumentRules, steps: LeverageSteps, reduces: Fraction
) -> tuple[Fraction, Bound]:
    """The amount that was asked for, as a quantity or in money."""
    if order.stake is None:
        assert order.qty is not None, "the request was checked"
        return Fraction(order.qty) / rules.quantity_of_one, Bound.QUANTITY
    if order.stake_of == StakeOf.NOTIONAL:
        return Fraction(order.stake) / rules.quoted_worth_of_one(steps.price), Bound.STAKE
    margin = Fraction(order.stake)
    return steps.amount_of_margin(margin, reduces=reduces), Bound.STAKE


def _exit(
    sizing: Sizing,
    order: OrderRequest,
    rules: InstrumentRules,
    terms: Terms,
    *,
    price: Decimal,
    held: Decimal,
) -> Sizing:
    """What only reduces: it needs no capital, whatever is left of it."""
    warnings = list(sizing.warnings)
    quantity = fraction_of(sizing.amount) * rules.quantity_of_one
    if only_reduces(order, rules) and quantity > abs(held):
        warnings.append(Reason(Code.MORE_THAN_HELD, {"held": plain(held), "symbol": order.symbol}))
    return replace(
        sizing,
        cost=_cost_of_reducing(sizing.amount, rules, terms, price),
        leverage=terms.leverage,
        warnings=tuple(warnings),
    )


def _within_limits(
    sizing: Sizing,
    rules: InstrumentRules,
    terms: Terms,
    steps: LeverageSteps,
    *,
    price: Decimal,
    room: Room | None,
    field: str,
) -> Sizing:
    """Refuse what enlarges by more than one order may cost, or than is free.

    Raises:
        OrderRefused: It costs too much.
    """
    grows = _growth(sizing.amount, room)
    used, budget = steps.of(grows), terms.budget(terms.max_budget_percent)
    cost = cost_of(sizing.amount, rules, used, price)
    enlarging = _cost_of_enlarging(cost, sizing.amount, grows)
    if enlarging > budget:
        raise OrderRefused(
            Code.BUDGET_ABOVE_LIMIT,
            field=field,
            percent=plain(cut(enlarging * 100 / Fraction(terms.capital), decimals=2)),
            limit=plain(terms.max_budget_percent),
        )
    if room is not None and enlarging > room.budget:
        raise OrderRefused(
            Code.ABOVE_AVAILABLE,
            field=field,
            cost=plain(cut(enlarging, decimals=8)),
            available=plain(cut(room.budget)),
            currency=rules.settle,
        )
    return replace(
        sizing,
        budget=budget,
        cost=cost,
        leverage=used.leverage,
        reduces=fraction_of(sizing.amount) - grows,
        enlarging=enlarging,
        warnings=sizing.warnings + steps.warnings(grows),
    )


def _check_closing_side(order: OrderRequest, held: Decimal) -> None:
    if not held:
        raise OrderRefused(Code.NOTHING_TO_CLOSE, field="symbol", symbol=order.symbol)
    closing_side = Side.SELL if held > 0 else Side.BUY
    if order.side != closing_side:
        raise OrderRefused(
            Code.CLOSE_ON_WRONG_SIDE,
            field="side",
            position=plain(held),
            symbol=order.symbol,
            side=closing_side.value,
        )


def _cost_of_reducing(
    amount: Decimal, rules: InstrumentRules, terms: Terms, price: Decimal
) -> Cost:
    """Closing ties up no margin, but the fee is due."""
    return replace(cost_of(amount, rules, terms, price), margin=Fraction(0))


def _fit(
    raw: Fraction,
    bound: Bound,
    order: OrderRequest,
    rules: InstrumentRules,
    price: Decimal | None,
    *,
    exempt_from_min_cost: bool = False,
) -> Sizing:
    """Bring a raw amount into the instrument's rules, only ever downwards.

    Above a maximum less is ordered, below a minimum nothing.
    """
    is_market, is_buy = OrderType(order.order_type).is_market, order.side == Side.BUY
    least, most = rules.amount_bounds(is_market=is_market, is_buy=is_buy)
    dearest = rules.cost_bound(is_market=is_market, is_buy=is_buy)
    worth = None if price is None else rules.quoted_worth_of_one(price)
    wanted, bound, warnings = _capped(raw, bound, rules, most=most, dearest=dearest, worth=worth)
    amount = round_down(wanted, rules.precision_mode, rules.amount_precision)
    step = step_at(wanted, rules.precision_mode, rules.amount_precision)
    sizing = Sizing(amount, raw, step, bound, warnings=warnings)
    if not amount:
        return _missed(
            sizing,
            Bound.STEP,
            Code.BELOW_STEP,
            quantity=_shown(wanted, rules),
            limit=_shown(Fraction(step), rules),
        )
    if least is not None and amount < least:
        return _missed(
            sizing,
            Bound.MIN_AMOUNT,
            Code.BELOW_MIN_AMOUNT,
            quantity=_shown(Fraction(amount), rules),
            limit=_shown(Fraction(least), rules),
        )
    if rules.min_cost is None or worth is None or exempt_from_min_cost:
        return sizing
    cost = Fraction(amount) * worth
    if cost < rules.min_cost:
        return _missed(
            sizing,
            Bound.MIN_COST,
            Code.BELOW_MIN_COST,
            cost=plain(cut(cost)),
            currency=rules.quote,
            limit=plain(rules.min_cost),
        )
    return sizing


def _capped(
    wanted: Fraction,
    bound: Bound,
    rules: InstrumentRules,
    *,
    most: Decimal | None,
    dearest: Decimal | None,
    worth: Fraction | None,
) -> tuple[Fraction, Bound, tuple[Reason, ...]]:
    """The amount under both maxima, which of them held it down, and a warning about the last."""
    warnings: tuple[Reason, ...] = ()
    if most is not None and wanted > most:
        wanted, bound = Fraction(most), Bound.MAX_AMOUNT
        figures = {"limit": _shown(Fraction(most), rules)}
        warnings = (Reason(Code.CAPPED_BY_MAX_AMOUNT, figures),)
    if dearest is not None and worth is not None and wanted * worth > dearest:
        wanted, bound = Fraction(dearest) / worth, Bound.MAX_COST
        figures = {"limit": plain(dearest), "currency": rules.quote}
        warnings = (Reason(Code.CAPPED_BY_MAX_COST, figures),)
    return wanted, bound, warnings


def _missed(sizing: Sizing, bound: Bound, code: Code, **figures: str) -> Sizing:
    return replace(sizing, amount=_NOTHING, bound_by=bound, code=code, figures=figures, warnings=())


def _shown(amount: Fraction, rules: InstrumentRules) -> str:
    """An amount as the quantity that bots and people read."""
    return plain(cut(amount * rules.quantity_of_one))
