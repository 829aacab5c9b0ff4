"""Open positions: reported by bots; while one is open, the account's capital stays."""

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
    """The accounts that have a link with an open position, in one query.

    On a database error all accounts count as having one: capital is not moved on a guess.
    """
    try:
        # A savepoint, so that an error leaves the caller's transaction usable. Outside of one there
        # is nothing to save, and ``repeatable_read`` on SQLite has no savepoints.
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
    """Store the position of a link in a symbol. Closing it requests a reallocation.

    Args:
        link_id: The link's primary key.
        symbol: As the venue's instruments have it, e.g. ``BTC/USDT:USDT``.
        quantity: Signed: negative is short, zero is closed.
        entry_price: Above zero; None where it is unknown.

    Raises:
        NotFound: There is no such link.
        ValidationError: A rule of the model is broken. Nothing was changed.
        AmountNotStorable: The database cannot store a number exactly.
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
