"""Flows that books keep: which they are, and whose."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from capital.domain.performance.fills import Funding
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.symbols import parse_symbol
from capital.domain.sizing.orders import PositionSide
from capital.models import Flow
from capital.services.accounts.denomination import Denomination
from capital.services.trading.booking.writing import PositionKey


def is_booked(flow: Flow) -> bool:
    """Whether it belongs to the books of somebody: earned, and of a link or of a symbol."""
    is_named = flow.strategy_account_id is not None or parse_symbol(flow.symbol) is not None
    return FlowKind(flow.kind).is_earned and is_named


def is_shared(flow: Flow) -> bool:
    """Whether it is divided among those who held its symbol."""
    return flow.strategy_account_id is None


def key_of(flow: Flow) -> PositionKey | None:
    """Whose it is alone, whatever side it holds; None where it is divided."""
    if flow.strategy_account_id is None:
        return None
    return PositionKey(flow.strategy_account_id, flow.symbol, PositionSide.BOTH.value)


def concerns(flow: Flow, key: PositionKey) -> bool:
    """Whether a flow is in the books of a position."""
    return is_shared(flow) or key_of(flow) == key


def as_funding(flow: Flow) -> Funding:
    """What was earned without a fill, as the books take it."""
    currency, settled = currency_of(flow), Denomination.of(flow.account).paid_in(flow.symbol)
    return Funding(
        key=flow.venue_flow_id or f"~{flow.pk}",
        paid_at=flow.occurred_at,
        amount=flow.amount,
        currency="" if currency == settled else currency,
        is_rebate=flow.kind == FlowKind.REBATE.value,
    )


def currency_of(flow: Flow) -> str:
    """The currency in which a flow counts. Its account is to be loaded."""
    return Denomination.of(flow.account).counted(flow.currency, flow.pool)


def earned_by_symbol(
    account_id: int, symbols: Collection[str], *, since: datetime | None = None
) -> dict[str, list[Flow]]:
    """What was earned without a fill in these symbols and counts, by symbol, in one query."""
    rows = earned_flows([account_id], symbols)
    if since is not None:
        rows = rows.filter(occurred_at__gte=since)
    found: dict[str, list[Flow]] = defaultdict(list)
    for flow in rows:
        found[flow.symbol].append(flow)
    return found


def earned_flows(account_ids: Collection[int], symbols: Collection[str]) -> QuerySet[Flow]:
    """What was earned on these accounts without a fill in these symbols, and counts."""
    return earned_flows_of_all(symbols).filter(account__in=account_ids)


def earned_flows_of_all(symbols: Collection[str]) -> QuerySet[Flow]:
    """Of all accounts."""
    kinds = [kind.value for kind in FlowKind if kind.is_earned]
    rows = Flow.objects.filter(symbol__in=symbols, kind__in=kinds, matched_by__isnull=True)
    return rows.select_related("account").order_by("pk")
