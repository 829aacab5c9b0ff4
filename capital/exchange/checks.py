"""System checks: settings that name venues that do not exist."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register

from capital.exchange.venues import VENUES, is_known


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
