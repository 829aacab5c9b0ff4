"""``weights``: each active link claims its weight."""

from fractions import Fraction

from capital.domain.allocation.policies.contract import Claims, Question


def claim_by_weight(question: Question) -> Claims:
    """The weights, as they are: a pool is shared in proportion to them."""
    return Claims({link.id: Fraction(link.weight) for link in question.active})
