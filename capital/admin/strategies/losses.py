"""What pausing takes away, as a form says it before it is saved."""

from collections.abc import Sequence

from django.utils.translation import gettext

from capital.admin.frame.formats import few, money
from capital.services.overview import Holding, Idling

_MOST_NAMED = 5


def told_losses(losing: Sequence[Idling]) -> str:
    """Which amounts on which accounts go to zero; empty where there is nothing to lose.

    Args:
        losing: Of one strategy.
    """
    if not losing:
        return ""
    named = [f"{money(each.capital, each.currency)} ({each.account})" for each in losing]
    told = gettext(
        "Paused or archived, its capital goes to zero with the reallocation that follows: "
        "%(amounts)s. What the account lets it keep stays, and nothing is sold."
    ) % {"amounts": ", ".join(few(named, _MOST_NAMED))}
    alone = [each.account for each in losing if each.is_last]
    if not alone:
        return told
    nobody = gettext("Nobody gets it on %(accounts)s, where nothing else runs in its pool.") % {
        "accounts": ", ".join(alone[:_MOST_NAMED])
    }
    return f"{told} {nobody}"


def told_holdings(held: Sequence[Holding]) -> str:
    """What could not be closed any more, were these archived; empty where nothing is held."""
    if not held:
        return ""
    named = [f"{each.symbol} ({each.strategy}, {each.account})" for each in held]
    return gettext(
        "Archived, a strategy gets no order size any more, not even to close its open positions: "
        "%(positions)s. Pause it instead until they are closed: then it gets sizes for closing "
        "only."
    ) % {"positions": ", ".join(few(named, _MOST_NAMED))}
