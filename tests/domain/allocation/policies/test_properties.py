"""What holds under every policy, whatever the links, their bounds and what is known of them."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from capital.domain.allocation.bounds import Compounding
from capital.domain.allocation.filling import whole
from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.policies.contract import Known, LinkFacts, PoolFacts
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.allocation.split import split_by_weight
from capital.domain.money import CENT, EXACT, floor_to
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from strategies.markets import MarketType
from tests.domain.allocation.policies.drawn import (
    balances,
    cents,
    decide,
    pools,
)
from tests.domain.builders import QUANTA, reserves, weights

_ZERO = Decimal(0)


def floored(pool, link) -> Fraction:
    """What is in use of a link, in whole cents."""
    return whole(Fraction(pool[1].of(link).in_use), quantum=CENT, up=True)


@given(balances, pools(), reserves, st.sampled_from(QUANTA))
def test_allocations_reserve_and_unallocated_are_the_floored_balance(
    balance, pool, reserve, quantum
):
    decision = decide(balance, pool, reserve, quantum)

    parts = [entry.after for entry in decision.entries]
    parts += [decision.reserve, decision.unallocated]
    assert sum(map(Fraction, parts)) == Fraction(floor_to(balance, quantum))
    assert all(entry.after == floor_to(entry.after, quantum) for entry in decision.entries)


@given(balances, pools(), reserves)
def test_nobody_gets_less_than_nothing_or_than_what_is_in_use(balance, pool, reserve):
    decision = decide(balance, pool, reserve)

    for entry in decision.entries:
        assert entry.after >= 0
        assert entry.after >= pool[1].of(entry.link).in_use


@given(balances, pools(), reserves)
def test_more_is_handed_out_than_there_is_only_where_it_is_in_use(balance, pool, reserve):
    decision = decide(balance, pool, reserve)

    in_use = sum(floored(pool, link) for link in pool[0])
    if in_use <= max(_ZERO, floor_to(balance, CENT)):
        assert decision.unallocated >= min(_ZERO, floor_to(balance, CENT))
    else:
        assert decision.unallocated < 0


@given(balances, pools(), reserves)
def test_ceilings_hold_unless_more_is_in_use(balance, pool, reserve):
    decision = decide(balance, pool, reserve)

    base = EXACT.subtract(floor_to(balance, CENT), decision.reserve)
    for entry in decision.entries:
        ceiling = entry.link.bounds.ceiling(base)
        in_use = floored(pool, entry.link)
        if ceiling is None or entry.link.bounds.fixed_amount is not None:
            continue
        if entry.code is not Code.WITHIN_BAND:
            assert Fraction(entry.after) <= max(ceiling, in_use)


@given(balances, pools(), reserves)
def test_minimums_hold_unless_they_are_cut_short(balance, pool, reserve):
    decision = decide(balance, pool, reserve)

    base = EXACT.subtract(floor_to(balance, CENT), decision.reserve)
    for entry in decision.entries:
        limits = entry.link.bounds
        if limits.min_amount is None or entry.code in (
            Code.MINIMUM_CUT_SHORT,
            Code.WITHIN_BAND,
            Code.SHARE_STOPPED,
            Code.FIXED_AMOUNT,
            Code.FIXED_CUT_SHORT,
            Code.OVER_COMMITTED,
            Code.NEGATIVE_BALANCE,
        ):
            continue
        if entry.link.idle is None and limits.compounding is Compounding.FULL:
            ceiling = limits.ceiling(base)
            least = Fraction(limits.min_amount)
            assert Fraction(entry.after) >= (
                least if ceiling is None else min(least, Fraction(floor_to_cent(ceiling)))
            )


def floor_to_cent(amount: Fraction) -> Fraction:
    return Fraction(amount * 100 // 1, 100)


@given(balances, pools(), reserves, st.randoms(use_true_random=False))
def test_the_same_input_gives_the_same_answer_in_any_order(balance, pool, reserve, random):
    links, known, rules = pool
    shuffled = random.sample(links, len(links))

    assert decide(balance, (shuffled, known, rules), reserve) == decide(balance, pool, reserve)


@given(balances, pools(), reserves, st.data())
def test_raising_one_ceiling_never_lowers_that_link(balance, pool, reserve, data):
    links, known, rules = pool
    rules = replace(rules, drift_band_percent=_ZERO)
    raised = data.draw(st.sampled_from(links))
    ceiling = raised.bounds.max_amount
    higher = None if ceiling is None else EXACT.add(ceiling, data.draw(cents))
    others = [
        link._replace(bounds=replace(link.bounds, max_amount=higher)) if link is raised else link
        for link in links
    ]

    before = decide(balance, (links, known, rules), reserve)
    after = decide(balance, (others, known, rules), reserve)

    def of(decision):
        return next(entry.after for entry in decision.entries if entry.link.id == raised.id)

    assert of(after) >= of(before)


@given(balances, pools(with_bounds=False, policy=PolicyName.WEIGHTS), reserves)
def test_weights_without_bounds_are_the_split_by_weight(balance, pool, reserve):
    links, known, rules = pool
    rules = replace(rules, drift_band_percent=_ZERO)
    active = [link for link in links if link.idle is None]
    decision = decide(balance, (links, known, rules), reserve)

    available = max(_ZERO, EXACT.subtract(floor_to(balance, CENT), decision.reserve))
    shares = {entry.link.id: entry.after for entry in decision.entries if entry.link.idle is None}
    if active:
        expected = split_by_weight(available, [link.weight for link in active], quantum=CENT)
        assert list(shares.values()) == expected


@st.composite
def owners(draw: st.DrawFn):
    """Links with capital and losses up to it, and a balance that these explain."""
    size = draw(st.integers(2, 5))
    links, facts, balance, then = [], {}, _ZERO, _ZERO
    for number in range(1, size + 1):
        capital = draw(cents)
        lost = draw(st.decimals(min_value=0, max_value=capital, places=2))
        earned = draw(st.one_of(st.just(EXACT.minus(lost)), cents))
        links.append(Link(number, f"s{number}", MarketType.SPOT, draw(weights), None, capital))
        facts[number] = LinkFacts(earned=earned)
        then, balance = EXACT.add(then, capital), EXACT.add(balance, EXACT.add(capital, earned))
    earned = EXACT.subtract(balance, then)
    return links, Known(facts, {Pool.SPOT: PoolFacts(then, _ZERO, earned)}), balance


@given(owners())
def test_a_loss_up_to_its_equity_never_takes_from_another(case):
    links, known, balance = case
    decision = decide(balance, (links, known, Rules(policy=PolicyName.OWN_PROFIT)), Reserve())

    assert [entry.after for entry in decision.entries] == [
        EXACT.add(link.capital, known.links[link.id].earned) for link in links
    ]


@given(owners())
def test_deciding_again_on_own_profits_changes_nothing(case):
    links, known, balance = case
    rules = Rules(policy=PolicyName.OWN_PROFIT)
    first = decide(balance, (links, known, rules), Reserve())
    settled = [
        entry.link._replace(capital=entry.after, set_aside=entry.set_aside)
        for entry in first.entries
    ]
    nothing = {link.id: LinkFacts(earned=_ZERO) for link in links}
    since = Known(nothing, {Pool.SPOT: PoolFacts(balance)})

    again = decide(balance, (settled, since, rules), Reserve())

    assert not any(entry.changed for entry in again.entries)


@given(owners(), st.lists(cents, min_size=5, max_size=5))
def test_what_is_in_use_makes_nothing_of_another_its_own(case, in_use):
    links, known, balance = case
    facts = {
        link.id: replace(known.links[link.id], in_use=used)
        for link, used in zip(links, in_use, strict=False)
    }
    known = replace(known, links=facts)
    decision = decide(balance, (links, known, Rules(policy=PolicyName.OWN_PROFIT)), Reserve())

    assert [EXACT.add(entry.after, entry.set_aside) for entry in decision.entries] == [
        EXACT.add(link.capital, known.links[link.id].earned) for link in links
    ]
