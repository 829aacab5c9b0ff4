"""Stops: they are placed and lifted here. The next order that is sized anywhere obeys them.

A person's stop moves no capital, and lifting it resumes what was running: sizing alone asks for
it. One that a limit made is also what an allocation rests on.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser, User
from django.db import transaction
from django.db.models import OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext

from capital.domain.clock import Clock
from capital.domain.errors import InvalidStop, NotFound, NotPermitted
from capital.domain.reasons import Code, Reason
from capital.models import Account, Stop, StrategyAccount
from capital.services.access.permissions import (
    LIFT_PERMISSION,
    STOP_PERMISSION,
    require_permission,
)
from capital.services.access.roles import Act, may, require
from capital.services.access.sight import VIEW_ALL_PERMISSION, sees_everything
from capital.services.accounts.links import find_link_ids
from capital.services.accounts.lookup import find_account_ids, lock_accounts
from capital.services.happened import StopLifted, StopPlaced, say
from capital.services.limits.events import limit_stops_changed
from capital.services.limits.limits import figures_when_lifted

LONGEST_REASON = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whom a stop is of: exactly one of these.

    Attributes:
        account_id: All links of this account.
        link_id: This link.
        owner_id: All accounts of this user.
        everybody: Every account.
    """

    account_id: int | None = None
    link_id: int | None = None
    owner_id: int | None = None
    everybody: bool = False

    @property
    def columns(self) -> dict[str, Any]:
        """As the row has it."""
        return {
            "account_id": self.account_id,
            "strategy_account_id": self.link_id,
            "owner_id": self.owner_id,
            "everybody": self.everybody,
        }

    @classmethod
    def of(cls, stop: Stop) -> "Scope":
        """Whom this one is of."""
        return cls(
            account_id=stop.account_id,
            link_id=stop.strategy_account_id,
            owner_id=stop.owner_id,
            everybody=stop.everybody,
        )

    def check(self) -> None:
        """Refuse none, and more than one.

        Raises:
            InvalidStop: It is so.
        """
        given = [self.account_id, self.link_id, self.owner_id, self.everybody or None]
        if sum(each is not None for each in given) != 1:
            raise InvalidStop(Code.STOP_SCOPE_UNCLEAR)


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


def scope_name(stop: Stop) -> str:
    """Whom it stops, for a person."""
    if stop.scope == "everybody":
        return gettext("everybody")
    names = {"owner": gettext("owner"), "account": gettext("account")}
    name = names.get(stop.scope, gettext("strategy link"))
    return f"{name} {stop.scope_name}"


def find_owner(username: str) -> int:
    """The user with this name, by primary key. Raises ``NotFound``."""
    found = User.objects.filter(username=username).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound
    return found


def find_scope(
    *, account: str | None, strategy: str | None, owner: str | None, everybody: bool
) -> Scope:
    """Whom a person at the command line means.

    Args:
        account: By id or exact name.
        strategy: By key: of its link on ``account``, which must be given, too.
        owner: By user name.
        everybody: Every account.

    Raises:
        InvalidStop: Not exactly one of them.
        UnknownAccount, AmbiguousAccount, UnknownStrategy, NotFound: There is none such.
    """
    if [account is not None, owner is not None, everybody].count(True) != 1 or (
        strategy is not None and account is None
    ):
        raise InvalidStop(Code.STOP_SCOPE_UNCLEAR)
    if owner is not None:
        return Scope(owner_id=find_owner(owner))
    if account is None:
        return Scope(everybody=True)
    if strategy is not None:
        return Scope(link_id=find_link_ids(strategy, [account])[0])
    return Scope(account_id=find_account_ids([account])[0])


def may_stop(user: AbstractUser | AnonymousUser, account: Account) -> bool:
    """Whether the user may stop the account's entries."""
    return may(user, Act.STOP_ENTRIES, account)


def may_stop_everybody(user: AbstractUser | AnonymousUser) -> bool:
    """Whether the user may stop all entries of everybody."""
    return user.has_perm(STOP_PERMISSION) and sees_everything(user)


def may_stop_all(user: AbstractUser | AnonymousUser) -> bool:
    """Whether there is something that *stop all entries* means for the user.

    One query at most; none for those who see everybody's accounts.
    """
    return user.has_perm(STOP_PERMISSION) and (sees_everything(user) or bool(_owned(user)))


def widest_scopes(user: AbstractUser | AnonymousUser) -> list[Scope]:
    """What *stop all entries* may mean for the user, the widest first; none who may not.

    Those who see everybody's accounts may stop everybody; whoever owns accounts, all of their own.
    One query at most.
    """
    if not user.has_perm(STOP_PERMISSION):
        return []
    found = [Scope(everybody=True)] if sees_everything(user) else []
    return found + _owned(user)


def _owned(user: AbstractUser | AnonymousUser) -> list[Scope]:
    owns = user.pk is not None and Account.objects.filter(owner=user.pk).exists()
    return [Scope(owner_id=user.pk)] if owns else []


def may_lift(user: AbstractUser | AnonymousUser, stop: Stop) -> bool:
    """Whether the user may lift the stop."""
    if not user.is_active or not user.has_perm(LIFT_PERMISSION):
        return False
    if stop.strategy_account is not None:
        return may(user, Act.LIFT_STOP, stop.strategy_account.account)
    if stop.account is not None:
        return may(user, Act.LIFT_STOP, stop.account)
    return sees_everything(user) or (stop.owner_id is not None and stop.owner_id == user.pk)


def _lift(stop: Stop, reason: str, actor: AbstractUser | None, now: datetime) -> bool:
    figures = figures_when_lifted(stop, now=now)
    by_id = None if actor is None else actor.pk
    is_lifted = stop.lift(by_id=by_id, at=now, reason=reason, figures=figures)
    if is_lifted:
        if stop.code:
            account_ids = _account_ids(Scope.of(stop))
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
    accounts = _account_ids(scope)
    if accounts and not lock_accounts(accounts):
        raise NotFound


def _account_ids(scope: Scope) -> list[int]:
    if scope.link_id is not None:
        found = StrategyAccount.objects.filter(pk=scope.link_id)
        ids = list(found.values_list("account_id", flat=True))
        if not ids:
            raise NotFound
        return ids
    return [] if scope.account_id is None else [scope.account_id]


def _require(actor: AbstractUser | None, act: Act, scope: Scope) -> None:
    if scope.owner_id is not None and not User.objects.filter(pk=scope.owner_id).exists():
        raise NotFound
    if actor is None:
        return
    if accounts := _account_ids(scope):
        require(actor, act, account_ids=accounts)
        return
    require_permission(actor, act.permission)
    if sees_everything(actor) or scope.owner_id == actor.pk:
        return
    if scope.owner_id is not None:
        raise NotFound
    raise NotPermitted(user=actor.get_username(), permission=VIEW_ALL_PERMISSION)
