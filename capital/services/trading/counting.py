"""From when a link's PnL counts: from the reading that its capital was decided on.

Each fill is counted by exactly one run, by when it became known, under the account's lock. A run
counts what the links whose capital it decides have realised until its reading; what they realise
later, or what becomes known later, counts to the time after it. Links that a run held or kept are
not begun again. A revert takes up again what counted before the run that it reverts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef

from capital.domain.allocation.decision import Decision
from capital.domain.allocation.pools import EntryDecision
from capital.domain.balances import BalanceBasis, PoolReading
from capital.domain.money import EXACT, plain
from capital.domain.reasons import Code
from capital.models import StrategyAccount, StrategyCapital, SymbolDay
from capital.models.columns.exact import cut_for
from capital.models.queries.compiled import CompiledQuery
from capital.services.accounts.denomination import Denomination
from capital.services.accounts.linked import CapitalRow, LinkedAccount
from capital.services.trading.counted import Earned, earned_until
from capital.services.trading.days.since import pnl_since, settled_base
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_EQUITY = BalanceBasis.EQUITY.value


class Count(NamedTuple):
    """From when the PnL of one link counts, and what was counted before.

    Attributes:
        since: When the balance was read; None: never decided.
        counted: What was realised until then.
        unrealized: What was unrealised then; None where that was not known.
        set_aside: What is its own beside its capital.
    """

    since: datetime | None = None
    counted: Decimal = _ZERO
    unrealized: Decimal | None = None
    set_aside: Decimal = _ZERO

    @classmethod
    def of(cls, row: CapitalRow) -> "Count":
        """As it stands."""
        return cls(row.pnl_since, row.pnl_counted, row.unrealized_then, row.set_aside)

    def as_text(self) -> str:
        """As the fields of a JSON object; amounts as text, times as ISO 8601."""
        aside = f'"set_aside": "{plain(self.set_aside)}", ' if self.set_aside else ""
        since = "null" if self.since is None else f'"{self.since.isoformat()}"'
        unrealized = "null" if self.unrealized is None else f'"{plain(self.unrealized)}"'
        counted = plain(self.counted)
        return f'{aside}"since": {since}, "counted": "{counted}", "unrealized": {unrealized}'

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Count":
        """The inverse of ``as_text``."""
        since, unrealized = stored["since"], stored["unrealized"]
        return cls(
            None if since is None else datetime.fromisoformat(since),
            Decimal(stored["counted"]),
            None if unrealized is None else Decimal(unrealized),
            Decimal(stored.get("set_aside", "0")),
        )


class Counted(NamedTuple):
    """What one run counts of one link: the row of its capital afterwards, and its record.

    Attributes:
        record: As JSON.
        stands: Whether the row is as it was.
    """

    capital: CapitalRow
    record: str
    stands: bool


@inside_transaction
def count_pnl(
    decisions: Sequence[tuple[LinkedAccount, Decision]],
    *,
    restores: Mapping[str, Any],
    now: datetime,
    known: Mapping[int, Earned] | None = None,
) -> dict[int, Counted]:
    """What follows for the PnL of every link whose capital these decisions decide, by link.

    Call it inside the transaction that holds the accounts' locks. A constant number of queries:
    none where no link is begun again, one where none of them ever traded.

    Args:
        decisions: One for each account, as it was read under its lock.
        restores: What the run that is reverted says of PnL (``AllocationRun.pnl``), by link.
        now: The time of the decisions.
        known: By link, what was read of it for the decision, under the same locks.
    """
    known = known or {}
    decided = [
        (linked, pool.reading, entry)
        for linked, decision in decisions
        for pool in decision.pools
        for entry in pool.entries
        if entry.after is not None
        and (not entry.code.counts_pnl_on or _is_restored(entry, restores))
    ]
    if not decided:
        return {}
    traded = set(_traded([linked.account.pk for linked, _ in decisions]))
    wanted = [each for each in decided if each[2].link.id in traded]
    earned = {
        **known,
        **earned_until(
            {
                entry.link.id: reading.observed_at or now
                for _, reading, entry in wanted
                if entry.link.id not in known
            },
            {entry.link.id: Denomination.of(linked.account) for linked, _, entry in wanted},
            now=now,
        ),
    }
    found = {}
    texts = _Texts(), _Texts()
    for linked, reading, entry in decided:
        link_id = entry.link.id
        of_link = earned.get(link_id)
        present = linked.standing.get(link_id)
        before = present or CapitalRow(link_id)
        after = _counted_from(before, reading, entry, of_link, restores, now=now)
        is_equity = linked.account.balance_basis == _EQUITY
        if of_link is not None:
            after = _with_pnl(after, of_link, is_equity=is_equity)
        record = _record(before, after, texts, is_equity=is_equity)
        found[link_id] = Counted(after, record, after == present)
    return found


def _counted_from(
    before: CapitalRow,
    reading: PoolReading,
    entry: EntryDecision,
    earned: Earned | None,
    restores: Mapping[str, Any],
    *,
    now: datetime,
) -> CapitalRow:
    """The row of a link's capital after a decision: from when its PnL counts."""
    link_id = entry.link.id
    assert entry.after is not None, "the others were left out"
    if _is_restored(entry, restores):
        record = restores.get(str(link_id))
        count = Count.of(before) if record is None else Count.from_json(record["before"])
        return CapitalRow(link_id, entry.after, *count)
    if reading.amount is None and entry.set_aside is not None:
        # What its pool earns counts on, too.
        return before._replace(allocated_capital=entry.after, set_aside=entry.set_aside)
    moment = reading.observed_at or now
    return _begun(link_id, entry.after, moment, earned, entry.set_aside or _ZERO)


def _is_restored(entry: EntryDecision, restores: Mapping[str, Any]) -> bool:
    """Whether the PnL of a link counts again from where it did before the run that is reverted.

    That run counted also for those whose capital came out as it had been.
    """
    if entry.code is Code.UNTOUCHED:
        return str(entry.link.id) in restores
    return entry.code is Code.RESTORED


def _traded(account_ids: Sequence[int]) -> list[int]:
    """The links of these accounts that ever earned, in one query."""
    return [key for (key,) in _TRADED.rows(account_ids)]


_TRADED = CompiledQuery(
    lambda ids: (
        StrategyAccount.objects.filter(
            Exists(SymbolDay.objects.filter(strategy_account=OuterRef("pk"))),
            account_id__among=ids,
        )
        .order_by("pk")
        .values_list("pk")
    )
)


def _begun(
    link_id: int, allocated: Decimal, moment: datetime, earned: Earned | None, set_aside: Decimal
) -> CapitalRow:
    """The row of a link's capital from which its PnL counts again."""
    if earned is None:
        return CapitalRow(link_id, allocated, moment, _ZERO, _ZERO, set_aside)
    return CapitalRow(link_id, allocated, moment, earned.until, earned.unrealized, set_aside)


def _with_pnl(after: CapitalRow, earned: Earned, *, is_equity: bool) -> CapitalRow:
    pnl = pnl_since(after, earned.by_now, earned.unrealized, is_equity=is_equity)
    if pnl is None:
        return after
    return after._replace(current_pnl=cut_for(StrategyCapital, "current_pnl", pnl))


class _Texts:
    """What counts of rows (``Count``), as text. The links of a pool mostly have the same."""

    def __init__(self) -> None:
        self._last: tuple[Any, ...] = ()
        self._text = ""

    def of(self, row: CapitalRow) -> str:
        counts = row[2:6]
        if counts != self._last:
            self._last, self._text = counts, Count(*counts).as_text()
        return self._text


def _record(
    before: CapitalRow, after: CapitalRow, texts: tuple[_Texts, _Texts], *, is_equity: bool
) -> str:
    """What the run says of a link, as JSON."""
    texts_before, texts_after = texts
    had = settled_base(before, is_equity=is_equity)
    has = settled_base(after, is_equity=is_equity)
    added = "null"
    if had is not None and has is not None:
        added = f'"{plain(EXACT.normalize(EXACT.subtract(has, had)))}"' if has != had else '"0"'
    told = texts_after.of(after)
    # The same moment may be of another zone: what is as it was is written as it is now.
    told_before = told if before[2:6] == after[2:6] else texts_before.of(before)
    return f'{{{told}, "before": {{{told_before}}}, "added": {added}}}'
