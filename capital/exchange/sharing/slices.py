"""Slices of what a venue allows an address a minute: what a store of them keeps, and gives out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from capital.exchange.calls.balances import Pace
from capital.exchange.politeness import LONGEST_RETRY_AFTER

# How long a slice may be used, and how long it counts: a request at the end of the one is within
# any minute that begins before the end of the other.
LEASE_SECONDS = 3
WINDOW_SECONDS = 60 + LEASE_SECONDS
PLENTY = 10**9
# A slice is at most this part of a minute; this part is kept for whoever must answer in time.
_SLICES = 10
_URGENT_PART = 20

State = Mapping[str, Any]
"""What a store keeps of one endpoint, as JSON: ``grants``, each a time, a weight and a process; and
``refused``: until when the whole address (``""``) or a key's digest is to be left alone."""


@dataclass(frozen=True)
class LeaseRequest:
    """What one process asks for.

    Attributes:
        holder: The process.
        weight: What one request counts for.
        wanted: What all its waiting requests count for.
        limit: What the venue allows a minute; None where it does not count by address.
        is_urgent: Whether somebody waits for the answer who cannot wait long.
    """

    holder: str
    weight: int
    wanted: int
    limit: int | None
    is_urgent: bool = False


@dataclass(frozen=True)
class Lease:
    """What a process may send.

    Attributes:
        weight: How much; 0 where nothing is left now.
        wait_seconds: After which time more may be had.
        processes: How many processes share the address.
        refused: By scope, for how many seconds the venue is to be left alone.
    """

    weight: int
    wait_seconds: float = 0.0
    processes: int = 1
    refused: Mapping[str, float] = field(default_factory=dict)


class PaceStore(Protocol):
    """What the processes of an address share. It may raise anything: then it counts as away."""

    def lease(self, name: str, request: LeaseRequest) -> Lease:
        """Give out a slice of the endpoint ``name``, by ``granted``."""

    def refuse(self, name: str, scope: str, span: timedelta) -> None:
        """From now on nobody asks the endpoint for so long, by ``with_refusal``."""


def requests_a_minute(weight: int, pace: Pace) -> int | None:
    """How many requests of this weight an address can send to an endpoint, minute after minute.

    None where the venue does not count by address.
    """
    limit = pace.weight_per_minute
    if limit is None:
        return None
    return max(1, (limit - limit // _URGENT_PART) // weight * 60 // WINDOW_SECONDS)


def granted(state: State, request: LeaseRequest, at: datetime) -> tuple[State, Lease]:
    """What a process gets, and the state to be kept.

    Args:
        state: As it is kept; empty at first.
        request: What is asked for.
        at: The time, by the store's clock. What was given out later than that counts as of then:
            the clock was set back.
    """
    now = at.timestamp()
    grants = [
        [min(given_at, now), weight, holder]
        for given_at, weight, holder in state.get("grants", ())
        if min(given_at, now) > now - WINDOW_SECONDS
    ]
    longest = now + LONGEST_RETRY_AFTER.total_seconds()
    refused = {
        scope: min(until, longest)
        for scope, until in state.get("refused", {}).items()
        if until > now
    }
    left = {scope: until - now for scope, until in refused.items()}
    weight, wait_seconds = 0, left.get("", 0.0)
    if not wait_seconds:
        weight, wait_seconds = _slice(grants, request, now)
    if request.limit is None:
        grants = [grant for grant in grants if grant[2] != request.holder]
    if weight or request.limit is None:
        counted = 0 if request.limit is None else weight
        grants.append([now, counted, request.holder])
    holders = {holder for _, _, holder in grants} | {request.holder}
    lease = Lease(weight, wait_seconds, len(holders), left)
    return {"grants": grants, "refused": refused}, lease


def with_refusal(state: State, scope: str, span: timedelta, at: datetime) -> State:
    """The state in which the venue is left alone for so long, or for longer."""
    refused = dict(state.get("refused", {}))
    refused[scope] = max(refused.get(scope, 0.0), (at + span).timestamp())
    return {**state, "refused": refused}


def _slice(grants: list[list[Any]], request: LeaseRequest, now: float) -> tuple[int, float]:
    """How much there is to give, in whole requests; else in how many seconds there will be."""
    if request.limit is None:
        return PLENTY, 0.0
    reserved = 0 if request.is_urgent else request.limit // _URGENT_PART
    limit = max(request.weight, request.limit - reserved)
    free = limit - sum(weight for _, weight, _ in grants)
    most = max(request.weight, limit // _SLICES)
    weight = min(request.wanted, most, free) // request.weight * request.weight
    if weight > 0:
        return weight, 0.0
    for at, given, _ in sorted(grants, key=lambda grant: grant[0]):
        free += given
        if free >= request.weight:
            return 0, max(0.0, at + WINDOW_SECONDS - now)
    return 0, float(WINDOW_SECONDS)
