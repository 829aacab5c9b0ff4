"""Each caller's key is claimed, answered, released and taken over by itself."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capital.domain.errors import (
    IdempotencyConflict,
    InvalidIdempotencyKey,
    RequestInProgress,
)
from capital.models import IdempotentRequest
from capital.services.access.idempotency import (
    Answer,
    Claim,
    claim_request,
    keep_answer,
    prune_requests,
    release_claim,
    release_dead_claims,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
DIED, DAY_OVER = NOW + timedelta(seconds=90), NOW + timedelta(hours=24)
KEYS = (("user:1", "k"), ("user:2", "k"), ("user:1", "other"))


def claim(caller: str, key: str, *, at: datetime = NOW, fingerprint: str = "f") -> Claim:
    """Claim it, or be told at once that somebody else works on it."""
    times = iter((timedelta(), timedelta(), timedelta(seconds=25)))
    return claim_request(
        caller,
        key,
        fingerprint,
        clock=lambda: at,
        steady=lambda: next(times),
        pause=lambda _seconds: None,
    )


def answer(number: int) -> Answer:
    return Answer(200, "application/json", f'{{"answer": {number}}}')


@pytest.fixture
def claims() -> list[Claim]:
    return [claim(*each) for each in KEYS]


def rows() -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in IdempotentRequest.objects.values()}


def test_same_key_of_another_caller_is_another_request(claims: list[Claim]) -> None:
    assert len({each.pk for each in claims}) == len({each.run_key for each in claims}) == 3
    # In UTC, whatever zone this machine is in.
    first = hashlib.sha256(b"user:1\nk\n2026-11-24T03:00:00+00:00").hexdigest()
    assert claims[0].run_key == f"api:{first}"
    with pytest.raises(IdempotencyConflict):
        claim(*KEYS[0], fingerprint="g")
    assert claim("user:3", "k", fingerprint="g").answer is None


def test_each_key_has_its_own_answer(claims: list[Claim]) -> None:
    for number, each in enumerate(claims[:2]):
        keep_answer(each, answer(number))

    assert [claim(*each).answer for each in KEYS[:2]] == [answer(0), answer(1)]
    with pytest.raises(RequestInProgress):
        claim(*KEYS[2])


def test_claim_that_is_taken_over_leaves_the_others_alone(claims: list[Claim]) -> None:
    before = rows()

    taken = claim(*KEYS[0], at=DIED)

    assert (taken.pk, taken.run_key, taken.answer) == (claims[0].pk, claims[0].run_key, None)
    after = rows()
    assert after.pop(taken.pk) == {**before.pop(taken.pk), "claimed_at": DIED}
    assert after == before
    # Nobody else takes it over now, and the others still can be.
    with pytest.raises(RequestInProgress):
        claim(*KEYS[0], at=DIED)
    assert claim(*KEYS[1], at=DIED).pk == claims[1].pk


def test_claim_is_not_taken_over_a_moment_too_early(claims: list[Claim]) -> None:
    with pytest.raises(RequestInProgress):
        claim(*KEYS[0], at=DIED - timedelta(seconds=1))


@pytest.mark.parametrize("meanwhile", [{"claimed_at": DIED}, {"status": 200}])
def test_claim_that_somebody_else_takes_over_or_answers_first_is_not_taken_over(
    claims: list[Claim], monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any]
) -> None:
    """Between the reading and the taking over another process was quicker."""
    first = IdempotentRequest.objects.filter(pk=claims[0].pk).get()
    IdempotentRequest.objects.filter(pk=first.pk).update(**meanwhile)

    class Stale:
        """Reads the row as it was before."""

        def __getattr__(self, name: str) -> Any:
            return getattr(IdempotentRequest.objects, name)

        def filter(self, **conditions: Any) -> Any:
            found = IdempotentRequest.objects.filter(**conditions)
            if "caller" in conditions:
                found.first = lambda: first  # type: ignore[method-assign]
            return found

    class Model:
        objects = Stale()

    monkeypatch.setattr("capital.services.access.idempotency.IdempotentRequest", Model)

    with pytest.raises(RequestInProgress):
        claim(*KEYS[0], at=DIED)


def test_released_claim_leaves_the_others_claimed(claims: list[Claim]) -> None:
    release_claim(claims[0])

    assert claim(*KEYS[0]).run_key == claims[0].run_key
    for each in KEYS[1:]:
        with pytest.raises(RequestInProgress):
            claim(*each)


def test_answered_claim_is_not_released(claims: list[Claim]) -> None:
    keep_answer(claims[0], answer(1))
    before = rows()

    release_claim(claims[0])

    assert rows() == before
    assert claim(*KEYS[0]).answer == answer(1)


def test_key_whose_day_is_over_takes_no_other_with_it(claims: list[Claim]) -> None:
    keep_answer(claims[0], answer(1))
    claim("user:4", "k", at=DAY_OVER - timedelta(hours=1))

    again = claim(*KEYS[0], at=DAY_OVER)

    assert again.answer is None
    assert again.run_key != claims[0].run_key
    assert set(IdempotentRequest.objects.values_list("caller", "key")) == {*KEYS, ("user:4", "k")}


def test_only_keys_whose_day_is_over_are_pruned(claims: list[Claim]) -> None:
    young = claim("user:4", "k", at=NOW + timedelta(hours=1))

    assert prune_requests(now=DAY_OVER) == 0
    assert prune_requests(now=DAY_OVER + timedelta(minutes=1)) == 3
    assert set(rows()) == {young.pk}


@pytest.mark.parametrize("key", ["", "k" * 201, "k\n", "clé"])
def test_key_that_cannot_be_one_is_refused_and_claims_nothing(key: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        claim("user:1", key)
    assert rows() == {}
    assert claim("user:1", "k" * 200).answer is None


def test_waiting_ends_although_the_clock_is_set_back(claims: list[Claim]) -> None:
    moments = iter(NOW - timedelta(minutes=10 * number) for number in range(1000))
    waited = iter(timedelta(seconds=5 * number) for number in range(1000))

    with pytest.raises(RequestInProgress):
        claim_request(
            *KEYS[0],
            "f",
            clock=lambda: next(moments),
            steady=lambda: next(waited),
            pause=lambda _seconds: None,
        )
    # It began at 0, and looked at 5, 10 … and 25.
    assert next(waited) == timedelta(seconds=30)


def test_a_claim_of_before_the_clock_was_set_back_is_given_up_like_any_other(
    claims: list[Claim],
) -> None:
    earlier = NOW - timedelta(minutes=10)
    with pytest.raises(RequestInProgress):
        claim(*KEYS[0], at=earlier)
    with pytest.raises(RequestInProgress):
        claim(*KEYS[0], at=earlier + timedelta(seconds=89))

    taken = claim(*KEYS[0], at=earlier + timedelta(seconds=90))

    assert (taken.pk, taken.run_key) == (claims[0].pk, claims[0].run_key)
    # The other claims were not looked at.
    assert rows()[claims[1].pk]["claimed_at"] == NOW


def test_a_claim_of_a_machine_whose_clock_is_ahead_keeps_its_time(claims: list[Claim]) -> None:
    with pytest.raises(RequestInProgress):
        claim(*KEYS[0], at=NOW - timedelta(seconds=120))

    assert rows()[claims[0].pk]["claimed_at"] == NOW


def test_claims_of_the_dead_are_released_and_no_others(claims: list[Claim]) -> None:
    dead, answered, released = claims
    keep_answer(answered, answer(1))
    release_claim(released)
    fresh = claim("user:4", "k", at=DIED)
    before = rows()

    def release(later: timedelta) -> int:
        return release_dead_claims(clock=lambda: DIED + later)

    assert (release(timedelta()), rows()) == (0, before)
    assert release(timedelta(microseconds=1)) == 1
    assert {key for key, row in rows().items() if row != before[key]} == {dead.pk}
    assert release(timedelta(seconds=1)) == 0
    assert claim(*KEYS[0]) == Claim(dead.pk, dead.run_key), "at once"
    with pytest.raises(RequestInProgress):
        claim("user:4", "k", at=DIED)
    assert fresh.run_key not in {each.run_key for each in claims}
