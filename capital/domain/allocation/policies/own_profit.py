"""``own_profit``: what a strategy earned stays its own; what comes from outside goes by weight.

A link's own is its capital, what was set aside for it, and what it earned since both were decided.
The rest of the base (deposits and withdrawals, the reserve's change, what no book explains) is
shared by weight. Amounts have 18 decimals, and all claims together are the base, exactly.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from capital.domain.allocation.links import HUNDRED, WAITS, ZERO, Link
from capital.domain.allocation.policies.contract import Claims, Did, Question, Step, told
from capital.domain.allocation.split import split_by_weight
from capital.domain.money import EXACT, booked, floor_to, plain, quotient
from capital.domain.reasons import Code, Reason

_DIGIT = Decimal("1e-18")

_Steps = dict[int, list[Step]]


def claim_own_profit(question: Question) -> Claims:
    """What is each link's own, and its share by weight of what is nobody's."""
    owners = [
        link
        for link in question.links
        if (link.idle is None or link.idle in WAITS) and not question.known.of(link).is_new
    ]
    problem = _without_books(question, owners) or _books_behind(question)
    if problem is not None:
        return Claims({}, problem=problem)
    steps: _Steps = {link.id: [] for link in question.links}
    claims = {link.id: _own(question, link, steps) for link in owners}
    sharing = [link for link in owners if link.idle is None and not link.is_stopped]
    new = [link for link in question.active if link.id not in claims]
    _share_the_rest(question, claims, sharing or new, steps)
    lost = _carry_losses(claims, sharing, owners, steps)
    if sharing:
        _take_in(claims, sharing, new, steps)
    return Claims(
        {key: Fraction(max(ZERO, claim)) for key, claim in claims.items()},
        Code.SHARE_OF_OWN,
        are_own=True,
        codes=dict.fromkeys(lost, Code.OWN_LOSS_EXCEEDS),
        steps={key: tuple(each) for key, each in steps.items() if each},
    )


def _without_books(question: Question, owners: Sequence[Link]) -> Reason | None:
    """Which links have earned nobody knows what; None where all is known."""
    keys = [link.strategy_key for link in owners if question.known.of(link).earned is None]
    return Reason(Code.BOOKS_MISSING, {"strategies": ", ".join(keys)}) if keys else None


def _books_behind(question: Question) -> Reason | None:
    """Whether the books explain too little of how the balance changed; None where they do."""
    unexplained = _unexplained(question)
    if unexplained is None:
        return None
    share = EXACT.multiply(max(question.base, ZERO), question.rules.max_unexplained_percent)
    if EXACT.multiply(abs(unexplained), HUNDRED) <= share:
        return None
    figures = {
        "unexplained": told(unexplained),
        "limit": plain(EXACT.normalize(question.rules.max_unexplained_percent)),
    }
    return Reason(Code.BOOKS_BEHIND, figures)


def _unexplained(question: Question) -> Decimal | None:
    """The change of the balance that neither earnings nor money from outside explain."""
    facts = question.known.pools.get(question.pool)
    if facts is None or facts.balance_then is None:
        return None
    explained = EXACT.add(facts.earned, facts.external)
    return EXACT.subtract(EXACT.subtract(question.balance, facts.balance_then), explained)


def _own(question: Question, link: Link, steps: _Steps) -> Decimal:
    """Its capital, what was set aside for it, and what it earned less the reserve's part."""
    earned = question.known.of(link).earned
    assert earned is not None, "the pool keeps what it has"
    # What is unrealised may have more decimals than a claim has.
    earned = booked(earned)
    had = EXACT.add(link.capital or ZERO, link.set_aside)
    if question.rule.is_by_percent(question.balance):
        kept = quotient(EXACT.multiply(earned, question.rule.percent), HUNDRED)
        earned = booked(EXACT.subtract(earned, kept))
    own = EXACT.add(had, earned)
    figures = {"had": told(had), "earned": told(earned), "amount": told(own)}
    steps[link.id].append(Step(Did.OWN, figures))
    return own


def _share_the_rest(
    question: Question, claims: dict[int, Decimal], sharing: Sequence[Link], steps: _Steps
) -> None:
    """What is nobody's, by weight: deposits and withdrawals, and what nothing explains."""
    rest = floor_to(question.base, _DIGIT)
    for claim in claims.values():
        rest = EXACT.subtract(rest, claim)
    if not rest or not sharing:
        return
    unexplained = _unexplained(question)
    weights = told(sum((Fraction(link.weight) for link in sharing), Fraction(0)))
    for link, part in _parts(rest, sharing).items():
        claims[link.id] = EXACT.add(claims.get(link.id, ZERO), part)
        figures = {
            "rest": told(rest),
            "weight": told(link.weight),
            "weights": weights,
            "amount": told(part),
        }
        steps[link.id].append(Step(Did.BY_FLOWS, figures))
        if unexplained:
            steps[link.id].append(Step(Did.UNEXPLAINED, {"amount": told(unexplained)}))


def _carry_losses(
    claims: dict[int, Decimal],
    sharing: Sequence[Link],
    owners: Sequence[Link],
    steps: _Steps,
) -> set[int]:
    """A claim below zero is zero; those who share carry it by weight, then those who wait."""
    lost: set[int] = set()
    for carriers in (sharing, owners):
        while debts := {key: claim for key, claim in claims.items() if claim < 0}:
            able = [link for link in carriers if claims[link.id] > 0]
            if not able:
                break
            for key, debt in debts.items():
                lost.add(key)
                claims[key] = ZERO
                steps[key].append(Step(Did.LOSS_EXCEEDS, {"amount": told(abs(debt))}))
                for link, part in _parts(debt, able).items():
                    claims[link.id] = EXACT.add(claims[link.id], part)
                    steps[link.id].append(Step(Did.CARRIES, {"amount": told(abs(part))}))
    return lost


def _take_in(
    claims: dict[int, Decimal], sharing: Sequence[Link], new: Sequence[Link], steps: _Steps
) -> None:
    """A new link takes its weight's share from the others, in proportion to their claims."""
    if not new:
        return
    total, parts = ZERO, [max(ZERO, claims[link.id]) for link in sharing]
    for part in parts:
        total = EXACT.add(total, part)
    weights = sum((Fraction(link.weight) for link in (*sharing, *new)), Fraction(0))
    given = ZERO
    for link in new:
        share = Fraction(total) * Fraction(link.weight) / weights
        claims[link.id] = Decimal(told(share))
        given = EXACT.add(given, claims[link.id])
        figures = {
            "weight": told(link.weight),
            "weights": told(weights),
            "others": told(total),
            "amount": told(claims[link.id]),
        }
        steps[link.id].append(Step(Did.NEW, figures))
    if not given:
        return
    taken = split_by_weight(given, parts, quantum=_DIGIT)
    for link, part in zip(sharing, taken, strict=True):
        claims[link.id] = EXACT.subtract(claims[link.id], part)
        if part:
            steps[link.id].append(Step(Did.GIVES_NEW, {"amount": told(part)}))


def _parts(amount: Decimal, links: Sequence[Link]) -> Mapping[Link, Decimal]:
    """An amount of either sign by weight, to 18 decimals; nothing is lost."""
    parts = split_by_weight(abs(amount), [link.weight for link in links], quantum=_DIGIT)
    signed = parts if amount > 0 else [EXACT.minus(part) for part in parts]
    return dict(zip(links, signed, strict=True))
