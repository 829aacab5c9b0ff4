"""Flows: what came or went without a fill. Entered by a person or a bot, or told by the venue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import TradingRefused
from capital.domain.money import plain
from capital.domain.performance.flows import FlowKind, FlowSource, Movement, matching
from capital.domain.performance.symbols import parse_symbol
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code
from capital.exchange.trading.contract import ReadFlow
from capital.models import Account, Flow, Market, StrategyAccount
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_account, pools_of_account
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.trading.books import keep_current
from capital.services.trading.recording.instruments import smallest_quantity
from capital.services.trading.recording.refusals import refuse_digits, refuse_moment
from capital.services.transactions import inside_transaction
from strategies.markets import MarketType


@dataclass(frozen=True, kw_only=True)
class SettledFunding:
    """One payment of funding on a position of a link.

    Attributes:
        key: Tells it apart from every other one of its symbol on the account.
        symbol: ccxt's, of the position.
        currency: In what.
        amount: Above zero was received.
        paid_at: When.
    """

    key: str
    symbol: str
    currency: str
    amount: Decimal
    paid_at: datetime


_A_DAY = timedelta(days=1)
_IN, _OUT = frozenset({FlowKind.DEPOSIT, FlowKind.REBATE}), frozenset({FlowKind.WITHDRAWAL})


def enter_flow(
    account_id: int,
    *,
    pool: Pool,
    kind: FlowKind,
    currency: str,
    amount: Decimal,
    occurred_at: datetime,
    strategy_account: int | None = None,
    symbol: str = "",
    note: str = "",
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> Flow:
    """Record what somebody knows of money that came or went. It changes no balance.

    What was earned (funding, interest, rebates) enters the books of its link. Without a link it is
    divided among those who held its symbol at that time, by signed quantity.

    Args:
        account_id: The account's primary key.
        pool: Which of its pools; a transfer is entered once for each.
        kind: Why.
        currency: In what.
        amount: Above zero came in, below zero went out; not zero.
        occurred_at: When.
        strategy_account: Of what was earned: whose it is, by the link's primary key.
        symbol: Of what was earned: in which symbol, as ccxt writes it.
        note: For whoever reads it later.
        actor: Who enters it; None is the command line.
        clock: Says what time it is.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on this account.
        TradingRefused: The account has no such pool or link, the symbol is none, what was not
            earned names one of these, the sign does not fit, the amount has too many decimals
            or digits, or the time is none.
    """
    with transaction.atomic():
        require(actor, Act.CHANGE_FLOWS, account_ids=[account_id])
        account = lock_account(account_id)
        pools = pools_of_account(account)
        if pool not in pools:
            names = ", ".join(pools)
            code = Code.FLOW_POOL_NOT_OF_ACCOUNT
            raise TradingRefused(code, field="pool", pool=pool, pools=names)
        if not amount or (kind in _IN and amount < 0) or (kind in _OUT and amount > 0):
            figures = {"amount": plain(amount), "currency": currency}
            raise TradingRefused(Code.FLOW_SIGN, field="amount", **figures)
        refuse_digits(amount, name="amount", field="amount")
        _refuse_owner(account, kind, strategy_account, symbol)
        now = clock()
        refuse_moment(occurred_at, now, field="occurred_at")
        flow = Flow(
            account=account,
            pool=pool.value,
            kind=kind.value,
            currency=currency,
            amount=amount,
            strategy_account_id=strategy_account,
            symbol=symbol,
            occurred_at=occurred_at,
            note=note,
            source=FlowSource.PERSON.value,
            actor_id=None if actor is None else actor.pk,
            recorded_at=now,
        )
        flow.full_clean()
        flow.save()
        book_flows(account, [flow], now=now)
    return flow


@inside_transaction
def record_venue_flows(
    account: Account, pool: Pool, flows: Sequence[ReadFlow], *, now: datetime
) -> int:
    """Record what the exchange tells, each flow once, and book what was earned.

    Call it inside the transaction that locked the account. What a person had entered is matched by
    its kind, amount, currency and time, at most a day apart: that row no longer counts, and says
    whose the money is. Four queries, and those of the books.

    Args:
        account: Of all of them, locked.
        pool: Which of its pools told it.
        flows: In any order. What happened at one moment in one symbol, alike, happened once.
        now: When they became known.

    Returns:
        How many were new.
    """
    told = {_facts(each, pool): each for each in flows}
    if not told:
        return 0
    entered = _entered(account, pool, told.values())
    for key in _known(account, pool, told.values()):
        told.pop(key, None)
    new = []
    for each in sorted(told.values(), key=lambda each: each.occurred_at):
        matched = _entered_before(each, entered)
        if matched is not None:
            entered.remove(matched)
        new.append(
            Flow(
                account=account,
                pool=pool.value,
                kind=each.kind.value,
                currency=each.currency,
                amount=each.amount,
                symbol=each.symbol,
                venue_flow_id=each.venue_flow_id,
                occurred_at=each.occurred_at,
                source=FlowSource.VENUE.value,
                matches=matched,
                strategy_account_id=None if matched is None else matched.strategy_account_id,
                recorded_at=now,
            )
        )
    Flow.objects.bulk_create(new, batch_size=500)
    book_flows(account, new, now=now)
    return len(new)


_Facts = tuple[object, ...]


def _facts(flow: ReadFlow, pool: Pool) -> _Facts:
    """What makes two rows one: the exchange's id, or for want of it all that it tells."""
    named = (pool.value, flow.kind.value, flow.currency, flow.symbol)
    if flow.venue_flow_id:
        return (*named, flow.venue_flow_id)
    return (*named, "", flow.amount, flow.occurred_at)


def _known(account: Account, pool: Pool, told: Collection[ReadFlow]) -> set[_Facts]:
    """The facts of what the exchange told before, of these moments and ids."""
    ids = {each.venue_flow_id for each in told} - {""}
    moments = {each.occurred_at for each in told if not each.venue_flow_id}
    rows = Flow.objects.filter(account=account, pool=pool.value)
    named = rows.filter(venue_flow_id__in=ids).order_by()
    # Only the exchange's own: a person's is matched.
    nameless = rows.filter(
        venue_flow_id="", occurred_at__in=moments, source=FlowSource.VENUE.value
    ).order_by()
    found: set[_Facts] = set()
    for row in [*named, *nameless]:
        base = (row.pool, row.kind, row.currency, row.symbol)
        if row.venue_flow_id:
            found.add((*base, row.venue_flow_id))
        else:
            found.add((*base, "", row.amount, row.occurred_at))
    return found


def _entered(account: Account, pool: Pool, told: Collection[ReadFlow]) -> list[Flow]:
    """What persons entered about these days, and nothing matches or reverses yet."""
    times = [each.occurred_at for each in told]
    rows = Flow.objects.filter(
        account=account,
        pool=pool.value,
        source=FlowSource.PERSON.value,
        matched_by__isnull=True,
        reverses__isnull=True,
        reversed_by__isnull=True,
        occurred_at__range=(min(times) - _A_DAY, max(times) + _A_DAY),
    )
    return list(rows.order_by("pk"))


def _entered_before(told: ReadFlow, entered: Sequence[Flow]) -> Flow | None:
    """The row that a person had entered for what the exchange tells now."""
    alike = {row.pk: row for row in entered if _may_be(row, told)}
    key = matching(
        Movement(0, told.currency, told.amount, told.occurred_at),
        [Movement(pk, row.currency, row.amount, row.occurred_at) for pk, row in alike.items()],
    )
    return None if key is None else alike[key]


def _may_be(row: Flow, told: ReadFlow) -> bool:
    """Whether a person may have meant this: what was earned is of one kind, and of one symbol."""
    kind = FlowKind(row.kind)
    if not told.kind.is_earned:
        return not kind.is_earned
    return kind is told.kind and row.symbol in ("", told.symbol)


@inside_transaction
def book_flows(account: Account, flows: Sequence[Flow], *, now: datetime) -> None:
    """Take what was earned into the books. Call it inside the transaction that locked the account.

    Args:
        account: Of all of them.
        flows: Recorded by now. Those that were not earned change no books.
        now: Says which day is today.
    """
    symbols = {flow.symbol for flow in flows}
    rules = Market.objects.filter(venue=account.venue, symbol__in=symbols)
    rows = rules.values("venue", "symbol", *RULE_COLUMNS)
    steps = {row["symbol"]: smallest_quantity(rules_of(row)) for row in rows}
    keep_current({}, flows=flows, steps=steps, now=now)


def _refuse_owner(account: Account, kind: FlowKind, link_id: int | None, symbol: str) -> None:
    """Refuse a link or a symbol where there is none to name."""
    named = {"strategy_account": link_id is not None, "symbol": bool(symbol)}
    for field in (name for name, is_given in named.items() if is_given):
        if not kind.is_earned:
            raise TradingRefused(Code.FLOW_NOT_EARNED, field=field)
    links = StrategyAccount.objects.filter(account=account)
    if link_id is not None and not links.filter(pk=link_id).exists():
        raise TradingRefused(
            Code.FLOW_LINK_NOT_OF_ACCOUNT, field="strategy_account", link=str(link_id)
        )
    if symbol and parse_symbol(symbol) is None:
        raise TradingRefused(Code.FLOW_SYMBOL_UNREADABLE, field="symbol", symbol=symbol)


def recorded_funding(
    account: Account, payments: Sequence[SettledFunding]
) -> dict[tuple[str, str], Decimal]:
    """The recorded amount of those payments that are known, by key and symbol."""
    recorded = Flow.objects.filter(account=account, kind=FlowKind.FUNDING.value)
    rows = recorded.filter(venue_flow_id__among=[payment.key for payment in payments])
    return {
        (key, symbol): amount
        for key, symbol, amount in rows.values_list("venue_flow_id", "symbol", "amount")
    }


@inside_transaction
def record_funding(
    account: Account,
    link: StrategyAccount,
    payments: Sequence[SettledFunding],
    *,
    known: Collection[tuple[str, str]],
    source: FlowSource,
    actor: AbstractUser | None,
    now: datetime,
) -> int:
    """Record what a link was paid in funding, each payment once. Call it inside a transaction.

    Args:
        account: Of the link, locked.
        link: Who held the positions, with its strategy.
        payments: In any order.
        known: Those that are recorded, by key and symbol: what ``recorded_funding`` says.
        source: Who tells of them.
        actor: Who imports; None is the command line.
        now: When they became known.

    Returns:
        How many were new.
    """
    pool = pool_of(MarketType(link.strategy.market_type), WalletMode(account.wallet_mode))
    new = [
        Flow(
            account=account,
            strategy_account=link,
            pool=pool.value,
            kind=FlowKind.FUNDING.value,
            currency=payment.currency,
            amount=payment.amount,
            symbol=payment.symbol,
            venue_flow_id=payment.key,
            occurred_at=payment.paid_at,
            source=source.value,
            actor_id=None if actor is None else actor.pk,
            recorded_at=now,
        )
        for payment in payments
        if (payment.key, payment.symbol) not in known
    ]
    Flow.objects.bulk_create(new, batch_size=500)
    book_flows(account, new, now=now)
    return len(new)
