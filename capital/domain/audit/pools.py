"""One recorded pool against the rules: does the record add up?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce

from capital.domain.allocation.links import Reserve
from capital.domain.allocation.reverts import kept_back_beside
from capital.domain.allocation.split import split_by_weight
from capital.domain.balances import Source
from capital.domain.errors import InvalidAllocation
from capital.domain.money import EXACT, floor_to, plain
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
    """What a run recorded of one pool, from its rows or its snapshot; ``balance`` unrounded."""

    row: str
    pool: Pool
    balance: Decimal | None
    source: Source
    observed_at: datetime | None
    reserve: Decimal | None
    unallocated: Decimal | None
    entries: tuple[RecordedEntry, ...]

    @property
    def figures(self) -> dict[str, str]:
        """Which pool and which row, for a sentence."""
        return {"pool": self.pool.value, "row": self.row}

    @property
    def allocated(self) -> Decimal:
        """The sum of what its links got."""
        return reduce(EXACT.add, (entry.after or ZERO for entry in self.entries), ZERO)


def check_pool(
    pool: RecordedPool, *, quantum: Decimal, reserve: Reserve | None
) -> Iterator[Reason]:
    """Every rule that the recorded pool breaks.

    Args:
        pool: As recorded.
        quantum: Of the account's currency.
        reserve: The account's rule at that time; None where nothing recorded it.
    """
    for entry in pool.entries:
        yield from _check_entry(entry, pool)
    yield from _check_reading(pool)
    if pool.balance is not None and not _reading_contradicted(pool):
        balance = floor_to(pool.balance, quantum)
        expected = None if reserve is None else reserve.of(balance, quantum=quantum)
        yield from _check_division(pool, balance, quantum, expected)
        kept_back = pool.reserve or ZERO
        if balance >= 0 and _reserve_in_range(kept_back, balance, quantum):
            yield from _check_shares(pool, EXACT.subtract(balance, kept_back), quantum)


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
    if pool.balance is not None and not _reading_contradicted(pool):
        balance = floor_to(pool.balance, quantum)
        expected = None
        if reserve is not None:
            expected = kept_back_beside(pool.allocated, balance, reserve, quantum=quantum)
        yield from _check_division(pool, balance, quantum, expected)


def is_whole(amount: Decimal, quantum: Decimal) -> bool:
    """Whether ``amount`` is a whole number of ``quantum``."""
    return floor_to(amount, quantum) == amount


def shown(amount: Decimal | None) -> str:
    """An amount for a sentence: a dash for none, and no zeros that only a column adds."""
    return "—" if amount is None else plain(EXACT.normalize(amount))


def _check_entry(entry: RecordedEntry, pool: RecordedPool) -> Iterator[Reason]:
    after = shown(entry.after)
    if entry.after is not None and entry.after < 0:
        yield Reason(Code.ENTRY_NEGATIVE, {**entry.figures, "after": after})
    if entry.idle:
        if entry.after != 0:
            yield Reason(Code.IDLE_NOT_RELEASED, {**entry.figures, "after": after})
        return
    if pool.balance is None:
        if not (entry.known_code and entry.known_code.keeps_capital):
            yield Reason(Code.ENTRY_CODE_WRONG, {**entry.figures, "code": entry.code})
        if entry.changed:
            figures = {**entry.figures, "before": shown(entry.before), "after": after}
            yield Reason(Code.KEPT_BUT_CHANGED, figures)
        return
    expected = [Code.NEGATIVE_BALANCE]
    if pool.balance >= 0:
        expected = [Code.SHARE, Code.SHARE_STOPPED]
    if entry.code not in expected:
        yield Reason(Code.ENTRY_CODE_WRONG, {**entry.figures, "code": entry.code})


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
    pool: RecordedPool, balance: Decimal, quantum: Decimal, expected: Decimal | None
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
        if kept_back or any(entry.after for entry in pool.entries):
            yield Reason(Code.DEBT_ALLOCATED, figures)
        return
    in_range = _reserve_in_range(kept_back, balance, quantum)
    if not in_range or (expected is not None and kept_back != expected):
        numbers = {"reserve": shown(kept_back), "expected": shown(expected)}
        yield Reason(Code.RESERVE_WRONG, {**figures, **numbers})


def _check_shares(pool: RecordedPool, available: Decimal, quantum: Decimal) -> Iterator[Reason]:
    """What the weights give of ``available``, to the quantum."""
    active = sorted(
        (entry for entry in pool.entries if not entry.idle), key=lambda entry: entry.link_id or 0
    )
    if not active:
        return
    try:
        shares = split_by_weight(available, [entry.weight for entry in active], quantum=quantum)
    except InvalidAllocation as error:
        figures = {**pool.figures, "problem": error.reason.figures["problem"]}
        yield Reason(Code.WEIGHTS_UNUSABLE, figures)
        return
    for entry, share in zip(active, shares, strict=True):
        expected = ZERO if entry.code == Code.SHARE_STOPPED else share
        if entry.after is not None and not is_whole(entry.after, quantum):
            yield Reason(Code.ENTRY_NOT_WHOLE, {**entry.figures, "after": shown(entry.after)})
        elif entry.after != expected:
            yield Reason(
                Code.SHARE_WRONG,
                {**entry.figures, "after": shown(entry.after), "expected": shown(expected)},
            )
