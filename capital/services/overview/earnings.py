"""What was earned today, by currency, and what of the trading does not fit.

PnL is what strategies earned; deposits, withdrawals and transfers are no part of it. Of several
currencies nothing is added up.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from django.db.models import QuerySet

from capital.domain.money import EXACT, ROUNDED, known_sum, quantum_of
from capital.domain.performance.unexplained import is_explained
from capital.models import Account, Fill, LinkDay, PoolDay, Position
from capital.services.accounts.lookup import AccountIds
from capital.services.balances.summaries import business_date
from capital.services.trading.booking.writing import booked_quantity
from capital.services.trading.whose import unattributed_fills

_ZERO = Decimal(0)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class EarnedToday:
    """What was earned today in one currency; None is unknown, which is not zero.

    Attributes:
        pnl: Realised today, and the change of unrealised PnL since yesterday's end.
        realized: After fees and funding.
        fees: Above zero was paid.
        funding: Above zero was received.
        links: How many strategy links have a day in this currency.
    """

    currency: str
    pnl: Decimal | None
    realized: Decimal
    fees: Decimal
    funding: Decimal
    links: int


@dataclass(frozen=True)
class UnexplainedPool:
    """What today's change of one pool's balance leaves unexplained: more than rounding."""

    account: Account
    pool: str
    amount: Decimal


@dataclass(frozen=True)
class Earnings:
    """What the first page says of trading.

    Attributes:
        today: Today's date.
        earned: By currency; those without any day of a link are left out.
        unexplained: By currency, the sum over the pools where it is known; without those of which
            nothing is known.
        unknown: By currency, in how many pools of those with records it is not known today.
        pools: What is not explained, the largest of each currency first.
        unattributed: How many fills are nobody's.
        mismatched: How many positions are reported otherwise than their fills say.
    """

    today: date
    earned: Mapping[str, EarnedToday]
    unexplained: Mapping[str, Decimal]
    unknown: Mapping[str, int]
    pools: Sequence[UnexplainedPool]
    unattributed: int
    mismatched: int


def read_earnings(
    accounts: Mapping[int, Account], account_ids: AccountIds, *, now: datetime
) -> Earnings:
    """Of these accounts, in four queries.

    Args:
        accounts: By primary key.
        account_ids: The same accounts, best as a query.
        now: Decides which day is today.
    """
    today = business_date(now)
    known, unknown = _unexplained(accounts, account_ids, today)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for each in known:
        currency = each.account.currency
        sums[currency] = EXACT.add(sums[currency], each.amount)
    left = [each for each in known if each.amount]
    left.sort(key=lambda each: (each.account.currency, -each.amount.copy_abs()))
    return Earnings(
        today=today,
        earned=_earned(account_ids, today),
        unexplained=dict(sums),
        unknown=unknown,
        pools=left,
        unattributed=unattributed_fills(Fill.objects.filter(account__in=account_ids)).count(),
        mismatched=len(
            mismatched(Position.objects.filter(strategy_account__account__in=account_ids))
        ),
    )


def mismatched(positions: QuerySet[Position]) -> list[int]:
    """The positions whose bot says otherwise than its fills, by primary key, in one query."""
    told = positions.filter(books__isnull=False, reported_quantity__isnull=False)
    return [row.pk for row in told.order_by() if booked_quantity(row) != _quantity(row)]


def _quantity(position: Position) -> Decimal:
    return Decimal(str(position.quantity))


def _earned(account_ids: AccountIds, today: date) -> dict[str, EarnedToday]:
    """By currency. A link whose day of today is not written yet is in no figure."""
    rows = LinkDay.objects.filter(
        strategy_account__account__in=account_ids, date__in=(today - _DAY, today)
    ).order_by()
    before: dict[tuple[int, str], Decimal | None] = {}
    days: dict[str, list[LinkDay]] = defaultdict(list)
    for row in rows:
        if row.date == today:
            days[row.currency].append(row)
        else:
            before[row.strategy_account_id, row.currency] = row.unrealized
    found = {}
    for currency, of_currency in days.items():
        then = known_sum(
            *(before.get((row.strategy_account_id, currency), _ZERO) for row in of_currency)
        )
        now = known_sum(*(row.unrealized for row in of_currency))
        realized = known_sum(*(row.earned for row in of_currency)) or _ZERO
        change = None if then is None or now is None else EXACT.subtract(now, then)
        found[currency] = EarnedToday(
            currency=currency,
            pnl=known_sum(realized, change),
            realized=realized,
            fees=known_sum(*(row.fees for row in of_currency)) or _ZERO,
            funding=known_sum(*(row.funding for row in of_currency)) or _ZERO,
            links=len(of_currency),
        )
    return found


def _unexplained(
    accounts: Mapping[int, Account], account_ids: AccountIds, today: date
) -> tuple[list[UnexplainedPool], dict[str, int]]:
    rows = PoolDay.objects.filter(account__in=account_ids, date=today).order_by("account", "pk")
    known, unknown = [], dict[str, int]()
    for account_id, pool, amount in rows.values_list("account", "pool", "unexplained"):
        account = accounts[account_id]
        if amount is None:
            unknown[account.currency] = unknown.get(account.currency, 0) + 1
        else:
            known.append(
                UnexplainedPool(account, pool, shown_unexplained(amount, account.currency))
            )
    return known, unknown


def shown_unexplained(amount: Decimal, currency: str) -> Decimal:
    """In whole units of the currency; what rounding of the balances explains is 0."""
    quantum = quantum_of(currency)
    if is_explained(amount, quantum=quantum):
        return _ZERO
    return amount.quantize(quantum, rounding=ROUND_DOWN, context=ROUNDED)
