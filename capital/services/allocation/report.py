"""A decision as people and programs read it: the same shape from memory, rows or a snapshot.

Reports carry amounts and times; each face writes them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.allocation.policies.contract import Step
from capital.domain.balances import PoolReading, Source
from capital.domain.money import EXACT, with_decimals
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.sentences import sentence_of


@dataclass(frozen=True)
class EntryReport:
    """One link: amounts in account currency; None if it never had capital."""

    strategy: str
    weight: Decimal
    before: Decimal | None
    after: Decimal | None
    code: str
    steps: tuple[Step, ...] = ()

    @property
    def change(self) -> Decimal | None:
        """The difference; None if the link has no capital afterwards either."""
        if self.after is None:
            return None
        return EXACT.subtract(self.after, self.before or Decimal(0))


@dataclass(frozen=True)
class PoolReport:
    """One pool. ``balance`` is unrounded; None where there was none.

    ``holdings`` is what counts of coins that strategies hold beside it; None where none do.
    Amounts have their currency's decimals at least and no zeros beyond them, so that every face
    writes the same digits.
    """

    pool: str
    balance: Decimal | None
    source: str
    observed_at: datetime | None
    reserve: Decimal | None
    unallocated: Decimal | None
    code: str
    figures: dict[str, str]
    entries: tuple[EntryReport, ...]
    holdings: Decimal | None = None

    @property
    def skipped(self) -> bool:
        """Whether an active link gets no result because there was no balance."""
        codes = [Code.get(entry.code) for entry in self.entries]
        return any(code is not None and code.keeps_capital for code in codes)

    @property
    def is_unread(self) -> bool:
        """Whether its balance was wanted of the exchange and did not come, live balances being on.

        A pool that an open position holds is not asked for, nor is one without an active link.
        """
        if self.source == Source.CACHED:
            return True
        return self.source == Source.NONE and any(entry.code == Code.KEPT for entry in self.entries)

    @property
    def is_held(self) -> bool:
        """Whether its capital stays as it is, whatever its balance."""
        return any(entry.code in (Code.HELD, Code.POOL_KEPT) for entry in self.entries)

    @property
    def reason(self) -> str:
        """The sentence of ``code``, in the active language; for a cached balance, also its age."""
        why = sentence_of(self.code, self.figures)
        if self.source != Source.CACHED or self.observed_at is None:
            return why
        return gettext("Cached balance of %(when)s: %(why)s") % {
            "when": f"{timezone.localtime(self.observed_at):%Y-%m-%d %H:%M}",
            "why": why,
        }

    def reason_of(self, entry: EntryReport) -> str:
        """The sentence of an entry's code, in the active language."""
        return sentence_of(entry.code, self.figures)

    def age_at(self, moment: datetime) -> timedelta | None:
        """How old the balance was then; None where there was none."""
        return None if self.observed_at is None else max(moment - self.observed_at, timedelta())


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

    @property
    def moves_capital(self) -> bool:
        """Whether a link has other capital afterwards; idle ones may, also where it is skipped."""
        return any(entry.before != entry.after for pool in self.pools for entry in pool.entries)

    @property
    def is_suspicious(self) -> bool:
        """Whether a suspect balance is why nothing was decided."""
        code = Code.get(self.code)
        return code is not None and code.is_suspicion


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
    """The report of an account that is not due: ``skipped``, without a run."""
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
            balance=_balance(pool.reading, currency),
            holdings=reported_amount(pool.reading.holdings, currency),
            source=pool.reading.source.value,
            observed_at=pool.reading.observed_at,
            reserve=reported_amount(pool.reserve, currency),
            unallocated=reported_amount(pool.unallocated, currency),
            code=pool.reason.code.value,
            figures=dict(pool.reason.figures),
            entries=tuple(
                EntryReport(
                    strategy=entry.link.strategy_key,
                    weight=EXACT.normalize(entry.link.weight),
                    before=reported_amount(entry.before, currency),
                    after=reported_amount(entry.after, currency),
                    code=entry.code.value,
                    steps=entry.steps,
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


def reported_amount(amount: Decimal | None, currency: str) -> Decimal | None:
    """An amount as reports carry it."""
    return None if amount is None else with_decimals(amount, currency)


def _balance(reading: PoolReading, currency: str) -> Decimal | None:
    return None if reading.source is Source.NONE else reported_amount(reading.amount, currency)
