"""What follows from another key or order tag of a strategy, which programs go by."""

from collections.abc import Iterator

from django.utils.translation import gettext

from strategies.models import Strategy


def told_names(before: Strategy, now: Strategy) -> Iterator[str]:
    """What programs have to do where they find it by other names now.

    Args:
        before: The strategy as it was; its key and its order tag count.
        now: As it is saved.
    """
    if before.key != now.key:
        yield gettext(
            "Its key is “%(new)s” now. Bots and webhooks that call it “%(old)s” are refused from "
            "now on: give them the new key, and the new address of its webhook."
        ) % {"new": now.key, "old": before.key}
    if before.tag != now.tag:
        yield gettext(
            "Its orders are those that begin with “%(new)s” now. While orders that begin with "
            "“%(old)s” are open, enter “%(old)s” as its order tag: their fills belong to no "
            "strategy otherwise."
        ) % {"new": now.tag, "old": before.tag}
