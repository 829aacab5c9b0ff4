"""The days on record under a policy: divided where that is due, and earned in proportion."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from capital.domain.allocation.decision import Decision, decide
from capital.domain.allocation.gate import Inputs, LinkState, check_due, target_change
from capital.domain.allocation.links import HUNDRED, Link
from capital.domain.allocation.policies.contract import Known, LinkFacts, PoolFacts
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.balances import PoolReading, Source
from capital.domain.money import EXACT, booked, quantum_of, quotient
from capital.domain.performance.measures.drawdowns import return_drawdowns
from capital.domain.performance.measures.ratios import deviation
from capital.domain.performance.measures.returns import Day, Returns
from capital.domain.pools import Pool, pool_of
from capital.domain.reasons import Reason
from capital.domain.whatif.course import ZERO, Course, CourseDay, total
from capital.domain.whatif.record import LinkRecord, Record

_DAY = timedelta(days=1)
_FEWEST_FOR_A_DEVIATION = 2


def as_recorded(record: Record) -> Course:
    """The days as they were."""
    equity = total(pool.start for pool in record.pools.values())
    days = []
    for day in record.days:
        rows = {each.link.id: each.days[day] for each in record.links if day in each.days}
        earned = {key: gain_of(row) for key, row in rows.items()}
        external = total(pool.external.get(day, ZERO) for pool in record.pools.values())
        start, equity = equity, total([equity, external, *earned.values()])
        days.append(
            CourseDay(
                date=day,
                start=start,
                external=external,
                equity=equity,
                capital={key: row.capital for key, row in rows.items() if row.capital is not None},
                earned=earned,
                moved=total(abs(row.added or ZERO) for row in rows.values()),
            )
        )
    return Course(tuple(days))


def replayed(record: Record, rules: Rules) -> Course:
    """The days by ``rules``: as each begins, the pools are divided if that is due by the gate.

    Each link earns what it earned on record, in proportion to its capital. It begins with what it
    had on record. Positions and reservations hold nothing back.
    """
    replay = _Replay(record, rules)
    return Course(tuple(replay.pass_day(day) for day in record.days), dict(replay.unknown))


def gain_of(day: Day) -> Decimal:
    """What it earned; where what is unrealised is not known, what it realised."""
    return day.realized if day.pnl is None else day.pnl


@dataclass
class _Link:
    """How a link stands: its capital as it was decided, its own beside it, and earned since."""

    capital: Decimal | None = None
    aside: Decimal = ZERO
    earned: Decimal = ZERO

    @property
    def equity(self) -> Decimal:
        return EXACT.add(self.capital or ZERO, self.earned)


@dataclass
class _Pool:
    """How a pool stands: its balance, and of when it was divided last, what changed since."""

    balance: Decimal
    then: Decimal | None = None
    external: Decimal = ZERO
    earned: Decimal = ZERO


@dataclass
class _Replay:
    record: Record
    rules: Rules
    last: Inputs | None = None
    links: dict[int, _Link] = field(default_factory=dict)
    pools: dict[Pool, _Pool] = field(default_factory=dict)
    unknown: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        first = self.record.days[0] if self.record.days else date.min
        for each in self.record.links:
            had = each.days[first].start if first in each.days else None
            self.links[each.link.id] = _Link(had or None)
        for pool, on_record in self.record.pools.items():
            self.pools[pool] = _Pool(on_record.start)

    def pass_day(self, day: date) -> CourseDay:
        start = total(pool.balance for pool in self.pools.values())
        external = self._receive(day)
        links = [link for each in self.record.links if (link := each.on(day)) is not None]
        links = [self._with_capital(link) for link in links]
        moved = self._divide(day, links)
        capital = {link.id: self.links[link.id].equity for link in links if link.idle is None}
        earned = {key: self._trade(key, day) for key in capital}
        return CourseDay(
            date=day,
            start=start,
            external=external,
            equity=total(pool.balance for pool in self.pools.values()),
            capital=capital,
            earned=earned,
            moved=moved,
        )

    def _receive(self, day: date) -> Decimal:
        """What came from outside, as the day began."""
        came = {
            pool: on_record.external.get(day, ZERO) for pool, on_record in self.record.pools.items()
        }
        for pool, amount in came.items():
            standing = self.pools[pool]
            standing.balance = EXACT.add(standing.balance, amount)
            standing.external = EXACT.add(standing.external, amount)
        return total(came.values())

    def _with_capital(self, link: Link) -> Link:
        standing = self.links[link.id]
        return link._replace(capital=standing.capital, set_aside=standing.aside, is_stopped=False)

    def _divide(self, day: date, links: Sequence[Link]) -> Decimal:
        """Divide if that is due; what was moved by it."""
        record, rules = self.record, self.rules
        balances = {pool: standing.balance for pool, standing in self.pools.items()}
        now = Inputs(
            links={
                link.id: LinkState(link.strategy_key, link.weight, link.idle, bounds=link.bounds)
                for link in links
            },
            reserve=record.reserve,
            balances=balances,
            rules=rules,
        )
        decision = decide(
            links,
            {
                pool: PoolReading.recorded(pool, balance, Source.CACHED, None)
                for pool, balance in balances.items()
            },
            currency=record.currency,
            wallet_mode=record.wallet_mode,
            reserve=record.reserve,
            rules=rules,
            known=self._known(day, links),
        )
        if not self._is_due(now, decision):
            return ZERO
        self.last = now
        return self._apply(decision)

    def _is_due(self, now: Inputs, decision: Decision) -> bool:
        """As the scheduled job would say."""
        thresholds, currency = self.record.thresholds, self.record.currency
        check = check_due(
            now, self.last, has_open_position=False, thresholds=thresholds, currency=currency
        )
        if check.due or self.rules.policy is PolicyName.WEIGHTS:
            return check.due
        return target_change(decision, thresholds, currency=currency) is not None

    def _apply(self, decision: Decision) -> Decimal:
        moved = []
        for pool in decision.pools:
            for entry in pool.entries:
                if entry.after is None or entry.code.counts_pnl_on:
                    continue
                change = abs(EXACT.subtract(entry.after, self.links[entry.link.id].equity))
                # What it earned below the quantum is no move.
                if change >= quantum_of(self.record.currency):
                    moved.append(change)
                self.links[entry.link.id] = _Link(entry.after, entry.set_aside or ZERO)
            if pool.begins_anew:
                balance = self.pools[pool.reading.pool].balance
                self.pools[pool.reading.pool] = _Pool(balance, balance)
        return total(moved)

    def _trade(self, link_id: int, day: date) -> Decimal:
        """What the link earned on the day; 0 where nothing says so."""
        standing, each = self.links[link_id], self._record_of(link_id)
        with_capital = max(ZERO, standing.equity)
        gain = _in_proportion(each.days.get(day), with_capital)
        if gain is None:
            gain = ZERO
            if with_capital:
                self.unknown[link_id] += 1
        standing.earned = EXACT.add(standing.earned, gain)
        pool = self.pools[pool_of(each.link.market, self.record.wallet_mode)]
        pool.balance = EXACT.add(pool.balance, gain)
        pool.earned = EXACT.add(pool.earned, gain)
        return gain

    def _record_of(self, link_id: int) -> LinkRecord:
        return next(each for each in self.record.links if each.link.id == link_id)

    def _known(self, day: date, links: Iterable[Link]) -> Known:
        return Known(
            links={link.id: self._facts(day, link) for link in links},
            pools={
                pool: PoolFacts(standing.then, standing.external, standing.earned)
                for pool, standing in self.pools.items()
            },
        )

    def _facts(self, day: date, link: Link) -> LinkFacts:
        standing = self.links[link.id]
        volatility, days = None, 0
        by_volatility = self.rules.policy is PolicyName.INVERSE_VOLATILITY
        before: list[tuple[date, Decimal]] = []
        if by_volatility or link.bounds.drawdown_scaling:
            before = [each for each in self._record_of(link.id).returns if each[0] < day]
        if by_volatility:
            first = day - self.rules.lookback_days * _DAY
            recent = [each for at, each in before if at >= first]
            days = len(recent)
            if days >= _FEWEST_FOR_A_DEVIATION:
                volatility = booked(deviation(recent))
        return LinkFacts(
            drawdown_percent=_drawdown(before) if link.bounds.drawdown_scaling else None,
            volatility=volatility,
            days=days,
            earned=standing.earned,
            is_new=standing.capital is None,
        )


def _in_proportion(day: Day | None, capital: Decimal) -> Decimal | None:
    """What the day's PnL comes to with another capital; None where there was none on record."""
    if day is None or day.capital is None or day.capital <= 0:
        return None
    return booked(quotient(EXACT.multiply(gain_of(day), capital), day.capital))


def _drawdown(returns: Sequence[tuple[date, Decimal]]) -> Decimal | None:
    """How far below its highest level it stands, in percent."""
    found = return_drawdowns(Returns.of(returns))
    return None if isinstance(found, Reason) else EXACT.multiply(found.depth_now, HUNDRED)
