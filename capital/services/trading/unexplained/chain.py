"""The days of one pool, each from how things stood at the end of the one before."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.utils import timezone

from capital.domain.balances import BalanceBasis
from capital.domain.money import EXACT, add_to, known_sum, plain
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.positions import Position
from capital.domain.performance.unexplained import (
    AccountFill,
    BalanceChange,
    Cash,
    HoldingKey,
    Holdings,
    Unexplainable,
    cash_of,
    unrealized_of_holdings,
)
from capital.domain.pools import Pool
from capital.models import Account, DailyAccountSummary, Flow, PoolDay
from capital.services.balances.summaries import business_date, cached_observation

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
_POSITION = ("amount", "grown_to", "paid")
_AMOUNTS = ("change", "fills", "flows", "unrealized")


@dataclass(frozen=True)
class State:
    """How a pool stood at a moment: its balance, and what was held of contracts."""

    balance: Decimal | None
    until: datetime
    holdings: Holdings

    @classmethod
    def of(cls, row: PoolDay) -> "State":
        """As the day before left it."""
        held = {
            HoldingKey.of(text): Position(*(Decimal(parts[name]) for name in _POSITION))
            for text, parts in row.holdings.items()
        }
        return cls(row.balance, row.until, held)

    @property
    def date(self) -> date:
        """The day that ended with it. Midnight still belongs to the day before."""
        return business_date(self.until - timedelta.resolution)


def is_equity(account: Account) -> bool:
    """Whether its balances hold unrealised PnL."""
    return account.balance_basis == BalanceBasis.EQUITY.value


@dataclass(frozen=True)
class Chain:
    """The days of one pool.

    Attributes:
        currencies: The account's, and those that stand for it.
        marks: By date and symbol.
        first: When the first of what is recorded happened; None where books began earlier.
    """

    account: Account
    pool: Pool
    currencies: AbstractSet[str]
    fills: Sequence[AccountFill]
    flows: Sequence[Flow]
    marks: Mapping[date, Mapping[str, Decimal]]
    first: datetime | None
    now: datetime

    def day(self, summary: DailyAccountSummary, before: State | None) -> tuple[PoolDay, State]:
        """One day, and how things stand at its end."""
        reading = cached_observation(summary, self.pool, now=self.now)
        row = PoolDay(account=self.account, pool=self.pool.value, date=summary.date)
        if reading is not None and before is not None and reading.observed_at <= before.until:
            state = replace(before, balance=reading.amount)
            _say_unknown(row, state, Unexplainable.NOT_READ)
            return row, state
        until = _end_of(summary.date, self.now) if reading is None else reading.observed_at
        since = None if before is None else before.until
        moved, holdings = cash_of(
            [each for each in self.fills if _is_within(each.fill.executed_at, since, until)],
            {} if before is None else before.holdings,
            currencies=self.currencies,
        )
        state = State(None if reading is None else reading.amount, until, holdings)
        flows = [
            flow
            for flow in self.flows
            if flow.currency in self.currencies and _is_within(flow.occurred_at, since, until)
        ]
        if before is not None:
            _divide(row, moved, flows)
        if (problem := self._problem(before, state)) is not None:
            _say_unknown(row, state, problem)
            return row, state
        assert before is not None
        assert before.balance is not None
        assert state.balance is not None
        unrealized = self._unrealized(before, state)
        if unrealized is None:
            _say_unknown(row, state, Unexplainable.NO_MARK)
            return row, state
        change = BalanceChange(
            EXACT.subtract(state.balance, before.balance),
            moved.total,
            known_sum(*(flow.amount for flow in flows)) or _ZERO,
            unrealized,
        )
        _say(row, state, change)
        return row, state

    def _problem(self, before: State | None, state: State) -> Unexplainable | None:
        if self.account.balance_basis == BalanceBasis.FREE.value:
            return Unexplainable.FREE_BASIS
        if self.first is not None and state.until < self.first:
            return Unexplainable.NO_BOOKS
        if before is None or before.balance is None or state.balance is None:
            return Unexplainable.NO_BALANCE
        meaning_since = self.account.readings_since
        if meaning_since is not None and before.until < meaning_since:
            return Unexplainable.OTHER_MEANING
        return None

    def _unrealized(self, before: State, state: State) -> Decimal | None:
        """Its change; 0 where the balance does not hold it, None where a mark is missing."""
        if not is_equity(self.account):
            return _ZERO
        then, now = (
            unrealized_of_holdings(
                each.holdings, self.marks.get(each.date, {}), currencies=self.currencies
            )
            for each in (before, state)
        )
        return None if then is None or now is None else EXACT.subtract(now, then)


def _is_within(moment: datetime, since: datetime | None, until: datetime) -> bool:
    return (since is None or moment > since) and moment <= until


def _end_of(day: date, now: datetime) -> datetime:
    midnight = datetime.combine(day + _DAY, time.min, tzinfo=timezone.get_default_timezone())
    return min(midnight, now)


def _divide(row: PoolDay, moved: Cash, flows: Sequence[Flow]) -> None:
    """Say of what moved what it was: these are known whatever the balance says."""
    sums = dict.fromkeys(("external", "funding", "rebates"), _ZERO)
    for flow in flows:
        kind = FlowKind(flow.kind)
        earned = "rebates" if kind is FlowKind.REBATE else "funding"
        add_to(sums, earned if kind.is_earned else "external", flow.amount)
    row.realized, row.coins = moved.realized, moved.coins
    row.fees = EXACT.subtract(moved.fees, sums["rebates"])
    row.funding, row.external = sums["funding"], sums["external"]


def _say_unknown(row: PoolDay, state: State, problem: Unexplainable) -> None:
    row.code = problem.value
    _keep(row, state)


def _say(row: PoolDay, state: State, change: BalanceChange) -> None:
    for name in (*_AMOUNTS, "unexplained"):
        setattr(row, name, getattr(change, name))
    _keep(row, state)


def _keep(row: PoolDay, state: State) -> None:
    row.balance, row.until = state.balance, state.until
    row.holdings = {
        key.text: {name: plain(getattr(position, name)) for name in _POSITION}
        for key, position in state.holdings.items()
    }
