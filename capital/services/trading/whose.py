"""Whose fills that an exchange tells are, by its orders and their names: a link's, or nobody's."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from capital.domain.errors import TradingRefused
from capital.domain.performance.attribution import (
    Claimant,
    fitting_symbols,
    fitting_tags,
)
from capital.domain.performance.symbols import parse_symbol
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.symbols import Named
from capital.exchange.trading.venues import trading_of
from capital.models import Account, AttributedBy, Attribution, Fill, StrategyAccount
from capital.models.accounts import market_of, written_tag
from strategies.markets import MarketType

_Order = tuple[str, str, str]


@dataclass(frozen=True)
class Owner:
    """Whose a fill is.

    Attributes:
        link_id: The link.
        how: How that is known.
    """

    link_id: int
    how: AttributedBy


def owners_of(
    account: Account,
    fills: Sequence[Fill],
    related: Sequence[Fill],
    links: Mapping[int, int | None],
) -> dict[int, Owner]:
    """Whose fills are, by their ``id()``; those of nobody are left out. One query.

    First the link that reported a fill of the same order, then the one whose strategy's order tag
    the client order id begins with, then the one that declares the symbol and trades its market.
    Where several fit it is nobody's, and what comes after is not asked.

    Args:
        account: The account.
        fills: What its exchange tells.
        related: What is recorded of the same orders.
        links: Whose those are, by primary key.
    """
    by_order: dict[_Order, set[int]] = defaultdict(set)
    for fill in related:
        link_id = links.get(fill.pk)
        if link_id is not None:
            for order in _orders(fill):
                by_order[order].add(link_id)
    claimants = _claimants(account)
    ids = trading_of(account.venue).order_ids
    owners = {}
    for fill in fills:
        how = AttributedBy.BOT
        found: set[int] = set()
        if by_order:
            found = {link_id for order in _orders(fill) for link_id in by_order.get(order, ())}
        if not found and ids is not None and _kind(fill) in ids.kinds:
            how = AttributedBy.TAG
            found = fitting_tags(fill.client_order_id, claimants[None], prefix=ids.prefix)
        if not found:
            how = AttributedBy.SYMBOL
            found = fitting_symbols(fill.symbol, claimants[market_of(fill.symbol)])
        if len(found) == 1:
            owners[id(fill)] = Owner(found.pop(), how)
    return owners


def refuse_other_market(link: StrategyAccount, symbols: Iterable[str], *, field: str) -> None:
    """Refuse a symbol that the link's strategy does not trade.

    Args:
        link: With its strategy.
        symbols: As they are recorded.
        field: Where the caller's form says so.

    Raises:
        TradingRefused: One is spot and the strategy trades futures, or the other way round.
    """
    for text in symbols:
        for reason in other_market(link, text):
            raise TradingRefused(reason.code, field=field, **reason.figures)


def symbol_warnings(link: StrategyAccount, named: Named) -> tuple[Reason, ...]:
    """What to know of a symbol that a bot reported: how it was named, and of which market it is.

    Args:
        link: With its strategy and account.
        named: What the symbol means.
    """
    return named.warnings(link.account.venue) + other_market(link, named.symbol)


def other_market(link: StrategyAccount, text: str) -> tuple[Reason, ...]:
    """What to know of a symbol that the link's strategy does not trade; nothing of another one.

    What was done stays true, so it is recorded with this as a warning: a futures strategy that
    tells of ``BTC/USDT`` mostly means ``BTC/USDT:USDT``.

    Args:
        link: With its strategy.
        text: The symbol, as it is recorded.
    """
    symbol = parse_symbol(text)
    if symbol is None or market_of(text) == link.strategy.market_type:
        return ()
    figures = {
        "symbol": text,
        "kind": symbol.kind.value,
        "strategy": link.strategy.key,
        "market": link.strategy.market_type,
    }
    return (Reason(Code.SYMBOL_OF_OTHER_MARKET, figures),)


def _claimants(account: Account) -> dict[MarketType | None, list[Claimant]]:
    """The links of the account by market; under None all of them. Tags as its venue writes them."""
    found: dict[MarketType | None, list[Claimant]] = defaultdict(list)
    links = StrategyAccount.objects.filter(account=account).select_related("strategy")
    for link in links.order_by("pk"):
        tag = written_tag(account.venue, link.strategy.tag)
        claimant = Claimant(link.pk, tag=tag, symbols=frozenset(link.symbols))
        found[None].append(claimant)
        found[MarketType(link.strategy.market_type)].append(claimant)
    return found


def _kind(fill: Fill) -> InstrumentKind:
    symbol = parse_symbol(fill.symbol)
    assert symbol is not None, "no other symbol is recorded"
    return symbol.kind


def _orders(fill: Fill) -> Iterator[_Order]:
    """The names of a fill's order; ids of orders may be unique by symbol only."""
    for kind, name in (("order", fill.order_id), ("client", fill.client_order_id)):
        if name:
            yield kind, fill.symbol, name


def unattributed_fills(fills: QuerySet[Fill]) -> QuerySet[Fill]:
    """Those of which it is not known whose they are, and of which no person said that of none."""
    said = Attribution.objects.filter(fill=OuterRef("pk"))
    return fills.filter(~Exists(said), strategy_account__isnull=True).order_by()


def attributed_fills(fills: QuerySet[Fill]) -> QuerySet[Fill]:
    """The others: a link's, or nobody's because a person said so."""
    said = Attribution.objects.filter(fill=OuterRef("pk"))
    return fills.filter(Q(strategy_account__isnull=False) | Exists(said))
