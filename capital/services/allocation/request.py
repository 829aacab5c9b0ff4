"""What one call requests, and whether its caller may: checked before anything is done."""

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet, Value

from capital.domain.clock import Clock
from capital.domain.errors import (
    ForceNotAllowed,
    InvalidRunKey,
    NothingToAccept,
    RunKeyConflict,
    UnknownAccount,
)
from capital.domain.run_keys import LONGEST_RUN_KEY, is_run_key
from capital.exchange.moments import Moment
from capital.models import Account, AllocationRun, ArchivedRun, Trigger
from capital.models.queries.compiled import CompiledQuery
from capital.models.queries.given import Given
from capital.services.access.roles import Act, require

logger = logging.getLogger(__name__)

# Arguments that are named only where they were given.
_RARE = ("reverts", "splits_again", "weights")
# Of 100,000 accounts at once, the answers alone took 12 MB.
_IDS_AT_ONCE = 5_000
# What comes by itself: nobody looks at the balance before it is allocated.
_UNASKED = frozenset({Trigger.SCHEDULE.value, Trigger.EVENT.value, Trigger.WEBHOOK.value})


@dataclass(frozen=True)
class AllocationRequest:
    """What is requested, the same for every account of one call.

    Attributes:
        if_due: The gate decides whether anything is to be done.
        force: Open positions do not put an account on hold; never together with ``if_due``.
        accept_jump: Accept the balances that are suspect on the account.
        reverts: The run that is reverted; None otherwise.
        restores: What that run says of PnL (``AllocationRun.pnl``).
        until: When all balances are to be there; None where each account has the usual time.
        splits_again: The pools are divided by weight once, whatever the policy.
        weights: The weights that are changed with it, by strategy key, as text.
        weights_before: What they were; known under the lock.
    """

    trigger: str
    run_key: str
    clock: Clock
    actor_id: int | None = None
    live: bool = True
    if_due: bool = False
    force: bool = False
    accept_jump: bool = False
    reverts: int | None = None
    restores: Mapping[str, Any] = field(default_factory=dict)
    until: Moment | None = None
    splits_again: bool = False
    weights: Mapping[str, str] = field(default_factory=dict)
    weights_before: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_of_a_person(self) -> bool:
        """Whether somebody asks for it now, and so confirms a first balance by that.

        Who asks only for what is due gets what the scheduled job would do.
        """
        return not self.if_due and self.trigger not in _UNASKED

    @property
    def arguments(self) -> dict[str, Any]:
        """What a second use of the run key must match."""
        rare = {
            "reverts": self.reverts,
            "splits_again": self.splits_again or None,
            "weights": dict(self.weights) or None,
        }
        return {name: value for name, value in rare.items() if value is not None} | {
            "trigger": self.trigger,
            "actor": self.actor_id,
            "live": self.live,
            "if_due": self.if_due,
            "force": self.force,
            "accept_jump": self.accept_jump,
        }

    @property
    def recorded(self) -> dict[str, Any]:
        """What the run keeps of it: its arguments, and what they changed."""
        changed = {"weights_before": dict(self.weights_before)} if self.weights_before else {}
        return self.arguments | changed


def new_request(
    trigger: str,
    run_key: str | None,
    clock: Clock,
    *,
    actor: AbstractUser | None = None,
    live: bool = True,
    if_due: bool = False,
    force: bool = False,
    accept_jump: bool = False,
    splits_again: bool = False,
    until: Moment | None = None,
) -> AllocationRequest:
    """A request. It gets a new key if none is given. Raises for a bad key or trigger."""
    if run_key is not None and not is_run_key(run_key):
        raise InvalidRunKey(longest=str(LONGEST_RUN_KEY))
    trigger = Trigger(trigger).value
    if trigger == Trigger.REVERT:
        raise ValueError("A revert is not an allocation: see services.reverts.")
    return AllocationRequest(
        trigger=trigger,
        run_key=run_key or f"{trigger}:{clock():%Y%m%dT%H%M%S}:{uuid.uuid4().hex}",
        clock=clock,
        actor_id=None if actor is None else actor.pk,
        live=live,
        if_due=if_due,
        force=force,
        accept_jump=accept_jump,
        splits_again=splits_again,
        until=until,
    )


def known_ids(account_ids: Iterable[int]) -> list[int]:
    """The ids in order, without duplicates. Raises ``UnknownAccount``."""
    ids = list(dict.fromkeys(account_ids))
    for part in in_parts(ids, _IDS_AT_ONCE):
        known = {key for (key,) in _KNOWN.rows(part)}
        for account_id in part:
            if account_id not in known:
                raise UnknownAccount(account=str(account_id))
    return ids


def in_parts(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """The ids in their order, ``size`` of them at a time."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


_KNOWN = CompiledQuery(
    lambda ids: Account.objects.filter(pk__among=ids).order_by().values_list("pk")
)


def require_suspects(ids: Sequence[int], earlier: Mapping[int, AllocationRun]) -> None:
    """Raises ``NothingToAccept`` for an account without a suspect balance, except on a replay."""
    waiting = Account.objects.filter(pk__in=[key for key in ids if key not in earlier])
    for account in waiting.only("name", "suspect_readings"):
        if not account.suspect_readings:
            raise NothingToAccept(account=account.name)


def require_force(actor: AbstractUser | None) -> None:
    """Raises ``ForceNotAllowed``. On the command line (no actor), forcing is allowed."""
    if actor is not None and not actor.has_perm(Act.FORCE.permission):
        raise ForceNotAllowed(user=actor.get_username())


def log_force(actor: AbstractUser | None, ids: Sequence[int], origin: str) -> None:
    """Log who forced which accounts, and from where."""
    logger.warning(
        "Forced allocation of accounts %s by %s from %s.",
        ", ".join(map(str, ids)),
        "the command line" if actor is None else actor.get_username(),
        origin or "an unknown address",
    )


def earlier_runs(ids: Sequence[int], request: AllocationRequest) -> dict[int, AllocationRun]:
    """The runs with the request's key. Raises ``RunKeyConflict`` if its arguments differ."""
    runs = _runs_of_key(ids, request.run_key)
    for run in runs.values():
        asked = dict.fromkeys(_RARE) | request.arguments
        differences = [name for name, value in asked.items() if run.arguments.get(name) != value]
        if differences:
            raise RunKeyConflict(
                run_key=request.run_key,
                account=run.account.name,
                differences=", ".join(differences),
            )
    return runs


def _runs_of_key(ids: Sequence[int], run_key: str) -> dict[int, AllocationRun]:
    """By account; of an archived run what stays of it. One query a part where there is none."""
    keys: dict[bool, list[int]] = {True: [], False: []}
    for part in in_parts(ids, _IDS_AT_ONCE):
        for key, where in _OF_KEY.rows(part, run_key):
            keys[bool(where)].append(key)
    runs: dict[int, AllocationRun] = {}
    if keys[True]:
        rows = ArchivedRun.objects.filter(pk__in=keys[True]).select_related("account")
        runs |= {row.account_id: row.as_run() for row in rows}
    if keys[False]:
        kept = AllocationRun.objects.filter(pk__in=keys[False]).select_related("account")
        runs |= {run.account_id: run for run in kept}
    return runs


def _of_key(ids: Given, run_key: Given) -> QuerySet[Any, Any]:
    of_key = {"account_id__among": ids, "run_key": run_key}
    current = AllocationRun.objects.filter(**of_key)
    archived = ArchivedRun.objects.filter(**of_key)
    return (
        current.order_by()
        .values_list("pk", Value(0))
        .union(archived.order_by().values_list("pk", Value(1)), all=True)
    )


_OF_KEY = CompiledQuery(_of_key)


def require_rights(
    actor: AbstractUser | None, ids: Sequence[int], request: AllocationRequest
) -> None:
    """Check that the actor may see these accounts, and request this of each of them.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
    """
    asked = [Act.ALLOCATE]
    if request.force:
        asked.append(Act.FORCE)
    if request.accept_jump:
        asked.append(Act.ACCEPT_JUMP)
    require(actor, *asked, account_ids=ids)
