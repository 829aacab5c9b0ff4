"""Claims within bounds: fixed amounts, minimums and ceilings, scaling and compounding."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from capital.domain.allocation.filling import Vessel, fill, whole
from capital.domain.allocation.links import ZERO, Link
from capital.domain.allocation.policies.contract import Did
from capital.domain.allocation.policies.work import Work
from capital.domain.money import EXACT, floor_to
from capital.domain.reasons import Code

_NOTHING = Fraction(0)


def serve_fixed(work: Work, rest: Fraction) -> Fraction:
    """Give fixed amounts, the lower priority first; what is left for the others."""
    active = work.question.active
    spare = rest - work.floors_of(active)
    for link in _by_priority(active):
        if link.bounds.fixed_amount is None:
            continue
        floor = work.floors[link.id]
        wanted = whole(Fraction(link.bounds.fixed_amount), quantum=work.quantum)
        given = max(floor, min(wanted, floor + whole(spare, quantum=work.quantum)))
        spare -= given - floor
        rest -= given
        work.shares[link.id] = given
        # Its claim is not what it gets.
        work.steps[link.id] = []
        work.note(link, Did.FIXED, amount=wanted)
        work.codes[link.id] = Code.FIXED_AMOUNT
        if given < wanted:
            work.note(link, Did.CUT_SHORT, amount=given)
            work.codes[link.id] = Code.FIXED_CUT_SHORT
        elif given > wanted:
            work.note(link, Did.IN_USE, amount=floor)
    return rest


def fill_the_rest(work: Work, rest: Fraction) -> None:
    """Share what is left among the links without a fixed amount: claims, then bounds."""
    links = [link for link in work.question.active if link.bounds.fixed_amount is None]
    claims = [work.claims.amounts.get(link.id, _NOTHING) for link in links]
    total = sum(claims, _NOTHING)
    by_claim = [rest * claim / total if total else _NOTHING for claim in claims]
    for link, claim, amount in zip(links, claims, by_claim, strict=True):
        _note_share(work, link, claim, total, rest, amount)
    lowered = [_lowered(work, link, amount) for link, amount in zip(links, by_claim, strict=True)]
    most = [each[1] for each in lowered]
    least = _least(work, links, most, rest)
    wanted = [
        max(amount, min(low, before))
        for (amount, _), low, before in zip(lowered, least, by_claim, strict=True)
    ]
    taken = sum(by_claim, _NOTHING) - sum(wanted, _NOTHING)
    vessels = [Vessel(*each) for each in zip(wanted, least, most, strict=True)]
    got = fill(max(rest - taken, sum(least, _NOTHING)), vessels)
    for link, before, claimed, amount in zip(links, by_claim, wanted, got, strict=True):
        work.kept[link.id] = before - claimed
        work.shares[link.id] = amount
    _note_bounds(work, links, wanted, vessels)


def _note_share(
    work: Work,
    link: Link,
    claim: Fraction,
    claims: Fraction,
    rest: Fraction,
    amount: Fraction,
) -> None:
    question = work.question
    balance = floor_to(question.balance, work.quantum)
    beside = Fraction(EXACT.subtract(balance, question.reserve)) - rest
    figures: dict[str, Fraction | Decimal] = {
        "balance": balance,
        "reserve": question.reserve,
        "claim": claim,
        "claims": claims,
        "amount": work.cents(amount),
    }
    if work.cents(beside) > 0:
        work.note(link, Did.SHARE_BESIDE, beside=work.cents(beside), **figures)
    elif not work.claims.are_own:
        work.note(link, Did.SHARE, **figures)


def _lowered(work: Work, link: Link, amount: Fraction) -> tuple[Fraction, Fraction | None]:
    """A claim after scaling and compounding, and the most that the link may have."""
    bounds, floor = link.bounds, work.floors[link.id]
    drawdown = work.question.known.of(link).drawdown_percent
    scale = bounds.scale(drawdown)
    if scale != 1:
        amount *= scale
        assert drawdown is not None, "without one there is no scale"
        limit = bounds.max_drawdown_percent or ZERO
        work.note(link, Did.SCALED, drawdown=drawdown, limit=limit, amount=work.cents(amount))
    compounded = bounds.compounded(amount)
    if compounded is not None and amount > compounded:
        base = bounds.base_capital or ZERO
        half = compounded > Fraction(base)
        did = Did.HALF_COMPOUNDED if half else Did.NOT_COMPOUNDED
        work.note(link, did, base=base, amount=work.cents(compounded))
        amount = compounded
    base = floor_to(work.question.base, work.quantum)
    limits = [each for each in (bounds.ceiling(base), compounded) if each is not None]
    if not limits:
        return amount, None
    return amount, max(floor, whole(min(limits), quantum=work.quantum))


def _least(
    work: Work, links: Sequence[Link], most: Sequence[Fraction | None], rest: Fraction
) -> list[Fraction]:
    """What each link gets in any case: what is in use, and its minimum as far as it fits."""
    floors = {link.id: work.floors[link.id] for link in links}
    ceilings = dict(zip((link.id for link in links), most, strict=True))
    spare = whole(rest - sum(floors.values(), _NOTHING), quantum=work.quantum)
    for link in _by_priority(links):
        minimum = link.bounds.min_amount
        if minimum is None:
            continue
        ceiling, wanted = ceilings[link.id], whole(Fraction(minimum), quantum=work.quantum, up=True)
        if ceiling is not None:
            wanted = min(wanted, ceiling)
        given = max(floors[link.id], min(wanted, floors[link.id] + spare))
        if given < wanted:
            work.codes[link.id] = Code.MINIMUM_CUT_SHORT
            work.note(link, Did.CUT_SHORT, amount=given)
        spare -= given - floors[link.id]
        floors[link.id] = given
    return [floors[link.id] for link in links]


def _note_bounds(
    work: Work, links: Sequence[Link], claimed: Sequence[Fraction], vessels: Sequence[Vessel]
) -> None:
    """What ceilings took of whom, and what minimums and ceilings of others gave or cost."""
    got = [work.shares[link.id] for link in links]
    total = sum(claimed, _NOTHING)
    gains = sum((max(_NOTHING, b - a) for a, b in zip(claimed, got, strict=True)), _NOTHING)
    losses = sum((max(_NOTHING, a - b) for a, b in zip(claimed, got, strict=True)), _NOTHING)
    for link, vessel, before, after in zip(links, vessels, claimed, got, strict=True):
        moved = work.cents(abs(after - before))
        if not moved or not total:
            continue
        if after > before and after == vessel.least:
            did = Did.IN_USE if after == work.floors[link.id] else Did.AT_LEAST
            work.note(link, did, amount=after)
        elif after > before:
            work.note(link, Did.FROM_OTHERS, amount=moved)
        else:
            if after == vessel.most:
                work.note(link, Did.AT_MOST, amount=after)
            to_others = (before - after) * gains / losses
            if cents := work.cents(to_others):
                work.note(link, Did.TO_OTHERS, amount=cents)
            if cents := work.cents(before - after - to_others):
                work.note(link, Did.LEFT, amount=cents)


def _by_priority(links: Iterable[Link]) -> list[Link]:
    return sorted(links, key=lambda link: (link.bounds.priority, link.id))
