"""The bar above each of the first steps, the last of which is a preview: where one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.translation import gettext_lazy

from capital.models import Account
from capital.services.access import Act, may
from capital.services.accounts import asked_credentials, is_proven

# What an address says of an account whose check has just passed.
READ = "read"


class Step(Enum):
    """In their order: its title, its page of an account that is stored, and what is done there."""

    VENUE = gettext_lazy("Exchange"), "first_venue_of", Act.CHANGE_ACCOUNT
    KEYS = gettext_lazy("API keys"), "first_keys_of", Act.REPLACE_CREDENTIALS
    CHECK = gettext_lazy("Check"), "first_check_of", Act.CHECK_CONNECTION
    STRATEGIES = gettext_lazy("Strategies"), "first_strategies_of", Act.ADD_LINK
    PREVIEW = gettext_lazy("Preview"), "", Act.ALLOCATE


@dataclass(frozen=True)
class StepShown:
    """One of them; ``url`` leads back to one that is done."""

    title: Any
    is_here: bool
    is_done: bool
    url: str


def steps_at(
    here: Step, account: Account | None, user: AbstractUser, *, was_read: bool = False
) -> Sequence[StepShown]:
    """All steps, as they look from one of them.

    Args:
        here: The one whose page is shown.
        account: The stored account; None before it is.
        user: Who is led back only to pages that they may open.
        was_read: Whether its exchange has just answered for all of its pools.
    """
    order = list(Step)
    at = order.index(here)
    done = set() if account is None else _done(account, was_read=was_read)
    return [
        StepShown(
            title=step.value[0],
            is_here=step is here,
            is_done=step in done and step is not here,
            url=reverse(f"admin:capital_account_{step.value[1]}", args=[account.pk])
            if place < at and account is not None and _may_open(step, account, user)
            else "",
        )
        for place, step in enumerate(order)
    ]


def _may_open(step: Step, account: Account, user: AbstractUser) -> bool:
    return user.has_perm("capital.add_account") and may(user, step.value[2], account)


def _done(account: Account, *, was_read: bool) -> set[Step]:
    """What holds of the account, whichever page is open: a step can be passed over."""
    needs = asked_credentials(account.venue)
    keys = [bool(account.__dict__.get(name)) for name in needs]
    # Of an exchange that is not tested, nobody knows what it asks for.
    has_keys = all(keys) if is_proven(account.venue) else any(keys)
    known = account.summaries.exclude(ending_balance=None)
    holds = {
        Step.VENUE: True,
        Step.KEYS: has_keys,
        Step.CHECK: was_read or (has_keys and not account.connection_code and known.exists()),
        Step.STRATEGIES: account.strategy_accounts.exists(),
    }
    return {step for step, is_so in holds.items() if is_so}
