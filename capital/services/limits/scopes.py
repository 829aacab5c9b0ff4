"""Whose entries a stop concerns, and who may stop them."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser, User
from django.utils.translation import gettext

from capital.domain.errors import InvalidStop, NotFound
from capital.domain.reasons import Code
from capital.models import Account, Stop, StrategyAccount
from capital.services.access.permissions import LIFT_PERMISSION, STOP_PERMISSION
from capital.services.access.roles import Act, may
from capital.services.access.sight import sees_everything
from capital.services.accounts.links import find_link_ids
from capital.services.accounts.lookup import find_account_ids


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


def account_ids_of(scope: Scope) -> list[int]:
    """The primary keys of the accounts that it concerns, in order."""
    if scope.link_id is not None:
        found = StrategyAccount.objects.filter(pk=scope.link_id)
        ids = list(found.values_list("account_id", flat=True))
        if not ids:
            raise NotFound
        return ids
    return [] if scope.account_id is None else [scope.account_id]
