"""A pool that weights alone divide, as most are: in whole numbers, with the answer of all steps.

``pipeline`` divides any pool, in fractions. Where nothing is in use, nothing is bounded and nobody
is stopped, each of its steps but the last leaves everything as it is, and this gives the same.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from capital.domain.allocation.bounds import UNBOUND
from capital.domain.allocation.links import ZERO, Link
from capital.domain.allocation.policies.contract import Did, Question, Step, told
from capital.domain.allocation.policies.work import Division, Share
from capital.domain.allocation.rules import PolicyName
from capital.domain.money import EXACT, floor_to, of_units, plain
from capital.domain.reasons import Code

# The decimals of a weight that is stored.
_PLACES = 8


def divide_plainly(question: Question, *, quantum: Decimal) -> Division | None:
    """Divide one pool by weights; None where there is more to it than that.

    Args:
        question: What is known of the pool.
        quantum: Of the account's currency.
    """
    active = question.active
    if not _is_plain(question, active):
        return None
    balance, reserve = floor_to(question.balance, quantum), question.reserve
    base = floor_to(question.base, quantum)
    if base < 0 or EXACT.subtract(balance, reserve) != base:
        return None
    weights = [_weight(link.weight) for link in active]
    if None in weights:
        return None
    known = [each for each in weights if each is not None]
    figures = {"balance": told(balance), "reserve": told(reserve)}
    return Division(reserve, _shares(question.links, known, base, quantum, figures))


def _is_plain(question: Question, active: Sequence[Link]) -> bool:
    """Whether no step but the division by weight can change anything."""
    rules = question.rules
    return (
        rules.divides_by is PolicyName.WEIGHTS
        and not rules.drift_band_percent
        and question.balance >= 0
        and not any(facts.in_use for facts in question.known.links.values())
        and not [each for each in question.links if each.is_stopped or each.bounds is not UNBOUND]
        and any(link.weight for link in active)
    )


def _shares(
    links: Sequence[Link],
    weights: Sequence[tuple[int, str]],
    base: Decimal,
    quantum: Decimal,
    of_pool: dict[str, str],
) -> dict[int, Share]:
    """Each link's share: rounded down, and a unit more for the largest remainders."""
    units = int(EXACT.divide(base, quantum))
    total = sum([weight for weight, _ in weights])
    parts = [divmod(units * weight, total) for weight, _ in weights]
    left = units - sum([part for part, _ in parts])
    remainders = [remainder for _, remainder in parts]
    # Equal ones stay in their order, also the other way round.
    by_remainder = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
    favoured = set(by_remainder[:left])
    claims = plain(of_units(total, _PLACES))
    nothing = EXACT.multiply(ZERO, quantum)
    shares: dict[int, Share] = {}
    position = 0
    for link in links:
        if link.idle is not None:
            shares[link.id] = Share(nothing, link.idle)
            continue
        part, remainder = parts[position]
        given = part + 1 if position in favoured else part
        amount = line = EXACT.multiply(Decimal(given), quantum)
        # The line tells the share before the units that are left over are given away.
        nearest = part + (2 * remainder > total or (2 * remainder == total and part % 2))
        if nearest != given:
            line = EXACT.multiply(Decimal(nearest), quantum)
        figures = {
            **of_pool,
            "claim": weights[position][1],
            "claims": claims,
            "amount": plain(EXACT.normalize(line)),
        }
        shares[link.id] = Share(amount, Code.SHARE, ZERO, (Step(Did.SHARE, figures),))
        position += 1
    return shares


@lru_cache(maxsize=4096)
def _weight(weight: Decimal) -> tuple[int, str] | None:
    """In units of its last decimal, and as text; None if it has more decimals than are stored."""
    units = EXACT.scaleb(weight, _PLACES)
    whole = int(units)
    return (whole, plain(EXACT.normalize(weight))) if whole == units else None
