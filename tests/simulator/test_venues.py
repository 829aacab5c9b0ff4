"""Every venue of the table has a simulated one, with all of its parts."""

import pytest

from capital.domain.pools import Pool
from capital.exchange.venues import VENUES as TABLE
from capital.simulator.refusals import Problem
from capital.simulator.venues import ROOTS, VENUES

EVERYWHERE = {
    Problem.NO_KEY,
    Problem.UNKNOWN_KEY,
    Problem.UNAUTHORIZED,
    Problem.BANNED,
    Problem.RATE_LIMITED,
    Problem.SERVER_ERROR,
}


def test_simulated_venues_are_those_of_the_table() -> None:
    assert set(VENUES) == set(TABLE)


@pytest.mark.parametrize("venue", TABLE)
def test_venue_has_balances_signatures_refusals_and_markets(venue: str) -> None:
    simulated, row = VENUES[venue], TABLE[venue]
    pools = {pool for mode in row.wallet_modes for pool in row.pools(mode)}

    assert {balance.pool for balance in simulated.balances} == pools
    assert {balance.venue for balance in simulated.balances} == {venue}
    for balance in simulated.balances:
        needs = "api_passphrase" in row.credentials
        assert balance.scheme.needs_passphrase is needs
        assert balance.refusals.by_problem.keys() >= EVERYWHERE
        assert (Problem.WRONG_PASSPHRASE in balance.refusals.by_problem) is needs
    assert simulated.markets


@pytest.mark.parametrize("venue", TABLE)
def test_venue_has_a_root_of_its_own_where_another_answers_at_its_paths(venue: str) -> None:
    for market in VENUES[venue].markets:
        others = [
            other.id
            for other in VENUES.values()
            for theirs in other.markets
            if theirs.path == market.path and theirs.answer is not market.answer
        ]
        assert all(ROOTS[other] != ROOTS[venue] for other in others if other != venue)


def test_pools_are_listed_in_order() -> None:
    assert [balance.pool for balance in VENUES["gate"].balances] == list(Pool)
