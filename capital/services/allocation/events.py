"""Relevant changes queue work on commit.

A change that matters for capital requests a reallocation; the gate decides whether one is due. A
venue's first account requests its instrument rules. Changes made around the models (a shell, SQL)
are noticed at the next scheduled check.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import DatabaseError, transaction

from capital.exchange.venues import VENUES
from capital.models import Account, Market, StrategyAccount

logger = logging.getLogger(__name__)

REALLOCATE_AFTER_EVENT = "capital.tasks.reallocate_after_event"
SYNC_MARKETS_OF_VENUE = "capital.tasks.sync_markets_of_venue"

_previewed: ContextVar[bool] = ContextVar("previewed", default=False)


@contextmanager
def previewed_next() -> Iterator[None]:
    """What is changed inside asks for no reallocation: a person sees a preview of it next.

    Otherwise the capital would have moved before it was seen. If the preview is left, the next
    scheduled check finds what is due.
    """
    before = _previewed.set(True)
    try:
        yield
    finally:
        _previewed.reset(before)


def request_reallocation(account_ids: Iterable[int]) -> None:
    """Queue a due check and reallocation of each account, once the current transaction commits.

    Each request has its own key, so that a task that is delivered twice allocates once.
    """
    ids = sorted(set(account_ids))
    if ids and not _previewed.get():
        run_key = f"event:{uuid.uuid4().hex}"
        transaction.on_commit(lambda: _queue(REALLOCATE_AFTER_EVENT, ids, run_key))


def request_reallocation_of_strategy(strategy_id: int) -> None:
    """The same for every account that the strategy trades on."""
    links = StrategyAccount.objects.filter(strategy_id=strategy_id)
    request_reallocation(links.values_list("account_id", flat=True))


def request_market_rules(account: Account) -> None:
    """On commit, queue a sync of the venue's instrument rules if this is its first active account.

    Without the rules, no order can be sized there until the next scheduled sync, up to 12 hours
    later.
    """
    others = Account.objects.filter(venue=account.venue, is_active=True).exclude(pk=account.pk)
    if not account.is_active or account.venue not in VENUES or others.exists():
        return
    if not Market.objects.filter(venue=account.venue).exists():
        transaction.on_commit(lambda: _queue(SYNC_MARKETS_OF_VENUE, account.venue))


def _queue(task: str, *arguments: object) -> None:
    from django_q.tasks import async_task

    try:
        async_task(task, *arguments, group="events")
    except DatabaseError:
        # The change itself is committed; the next scheduled check will find it.
        logger.exception("%s%s could not be queued.", task, arguments)
