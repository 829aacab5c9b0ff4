"""Books of accounts whose currency stands for others, as earlier versions kept them: kept again.

These took what contracts earned for another currency's, and counted none of it.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import DatabaseError, transaction
from django.utils import timezone

from capital.domain.balances import BalanceBasis
from capital.domain.clock import Clock
from capital.domain.errors import CapitalError
from capital.domain.pools import Pool
from capital.models import Account, Market, Position, StrategyCapital, SymbolDay
from capital.services.accounts.denomination import Denomination
from capital.services.accounts.lookup import lock_account
from capital.services.balances.summaries import business_date
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.trading.booking.flows import earned_flows
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import keep_current
from capital.services.trading.counted import earned_until
from capital.services.trading.days.closing import restate_days
from capital.services.trading.recording.instruments import smallest_quantity
from capital.services.transactions import inside_transaction

logger = logging.getLogger(__name__)

_ZERO = Decimal(0)


def keep_credited_again_after_migration() -> None:
    """Keep such books again; a migration may have stopped before their tables were as they are."""
    try:
        keep_credited_again()
    except DatabaseError as error:
        logger.warning(
            "Books of accounts in credits were not kept again (%s). Run: python manage.py migrate",
            type(error).__name__,
        )


def keep_credited_again(*, clock: Clock = timezone.now) -> list[int]:
    """Book again whatever an earlier version took for another currency's; the accounts.

    What the last decision divided is counted as of before it. Running it again changes nothing.
    One query where no account's currency stands for others; a transaction for each that has such
    books. One that cannot be kept again is logged, and left as it was.
    """
    accounts = Account.objects.order_by("pk").only("venue", "currency")
    found = []
    for account in accounts:
        if len(Denomination.of(account).currencies) == 1 or not _has_apart(account):
            continue
        try:
            with transaction.atomic():
                locked = lock_account(account.pk)
                _keep_again(locked, now=clock())
        except (CapitalError, DatabaseError) as error:
            logger.warning(
                "Books of account %s were not kept again (%s). Run: python manage.py migrate",
                account.pk,
                type(error).__name__,
            )
        else:
            found.append(account.pk)
    return found


def _has_apart(account: Account) -> bool:
    """Whether days of contracts, or of interest, are in a currency that the account's stands for.

    A day without a symbol does not tell its pool: on spot it is right. Its flows tell.
    """
    others = Denomination.of(account).currencies - {account.currency}
    rows = SymbolDay.objects.filter(strategy_account__account=account, currency__in=others)
    if rows.filter(symbol__contains=":").exists():
        return True
    days = set(rows.filter(symbol="").values_list("strategy_account", "date", "currency"))
    if not days:
        return False
    flows = earned_flows([account.pk], [""]).exclude(pool=Pool.SPOT)
    columns = "strategy_account", "occurred_at", "currency"
    return any(
        (link_id, business_date(at), currency) in days
        for link_id, at, currency in flows.values_list(*columns)
    )


@inside_transaction
def _keep_again(account: Account, *, now: datetime) -> None:
    """Book again what it traded, and close its days again. Call it inside a transaction."""
    days = SymbolDay.objects.filter(strategy_account__account=account).order_by()
    columns = ("strategy_account", "symbol", "position_side")
    keys = [PositionKey(*row) for row in days.values_list(*columns).distinct()]
    first: date = days.order_by("date").values_list("date", flat=True)[0]
    rules = Market.objects.filter(venue=account.venue, symbol__in={key.symbol for key in keys})
    steps = {
        row["symbol"]: smallest_quantity(rules_of(row))
        for row in rules.values("venue", "symbol", *RULE_COLUMNS)
    }
    keep_current({}, again=keys, steps=steps, now=now)
    _count_again(account, sorted({key.link_id for key in keys}), now=now)
    restate_days([account.pk], since=first, now=now)


def _count_again(account: Account, link_ids: Sequence[int], *, now: datetime) -> None:
    """Say of each link what it had earned by the reading that its capital was decided on."""
    capitals = StrategyCapital.objects.filter(
        strategy_account__in=link_ids, pnl_since__isnull=False
    )
    rows = {row.strategy_account_id: row for row in capitals.order_by("pk")}
    moments = {key: row.pnl_since for key, row in rows.items() if row.pnl_since is not None}
    earned = earned_until(moments, dict.fromkeys(moments, Denomination.of(account)), now=now)
    unsure = _unsure(moments) if account.balance_basis == BalanceBasis.EQUITY.value else ()
    for link_id, of_link in earned.items():
        row = rows[link_id]
        row.pnl_counted = of_link.until
        if link_id in unsure:
            row.unrealized_then = None
        row.save(update_fields=["pnl_counted", "unrealized_then"])


def _unsure(moments: dict[int, datetime]) -> set[int]:
    """The links that may have held a contract then: nobody valued it."""
    found = set()
    for row in Position.objects.filter(strategy_account__in=moments, books__isnull=False):
        assert row.books is not None, "the others were left out"
        moved_at = datetime.fromisoformat(row.books["until"][0])
        if moved_at > moments[row.strategy_account_id] or Decimal(row.books["amount"]) != _ZERO:
            found.add(row.strategy_account_id)
    return found
