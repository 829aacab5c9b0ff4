"""What a user may do with which account: the one place that knows.

Two keys turn together. A **permission** of Django says what a user may do at all; the **standing**
says on which accounts: an account is its owner's, and others have the role that its owner gave
them (``AccountAccess``). Superusers stand everywhere as owners do. Who may see everyone's rows
(``capital.view_all_accounts``) may also do there what the permissions allow, but for an act that
is not ``everywhere``.

Whatever is done with an account is an ``Act`` with its row below, and asks here: services by
``require``, which refuses; pages by ``may``, which only says so; what works on many accounts by
``allowed_to``. Who sees which rows is asked of ``visibility``, which asks here too.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import OuterRef, Q, QuerySet, Subquery

from capital.domain.errors import (
    RoleTooSmall,
    StrategyOfAnother,
    UnknownAccount,
)
from capital.models import AccessRole, Account, AccountAccess
from capital.services.access.permissions import (
    ACCEPT_PERMISSION,
    ALLOCATE_PERMISSION,
    FORCE_PERMISSION,
    LIFT_PERMISSION,
    REVERT_PERMISSION,
    STOP_PERMISSION,
    require_permission,
)
from capital.services.access.sight import sees_everything
from strategies.models import Strategy

User = AbstractUser | AnonymousUser


class Standing(IntEnum):
    """How near an account is to a user. Each includes those before it."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    MANAGER = 3
    OWNER = 4

    @property
    def word(self) -> str:
        """As it is stored in ``AccountAccess.role``, and in errors."""
        return self.name.lower()

    @property
    def roles(self) -> list[str]:
        """The roles that come to this standing at least."""
        return [role for role in AccessRole.values if Standing[role.upper()] >= self]


class Act(StrEnum):
    """Something that is done with an account.

    Attributes:
        permission: The permission of Django that it takes.
        standing: The least standing on the account.
        everywhere: Whether those who see everyone's rows may do it on accounts of others.
    """

    permission: str
    standing: Standing
    everywhere: bool

    def __new__(
        cls,
        value: str,
        permission: str,
        standing: Standing,
        everywhere: bool = True,  # noqa: FBT001, FBT002  # a column of the table below
    ) -> "Act":
        """A member is its word; the rest of its row goes along."""
        act = str.__new__(cls, value)
        act._value_ = value
        act.permission, act.standing, act.everywhere = permission, standing, everywhere
        return act

    ALLOCATE = "allocate", ALLOCATE_PERMISSION, Standing.OPERATOR
    FORCE = "force", FORCE_PERMISSION, Standing.OPERATOR
    ACCEPT_JUMP = "accept_jump", ACCEPT_PERMISSION, Standing.OPERATOR
    REVERT = "revert", REVERT_PERMISSION, Standing.OPERATOR
    CHECK_CONNECTION = "check_connection", ALLOCATE_PERMISSION, Standing.OPERATOR
    # What bots report decides what becomes of the account's capital, so it is no one's who looks.
    REPORT = "report", "capital.report_position", Standing.OPERATOR, False
    REPORT_TRADING = "report_trading", "capital.report_trading", Standing.OPERATOR, False
    ASSIGN_FILLS = "assign_fills", "capital.assign_fills", Standing.OPERATOR
    CHANGE_FLOWS = "change_flows", "capital.change_flows", Standing.OPERATOR
    STOP_ENTRIES = "stop_entries", STOP_PERMISSION, Standing.OPERATOR
    LIFT_STOP = "lift_stop", LIFT_PERMISSION, Standing.OPERATOR
    ADD_LINK = "add_link", "capital.add_strategyaccount", Standing.OPERATOR
    CHANGE_LINK = "change_link", "capital.change_strategyaccount", Standing.OPERATOR
    DELETE_LINK = "delete_link", "capital.delete_strategyaccount", Standing.OPERATOR
    CHANGE_ACCOUNT = "change_account", "capital.change_account", Standing.MANAGER
    DELETE_ACCOUNT = "delete_account", "capital.delete_account", Standing.OWNER
    # Other people's keys, and whom else they trust, are nobody's business.
    REPLACE_CREDENTIALS = "replace_credentials", "capital.change_account", Standing.OWNER, False
    SHARE = "share", "capital.share_account", Standing.OWNER, False


def of_accounts(user: User, least: Standing = Standing.VIEWER) -> Q:
    """A condition on accounts: those on which the user stands so, by owning or by a role."""
    return among_accounts([user.pk or 0], least)


def among_accounts(user_ids: Sequence[int], least: Standing = Standing.VIEWER) -> Q:
    """``of_accounts`` of the users with these keys, for a prepared query."""
    if least is Standing.OWNER:
        return Q(owner__in=user_ids)
    invited = AccountAccess.objects.filter(user__in=user_ids, role__in=least.roles)
    return Q(owner__in=user_ids) | Q(pk__in=invited.values("account"))


def role_of(user_ids: Sequence[int], account: str = "pk") -> Subquery:
    """An annotation: the role of the user on the account at this path; NULL without one."""
    given = AccountAccess.objects.filter(account=OuterRef(account), user__in=user_ids)
    return Subquery(given.order_by().values("role")[:1])


def standing_of(user: User, *, owner_id: int, role: str | None) -> Standing:
    """The standing by owning or by a role, as the database says them; asks nothing."""
    if not user.is_active:
        return Standing.NONE
    if user.is_superuser or user.pk == owner_id:
        return Standing.OWNER
    return Standing[role.upper()] if role else Standing.NONE


def require(actor: AbstractUser | None, *acts: Act, account_ids: Iterable[int]) -> None:
    """Refuse unless the actor may do all of this on every one of the accounts.

    One query for all accounts, besides those for the actor's permissions.

    Args:
        actor: Who asks; None is the command line, which may do everything.
        *acts: What is to be done.
        account_ids: Primary keys. An account that is not seen is answered as one that is not there.

    Raises:
        UnknownAccount: One is not there, or the actor may not see it.
        NotPermitted: The actor lacks a permission.
        RoleTooSmall: The actor has the permission, but stands too far from one of the accounts.
    """
    if actor is None:
        return
    ids = list(account_ids)
    standings = _standings(actor, ids)
    for key in ids:
        if key not in standings:
            raise UnknownAccount(account=str(key))
    for act in acts:
        require_permission(actor, act.permission)
        for key in ids:
            if not _suffices(actor, standings[key], act):
                raise RoleTooSmall(
                    user=actor.get_username(),
                    role=standings[key].word,
                    needed=act.standing.word,
                    account=str(key),
                )


def may(user: User, act: Act, account: Account) -> bool:
    """Whether ``require`` would let the user; no query for the user's own account."""
    if not user.is_active or not user.has_perm(act.permission):
        return False
    standing = standing_of(user, owner_id=account.owner_id, role=None)
    if standing is Standing.NONE:
        given = AccountAccess.objects.filter(account=account.pk, user=user.pk)
        role = given.values_list("role", flat=True).first()
        standing = standing_of(user, owner_id=account.owner_id, role=role)
    return _suffices(user, standing, act)


def allowed_to(user: User, act: Act, accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Those of the accounts on which ``require`` would let the user."""
    if not user.is_active or not user.has_perm(act.permission):
        return accounts.none()
    if user.is_superuser or (act.everywhere and sees_everything(user)):
        return accounts
    return accounts.filter(of_accounts(user, act.standing))


def may_change(user: User, strategy: Strategy) -> bool:
    """Whether the user may change, pause or remove the strategy, where a permission allows that.

    Its owner may, and who sees everyone's rows. A role on one account is not enough: the strategy
    may trade on accounts that its holder does not see. A link is another matter: it is the
    account's.
    """
    return user.is_active and (strategy.owner_id == user.pk or sees_everything(user))


def require_strategy(
    actor: AbstractUser | None, permission: str, strategies: Iterable[Strategy]
) -> None:
    """Refuse unless the actor holds the permission, and may change each of the strategies.

    Raises:
        NotPermitted: The actor lacks the permission.
        StrategyOfAnother: One belongs to somebody else.
    """
    if actor is None:
        return
    require_permission(actor, permission)
    for strategy in strategies:
        if not may_change(actor, strategy):
            raise StrategyOfAnother(user=actor.get_username(), strategy=strategy.key)


def _suffices(user: User, standing: Standing, act: Act) -> bool:
    return standing >= act.standing or (act.everywhere and sees_everything(user))


def _standings(actor: AbstractUser, ids: Sequence[int]) -> dict[int, Standing]:
    """The actor's standing on each of these accounts that are seen, in one query."""
    rows = Account.objects.filter(pk__in=ids).order_by()
    found = rows.annotate(role=role_of([actor.pk])).values_list("pk", "owner_id", "role")
    standings = {
        key: standing_of(actor, owner_id=owner_id, role=role) for key, owner_id, role in found
    }
    if actor.is_active and sees_everything(actor):
        return {key: max(each, Standing.VIEWER) for key, each in standings.items()}
    return {key: each for key, each in standings.items() if each}
