"""What is held: reported by bots, and a reason not to move an account's capital."""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from decimal import Decimal

from django.db import DatabaseError, connection, transaction

from capital.domain.errors import NotFound
from capital.models import Position, StrategyAccount
from capital.services.accounts.lookup import lock_accounts

logger = logging.getLogger(__name__)


def accounts_with_open_positions(account_ids: Sequence[int]) -> frozenset[int]:
    """The accounts with an open position on any link, in one query.

    A database error counts as open on all of them: not knowing is no reason to move capital.
    """
    try:
        # A savepoint, so that an error leaves the caller's transaction usable. Where there is none
        # nothing is to be saved, and a moment that is read on SQLite knows of no savepoints.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            return frozenset(
                Position.objects.exclude(quantity=0)
                .filter(strategy_account__account_id__in=account_ids)
                .values_list("strategy_account__account_id", flat=True)
                .distinct()
            )
    except DatabaseError:
        logger.exception("Open positions cannot be read; every account counts as holding one.")
        return frozenset(account_ids)


def report_position(
    link_id: int, *, symbol: str, quantity: Decimal, entry_price: Decimal | None = None
) -> Position:
    """Record what a link holds of a symbol now. Closing it to flat asks for a reallocation.

    Args:
        link_id: The link's primary key.
        symbol: As the venue's markets have it, e.g. ``BTC/USDT:USDT``.
        quantity: Signed; negative is short, zero is flat.
        entry_price: Above zero, or None where it is not known.

    Raises:
        NotFound: The link is gone.
        ValidationError: A rule is broken. Nothing was changed.
        AmountNotStorable: The database would not keep the figure exactly.
    """
    with transaction.atomic():
        link = StrategyAccount.objects.filter(pk=link_id).only("account_id").first()
        if link is None:
            raise NotFound
        lock_accounts([link.account_id])
        position = Position.objects.filter(strategy_account_id=link_id, symbol=symbol).first()
        if position is None:
            position = Position(strategy_account_id=link_id, symbol=symbol)
        position.quantity, position.entry_price = quantity, entry_price
        position.full_clean()
        position.save()
    return position
