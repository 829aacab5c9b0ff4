"""One recorded pool against the rules: does the record add up?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce

from capital.domain.allocation.bounds import UNBOUND
from capital.domain.allocation.gate import Inputs, LinkState
from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.pools import PoolDecision, decide_pool
from capital.domain.allocation.reverts import kept_back_beside
from capital.domain.allocation.rules import PolicyName
from capital.domain.balances import PoolReading, Source
from capital.domain.errors import InvalidAllocation
from capital.domain.money import EXACT, ceil_to, floor_to, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from strategies.markets import MarketType

ZERO = Decimal(0)


@dataclass(frozen=True)
class RecordedEntry:
    """What a run recorded of one link.

    Attributes:
        row: The primary key of the entry, as text; the snapshot has no such rows and says so.
        link_id: None where a snapshot does not say.
        account_id: Of the link; None where a snapshot does not say.
        market: What the link's strategy trades; None where a snapshot does not say.
    """

    row: str
    link_id: int | None
    weight: Decimal
    before: Decimal | None
    after: Decimal | None
    code: str
    account_id: int | None = None
    market: MarketType | None = None

    @property
    def changed(self) -> bool:
        """Whether the capital changed."""
        return self.before != self.after

    @property
    def idle(self) -> bool:
        """Whether the link took no part."""
        code = self.known_code
        return code is not None and code.is_idle

    @property
    def known_code(self) -> Code | None:
        """Its code; None where this version does not know it."""
        return Code.get(self.code)

    @property
    def figures(self) -> dict[str, str]:
        """Which link and which row, for a sentence."""
        return {"link": "?" if self.link_id is None else str(self.link_id), "entry": self.row}


@dataclass(frozen=True)
class RecordedPool:
    """What a run recorded of one pool, from its rows or its snapshot.

    Attributes:
        balance: Unrounded.
        holdings: What counted of coins beside it; None where none did.
    """

    row: str
    pool: Pool
    balance: Decimal | None
    source: Source
    observed_at: datetime | None
    reserve: Decimal | None
    unallocated: Decimal | None
    entries: tuple[RecordedEntry, ...]
    holdings: Decimal | None = None

    @property
    def total(self) -> Decimal | None:
        """What was divided, unrounded; None where there was no balance."""
        return PoolReading.recorded(
            self.pool, self.balance, self.source, self.observed_at, holdings=self.holdings
        ).total

    @property
    def figures(self) -> dict[str, str]:
        """Which pool and which row, for a sentence."""
        return {"pool": self.pool.value, "row": self.row}

    @property
    def allocated(self) -> Decimal:
        """The sum of what its links got."""
        return reduce(EXACT.add, (entry.after or ZERO for entry in self.entries), ZERO)


def check_pool(
    pool: RecordedPool, *, quantum: Decimal, reserve: Reserve | None, inputs: Inputs | None = None
) -> Iterator[Reason]:
    """Every rule that the recorded pool breaks.

    Args:
        pool: As recorded.
        quantum: Of the account's currency.
        reserve: The account's rule at that time; None where nothing recorded it.
        inputs: What the decision rested on; None where that was not recorded: it was by weight.
    """
    in_use = _in_use(pool, inputs, quantum)
    for entry in pool.entries:
        yield from _check_entry(entry, pool, in_use.get(entry.link_id or 0, ZERO))
    yield from _check_reading(pool)
    if pool.total is None or _reading_contradicted(pool):
        return
    balance = floor_to(pool.total, quantum)
    floors = reduce(EXACT.add, in_use.values(), ZERO)
    expected = None
    if reserve is not None:
        room = max(ZERO, EXACT.subtract(balance, floors))
        expected = min(reserve.of(balance, quantum=quantum), room)
    yield from _check_division(pool, balance, quantum, expected, floors)
    kept_back = pool.reserve or ZERO
    if _reserve_in_range(kept_back, max(ZERO, balance), quantum):
        yield from _check_shares(pool, quantum, inputs)


def check_restored_pool(
    pool: RecordedPool, *, quantum: Decimal, reserve: Reserve | None
) -> Iterator[Reason]:
    """The same for a pool of a revert: it is conserved, and shares by weight do not apply."""
    for entry in pool.entries:
        figures = {**entry.figures, "before": shown(entry.before), "after": shown(entry.after)}
        if not (entry.known_code and entry.known_code.is_of_revert):
            yield Reason(Code.ENTRY_CODE_WRONG, {**entry.figures, "code": entry.code})
        if entry.code == Code.UNTOUCHED and entry.changed:
            yield Reason(Code.KEPT_BUT_CHANGED, figures)
        if entry.after is not None and entry.after < 0:
            yield Reason(Code.ENTRY_NEGATIVE, figures)
        elif entry.after is not None and not is_whole(entry.after, quantum):
            yield Reason(Code.ENTRY_NOT_WHOLE, figures)
    yield from _check_reading(pool)
    if pool.total is not None and not _reading_contradicted(pool):
        balance = floor_to(pool.total, quantum)
        expected = None
        if reserve is not None:
            expected = kept_back_beside(pool.allocated, balance, reserve, quantum=quantum)
        yield from _check_division(pool, balance, quantum, expected, ZERO)


def is_whole(amount: Decimal, quantum: Decimal) -> bool:
    """Whether ``amount`` is a whole number of ``quantum``."""
    return floor_to(amount, quantum) == amount


def shown(amount: Decimal | None) -> str:
    """An amount for a sentence: a dash for none, and no zeros that only a column adds."""
    return "—" if amount is None else plain(EXACT.normalize(amount))


def _in_use(pool: RecordedPool, inputs: Inputs | None, quantum: Decimal) -> dict[int, Decimal]:
    """What each link had in use, by what was recorded: rounded up, as its floor is."""
    facts = {} if inputs is None else inputs.known.links
    keys = [entry.link_id for entry in pool.entries if entry.link_id in facts]
    return {
        key: ceil_to(facts[key].in_use, quantum)
        for key in keys
        if key is not None and facts[key].in_use
    }


def _check_entry(entry: RecordedEntry, pool: RecordedPool, in_use: Decimal) -> Iterator[Reason]:
    after = shown(entry.after)
    if entry.after is not None and entry.after < 0:
        yield Reason(Code.ENTRY_NEGATIVE, {**entry.figures, "after": after})
    if entry.idle:
        if entry.after is None or entry.after > in_use or (entry.after != 0 and not in_use):
            yield Reason(Code.IDLE_NOT_RELEASED, {**entry.figures, "after": after})
        return
    if pool.balance is None:
        if not (entry.known_code and entry.known_code.keeps_capital):
            yield Reason(Code.ENTRY_CODE_WRONG, {**entry.figures, "code": entry.code})
        if entry.changed:
            figures = {**entry.figures, "before": shown(entry.before), "after": after}
            yield Reason(Code.KEPT_BUT_CHANGED, figures)


def _reading_contradicted(pool: RecordedPool) -> bool:
    known = pool.balance is not None
    return known != (pool.source is not Source.NONE) or known != (pool.observed_at is not None)


def _check_reading(pool: RecordedPool) -> Iterator[Reason]:
    if _reading_contradicted(pool):
        yield Reason(Code.READING_CONTRADICTED, {**pool.figures, "source": pool.source.value})
    elif pool.balance is None and not (pool.reserve is None and pool.unallocated is None):
        yield Reason(Code.DIVIDED_WITHOUT_BALANCE, pool.figures)


def _reserve_in_range(kept_back: Decimal, balance: Decimal, quantum: Decimal) -> bool:
    return 0 <= kept_back <= balance and is_whole(kept_back, quantum)


def _check_division(
    pool: RecordedPool,
    balance: Decimal,
    quantum: Decimal,
    expected: Decimal | None,
    in_use: Decimal,
) -> Iterator[Reason]:
    """Conservation and the reserve; ``expected`` is None where nothing recorded its rule."""
    kept_back = pool.reserve or ZERO
    parts = [pool.allocated, kept_back, pool.unallocated or ZERO]
    figures = {**pool.figures, "balance": shown(balance)}
    if pool.reserve is None or pool.unallocated is None or reduce(EXACT.add, parts) != balance:
        yield Reason(
            Code.POOL_NOT_CONSERVED,
            {
                **figures,
                "allocated": shown(pool.allocated),
                "reserve": shown(pool.reserve),
                "unallocated": shown(pool.unallocated),
            },
        )
    if balance < 0:
        if kept_back or (not in_use and any(entry.after for entry in pool.entries)):
            yield Reason(Code.DEBT_ALLOCATED, figures)
        return
    in_range = _reserve_in_range(kept_back, balance, quantum)
    if not in_range or (expected is not None and kept_back != expected):
        numbers = {"reserve": shown(kept_back), "expected": shown(expected)}
        yield Reason(Code.RESERVE_WRONG, {**figures, **numbers})


def _check_shares(pool: RecordedPool, quantum: Decimal, inputs: Inputs | None) -> Iterator[Reason]:
    """Divide the pool again by what was recorded: each link's amount and code, to the quantum."""
    try:
        decided = _decided_again(pool, quantum, inputs)
    except InvalidAllocation as error:
        figures = {**pool.figures, "problem": error.reason.figures["problem"]}
        yield Reason(Code.WEIGHTS_UNUSABLE, figures)
        return
    in_order = sorted(pool.entries, key=lambda entry: entry.link_id or 0)
    for entry, again in zip(in_order, decided.entries, strict=True):
        if entry.idle:
            continue
        if entry.code != again.code:
            yield Reason(Code.ENTRY_CODE_WRONG, {**entry.figures, "code": entry.code})
        if entry.after is not None and not is_whole(entry.after, quantum):
            yield Reason(Code.ENTRY_NOT_WHOLE, {**entry.figures, "after": shown(entry.after)})
        elif entry.after != again.after and not _is_told_as_debt(pool):
            yield Reason(
                Code.SHARE_WRONG,
                {**entry.figures, "after": shown(entry.after), "expected": shown(again.after)},
            )


def _is_told_as_debt(pool: RecordedPool) -> bool:
    """Whether what was handed out of a debt is told of the pool already."""
    return pool.total is not None and pool.total < 0


def _decided_again(pool: RecordedPool, quantum: Decimal, inputs: Inputs | None) -> PoolDecision:
    """The decision that follows from what was recorded.

    The recorded reserve is taken, whether or not it is right: that is told by itself. Only where
    the rule itself counts, because it takes its part of what was earned, it is taken by the rule.
    """
    rules = None if inputs is None else inputs.rules
    reserve = Reserve(amount=pool.reserve or ZERO)
    if inputs is not None and inputs.rules.divides_by is PolicyName.OWN_PROFIT:
        reserve = inputs.reserve
    links = [
        _link(entry, inputs) for entry in sorted(pool.entries, key=lambda each: each.link_id or 0)
    ]
    return decide_pool(
        PoolReading.recorded(
            pool.pool, pool.balance, pool.source, pool.observed_at, holdings=pool.holdings
        ),
        links,
        reserve=reserve,
        quantum=quantum,
        rules=rules,
        known=None if inputs is None else inputs.known,
    )


def _idle(entry: RecordedEntry, state: LinkState | None) -> Code | None:
    """Why the link took no part. Where a drift band kept it as it was, its code says that."""
    if state is not None and entry.code == Code.WITHIN_BAND:
        return state.idle
    return entry.known_code if entry.idle else None


def _link(entry: RecordedEntry, inputs: Inputs | None) -> Link:
    """The link as it was decided on."""
    key = entry.link_id or 0
    state = None if inputs is None else inputs.links.get(key)
    return Link(
        id=key,
        strategy_key=entry.row if state is None else state.strategy_key,
        market=entry.market or MarketType.SPOT,
        weight=entry.weight,
        idle=_idle(entry, state),
        capital=entry.before,
        bounds=UNBOUND if state is None else state.bounds,
        set_aside=ZERO if inputs is None else inputs.aside.get(key, ZERO),
        is_stopped=entry.code == Code.SHARE_STOPPED,
    )
