"""The end of a day: close yesterday's summary and open today's."""

from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.summaries import load_summaries, open_days
from capital.services.transactions import outside_transaction

BATCH_SIZE = 500


@outside_transaction
def close_day(account_ids: Iterable[int], *, clock: Clock = timezone.now) -> Counter[str]:
    """Open today's summary of each account with the last ending balance as its starting balance.

    The other balances and their times are carried forward, so that a day without any reading has
    the last known balances with their age. No exchange is called, and running it again changes
    nothing. Call it outside a transaction: it commits, and releases its locks, after each batch.

    Args:
        account_ids: Primary keys; accounts without any summary are skipped.
        clock: Gives the current time; the day is that of the project's time zone.

    Returns:
        How many days were ``opened``, were already ``open``, or had ``no_history``.
    """
    ids = list(dict.fromkeys(account_ids))
    counts: Counter[str] = Counter()
    for start in range(0, len(ids), BATCH_SIZE):
        with transaction.atomic():
            accounts = lock_accounts(ids[start : start + BATCH_SIZE])
            now = clock()
            summaries = load_summaries(list(accounts), now=now, lock=True)
            counts += open_days(accounts, summaries, now=now)
    return counts
