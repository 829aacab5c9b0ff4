"""Monthly statements of accounts and owners: what the balance was, and how it became what it is.

They are told from the days of pools (``PoolDay``), which last from reading to reading: a month
begins with the last reading before it and ends with its own last one. What contracts realised is
that of the account's positions. Of coins the balance sees what was paid and received; what of that
was realised is told by the books of the strategies, and the rest is in ``coins``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.domain.balances import BalanceBasis
from capital.domain.money import EXACT, known_sum
from capital.domain.performance.measures.returns import Measured
from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.unexplained import Unexplainable
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.models import Account, PoolDay, SymbolDay
from capital.services.accounts.lookup import stands_for
from capital.services.performance.groups import Group
from capital.services.trading import last_pool_days

_ZERO = Decimal(0)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """One line of a statement.

    Attributes:
        name: As programs know it. Stable.
        title: What people call it.
        definition: What it says.
        sign: How it counts in the sum: 1 or -1; 0 of the balances.
    """

    name: str
    title: str | Promise
    definition: str | Promise
    sign: int = 1


# In the order in which they are shown: the first and all but the last add up to the last.
LINES: Mapping[str, Line] = {
    line.name: line
    for line in (
        Line(
            "opening_balance",
            _("Opening balance"),
            _("At the last reading before the month, or the first that is known."),
            sign=0,
        ),
        Line(
            "external_flows",
            _("Put in less taken out"),
            _("Deposits, withdrawals, transfers, conversions and adjustments."),
        ),
        Line(
            "realized",
            pgettext_lazy("statement", "Realised before fees"),
            _("What closed positions earned, before fees and funding."),
        ),
        Line(
            "fees",
            _("Fees"),
            _("Paid from the balance, less rebates. They are taken off."),
            sign=-1,
        ),
        Line("funding", _("Funding"), _("Funding and interest. Below zero was paid.")),
        Line(
            "coins",
            _("Exchanged for coins"),
            _(
                "Received for coins less paid for them, without what was realised: below zero, "
                "more is held in coins than before."
            ),
        ),
        Line(
            "unrealized_change",
            _("Change of unrealised"),
            _("Only where the balance holds unrealised PnL."),
        ),
        Line(
            "unexplained",
            _("Unexplained"),
            _("What all of these leave of the change. Near zero, the books are right."),
        ),
        Line(
            "closing_balance",
            _("Closing balance"),
            _("At the last reading of the month, or until now."),
            sign=0,
        ),
    )
}
# As the days of pools call them.
_PARTS = {
    "external_flows": "external",
    "realized": "realized",
    "fees": "fees",
    "funding": "funding",
    "coins": "coins",
}
_WHY = {
    Unexplainable.FREE_BASIS.value: Code.FREE_BASIS,
    Unexplainable.OTHER_MEANING.value: Code.OTHER_MEANING,
    Unexplainable.NO_MARK.value: Code.MARK_UNKNOWN,
}


@dataclass(frozen=True)
class Statement:
    """One month of an account, or of all accounts of an owner in one currency.

    Attributes:
        whose: The account or the owner.
        month: Its first day.
        begins_at: When the opening balance was read, the earliest of several; None: unknown.
        ends_at: When the closing balance was read, the latest of several; None: unknown.
        amounts: By the names of ``LINES``, exact; or why one is not known.
        left_out: The accounts of an owner of whose balances nothing is known in the month.
    """

    whose: Group
    currency: str
    month: date
    begins_at: datetime | None
    ends_at: datetime | None
    amounts: Mapping[str, Measured]
    left_out: Sequence[str] = ()

    @property
    def is_known(self) -> bool:
        """Whether it begins with a balance that is known."""
        return self.begins_at is not None


def account_statements(accounts: "QuerySet[Account]", *, month: date) -> list[Statement]:
    """The statements of these accounts, by name. A constant number of queries: five at most.

    Args:
        accounts: Those that the reader may see, and asks for.
        month: Any day of it.
    """
    return [statement for _, statement in _statements(accounts, month.replace(day=1))]


def owner_statements(accounts: "QuerySet[Account]", *, month: date) -> list[Statement]:
    """The statements of the owners of these accounts, one for each currency, by name.

    What moved between two accounts of an owner is put in and taken out, and so is in none.
    """
    found: dict[tuple[Group, str], list[Statement]] = defaultdict(list)
    for account, statement in _statements(accounts, month.replace(day=1)):
        owner = Group(account.owner.get_username(), account.owner_id)
        found[owner, account.currency].append(statement)
    return [_together(owner, currency, found[owner, currency]) for owner, currency in sorted(found)]


def _statements(accounts: "QuerySet[Account]", first: date) -> list[tuple[Account, Statement]]:
    rows = list(accounts.select_related("owner").order_by("name", "pk"))
    ids = [row.pk for row in rows]
    behind = (first + 31 * _DAY).replace(day=1)
    days: dict[int, dict[str, list[PoolDay]]] = defaultdict(lambda: defaultdict(list))
    of_month = PoolDay.objects.filter(account__in=ids, date__gte=first, date__lt=behind)
    for day in of_month.defer("holdings").order_by("date"):
        days[day.account_id][day.pool].append(day)
    before: dict[int, dict[str, PoolDay]] = defaultdict(dict)
    if days:
        for (account_id, pool), day in last_pool_days(list(days), first).items():
            before[account_id][pool] = day
    months = {pk: _Month.of(days[pk], before[pk]) for pk in days}
    earned = _of_coins({row.pk: row for row in rows}, months, behind=behind)
    return [(row, _statement(row, first, months.get(row.pk), earned[row.pk])) for row in rows]


@dataclass(frozen=True)
class _Month:
    """The days of one account's pools that a statement is made of.

    Attributes:
        opening: Of each pool, the day that ended with its opening balance.
        days: Those behind.
        closing: Of each pool, its last day.
        is_mixed: Whether another wallet mode began within them.
    """

    opening: Sequence[PoolDay]
    days: Sequence[PoolDay]
    closing: Sequence[PoolDay]
    is_mixed: bool

    @classmethod
    def of(cls, days: Mapping[str, Sequence[PoolDay]], before: Mapping[str, PoolDay]) -> "_Month":
        opening = [before[pool] for pool in days if pool in before]
        if len(opening) < len(days) or any(day.balance is None for day in opening):
            opening = _first_known(days)
        last = max((day.date for day in opening), default=date.max)
        behind = [day for of_pool in days.values() for day in of_pool if day.date > last]
        is_mixed = len(days) > 1 and Pool.UNIFIED.value in days
        return cls(opening, behind, [of_pool[-1] for of_pool in days.values()], is_mixed)


def _first_known(days: Mapping[str, Sequence[PoolDay]]) -> list[PoolDay]:
    """Of each pool the first day at whose end the balances of all are known."""
    known: dict[date, list[PoolDay]] = defaultdict(list)
    for of_pool in days.values():
        for day in of_pool:
            if day.balance is not None:
                known[day.date].append(day)
    whole = [each for each in sorted(known) if len(known[each]) == len(days)]
    return known[whole[0]] if whole else []


@cache
def _is_coin(symbol: str) -> bool:
    parsed = parse_symbol(symbol)
    return parsed is not None and parsed.kind is InstrumentKind.SPOT


def _of_coins(
    accounts: Mapping[int, Account], months: Mapping[int, _Month], *, behind: date
) -> dict[int, Decimal]:
    """What the strategies of each account realised on spot before fees, in its currency."""
    since = {
        pk: max(day.date for day in month.opening) for pk, month in months.items() if month.opening
    }
    found = dict.fromkeys(accounts, _ZERO)
    if not since:
        return found
    counted = {pk: _currencies(accounts[pk]) for pk in since}
    rows = SymbolDay.objects.filter(
        strategy_account__account__in=list(since), date__gt=min(since.values()), date__lt=behind
    ).exclude(symbol__contains=":")
    columns = "strategy_account__account", "symbol", "date", "currency"
    amounts = "realized", "fees", "funding"
    for pk, symbol, day, currency, *of_day in rows.order_by().values_list(*columns, *amounts):
        if _is_coin(symbol) and day > since[pk] and currency in counted[pk]:
            realized, fees, funding = of_day
            gross = EXACT.subtract(EXACT.add(realized, fees), funding)
            found[pk] = EXACT.add(found[pk], gross)
    return found


def _currencies(account: Account) -> Collection[str]:
    return {account.currency, *stands_for(account.venue, account.currency)}


def _statement(account: Account, first: date, month: _Month | None, of_coins: Decimal) -> Statement:
    whose, named = Group(account.name, account.pk), {"account": account.name}
    if month is None or not month.opening or month.is_mixed:
        is_mixed = month is not None and month.is_mixed
        why = Reason(Code.OTHER_MEANING if is_mixed else Code.BALANCE_UNKNOWN, named)
        return Statement(whose, account.currency, first, None, None, dict.fromkeys(LINES, why))
    amounts: dict[str, Measured] = {
        "opening_balance": _sum((day.balance for day in month.opening), _unknown(named)),
        **_parts(account, month.days, named),
        "closing_balance": _sum((day.balance for day in month.closing), _unknown(named)),
    }
    for name, part in (("realized", of_coins), ("coins", EXACT.minus(of_coins))):
        amount = amounts[name]
        amounts[name] = amount if isinstance(amount, Reason) else EXACT.add(amount, part)
    amounts["unexplained"] = _unexplained(month.days, amounts, named)
    return Statement(
        whose,
        account.currency,
        first,
        min(day.until for day in month.opening),
        max(day.until for day in month.closing),
        {name: amounts[name] for name in LINES},
    )


def _unknown(named: Mapping[str, str]) -> Reason:
    return Reason(Code.BALANCE_UNKNOWN, named)


def _sum(amounts: Iterable[Decimal | None], why: Reason) -> Measured:
    total = known_sum(*amounts)
    return why if total is None else total


def _parts(
    account: Account, days: Sequence[PoolDay], named: Mapping[str, str]
) -> dict[str, Measured]:
    """What is summed up from days. One on which nothing was read is in the next."""
    read = [day for day in days if day.code != Unexplainable.NOT_READ.value]
    found = {
        name: _sum((getattr(day, column) for day in read), Reason(Code.NOT_EXPLAINED, named))
        for name, column in _PARTS.items()
    }
    if account.balance_basis != BalanceBasis.EQUITY.value:
        return {**found, "unrealized_change": Reason(Code.NOT_IN_BALANCE, named)}
    codes = [day.code for day in read if day.unrealized is None]
    why = Reason(_WHY.get(codes[0], Code.BALANCE_UNKNOWN) if codes else Code.NOT_EXPLAINED, named)
    return {**found, "unrealized_change": _sum((day.unrealized for day in read), why)}


def _unexplained(
    days: Sequence[PoolDay], amounts: Mapping[str, Measured], named: Mapping[str, str]
) -> Measured:
    """What all others leave: so that it adds up, whatever the days say each by itself."""
    for day in days:
        if day.code not in ("", Unexplainable.NOT_READ.value):
            return Reason(_WHY.get(day.code, Code.BALANCE_UNKNOWN), named)
    closing, opening = amounts["closing_balance"], amounts["opening_balance"]
    if isinstance(closing, Reason):
        return closing
    assert isinstance(opening, Decimal), "a month opens with a balance that is known"
    left = EXACT.subtract(closing, opening)
    for name in (*_PARTS, "unrealized_change"):
        amount = amounts[name]
        if not isinstance(amount, Reason):
            left = EXACT.subtract(left, EXACT.multiply(amount, Decimal(LINES[name].sign)))
        elif amount.code is not Code.NOT_IN_BALANCE:
            return amount
    return left


def _together(owner: Group, currency: str, every: Sequence[Statement]) -> Statement:
    amounts: dict[str, Measured] = {}
    statements = [each for each in every if each.is_known] or every
    for name in LINES:
        found = [statement.amounts[name] for statement in statements]
        known = [amount for amount in found if not isinstance(amount, Reason)]
        reasons = [amount for amount in found if isinstance(amount, Reason)]
        unknown = [why for why in reasons if why.code is not Code.NOT_IN_BALANCE]
        if unknown or not known:
            amounts[name] = (unknown or reasons)[0]
        else:
            amounts[name] = known_sum(*known) or _ZERO
    return Statement(
        owner,
        currency,
        statements[0].month,
        min((each.begins_at for each in statements if each.begins_at), default=None),
        max((each.ends_at for each in statements if each.ends_at), default=None),
        amounts,
        [each.whose.name for each in every if not each.is_known],
    )
