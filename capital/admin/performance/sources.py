"""What to do where nothing is known of what was earned: report, read, or import fills."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.translation import gettext

from capital.services.access import Act, sees_everything


@dataclass(frozen=True)
class Source:
    """One way by which fills become known; ``url`` is empty where the user may not go there."""

    text: str
    url: str


def sources(user: AbstractUser) -> list[Source]:
    """All ways, for a user who may take some of them."""
    importing = user.has_perm("capital.view_fill") and user.has_perm(Act.REPORT_TRADING.permission)
    return [
        Source(gettext("report them over the API"), reverse("docs")),
        Source(
            gettext("let a job read them from the exchanges"),
            reverse("admin:capital_jobrun_health") if sees_everything(user) else "",
        ),
        Source(
            gettext("import a file"),
            reverse("admin:capital_fill_import_trades") if importing else "",
        ),
    ]
