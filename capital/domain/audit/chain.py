"""Between runs: each starts from what the last one left, and so do the links now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from capital.domain.audit.pools import RecordedPool, shown
from capital.domain.audit.runs import RecordedRun
from capital.domain.money import add_to, floor_to, parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason

_ZERO = Decimal(0)
_SEPARATE = (Pool.SPOT, Pool.FUTURES)


@dataclass(frozen=True)
class PresentCapital:
    """What one link holds now; ``amount`` is None where it never held any."""

    link_id: int
    pool: Pool
    amount: Decimal | None


def ledger_from_json(stored: Mapping[str, Any]) -> "Ledger":
    """The ledger of ``Ledger.as_json``."""
    return Ledger(
        after=_amounts(stored["after"]),
        pool_of={int(link): Pool(pool) for link, pool in stored["pool_of"].items()},
        limits={Pool(pool): parse_amount(text) for pool, text in stored["limits"].items()},
        changed_by=stored["changed_by"],
        before=_amounts(stored["before"]),
    )


def _texts(amounts: Mapping[int, Decimal | None]) -> dict[str, str | None]:
    return {
        str(link): None if amount is None else plain(amount) for link, amount in amounts.items()
    }


def _amounts(texts: Mapping[str, str | None]) -> dict[int, Decimal | None]:
    return {int(link): None if text is None else parse_amount(text) for link, text in texts.items()}


@dataclass
class Ledger:
    """The record of one account so far. Its size depends on the links, not on the history.

    Attributes:
        after: By link, what its last entry left it.
        pool_of: By link, the pool of its last entry.
        limits: By pool, its last balance, floored and never below zero.
        changed_by: The last run in which capital changed.
        before: By link that it changed, what it held before that run.
    """

    after: dict[int, Decimal | None] = field(default_factory=dict)
    pool_of: dict[int, Pool] = field(default_factory=dict)
    limits: dict[Pool, Decimal] = field(default_factory=dict)
    changed_by: int | None = None
    before: dict[int, Decimal | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What ``ledger_from_json`` reads back. Amounts are text; no amount is ``None``."""
        return {
            "after": _texts(self.after),
            "pool_of": {str(link): pool.value for link, pool in self.pool_of.items()},
            "limits": {pool.value: plain(amount) for pool, amount in self.limits.items()},
            "changed_by": self.changed_by,
            "before": _texts(self.before),
        }

    def follow(self, run: RecordedRun, *, quantum: Decimal) -> Iterator[Reason]:
        """Every break between this run and those before. Give the runs in order of their key."""
        if run.reverts is not None:
            yield from self._check_revert(run, run.reverts)
        changed = [entry for pool in run.pools for entry in pool.entries if entry.changed]
        if changed:
            self.changed_by = run.id
            self.before = {
                entry.link_id: entry.before for entry in changed if entry.link_id is not None
            }
        for pool in run.pools:
            # The wallet mode changed: the old balances are of other wallets.
            for gone in _SEPARATE if pool.pool is Pool.UNIFIED else (Pool.UNIFIED,):
                self.limits.pop(gone, None)
            if pool.total is not None:
                # What is in use stays with its link, even where it is more than there is.
                self.limits[pool.pool] = max(floor_to(pool.total, quantum), pool.allocated)
            yield from self._follow_links(pool)
            if pool.balance is None:
                # With a balance, conservation is the stricter check.
                yield from self._check_limit(pool.pool, pool.allocated)

    def _follow_links(self, pool: RecordedPool) -> Iterator[Reason]:
        for entry in pool.entries:
            if entry.link_id is None:
                continue
            recorded = self.after.get(entry.link_id, entry.before)
            if recorded != entry.before:
                figures = {"recorded": shown(recorded), "before": shown(entry.before)}
                yield Reason(Code.CHAIN_BROKEN, {**entry.figures, **figures})
            self.after[entry.link_id] = entry.after
            self.pool_of[entry.link_id] = pool.pool

    def check_present(self, capitals: Iterable[PresentCapital]) -> Iterator[Reason]:
        """Compare what the links hold now with the record. Unrecorded links may hold anything."""
        sums: dict[Pool, Decimal] = {}
        for capital in capitals:
            figures = {"link": str(capital.link_id), "capital": shown(capital.amount)}
            if capital.amount is not None and capital.amount < 0:
                yield Reason(Code.CAPITAL_NEGATIVE, figures)
            if capital.link_id in self.after:
                recorded = self.after[capital.link_id]
                if recorded != capital.amount:
                    figures["recorded"] = shown(recorded)
                    yield Reason(Code.CAPITAL_NOT_RECORDED, figures)
            pool = self.pool_of.get(capital.link_id, capital.pool)
            add_to(sums, pool, capital.amount or _ZERO)
        for pool, total in sums.items():
            yield from self._check_limit(pool, total)

    def _check_revert(self, run: RecordedRun, reverted: int) -> Iterator[Reason]:
        """Whether it reverts the last change, and exactly."""
        if reverted != self.changed_by:
            figures = {"reverts": str(reverted), "last": str(self.changed_by or "—")}
            yield Reason(Code.REVERT_NOT_OF_LAST, figures)
            return
        for pool in run.pools:
            for entry in pool.entries:
                before = None if entry.link_id is None else self.before.get(entry.link_id)
                expected = before or _ZERO
                if entry.code == Code.RESTORED and entry.after != expected:
                    figures = {"after": shown(entry.after), "expected": shown(expected)}
                    yield Reason(Code.RESTORED_WRONG, {**entry.figures, **figures})

    def _check_limit(self, pool: Pool, total: Decimal) -> Iterator[Reason]:
        limit = self.limits.get(pool)
        if limit is not None and total > limit:
            figures = {"pool": pool.value, "capital": shown(total), "balance": shown(limit)}
            yield Reason(Code.CAPITAL_EXCEEDS_BALANCE, figures)
