"""What to do first, where nothing was allocated yet."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.translation import gettext

from capital.admin.frame.navigation import listing
from capital.services.access import Act
from capital.services.overview import FirstSteps

_LINKING = ("capital.add_account", Act.ADD_LINK.permission)


@dataclass(frozen=True)
class Step:
    """One thing to do first."""

    title: str
    text: str
    is_done: bool
    url: str = ""


def sees_nothing(steps: FirstSteps, user: AbstractUser) -> bool:
    """Whether the user sees no account, and may add none: somebody has to give them access."""
    return not (steps.has_account or user.has_perm("capital.add_account"))


def may_look(user: AbstractUser) -> bool:
    """Whether the user may look at accounts at all: access to one is no permission."""
    return user.has_perm("capital.view_account")


def first_steps(steps: FirstSteps, user: AbstractUser) -> list[Step]:
    """What to do first, with a link where the user may do it; nothing for who may add nothing."""
    if not user.has_perm("capital.add_account"):
        return []

    def adding(permission: str, name: str) -> str:
        return reverse(f"admin:{name}_add") if user.has_perm(permission) else ""

    return [
        Step(
            gettext("Add an account"),
            gettext(
                "Choose its exchange and currency, and enter its API keys. Keys are stored "
                "encrypted."
            ),
            steps.has_account,
            first_steps_url(user),
        ),
        Step(
            gettext("Add a strategy"),
            gettext(
                "Give it a name, a key that bots use for it, and a market type: spot or futures."
            ),
            steps.has_strategy,
            _strategies(steps, user) or adding("strategies.add_strategy", "strategies_strategy"),
        ),
        Step(
            gettext("Link strategies to accounts"),
            gettext(
                "On the account's page, choose which strategies trade there and with what weight."
            ),
            steps.has_link,
            _strategies(steps, user) or (listing("account") if steps.has_account else ""),
        ),
        Step(
            gettext("Allocate capital"),
            gettext("Select accounts in the list, check the preview, and apply it."),
            steps.has_run,
            listing("account") if steps.has_link else "",
        ),
    ]


def first_steps_url(user: AbstractUser) -> str:
    """Where the steps are taken one by one, for who may add accounts."""
    may_add = user.has_perm("capital.add_account")
    return reverse("admin:capital_account_first_steps") if may_add else ""


def _strategies(steps: FirstSteps, user: AbstractUser) -> str:
    """The step of the account that there is, for who may take it."""
    if steps.own_account is None or not user.has_perms(_LINKING):
        return ""
    return reverse("admin:capital_account_first_strategies_of", args=[steps.own_account])
