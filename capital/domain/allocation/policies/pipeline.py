"""From a pool's balance to one amount per link: base, floors, claims, bounds, split.

The same steps for every policy; each leaves a line for each link that it changed something for.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from capital.domain.allocation.filling import in_quanta, whole
from capital.domain.allocation.links import HUNDRED, ZERO, Link
from capital.domain.allocation.policies import POLICIES
from capital.domain.allocation.policies.bounding import fill_the_rest, serve_fixed
from capital.domain.allocation.policies.contract import (
    Claims,
    Did,
    Question,
    Step,
    to_decimal,
    told,
)
from capital.domain.allocation.policies.plain import divide_plainly
from capital.domain.allocation.policies.work import Division, Share, Work
from capital.domain.money import EXACT, floor_to
from capital.domain.reasons import Code

_NOTHING = Fraction(0)


def divide(question: Question, *, quantum: Decimal) -> Division:
    """Divide one pool.

    Args:
        question: What is known of it. Its reserve is that of the rule.
        quantum: Of the account's currency.
    """
    plainly = divide_plainly(question, quantum=quantum)
    return divide_in_steps(question, quantum=quantum) if plainly is None else plainly


def divide_in_steps(question: Question, *, quantum: Decimal) -> Division:
    """``divide`` for any pool, whatever is in use or bounded."""
    links, balance = question.links, floor_to(question.balance, quantum)
    floors = {
        link.id: whole(Fraction(question.known.of(link).in_use), quantum=quantum, up=True)
        for link in links
    }
    in_use = sum(floors.values(), _NOTHING)
    room = max(_NOTHING, Fraction(balance) - in_use)
    if Fraction(question.reserve) > room:
        # The reserve gives way to what is in use.
        question = replace(question, reserve=to_decimal(room))
    claims = POLICIES[question.rules.divides_by](question)
    if claims.problem is not None:
        return Division(question.reserve, {}, claims.problem)
    if in_use > max(balance, ZERO):
        return _over_committed(question, floors, claims, quantum)
    work = _worked(Work(question, quantum, floors, claims))
    if claims.are_own and in_use:
        # What others have in use is lent to them, and not theirs.
        without = _worked(Work(question, quantum, dict.fromkeys(floors, _NOTHING), claims))
        work.own |= {link.id: without.own_of(link) for link in links}
    return _within_band(work, _in_amounts(work))


def _worked(work: Work) -> Work:
    """Serve fixed amounts, and share the rest."""
    for key, steps in work.claims.steps.items():
        work.steps[key] = list(steps)
    fill_the_rest(work, serve_fixed(work, _beside_idle(work)))
    return work


def _over_committed(
    question: Question, floors: Mapping[int, Fraction], claims: Claims, quantum: Decimal
) -> Division:
    """More is in use than there is: everybody keeps what it has in use, and nobody gets more.

    What is a link's own stays so: what it has beyond its claim it owes, and the other way round.
    """
    shares = {}
    for link in question.links:
        beside = claims.amounts.get(link.id, _NOTHING) - floors[link.id]
        shares[link.id] = Share(
            EXACT.quantize(to_decimal(floors[link.id]), quantum),
            link.idle or Code.OVER_COMMITTED,
            to_decimal(beside) if claims.are_own else ZERO,
            (
                *claims.steps.get(link.id, ()),
                Step(Did.OVER_COMMITTED, {"amount": told(floors[link.id])}),
            ),
        )
    return Division(question.reserve, shares)


def _beside_idle(work: Work) -> Fraction:
    """What is left for the active links beside what idle ones have in use, or keep as their own."""
    question, floors = work.question, work.floors
    base = Fraction(max(ZERO, question.base))
    if not work.claims.are_own:
        base = Fraction(max(ZERO, floor_to(question.base, work.quantum)))
    for link in question.links:
        if link.idle is None:
            continue
        work.shares[link.id] = floors[link.id]
        if floors[link.id]:
            work.note(link, Did.IN_USE, amount=floors[link.id])
        claim = work.claims.amounts.get(link.id, _NOTHING)
        work.kept[link.id] = claim - floors[link.id]
        if work.kept[link.id] > 0:
            work.note(link, Did.SET_ASIDE, amount=work.kept[link.id])
        base -= max(claim, floors[link.id])
    return max(base, work.floors_of(question.active))


def _in_amounts(work: Work) -> Division:
    """The exact shares as whole quanta, and what of a claim is kept for its link."""
    links, own = work.question.links, work.claims.are_own
    exact = [work.shares[link.id] for link in links]
    amounts = dict(
        zip((link.id for link in links), in_quanta(exact, quantum=work.quantum), strict=True)
    )
    shares = {}
    for link in links:
        amount = amounts[link.id]
        code = link.idle or work.codes.get(link.id) or work.claims.codes.get(link.id)
        if link.is_stopped and link.idle is None:
            amount, code = to_decimal(work.floors[link.id]), Code.SHARE_STOPPED
            work.note(link, Did.STOPPED, amount=EXACT.subtract(amounts[link.id], amount))
        kept = work.own_of(link) - Fraction(amount)
        shares[link.id] = Share(
            amount=EXACT.quantize(amount, work.quantum),
            code=code or work.claims.code,
            set_aside=to_decimal(kept) if own else ZERO,
            steps=tuple(work.steps.get(link.id, ())),
        )
    return Division(work.question.reserve, shares)


def _within_band(work: Work, division: Division) -> Division:
    """The division; or everybody's present capital, where all of it is near enough."""
    question, shares = work.question, division.shares
    band = question.rules.drift_band_percent
    kept = [link.capital or ZERO for link in question.links]
    fits = sum(map(Fraction, kept), _NOTHING) <= Fraction(max(ZERO, question.base))
    if (
        not band
        or not fits
        or not all(_is_near(work, link, shares[link.id]) for link in question.links)
    ):
        return division
    step = Step(Did.WITHIN_BAND, {"percent": told(band)})
    return replace(
        division,
        shares={
            link.id: shares[link.id]._replace(
                amount=EXACT.quantize(capital, work.quantum),
                code=Code.WITHIN_BAND,
                set_aside=link.set_aside,
                steps=(*shares[link.id].steps, step),
            )
            for link, capital in zip(question.links, kept, strict=True)
        },
    )


def _is_near(work: Work, link: Link, share: Share) -> bool:
    """Whether the capital of a link is within the band around it, and covers what is in use."""
    capital = link.capital or ZERO
    drift = abs(EXACT.subtract(share.amount, capital))
    band = EXACT.multiply(capital, work.question.rules.drift_band_percent)
    is_whole = floor_to(capital, work.quantum) == capital
    in_use = Fraction(capital) >= work.floors[link.id]
    return is_whole and in_use and EXACT.multiply(drift, HUNDRED) <= band
