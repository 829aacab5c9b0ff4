"""Who may see what: a user's own rows and what hangs on them, or everyone's."""

from types import MappingProxyType
from typing import TypeVar

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Model, QuerySet

from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    DailyAccountSummary,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from strategies.models import Strategy

VIEW_ALL_PERMISSION = "capital.view_all_accounts"

# The way from a row to whom it belongs. A link belongs to the account's owner: it is that
# account's money, whoever wrote the strategy.
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
    }
)

_Row = TypeVar("_Row", bound=Model)


def sees_everything(user: AbstractUser | AnonymousUser) -> bool:
    """Whether other people's rows are shown to this user."""
    return user.is_active and user.has_perm(VIEW_ALL_PERMISSION)


def visible_to(user: AbstractUser | AnonymousUser, rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """The rows that this user may see; none for nobody.

    Args:
        user: Who looks. A superuser and a holder of ``capital.view_all_accounts`` see all.
        rows: Of a model in ``OWNER_PATHS``; another model is a bug of ours.
    """
    path = OWNER_PATHS[rows.model]
    if not user.is_authenticated or not user.is_active:
        return rows.none()
    if sees_everything(user):
        return rows
    return rows.filter(**{path: user})
