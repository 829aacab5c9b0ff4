"""The bar above each of the first steps, the last of which is a preview: where one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy

from capital.models import Account


class Step(Enum):
    """In their order: its title, and its page of an account that is stored."""

    VENUE = gettext_lazy("Exchange"), "first_venue_of"
    KEYS = gettext_lazy("API keys"), "first_keys_of"
    CHECK = gettext_lazy("Check"), "first_check_of"
    STRATEGIES = gettext_lazy("Strategies"), "first_strategies_of"
    PREVIEW = gettext_lazy("Preview"), ""


@dataclass(frozen=True)
class StepShown:
    """One of them; ``url`` leads back to one that is done."""

    title: Any
    is_here: bool
    is_done: bool
    url: str


def steps_at(here: Step, account: Account | None) -> Sequence[StepShown]:
    """All steps, as they look from one of them."""
    order = list(Step)
    at = order.index(here)
    return [
        StepShown(
            title=step.value[0],
            is_here=step is here,
            is_done=place < at,
            url=reverse(f"admin:capital_account_{step.value[1]}", args=[account.pk])
            if place < at and account is not None
            else "",
        )
        for place, step in enumerate(order)
    ]
