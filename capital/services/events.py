"""A change that matters for capital asks for a reallocation: on commit, as a queued task.

The gate decides whether anything is due; a change made around the models (a shell, SQL) is
caught by it at the next slot all the same.
"""

import logging
import uuid
from collections.abc import Iterable

from django.db import DatabaseError, transaction

from capital.models import StrategyAccount

logger = logging.getLogger(__name__)

TASK = "capital.tasks.reallocate_after_event"


def request_reallocation(account_ids: Iterable[int]) -> None:
    """Queue a gated reallocation of each account once the present transaction is committed.

    Each request has a key of its own, so that a task that is delivered twice decides once.
    """
    ids = sorted(set(account_ids))
    if ids:
        run_key = f"event:{uuid.uuid4().hex}"
        transaction.on_commit(lambda: _enqueue(ids, run_key))


def request_reallocation_of_strategy(strategy_id: int) -> None:
    """The same for every account that the strategy trades on."""
    links = StrategyAccount.objects.filter(strategy_id=strategy_id)
    request_reallocation(links.values_list("account_id", flat=True))


def _enqueue(account_ids: list[int], run_key: str) -> None:
    from django_q.tasks import async_task

    try:
        async_task(TASK, account_ids, run_key, group="events")
    except DatabaseError:
        # The change itself is committed; the schedule's gate will find it.
        logger.exception("No reallocation could be queued for accounts %s.", account_ids)
