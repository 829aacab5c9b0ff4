"""Whose accounts a recorded answer of a webhook may tell a reader about."""

from collections.abc import Callable

from django.contrib.auth.models import AbstractUser

from capital.models import Account
from capital.services.access.visibility import sees_everything, visible_to
from strategies.models import Strategy


def accounts_shown(strategy: Strategy, *, user: AbstractUser) -> Callable[[str], bool]:
    """Whether lines about an account of this name are the user's to read.

    An answer names accounts as they were called, and a strategy may trade on other people's
    accounts: what cannot be told to be the user's own is not shown. Two queries at most.
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
