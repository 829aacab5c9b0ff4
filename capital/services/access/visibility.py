"""Which rows a user may see: those that belong to the user, or everyone's."""

from types import MappingProxyType
from typing import TypeVar

from django.contrib.auth.models import AbstractUser, AnonymousUser, Permission
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    ApiToken,
    DailyAccountSummary,
    Position,
    StrategyAccount,
    StrategyCapital,
    WebhookAnswer,
    WebhookDelivery,
)
from capital.models.queries.prepared import PreparedQuery
from strategies.models import Strategy

VIEW_ALL_PERMISSION = "capital.view_all_accounts"
_REMEMBERED = "_sees_everything"

# The path from a row to its owner. A link belongs to the owner of the account, whose money it
# uses, whoever owns the strategy.
OWNER_PATHS = MappingProxyType(
    {
        Account: "owner",
        Strategy: "owner",
        StrategyAccount: "account__owner",
        StrategyCapital: "strategy_account__account__owner",
        Position: "strategy_account__account__owner",
        DailyAccountSummary: "account__owner",
        AllocationRun: "account__owner",
        AllocationPool: "run__account__owner",
        AllocationEntry: "pool__run__account__owner",
        ApiToken: "user",
        WebhookDelivery: "strategy__owner",
        WebhookAnswer: "delivery__strategy__owner",
    }
)

# The path from a row to its account. A strategy belongs to every account that it trades on.
ACCOUNT_PATHS = MappingProxyType(
    {
        Account: "pk",
        Strategy: "strategy_accounts__account",
        StrategyAccount: "account",
        StrategyCapital: "strategy_account__account",
        Position: "strategy_account__account",
        DailyAccountSummary: "account",
        AllocationRun: "account",
        AllocationPool: "run__account",
        AllocationEntry: "pool__run__account",
        ApiToken: "account",
        WebhookDelivery: "strategy__strategy_accounts__account",
        WebhookAnswer: "delivery__strategy__strategy_accounts__account",
    }
)

_Row = TypeVar("_Row", bound=Model)


def sees_everything(user: AbstractUser | AnonymousUser) -> bool:
    """Whether this user may see the rows of all users."""
    remembered: bool | None = getattr(user, _REMEMBERED, None)
    if remembered is not None:
        return remembered
    return user.is_active and user.has_perm(VIEW_ALL_PERMISSION)


def sees_everything_condition(user_path: str) -> Q:
    """``sees_everything`` as a condition, for a query that also loads the user.

    Pass the result to ``remember_sees_everything``, which saves the queries of ``has_perm``.

    Args:
        user_path: The lookup from the queried rows to their user.
    """
    app, _, codename = VIEW_ALL_PERMISSION.partition(".")
    permission = Permission.objects.filter(content_type__app_label=app, codename=codename)
    user = OuterRef(user_path)
    return Q(**{f"{user_path}__is_superuser": True}) | Q(
        Exists(permission.filter(Q(user=user) | Q(group__user=user)))
    )


def remember_sees_everything(user: AbstractUser, *, sees_everything: bool) -> None:
    """Remember the result on this instance, which lives for one request, to save queries."""
    setattr(user, _REMEMBERED, user.is_active and sees_everything)


def may_see(user: AbstractUser | AnonymousUser, owner_id: int) -> bool:
    """Whether the user may see this owner's rows; needs no query for the user's own rows."""
    return user.is_active and (user.pk == owner_id or sees_everything(user))


def visible_to(user: AbstractUser | AnonymousUser, rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """The rows that this user may see; none for an anonymous or inactive user.

    Args:
        user: Superusers and holders of ``capital.view_all_accounts`` see all rows.
        rows: Rows of a model in ``OWNER_PATHS``.
    """
    path = OWNER_PATHS[rows.model]
    if not user.is_authenticated or not user.is_active:
        return rows.none()
    if sees_everything(user):
        return rows
    return rows.filter(**{path: user})


def within_account(rows: QuerySet[_Row], account_id: int | None) -> QuerySet[_Row]:
    """The rows of this account; all rows if it is None."""
    if account_id is None:
        return rows
    return rows.filter(**{ACCOUNT_PATHS[rows.model]: account_id})


_OWNERS_OF_LINKS = PreparedQuery(
    lambda ids: (
        StrategyAccount.objects.filter(pk__in=ids)
        .order_by()
        .values_list("account_id", "account__owner_id")
    )
)


def find_visible_link(
    link_id: int, *, user: AbstractUser | AnonymousUser, account_id: int | None = None
) -> int | None:
    """The id of the link if ``visible_to`` and ``within_account`` include it, else None."""
    rows = _OWNERS_OF_LINKS.rows([link_id])
    if not rows or account_id not in (None, rows[0][0]) or not may_see(user, rows[0][1]):
        return None
    return link_id
