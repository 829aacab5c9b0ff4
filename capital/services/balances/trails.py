"""The trails of accepted balances, as the daily summaries keep them.

They go along with the balances from day to day, so they cost no query of their own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from capital.domain.balances import Observation
from capital.domain.money import floor_to, parse_amount, plain, quantum_of
from capital.domain.pools import Pool
from capital.domain.trails import Trail
from capital.models import Account, DailyAccountSummary


def stored_trail(account: Account, summary: DailyAccountSummary | None, pool: Pool) -> Trail:
    """A pool's trail, without balances of another basis or wallet; an empty one for none."""
    stored = {} if summary is None else summary.trails.get(pool.value, {})
    first = stored.get("first")
    return Trail(
        tuple(_observation(each) for each in stored.get("hour", ())),
        None if first is None else _observation(first),
    ).since(account.readings_since)


def trail_as_json(trail: Trail, currency: str) -> dict[str, Any]:
    """In the shape of the column: pairs of a time and an amount, floored like the balances."""
    stored: dict[str, Any] = {"hour": [_pair(each, currency) for each in trail.hour]}
    if trail.first is not None:
        stored["first"] = _pair(trail.first, currency)
    return stored


def _pair(observation: Observation, currency: str) -> list[str]:
    amount = floor_to(observation.amount, quantum_of(currency))
    return [observation.observed_at.isoformat(), plain(amount)]


def _observation(pair: Sequence[str]) -> Observation:
    moment, amount = pair
    return Observation(parse_amount(amount), datetime.fromisoformat(moment))
