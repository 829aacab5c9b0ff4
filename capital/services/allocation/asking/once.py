"""A preview for a form, made once however often it is sent; and who has answered meanwhile."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from threading import Event, Thread
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from capital.domain.balances import Observation
from capital.domain.clock import Clock
from capital.domain.money import plain
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.models import Account, AllocationPlan, PlanRequest
from capital.services.access.visibility import visible_to
from capital.services.allocation.plans import expires_at, make_plan
from capital.services.sentences import sentence_of
from capital.services.transactions import outside_transaction

logger = logging.getLogger(__name__)

# Longer than any plan takes; after that its process is taken for ended.
GIVEN_UP_AFTER = timedelta(minutes=5)
_WRITTEN_EVERY = timedelta(milliseconds=400)


@dataclass(frozen=True)
class PoolAnswered:
    """What came of one pool: its balance, or why there is none, as a sentence."""

    pool: str
    amount: Decimal | None
    reason: str


@dataclass(frozen=True)
class AccountAsked:
    """An account of a preview that is being made; without pools while its exchange is silent."""

    account: Account
    pools: Sequence[PoolAnswered]


@outside_transaction
def make_plan_once(
    key: UUID,
    account_ids: Iterable[int],
    *,
    actor: AbstractUser,
    clock: Clock = timezone.now,
    **how: Any,
) -> PlanRequest:
    """The preview of a form, by ``make_plan``: made by the first who asks with this key.

    Call it outside a transaction: it waits for exchanges. Whoever asks with the same key for the
    same again gets the request at once: with its plan, or without one while the first still waits.
    A plan that was applied or has expired is made again, and so is one that failed.

    Args:
        key: Of the form, made with it.
        account_ids: As ``make_plan`` takes them.
        actor: The user who asks.
        clock: Gives the current time.
        **how: As ``make_plan`` takes them.

    Raises:
        CapitalError: As ``make_plan`` does.
    """
    ids = list(dict.fromkeys(account_ids))
    request, is_ours = _begin(key, ids, actor, how, clock)
    if not is_ours:
        return request
    try:
        with _written(request) as told:
            plan = make_plan(ids, actor=actor, clock=clock, on_account=told.add, **how)
    except BaseException:
        request.delete()
        raise
    request.plan = plan
    request.save(update_fields=["plan"])
    return request


def find_request(key: UUID, *, actor: AbstractUser) -> PlanRequest | None:
    """What this user asked for last with the key; None if there is no such request."""
    requests = PlanRequest.objects.filter(key=key, actor=actor.pk)
    return requests.select_related("plan").first()


def who_answered(request: PlanRequest, *, actor: AbstractUser) -> list[AccountAsked]:
    """The accounts of a request that the user sees, those that have not answered first.

    In one query.
    """
    accounts = visible_to(actor, Account.objects.filter(pk__in=request.accounts))
    found = accounts.only("name", "venue", "currency", "owner").in_bulk()
    asked = [
        AccountAsked(found[pk], [_answered(each) for each in request.answers.get(str(pk), [])])
        for pk in request.accounts
        if pk in found
    ]
    return sorted(asked, key=lambda each: bool(each.pools))


def _answered(told: Sequence[Any]) -> PoolAnswered:
    pool, amount, code, figures = told
    if amount is not None:
        return PoolAnswered(pool, Decimal(amount), "")
    return PoolAnswered(pool, None, sentence_of(code, figures))


def _begin(
    key: UUID, ids: Sequence[int], actor: AbstractUser, how: Mapping[str, Any], clock: Clock
) -> tuple[PlanRequest, bool]:
    """The request of the key, and whether its plan is ours to make."""
    now = clock()
    asked = sha256(repr((ids, sorted(how.items()))).encode()).hexdigest()
    fresh = {"accounts": list(ids), "answers": {}, "started_at": now, "plan": None}
    with transaction.atomic():
        request, is_new = PlanRequest.objects.get_or_create(
            key=key, actor_id=actor.pk, asked=asked, defaults=fresh
        )
        if is_new:
            return request, True
        # Of two who find it left, one makes it.
        locked = PlanRequest.objects.select_for_update(no_key=True, of=("self",))
        request = locked.select_related("plan").get(pk=request.pk)
        plan = request.plan
        if plan is None:
            is_left = request.started_at + GIVEN_UP_AFTER < now
        else:
            is_left = _is_over(plan, clock)
        if is_left:
            for name, value in fresh.items():
                setattr(request, name, value)
            request.save()
        return request, is_left


def _is_over(plan: AllocationPlan, clock: Clock) -> bool:
    return plan.applied_at is not None or expires_at(plan) < clock()


@dataclass
class _Told:
    """What has been answered, and what of it is stored already."""

    request: PlanRequest
    answers: dict[str, list[Any]] = field(default_factory=dict)
    stored: int = 0

    def add(self, account_id: int, answers: Mapping[Pool, Observation | Reason]) -> None:
        """Remember it: who waits for the exchanges waits for nothing else."""
        self.answers[str(account_id)] = [_as_told(*each) for each in answers.items()]

    def store(self) -> None:
        """Whatever came since the last time. It is a courtesy: the plan does without it."""
        answers = dict(self.answers)
        if len(answers) == self.stored:
            return
        self.stored = len(answers)
        try:
            PlanRequest.objects.filter(pk=self.request.pk).update(answers=answers)
        except DatabaseError as error:
            logger.debug("Who answered could not be stored (%s).", type(error).__name__)


def _as_told(pool: Pool, answer: Observation | Reason) -> list[Any]:
    if isinstance(answer, Reason):
        return [pool.value, None, answer.code.value, dict(answer.figures)]
    return [pool.value, plain(answer.amount), "", {}]


@contextmanager
def _written(request: PlanRequest) -> Iterator[_Told]:
    """Store what is answered while it is waited for, in a thread with a connection of its own."""
    told, over = _Told(request), Event()

    def write() -> None:
        try:
            while not over.wait(_WRITTEN_EVERY.total_seconds()):
                told.store()
        finally:
            connection.close()

    thread = Thread(target=write, name="who answered", daemon=True)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()
