"""What a link may have at least and at most, in a few words each."""

from collections.abc import Iterator

from django.utils.translation import gettext

from capital.admin.frame.formats import money, ratio
from capital.domain.allocation.bounds import USUAL_PRIORITY, Compounding
from capital.models import StrategyAccount


def told_bounds(link: StrategyAccount) -> Iterator[str]:
    """One text for each bound that is set; its page says more."""
    currency = link.account.currency
    for name, text in (
        ("fixed_amount", gettext("fixed at %(amount)s")),
        ("min_amount", gettext("at least %(amount)s")),
        ("max_amount", gettext("at most %(amount)s")),
    ):
        amount = getattr(link, name)
        if amount is not None:
            yield text % {"amount": money(amount, currency)}
    if link.max_percent is not None:
        yield gettext("at most %(percent)s%% of the pool") % {"percent": ratio(link.max_percent)}
    is_served = link.fixed_amount is not None or link.min_amount is not None
    if is_served and link.priority != USUAL_PRIORITY:
        yield gettext("priority %(number)s") % {"number": link.priority}
    if link.drawdown_scaling:
        limit = ratio(link.max_drawdown_percent)
        yield gettext("shrinks to nothing at a drawdown of %(percent)s%%") % {"percent": limit}
    base = {"amount": money(link.base_capital, currency)}
    if link.compounding == Compounding.HALF.value:
        yield gettext("%(amount)s and half of what it earned above it") % base
    elif link.compounding == Compounding.NONE.value:
        yield gettext("at most its base capital of %(amount)s") % base
