"""What pausing takes away, as a form says it before it is saved."""

from collections.abc import Sequence

from django.utils.translation import gettext, ngettext

from capital.admin.frame.formats import money
from capital.services.overview import Idling

_MOST_NAMED = 5


def told_losses(losing: Sequence[Idling]) -> str:
    """Which amounts on which accounts go to zero; empty where there is nothing to lose.

    Args:
        losing: Of one strategy.
    """
    if not losing:
        return ""
    named = [f"{money(each.capital, each.currency)} ({each.account})" for each in losing]
    more = len(named) - _MOST_NAMED
    if more > 0:
        rest = ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}
        named = [*named[:_MOST_NAMED], rest]
    told = gettext(
        "Paused or archived, its capital goes to zero with the reallocation that follows: "
        "%(amounts)s. What the account lets it keep stays, and nothing is sold."
    ) % {"amounts": ", ".join(named)}
    alone = [each.account for each in losing if each.is_last]
    if not alone:
        return told
    nobody = gettext("Nobody gets it on %(accounts)s, where nothing else runs in its pool.") % {
        "accounts": ", ".join(alone[:_MOST_NAMED])
    }
    return f"{told} {nobody}"
