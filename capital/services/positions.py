"""Which accounts hold something: their capital must not move under an open position."""

import logging
from collections.abc import Sequence

from django.db import DatabaseError, transaction

from capital.models import Position

logger = logging.getLogger(__name__)


def accounts_with_open_positions(account_ids: Sequence[int]) -> frozenset[int]:
    """The accounts with an open position on any link, in one query.

    A database error counts as open on all of them: not knowing is no reason to move capital.
    """
    try:
        with transaction.atomic():
            return frozenset(
                Position.objects.exclude(quantity=0)
                .filter(strategy_account__account_id__in=account_ids)
                .values_list("strategy_account__account_id", flat=True)
                .distinct()
            )
    except DatabaseError:
        logger.exception("Open positions cannot be read; every account counts as holding one.")
        return frozenset(account_ids)
