"""Idempotency keys: for a day, the same key and request get the same response.

The first request with a key claims it in its own transaction, does the work and stores the
response. Later ones wait for that response. If a process dies, its claim is taken over after a
while with the run key of the first attempt, so that nothing is allocated twice.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from capital.domain.clock import Clock, SteadyClock
from capital.domain.errors import IdempotencyConflict, InvalidIdempotencyKey, RequestInProgress
from capital.models import IdempotentRequest
from capital.services.clocks import clock_difference, steady_clock
from capital.services.transactions import outside_transaction

LONGEST_KEY = 200
KEPT = timedelta(hours=24)
# Longer than the slowest request: an exchange may take 15 seconds.
_GIVEN_UP_AFTER = timedelta(seconds=90)
_WAIT = timedelta(seconds=25)
_PAUSE_SECONDS = 1 / 20
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    """A response that is repeated byte by byte: status, media type and body."""

    status: int
    content_type: str
    body: str


@dataclass(frozen=True)
class Claim:
    """A claimed key: do the work, then store the response or release the claim.

    Attributes:
        pk: The primary key of the stored request.
        run_key: The run key, the same for every attempt at this request.
        answer: The stored response. If there is one, there is no work to do.
    """

    pk: int
    run_key: str
    answer: Answer | None = None


@outside_transaction
def claim_request(
    caller: str,
    key: str,
    fingerprint: str,
    *,
    clock: Clock = timezone.now,
    steady: SteadyClock = steady_clock,
    pause: Callable[[Any], None] = time.sleep,
) -> Claim:
    """Claim the key, or wait for the response of the request that did.

    Call it outside a transaction.

    Args:
        caller: The owner of the key. Two callers may use the same key.
        key: The key as the caller sent it.
        fingerprint: A digest of what must be the same each time: see ``IdempotentRequest``.
        clock: Gives the current time.
        steady: Measures how long it waits.
        pause: Waits a number of seconds.

    Raises:
        InvalidIdempotencyKey: It is empty, too long or not printable ASCII.
        IdempotencyConflict: The key was used for another request.
        RequestInProgress: There is no response yet after 25 seconds.
    """
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey(longest=str(LONGEST_KEY))
    began = steady()
    while True:
        waited = steady() - began
        claim = _try_to_claim(caller, key, fingerprint, clock())
        if claim is not None:
            return claim
        if waited >= _WAIT:
            raise RequestInProgress(key=key)
        pause(_PAUSE_SECONDS)


def keep_answer(claim: Claim, answer: Answer) -> None:
    """Store the response for later uses of the key."""
    IdempotentRequest.objects.filter(pk=claim.pk).update(
        status=answer.status, content_type=answer.content_type, body=answer.body
    )


def release_claim(claim: Claim) -> None:
    """Let the next use of the key try again, after a response that should not be repeated."""
    IdempotentRequest.objects.filter(pk=claim.pk, status=None).update(claimed_at=_LONG_AGO)


def release_dead_claims(*, clock: Clock = timezone.now) -> int:
    """Release the claims of processes that must have died. Returns how many.

    The next use of such a key does the work at once, with the run key of the first attempt.
    """
    before = clock() - _GIVEN_UP_AFTER
    dead = IdempotentRequest.objects.filter(
        status=None, claimed_at__gt=_LONG_AGO, claimed_at__lt=before
    )
    # Most of the time there is none, and nobody has to wait for a lock.
    return dead.update(claimed_at=_LONG_AGO) if dead.exists() else 0


def prune_requests(*, now: datetime) -> int:
    """Delete keys that are older than a day. Returns their number."""
    return IdempotentRequest.objects.filter(created_at__lt=now - KEPT).delete()[0]


def _try_to_claim(caller: str, key: str, fingerprint: str, now: datetime) -> Claim | None:
    """The claim, with the response if there is one; None while another request is working on it."""
    request = IdempotentRequest.objects.filter(caller=caller, key=key).first()
    if request is not None and request.created_at <= now - KEPT:
        IdempotentRequest.objects.filter(pk=request.pk, created_at=request.created_at).delete()
        request = None
    if request is None:
        try:
            with transaction.atomic():
                request = IdempotentRequest.objects.create(
                    caller=caller, key=key, fingerprint=fingerprint, created_at=now, claimed_at=now
                )
        except IntegrityError:
            # Another request was faster; the next try finds its claim.
            return None
        return Claim(request.pk, _run_key(request))
    if request.fingerprint != fingerprint:
        raise IdempotencyConflict(key=key)
    if request.status is not None:
        answer = Answer(request.status, request.content_type, request.body)
        return Claim(request.pk, _run_key(request), answer)
    if request.claimed_at > now + clock_difference():
        # The clock was set back since then. The claim's time begins again.
        _claim_again(request, now)
        return None
    if request.claimed_at > now - _GIVEN_UP_AFTER:
        return None
    taken_over = _claim_again(request, now)
    return Claim(request.pk, _run_key(request)) if taken_over else None


def _claim_again(request: IdempotentRequest, now: datetime) -> bool:
    """Let the claim begin now, unless somebody else was quicker."""
    unchanged = IdempotentRequest.objects.filter(
        pk=request.pk, status=None, claimed_at=request.claimed_at
    )
    return unchanged.update(claimed_at=now) > 0


def _run_key(request: IdempotentRequest) -> str:
    """Made of caller, key and time of first use, so that a day later the key allocates again."""
    first_use = request.created_at.astimezone(UTC).isoformat()
    text = "\n".join((request.caller, request.key, first_use))
    return f"api:{hashlib.sha256(text.encode()).hexdigest()}"
