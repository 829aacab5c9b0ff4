"""A decision as people and programs read it: the same shape from memory, rows or a snapshot."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.balances import Source, reading_text
from capital.domain.money import EXACT, amount_text, plain
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.sentences import sentence_of


@dataclass(frozen=True)
class EntryReport:
    """One link: amounts as text in account currency; None where it never held capital."""

    strategy: str
    weight: str
    before: str | None
    after: str | None
    code: str


@dataclass(frozen=True)
class PoolReport:
    """One pool. ``balance`` is unrounded; None where there was none. Times are ISO 8601."""

    pool: str
    balance: str | None
    source: str
    observed_at: str | None
    reserve: str | None
    unallocated: str | None
    code: str
    figures: dict[str, str]
    entries: tuple[EntryReport, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything, for a snapshot."""
        return {**vars(self), "entries": [dict(vars(entry)) for entry in self.entries]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "PoolReport":
        """What ``as_json`` of this or another version gave."""
        known: dict[str, Any] = {each.name: stored.get(each.name) for each in fields(cls)}
        entries = tuple(
            EntryReport(**{each.name: entry.get(each.name) for each in fields(EntryReport)})
            for entry in stored["entries"]
        )
        return cls(**{**known, "entries": entries})

    @property
    def skipped(self) -> bool:
        """Whether an active link stays without an answer, because there was no balance."""
        codes = [Code.get(entry.code) for entry in self.entries]
        return any(code is not None and code.keeps_capital for code in codes)

    @property
    def reason(self) -> str:
        """The sentence of ``code``, in the active language; for a cached balance, also its age."""
        why = sentence_of(self.code, self.figures)
        if self.source != Source.CACHED or self.observed_at is None:
            return why
        observed_at = timezone.localtime(datetime.fromisoformat(self.observed_at))
        return gettext("Cached balance of %(when)s: %(why)s") % {
            "when": f"{observed_at:%Y-%m-%d %H:%M}",
            "why": why,
        }


@dataclass(frozen=True)
class RunReport:
    """One account's run, or the preview of one (``run_key`` is None then)."""

    account_id: int
    account: str
    venue: str
    currency: str
    outcome: str
    code: str
    reason: str
    run_key: str | None
    pools: tuple[PoolReport, ...]

    @property
    def complete(self) -> bool:
        """Whether every pool with active links had a balance and was applied or unchanged."""
        if self.outcome == Outcome.SKIPPED:
            code = Code.get(self.code)
            return code is not None and code.is_benign
        if self.outcome not in (Outcome.APPLIED, Outcome.UNCHANGED):
            return False
        return not any(pool.skipped for pool in self.pools)

    def as_json(self) -> dict[str, Any]:
        """The object that ``reallocate --json`` prints for one account."""
        answer = asdict(self)
        for pool in answer["pools"]:
            del pool["figures"]
        return answer


def report_decision(account: Account, decision: Decision) -> RunReport:
    """The report of a decision that was not recorded: a preview."""
    return run_report(
        account,
        outcome=decision.outcome.value,
        code=decision.reason.code.value,
        figures=dict(decision.reason.figures),
        run_key=None,
        pools=pool_reports(decision, account.currency),
    )


def report_not_due(account: Account, reason: Reason) -> RunReport:
    """The report of an account that the gate passed over: ``skipped``, without a run."""
    return run_report(
        account,
        outcome=Outcome.SKIPPED.value,
        code=reason.code.value,
        figures=dict(reason.figures),
        run_key=None,
        pools=(),
    )


def pool_reports(decision: Decision, currency: str) -> tuple[PoolReport, ...]:
    """The pools of a decision."""
    return tuple(
        PoolReport(
            pool=pool.reading.pool.value,
            balance=reading_text(pool.reading, currency) or None,
            source=pool.reading.source.value,
            observed_at=_moment(pool.reading.observed_at),
            reserve=_amount(pool.reserve, currency),
            unallocated=_amount(pool.unallocated, currency),
            code=pool.reason.code.value,
            figures=dict(pool.reason.figures),
            entries=tuple(
                EntryReport(
                    strategy=entry.link.strategy_key,
                    weight=_ratio(entry.link.weight),
                    before=_amount(entry.before, currency),
                    after=_amount(entry.after, currency),
                    code=entry.code.value,
                )
                for entry in pool.entries
            ),
        )
        for pool in decision.pools
    )


def run_report(
    account: Account,
    *,
    outcome: str,
    code: str,
    figures: dict[str, str],
    run_key: str | None,
    pools: tuple[PoolReport, ...],
) -> RunReport:
    """A report with the account's name and currency, and the sentence of its code."""
    return RunReport(
        account_id=account.pk,
        account=account.name,
        venue=account.venue,
        currency=account.currency,
        outcome=outcome,
        code=code,
        reason=sentence_of(code, figures),
        run_key=run_key,
        pools=pools,
    )


def _amount(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else amount_text(amount, currency)


def _ratio(ratio: Decimal) -> str:
    return plain(EXACT.normalize(ratio))


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat()
