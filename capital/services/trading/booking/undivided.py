"""What an account earned without a fill and no strategy did: undivided funding, its interest.

Of funding for what strategies held as much long as short, nobody can say whose it is.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from capital.domain.money import EXACT, add_to
from capital.domain.performance.flows import FlowKind
from capital.models import Account, Flow, SymbolDay
from capital.services.balances.summaries import begins_of, business_dates, ends_of
from capital.services.trading.booking.flows import currency_of, is_booked

_ZERO = Decimal(0)
_EARNED = [kind.value for kind in FlowKind if kind.is_earned]

# The account, the symbol (empty for none), the day and the currency.
_Key = tuple[int, str, date, str]
# The first and the last day; None for the very first, or the newest.
_Span = tuple[date | None, date | None]


@dataclass(frozen=True)
class Undivided:
    """What an account earned on a day without a fill, and no strategy did.

    Attributes:
        account: Its name.
        symbol: Empty where it was earned in none.
        funding: With interest; above zero was received.
        fees: Below zero came back, as rebates do.
    """

    account: str
    symbol: str
    date: date
    currency: str
    funding: Decimal
    fees: Decimal

    @property
    def earned(self) -> Decimal:
        """What it comes to."""
        return EXACT.subtract(self.funding, self.fees)


def undivided_flows(account_ids: Collection[int], span: _Span) -> list[Undivided]:
    """What of these accounts is nobody's, by account, symbol, day and currency; three queries.

    What strategies were paid is exactly what was divided among them, so the rest is nobody's. Of
    rebates only those that have neither a strategy nor a symbol are told.
    """
    funding, fees = _told(account_ids, span)
    if not funding and not fees:
        return []
    for key, amount in _divided(account_ids, {key[2] for key in funding}).items():
        if key in funding:
            funding[key] = EXACT.subtract(funding[key], amount)
    names = dict(Account.objects.filter(pk__in=account_ids).values_list("pk", "name"))
    return [
        Undivided(names[key[0]], *key[1:], funding.get(key, _ZERO), fees.get(key, _ZERO))
        for key in sorted(funding.keys() | fees.keys())
        if funding.get(key) or fees.get(key)
    ]


def _told(
    account_ids: Collection[int], span: _Span
) -> tuple[dict[_Key, Decimal], dict[_Key, Decimal]]:
    """What was paid without a fill, whosever it is; and the rebates that are nobody's, as fees."""
    funding: dict[_Key, Decimal] = {}
    fees: dict[_Key, Decimal] = {}
    day_of = business_dates()
    rows = _within(
        Flow.objects.filter(account__in=account_ids, kind__in=_EARNED, matched_by__isnull=True),
        span,
    )
    for flow in rows.select_related("account").order_by("pk").iterator(chunk_size=2000):
        day = day_of(flow.occurred_at)
        if not _is_in(span, day):
            continue
        key = flow.account_id, flow.symbol, day, currency_of(flow)
        if flow.kind != FlowKind.REBATE.value:
            add_to(funding, key, flow.amount)
        elif not is_booked(flow):
            add_to(fees, key, EXACT.minus(flow.amount))
    return funding, fees


def _within(rows: QuerySet[Flow], span: _Span) -> QuerySet[Flow]:
    """Those of a span. Where a midnight comes twice, some of the days beside it."""
    since, until = span
    begins = None if since is None else begins_of(since)
    ends = None if until is None else ends_of(until)
    if begins is not None:
        rows = rows.filter(occurred_at__gte=begins)
    return rows if ends is None else rows.filter(occurred_at__lt=ends)


def _is_in(span: _Span, day: date) -> bool:
    since, until = span
    return (since is None or day >= since) and (until is None or day <= until)


def _divided(account_ids: Collection[int], days: Collection[date]) -> Mapping[_Key, Decimal]:
    """What strategies were paid without a fill."""
    found: dict[_Key, Decimal] = defaultdict(lambda: _ZERO)
    if not days:
        return found
    rows = SymbolDay.objects.filter(
        strategy_account__account__in=account_ids, date__gte=min(days), date__lte=max(days)
    )
    columns = ("strategy_account__account", "symbol", "date", "currency", "funding")
    for *key, amount in rows.order_by().values_list(*columns).iterator(chunk_size=2000):
        if amount:
            add_to(found, (*key,), amount)
    return found
