"""What moved in the pools of some accounts after some moments: fills that count, and flows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.telling import FillSource, counting
from capital.domain.performance.unexplained import AccountFill, cash_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.trails import Move
from capital.models import Account, Fill, Flow
from capital.services.accounts.lookup import stands_for
from capital.services.trading.booking.fills import as_booked
from capital.services.trading.booking.openings import Openings
from capital.services.trading.same_orders import told
from strategies.markets import MarketType

_ZERO = Decimal(0)
_ORDER_NAMES = ("order_id", "client_order_id")


@dataclass(frozen=True)
class Moved:
    """What moved on some accounts.

    Attributes:
        fills: Those that count, by account and pool.
        flows: By account and pool.
        first: When the first of it happened, by account; without those where nothing did.
    """

    fills: Mapping[tuple[int, str], list[AccountFill]]
    flows: Mapping[tuple[int, str], list[Flow]]
    first: Mapping[int, datetime]


@dataclass(frozen=True)
class Seen:
    """The newest fill and the newest flow of any account, by primary key.

    What is recorded later of an account whose lock is held has a larger one.
    """

    fills: int
    flows: int

    @classmethod
    def now(cls) -> "Seen":
        """In two queries."""
        fills = Fill.objects.order_by("-pk").values_list("pk", flat=True).first()
        flows = Flow.objects.order_by("-pk").values_list("pk", flat=True).first()
        return cls(fills or 0, flows or 0)


def moved_since(accounts: Mapping[int, Account], moment: datetime | None) -> Moved:
    """What moved after ``moment``, or ever for None; in a constant number of queries."""
    fills = Fill.objects.filter(account__in=accounts).order_by()
    flows = Flow.objects.filter(account__in=accounts, matched_by__isnull=True).order_by()
    if moment is not None:
        fills, flows = fills.filter(executed_at__gt=moment), flows.filter(occurred_at__gt=moment)
    rows = list(fills)
    of_orders = rows if moment is None else [*rows, *_of_same_orders(rows)]
    counted = counting(told(fill) for fill in of_orders)
    openings = Openings.of(accounts)
    first: dict[int, datetime] = {}
    by_pool: dict[tuple[int, str], list[AccountFill]] = defaultdict(list)
    for fill in rows:
        # What an opening states is not counted twice.
        if fill.pk in counted and not openings.include(fill, fill.strategy_account_id):
            pool = _pool_of(accounts[fill.account_id], fill)
            by_pool[fill.account_id, pool.value].append(_of_account(fill))
            _earlier(first, fill.account_id, fill.executed_at)
    flows_by_pool: dict[tuple[int, str], list[Flow]] = defaultdict(list)
    for flow in flows:
        flows_by_pool[flow.account_id, flow.pool].append(flow)
        _earlier(first, flow.account_id, flow.occurred_at)
    return Moved(by_pool, flows_by_pool, first)


def moves_of(accounts: Mapping[int, Account], since: datetime) -> dict[int, dict[Pool, list[Move]]]:
    """What was paid or received for coins, and what came or went, after ``since``, by account.

    What contracts realise is left out: it depends on what was held before, and a jump of that size
    deserves a look. In a constant number of queries.

    Args:
        accounts: By primary key.
        since: Some moment before the balances were read from which they seem to have jumped.
    """
    moved = moved_since(accounts, since)
    found: dict[int, dict[Pool, list[Move]]] = {key: {} for key in accounts}
    for (key, pool), fills in moved.fills.items():
        for fill in fills:
            symbol = parse_symbol(fill.symbol)
            if symbol is not None and symbol.kind is InstrumentKind.SPOT:
                cash, _ = cash_of([fill], {}, currencies=_own(accounts[key]))
                move = Move(fill.fill.executed_at, cash.total)
                found[key].setdefault(Pool(pool), []).append(move)
    for (key, pool), flows in moved.flows.items():
        for flow in flows:
            if flow.currency in _own(accounts[key]):
                move = Move(flow.occurred_at, flow.amount)
                found[key].setdefault(Pool(pool), []).append(move)
    return found


def _own(account: Account) -> frozenset[str]:
    """The account's currency, and those that stand for it."""
    return frozenset({account.currency, *stands_for(account.venue, account.currency)})


def first_new(seen: Mapping[int, Seen]) -> dict[int, datetime]:
    """When the first of what was recorded since happened, by account; those with nothing left out.

    A fill may take the place of provisional rows of its order, a flow that of what a person had
    entered: what these told changes, too.

    Args:
        seen: By account.
    """
    if not seen:
        return {}
    first: dict[int, datetime] = {}
    since = Seen(
        min(each.fills for each in seen.values()), min(each.flows for each in seen.values())
    )
    rows = Fill.objects.filter(account__in=seen, pk__gt=since.fills).order_by()
    new = [fill for fill in rows if fill.pk > seen[fill.account_id].fills]
    for fill in [*new, *_of_same_orders(new)]:
        _earlier(first, fill.account_id, fill.executed_at)
    least = min(each.flows for each in seen.values())
    flows = Flow.objects.filter(account__in=seen, pk__gt=least).order_by()
    for flow in flows.select_related("matches"):
        if flow.pk > seen[flow.account_id].flows:
            _earlier(first, flow.account_id, flow.occurred_at)
            if flow.matches is not None:
                _earlier(first, flow.account_id, flow.matches.occurred_at)
    return first


def _earlier(first: dict[int, datetime], account_id: int, moment: datetime) -> None:
    first[account_id] = min(first.get(account_id, moment), moment)


def _of_same_orders(fills: Iterable[Fill]) -> list[Fill]:
    """The other fills of their orders. It asks again while it learns new names: twice mostly."""
    known = {fill.pk for fill in fills}
    found: dict[int, Fill] = {}
    names, asked = _names(fills), set[tuple[int, str, str]]()
    while new := names - asked:
        asked |= new
        alike = Q()
        for kind in _ORDER_NAMES:
            of_kind = {name for _, of, name in new if of == kind}
            if of_kind:
                alike |= Q(**{f"{kind}__in": of_kind})
        rows = Fill.objects.filter(alike, account__in={account for account, _, _ in new})
        found.update((row.pk, row) for row in rows.order_by() if row.pk not in known)
        names = _names(found.values())
    return list(found.values())


def _names(fills: Iterable[Fill]) -> set[tuple[int, str, str]]:
    return {
        (fill.account_id, kind, name)
        for fill in fills
        for kind in _ORDER_NAMES
        if (name := getattr(fill, kind))
    }


def _pool_of(account: Account, fill: Fill) -> Pool:
    symbol = parse_symbol(fill.symbol)
    is_spot = symbol is not None and symbol.kind is InstrumentKind.SPOT
    market = MarketType.SPOT if is_spot else MarketType.FUTURES
    return pool_of(market, WalletMode(account.wallet_mode))


def _of_account(fill: Fill) -> AccountFill:
    return AccountFill(
        fill.symbol,
        as_booked(fill, step=_ZERO),
        is_opening=fill.source == FillSource.OPENING.value,
    )
