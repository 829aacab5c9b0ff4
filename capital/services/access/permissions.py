"""Who may let an order spend more than its strategy's capital."""

from decimal import Decimal

from django.contrib.auth.models import AbstractUser, AnonymousUser

from capital.domain.errors import BudgetLimitNotAllowed
from capital.domain.money import EXACT, plain

RAISE_PERMISSION = "capital.raise_budget_limit"
OWN_CAPITAL = Decimal(100)


def check_budget_limit(
    actor: AbstractUser | AnonymousUser, *, before: Decimal | None, after: Decimal
) -> None:
    """Refuse an account's ``max_budget_percent`` that only a holder of the permission may set.

    What is above 100 is other strategies' money. Lowering, and anything up to 100, is free.

    Args:
        actor: Who changes it.
        before: What the account has; None for a new account.
        after: What it is to have.

    Raises:
        BudgetLimitNotAllowed: It is raised above 100 without the permission.
    """
    present = OWN_CAPITAL if before is None else max(before, OWN_CAPITAL)
    if after > present and not (actor.is_active and actor.has_perm(RAISE_PERMISSION)):
        raise BudgetLimitNotAllowed(percent=plain(after.normalize(EXACT)))
