"""``inverse_volatility``: the calmer a strategy's days are, the more it claims."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from capital.domain.allocation.links import Link
from capital.domain.allocation.policies.contract import Claims, Did, Question, Step, told
from capital.domain.money import EXACT, quotient
from capital.domain.reasons import Code

FEWEST_DAYS = 30


def claim_by_volatility(question: Question) -> Claims:
    """Weight ÷ volatility of daily returns.

    A link with fewer than 30 days, or without any movement in them, takes the median volatility of
    the others; where no link has a volatility, each claims its weight.
    """
    active = question.active
    usable = {link.id: each for link in active if (each := _usable(question, link)) is not None}
    if not usable:
        step = Step(Did.BY_WEIGHT, {"days": str(FEWEST_DAYS)})
        return Claims(
            {link.id: Fraction(link.weight) for link in active},
            Code.SHARE_WITHOUT_VOLATILITY,
            steps={link.id: (step,) for link in active},
        )
    middle = _median(usable.values())
    amounts, steps = {}, {}
    for link in active:
        volatility = usable.get(link.id, middle)
        claim = quotient(link.weight, volatility)
        amounts[link.id] = Fraction(claim)
        figures = {
            "weight": told(link.weight),
            "volatility": told(EXACT.scaleb(volatility, 2)),
            "days": str(question.known.of(link).days),
            "claim": told(claim),
        }
        did = Did.BY_VOLATILITY if link.id in usable else Did.BY_MEDIAN
        steps[link.id] = (Step(did, figures),)
    borrowed = {link.id: Code.MEDIAN_VOLATILITY for link in active if link.id not in usable}
    return Claims(amounts, Code.SHARE_BY_VOLATILITY, codes=borrowed, steps=steps)


def _usable(question: Question, link: Link) -> Decimal | None:
    facts = question.known.of(link)
    return facts.volatility if facts.volatility and facts.days >= FEWEST_DAYS else None


def _median(volatilities: Iterable[Decimal]) -> Decimal:
    """The middle one, or half the sum of the two in the middle."""
    found = sorted(volatilities)
    half = len(found) // 2
    if len(found) % 2:
        return found[half]
    return EXACT.divide(EXACT.add(found[half - 1], found[half]), Decimal(2))
