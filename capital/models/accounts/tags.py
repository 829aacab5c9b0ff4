"""Order tags: how a venue writes them, and which two of one account cannot be told apart."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from capital.domain.performance.attribution import tag_conflict
from capital.exchange.trading.venues import trading_of


@dataclass(frozen=True)
class Tagged:
    """A strategy as its orders name it.

    Attributes:
        key: Its key.
        order_tag: The tag that somebody set; empty: its key is the tag.
    """

    key: str
    order_tag: str = ""

    @property
    def tag(self) -> str:
        """What the client order ids of its bots begin with."""
        return self.order_tag or self.key


def written_tag(venue: str, tag: str) -> str:
    """The tag as the venue writes it, without its prefix; empty where it cannot be written."""
    ids = trading_of(venue).order_ids
    return "" if ids is None else ids.written(tag)


def tag_problem(venue: str, strategy: Tagged, others: Iterable[Tagged]) -> Any:
    """Why orders of the strategy could not be told from those of others; None where they can.

    Args:
        venue: Of the account on which all of them trade.
        strategy: The one that is judged.
        others: The other strategies of the account.
    """
    ids = trading_of(venue).order_ids
    if ids is None:
        return None
    ours = ids.written(strategy.tag)
    if not ours:
        if not strategy.order_tag:
            # A long key is no mistake: its orders carry no tag then.
            return None
        return _(
            "%(venue)s has room for an order tag of %(room)s characters. “%(tag)s” is longer."
        ) % {"venue": venue, "room": ids.room, "tag": strategy.order_tag}
    theirs = {ids.written(each.tag): each for each in others if each.key != strategy.key}
    found = tag_conflict(ours, theirs)
    if found is None:
        return None
    other = theirs[found]
    shorter, longer = (strategy, other) if len(ours) <= len(found) else (other, strategy)
    return _(
        "“%(tag)s”, the order tag of the strategy %(strategy)s, begins “%(longer)s”, that of "
        "%(other)s. On an account that both trade on, an order could be of either. Give one of "
        "them another order tag."
    ) % {
        "tag": ids.written(shorter.tag),
        "strategy": shorter.key,
        "longer": ids.written(longer.tag),
        "other": longer.key,
    }
