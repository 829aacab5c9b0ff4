"""What was never packed, as of a new version: packed little by little at the day's end.

Those are days that are more than two months old, and months that are over and in no year. Until
then reports read them one by one, and say the same.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.models import LinkDay, LinkMonth
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.summaries import business_date
from capital.services.trading.packed.months import LONG_DAYS, pack_all
from capital.services.trading.packed.years import join_loose
from capital.services.transactions import outside_transaction

# Three years of ten links take about a second, in which their account is locked.
_LINKS_AT_ONCE = 10
# Half of what the task of a chunk of accounts may take.
_SECONDS = timedelta(seconds=45)


@outside_transaction
def pack_backlog(
    account_ids: Sequence[int],
    *,
    clock: Clock = timezone.now,
    seconds: timedelta = _SECONDS,
    may_go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Pack days of these accounts that are old and were never packed, and join months by year.

    Call it outside a transaction: every ten links have their own, which locks their account alone.
    It may be stopped at any time; the next one goes on.

    Args:
        account_ids: Whose links.
        clock: Says which day is today.
        seconds: After so long no more links are begun.
        may_go_on: Whether more links may be begun.

    Returns:
        How many links were packed.
    """
    today = business_date(clock())
    begun = time.monotonic()
    old = LinkDay.objects.filter(
        strategy_account__account__in=account_ids,
        is_packed=False,
        date__lt=today - timedelta(days=LONG_DAYS),
    )
    loose = LinkMonth.objects.filter(
        strategy_account__account__in=account_ids,
        is_in_year=False,
        month__lt=today.replace(day=1),
    )
    waiting: dict[int, list[int]] = defaultdict(list)
    columns = "strategy_account__account_id", "strategy_account_id"
    found = old.order_by().values_list(*columns).union(loose.order_by().values_list(*columns))
    for account_id, link_id in sorted(found):
        waiting[account_id].append(link_id)
    packed = 0
    for account_id, link_ids in waiting.items():
        for start in range(0, len(link_ids), _LINKS_AT_ONCE):
            if time.monotonic() - begun >= seconds.total_seconds() or not may_go_on():
                return packed
            some = link_ids[start : start + _LINKS_AT_ONCE]
            with transaction.atomic():
                lock_accounts([account_id])
                pack_all(some, today=today)
                join_loose(some, today=today)
            packed += len(some)
    return packed
