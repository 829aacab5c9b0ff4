"""From when a link's PnL counts: from the reading that its capital was decided on.

Each fill is counted by exactly one run, by when it became known, under the account's lock. A run
counts what the links whose capital it decides have realised until its reading; what they realise
later, or what becomes known later, counts to the time after it. Links that a run held or kept are
not begun again. A revert takes up again what counted before the run that it reverts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef

from capital.domain.allocation.decision import Decision
from capital.domain.balances import BalanceBasis
from capital.domain.money import EXACT, plain
from capital.domain.reasons import Code
from capital.models import StrategyAccount, StrategyCapital, SymbolDay
from capital.models.columns.exact import cut_for
from capital.services.accounts.linked import CapitalRow, LinkedAccount
from capital.services.trading.counted import Earned, earned_until
from capital.services.trading.days import pnl_since, settled_base
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Count:
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

    def as_json(self) -> dict[str, Any]:
        """Amounts as text, times as ISO 8601."""
        aside = {"set_aside": plain(self.set_aside)} if self.set_aside else {}
        return aside | {
            "since": None if self.since is None else self.since.isoformat(),
            "counted": plain(self.counted),
            "unrealized": None if self.unrealized is None else plain(self.unrealized),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Count":
        """The inverse of ``as_json``."""
        since, unrealized = stored["since"], stored["unrealized"]
        return cls(
            None if since is None else datetime.fromisoformat(since),
            Decimal(stored["counted"]),
            None if unrealized is None else Decimal(unrealized),
            Decimal(stored.get("set_aside", "0")),
        )


@dataclass(frozen=True)
class Counted:
    """What one run counts of one link: the row of its capital afterwards, and its record.

    Attributes:
        stands: Whether the row is as it was.
    """

    capital: CapitalRow
    record: dict[str, Any]
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
        (linked, pool.reading.observed_at or now, entry)
        for linked, decision in decisions
        for pool in decision.pools
        for entry in pool.entries
        if entry.after is not None and (entry.code is Code.RESTORED or not entry.code.counts_pnl_on)
    ]
    if not decided:
        return {}
    moments = {entry.link.id: moment for _, moment, entry in decided}
    traded = _traded(list(moments))
    earned = {
        **known,
        **earned_until(
            {link_id: moments[link_id] for link_id in traded if link_id not in known},
            {entry.link.id: linked.account.currency for linked, _, entry in decided},
            now=now,
        ),
    }
    found = {}
    for linked, moment, entry in decided:
        link_id = entry.link.id
        present = linked.standing.get(link_id)
        before = present or CapitalRow(link_id)
        count = _begun(moment, earned.get(link_id), entry.set_aside or _ZERO)
        if entry.code is Code.RESTORED:
            record = restores.get(str(link_id))
            count = Count.of(before) if record is None else Count.from_json(record["before"])
        assert entry.after is not None, "the others were left out"
        is_equity = linked.account.balance_basis == BalanceBasis.EQUITY.value
        after, record = _counted(
            before, entry.after, count, earned.get(link_id), is_equity=is_equity
        )
        found[link_id] = Counted(after, record, after == present)
    return found


def _traded(link_ids: Sequence[int]) -> list[int]:
    """Those of these links that ever earned, in one query."""
    days = SymbolDay.objects.filter(strategy_account=OuterRef("pk"))
    links = StrategyAccount.objects.filter(Exists(days), pk__among=link_ids)
    return list(links.order_by("pk").values_list("pk", flat=True))


def _begun(moment: datetime, earned: Earned | None, set_aside: Decimal) -> Count:
    if earned is None:
        return Count(moment, _ZERO, _ZERO, set_aside)
    return Count(moment, earned.until, earned.unrealized, set_aside)


def _counted(
    before: CapitalRow,
    allocated: Decimal,
    count: Count,
    earned: Earned | None,
    *,
    is_equity: bool,
) -> tuple[CapitalRow, dict[str, Any]]:
    """The row of a link's capital after the run, and what the run says of it."""
    after = CapitalRow(
        before.strategy_account_id,
        allocated,
        count.since,
        count.counted,
        count.unrealized,
        count.set_aside,
    )
    if earned is not None:
        pnl = pnl_since(after, earned.by_now, earned.unrealized, is_equity=is_equity)
        if pnl is not None:
            cut = cut_for(StrategyCapital, "current_pnl", pnl)
            after = after._replace(current_pnl=cut)
    had = settled_base(before, is_equity=is_equity)
    has = settled_base(after, is_equity=is_equity)
    added = None if had is None or has is None else EXACT.subtract(has, had)
    counted_before = Count.of(before)
    told = count.as_json()
    record = {
        **told,
        "before": dict(told) if counted_before == count else counted_before.as_json(),
        "added": None if added is None else plain(EXACT.normalize(added)),
    }
    return after, record
