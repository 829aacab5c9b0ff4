"""Which accounts in the stored answer of a webhook a user may read about."""

from collections.abc import Callable

from django.contrib.auth.models import AbstractUser

from capital.models import Account
from capital.services.access.visibility import sees_everything, visible_to
from strategies.models import Strategy


def accounts_shown(strategy: Strategy, *, user: AbstractUser) -> Callable[[str], bool]:
    """A function that says whether the user may read lines about the account of a name.

    A stored answer has only the names that accounts had then, and a strategy may trade on other
    people's accounts. A name that might be somebody else's account is hidden. Two queries at
    most.
    """
    if sees_everything(user):
        return lambda _name: True
    own = visible_to(user, Account.objects.order_by())
    others = Account.objects.filter(strategy_accounts__strategy=strategy).exclude(
        pk__in=own.values("pk")
    )
    hidden = set(others.values_list("name", flat=True))
    shown = set(own.values_list("name", flat=True)) - hidden
    return lambda name: name in shown
