"""System checks: settings that name venues that do not exist, or stop a sync of markets early."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register

from capital.exchange.contract import LISTINGS_WITHIN
from capital.exchange.venues import VENUES, is_known

# What one sync of markets then needs to store the lists of all venues.
STORED_WITHIN = timedelta(seconds=15)


@register()
def venue_urls_name_known_venues(**_: Any) -> list[CheckMessage]:
    """Warn of unknown venues: with a typo, the real exchange would be used."""
    return [
        checks.Warning(
            f"CAPITAL_VENUE_URLS names {venue!r}, which is not a venue of this product.",
            hint=f"Known are: {', '.join(sorted(VENUES))}.",
            id="capital.W001",
        )
        for venue in sorted(settings.CAPITAL_VENUE_URLS)
        if not is_known(venue)
    ]


@register()
def a_sync_of_markets_has_its_time(**_: Any) -> list[CheckMessage]:
    """Warn of a task timeout that stops a sync before what it fetched is stored."""
    needed = (LISTINGS_WITHIN + STORED_WITHIN) // timedelta(seconds=1)
    timeout = settings.Q_CLUSTER["timeout"]
    if timeout >= needed:
        return []
    return [
        checks.Warning(
            f"Q_TIMEOUT_SECONDS is {timeout}, and the job sync_markets may take {needed} seconds.",
            hint="With slow exchanges it would be stopped before any rules are stored.",
            id="capital.W002",
        )
    ]
