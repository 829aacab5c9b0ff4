"""The permissions that services require, and who may raise an account's budget limit."""

from decimal import Decimal

from django.contrib.auth.models import AbstractUser, AnonymousUser

from capital.domain.errors import BudgetLimitNotAllowed, NotPermitted
from capital.domain.money import EXACT, plain

ALLOCATE_PERMISSION = "capital.allocate_capital"
FORCE_PERMISSION = "capital.force_allocate"
ACCEPT_PERMISSION = "capital.accept_jump"
REVERT_PERMISSION = "capital.revert_allocation"
STOP_PERMISSION = "capital.stop_entries"
LIFT_PERMISSION = "capital.lift_stop"
RAISE_PERMISSION = "capital.raise_budget_limit"
OWN_CAPITAL = Decimal(100)


def require_permission(actor: AbstractUser | None, permission: str) -> None:
    """Raise ``NotPermitted`` without the permission. On the command line (None), all is allowed."""
    if actor is not None and not (actor.is_active and actor.has_perm(permission)):
        raise NotPermitted(user=actor.get_username(), permission=permission)


def check_budget_limit(
    actor: AbstractUser | AnonymousUser, *, before: Decimal | None, after: Decimal
) -> None:
    """Refuse to raise an account's ``max_budget_percent`` above 100 without the permission.

    Above 100, an order spends other strategies' capital. Anyone may lower it, or set it up to 100.

    Args:
        actor: The user who changes it.
        before: The account's current value; None for a new account.
        after: The new value.

    Raises:
        BudgetLimitNotAllowed: It is raised above 100 without the permission.
    """
    present = OWN_CAPITAL if before is None else max(before, OWN_CAPITAL)
    if after > present and not (actor.is_active and actor.has_perm(RAISE_PERMISSION)):
        raise BudgetLimitNotAllowed(percent=plain(after.normalize(EXACT)))
