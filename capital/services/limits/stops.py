"""Stops: they are placed and lifted here. The next order that is sized anywhere obeys them.

A person's stop moves no capital, and lifting it resumes what was running: sizing alone asks for
it. One that a limit made is also what an allocation rests on.
"""

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser, User
from django.db import transaction
from django.db.models import OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext

from capital.domain.clock import Clock
from capital.domain.errors import InvalidStop, NotFound, NotPermitted
from capital.domain.reasons import Code, Reason
from capital.models import Stop
from capital.services.access.permissions import require_permission
from capital.services.access.roles import Act, require
from capital.services.access.sight import VIEW_ALL_PERMISSION, sees_everything
from capital.services.accounts.lookup import lock_accounts
from capital.services.happened import StopLifted, StopPlaced, say
from capital.services.limits.events import limit_stops_changed
from capital.services.limits.limits import figures_when_lifted
from capital.services.limits.scopes import Scope, account_ids_of

LONGEST_REASON = 500
logger = logging.getLogger(__name__)


def place_stop(
    scope: Scope, *, reason: str, actor: AbstractUser | None, clock: Clock = timezone.now
) -> tuple[Stop, bool]:
    """Stop all entries of the scope; closing goes on. It moves no capital.

    What a person stopped already stays as it is, with the reason that was given first.

    Args:
        scope: Whom.
        reason: For whoever reads an order's answer. 1 to 500 characters.
        actor: Who asks; None is the command line.
        clock: Says what time it is.

    Returns:
        The stop, and whether it is new.

    Raises:
        InvalidStop: The scope or the reason makes no sense.
        NotFound, UnknownAccount: There is no such row, or the actor does not see it.
        NotPermitted, RoleTooSmall: The actor may not.
    """
    scope.check()
    reason = _checked(reason)
    with transaction.atomic():
        _lock(scope)
        _require(actor, Act.STOP_ENTRIES, scope)
        stop, is_new = Stop.objects.open().get_or_create(
            **scope.columns,
            code="",
            defaults={"reason": reason, "actor_id": actor and actor.pk, "at": clock()},
        )
        if is_new:
            say(StopPlaced(stop), now=stop.at)
    if is_new:
        logger.warning("Entries of %s were stopped: %s", stop, reason)
    return stop, is_new


def lift_stop(
    stop_id: int, *, reason: str, actor: AbstractUser | None, clock: Clock = timezone.now
) -> Stop:
    """Lift one stop. Lifting it again changes nothing.

    Args:
        stop_id: Which.
        reason: 1 to 500 characters.
        actor: Who asks; None is the command line.
        clock: Says what time it is.

    Raises:
        InvalidStop: There is no reason.
        NotFound, UnknownAccount: There is no such stop, or the actor does not see it.
        NotPermitted, RoleTooSmall: The actor may not.
    """
    reason = _checked(reason)
    with transaction.atomic():
        stop = Stop.objects.filter(pk=stop_id).first()
        if stop is None:
            raise NotFound
        scope = Scope.of(stop)
        _lock(scope)
        _require(actor, Act.LIFT_STOP, scope)
        _lift(stop, reason, actor, clock())
    found: Stop = with_names().get(pk=stop_id)
    return found


def lift_stops(
    scope: Scope, *, reason: str, actor: AbstractUser | None, clock: Clock = timezone.now
) -> list[Stop]:
    """Lift every open stop of exactly this scope: a person's, and those that its limits made.

    Returns:
        Those that were lifted. An account that stands still for its owner's stop has none.

    Raises:
        InvalidStop, NotFound, UnknownAccount, NotPermitted, RoleTooSmall: As ``lift_stop``.
    """
    scope.check()
    reason = _checked(reason)
    with transaction.atomic():
        _lock(scope)
        _require(actor, Act.LIFT_STOP, scope)
        found = list(open_stops().filter(**scope.columns).order_by("pk"))
        now = clock()
        return [stop for stop in found if _lift(stop, reason, actor, now)]


def open_stops(account_id: int | None = None) -> Any:
    """Those that nobody lifted, with what they are of; of everything, or what stops an account."""
    stops = with_names().open()
    return stops if account_id is None else stops.of_account(account_id)


def with_names() -> Any:
    """Stops with what they are of, and who placed and lifted them, in one query."""
    return Stop.objects.select_related(
        "account",
        "strategy_account__strategy",
        "strategy_account__account",
        "owner",
        "actor",
        "lifted_by",
    )


def stopping(link: str = "pk", account: str = "account", owner: str = "account__owner") -> Any:
    """For a subquery over links: what stops each of them, the first one first.

    Args:
        link: The path to the link's primary key.
        account: The path to its account.
        owner: The path to the account's owner.
    """
    return (
        Stop.objects.open()
        .filter(
            Q(strategy_account=OuterRef(link))
            | Q(account=OuterRef(account))
            | Q(owner=OuterRef(owner))
            | Q(everybody=True)
        )
        .order_by("pk")
    )


def refusals(stop_ids: Collection[int]) -> dict[int, Reason]:
    """Why an order is refused, by stop: a person's reason, or the limit that was reached.

    One query; none for none.
    """
    if not stop_ids:
        return {}
    rows = Stop.objects.filter(pk__in=stop_ids).values_list("pk", "at", "reason", "code")
    return {
        pk: Reason(Code.STOPPED, {"since": at.isoformat(), "cause": reason or code})
        for pk, at, reason, code in rows
    }


def why_stopped(stop: Stop) -> Reason | str:
    """The limit that was reached, with its figures; or the words that a person gave."""
    code = Code.get(stop.code)
    return stop.reason or stop.code if code is None else Reason(code, stop.figures)


def who_stopped(stop: Stop) -> str:
    """Who placed it, for a person."""
    if stop.code:
        return gettext("limit of loss")
    return stop.actor.get_username() if stop.actor else gettext("command line")


def _lift(stop: Stop, reason: str, actor: AbstractUser | None, now: datetime) -> bool:
    figures = figures_when_lifted(stop, now=now)
    by_id = None if actor is None else actor.pk
    is_lifted = stop.lift(by_id=by_id, at=now, reason=reason, figures=figures)
    if is_lifted:
        if stop.code:
            account_ids = account_ids_of(Scope.of(stop))
            limit_stops_changed.send(Stop, account_ids=account_ids)
        say(StopLifted(stop), now=now)
        logger.warning("The stop of %s was lifted: %s", stop, reason)
    return is_lifted


def _checked(reason: str) -> str:
    reason = " ".join(reason.split())
    if not reason:
        raise InvalidStop(Code.STOP_REASON_MISSING)
    if len(reason) > LONGEST_REASON:
        raise InvalidStop(Code.STOP_REASON_TOO_LONG, longest=str(LONGEST_REASON))
    return reason


def _lock(scope: Scope) -> None:
    """Lock the account, so that nobody reserves or judges meanwhile; of many, none."""
    accounts = account_ids_of(scope)
    if accounts and not lock_accounts(accounts):
        raise NotFound


def _require(actor: AbstractUser | None, act: Act, scope: Scope) -> None:
    if scope.owner_id is not None and not User.objects.filter(pk=scope.owner_id).exists():
        raise NotFound
    if actor is None:
        return
    if accounts := account_ids_of(scope):
        require(actor, act, account_ids=accounts)
        return
    require_permission(actor, act.permission)
    if sees_everything(actor) or scope.owner_id == actor.pk:
        return
    if scope.owner_id is not None:
        raise NotFound
    raise NotPermitted(user=actor.get_username(), permission=VIEW_ALL_PERMISSION)
