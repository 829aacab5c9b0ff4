"""Accounts that need a look, each with why, and the lists that show the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_lazy

from capital.admin.frame.navigation import listing
from capital.services.overview import Concern, Dashboard

# More accounts than this are a link to the list of them.
MOST_CONCERNS = 8
_CONCERN_NAME = {
    Concern.FAILED: gettext_lazy("failed"),
    Concern.SUSPECT: gettext_lazy("suspect balance"),
    Concern.STOPPED: gettext_lazy("entries stopped"),
    Concern.LIMIT: gettext_lazy("limit of loss"),
    Concern.HELD: gettext_lazy("on hold"),
    Concern.NO_BALANCE: gettext_lazy("balance unknown"),
    Concern.NEVER: gettext_lazy("never read"),
    Concern.EXPIRED: gettext_lazy("balance too old"),
    Concern.STALE: gettext_lazy("stale balance"),
    Concern.TRADES: gettext_lazy("trades unread"),
}
_CONCERN_COLOUR = {
    Concern.FAILED: "bad",
    Concern.SUSPECT: "bad",
    Concern.STOPPED: "bad",
    Concern.LIMIT: "warn",
    Concern.HELD: "warn",
    Concern.NO_BALANCE: "bad",
    Concern.NEVER: "bad",
    Concern.EXPIRED: "bad",
    Concern.STALE: "warn",
    Concern.TRADES: "warn",
}
# Which list shows them, and by which filter.
_CONCERN_ROWS = {
    Concern.FAILED: ("allocationrun", {"outcome__exact": "failed"}),
    Concern.SUSPECT: ("account", {"state": "suspect"}),
    Concern.STOPPED: ("stop", {"in_force": "yes"}),
    Concern.LIMIT: ("account", {"state": "limit"}),
    Concern.HELD: ("allocationrun", {"outcome__exact": "held"}),
    Concern.NO_BALANCE: ("account", {"last_check_code": "no_balance"}),
    Concern.NEVER: ("account", {"freshness": "never", "is_active__exact": "1"}),
    Concern.EXPIRED: ("account", {"freshness": "expired", "is_active__exact": "1"}),
    Concern.STALE: ("account", {"freshness": "stale", "is_active__exact": "1"}),
    Concern.TRADES: ("account", {"state": "trades"}),
}


@dataclass(frozen=True)
class ConcernRow:
    """One account that needs attention."""

    name: str
    where: str
    url: str
    badges: Sequence[tuple[str, str, str]] = field(default_factory=tuple)
    observed_at: datetime | None = None


def concern_rows(overview: Dashboard) -> list[ConcernRow]:
    """The first few accounts that need a look."""
    names = _CONCERN_NAME
    return [
        ConcernRow(
            name=each.account.name,
            where=f"{each.account.venue} · {each.account.currency}",
            url=reverse("admin:capital_account_change", args=[each.account.pk]),
            badges=[
                (str(names[one]), _CONCERN_COLOUR[one], why) for one, why in each.concerns.items()
            ],
            observed_at=each.overview.read_at,
        )
        for each in overview.concerns[:MOST_CONCERNS]
    ]


def concern_links(overview: Dashboard) -> list[tuple[str, int, str]]:
    """How many accounts there are of each concern, and the list of them."""
    names = _CONCERN_NAME
    counts = {
        concern: sum(concern in each.concerns for each in overview.concerns) for concern in Concern
    }
    found = []
    for concern, count in counts.items():
        if count:
            rows, filters = _CONCERN_ROWS[concern]
            found.append((str(names[concern]), count, listing(rows, **filters)))
    return found
