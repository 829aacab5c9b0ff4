"""What became of weights that were set: before and after of each strategy, and the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from capital.domain.money import EXACT
from capital.domain.pools import WalletMode, pool_of
from capital.domain.reasons import Code
from capital.models import AllocationRun, StrategyAccount
from capital.services.allocation.report import (
    EntryReport,
    PoolReport,
    RunReport,
    report_decision,
    reported_amount,
)
from capital.services.allocation.request import AllocationRequest
from capital.services.allocation.runs import report_runs
from capital.services.allocation.verdicts import Verdict
from strategies.markets import MarketType


@dataclass(frozen=True)
class WeightChange:
    """One strategy of the account: amounts in account currency, None where it has no capital.

    Attributes:
        is_set: Whether its weight was given.
        waits: Whether its capital stays as it is, because its pool could not be divided.
        code: Of its entry in the run; of the run where that divided nothing.
        reason: The sentence of the code, in the reader's language.
    """

    strategy: str
    pool: str
    is_set: bool
    weight_before: Decimal
    weight_after: Decimal
    capital_before: Decimal | None
    capital_after: Decimal | None
    waits: bool
    code: str
    reason: str


@dataclass(frozen=True)
class WeightsReport:
    """What became of it, or would.

    Attributes:
        run: Without one, nothing was written.
        report: What the run decided, or would.
        links: Every strategy of the account.
        why: Why the capital of the pool waits; empty where it does not.
    """

    run: AllocationRun | None
    report: RunReport
    links: tuple[WeightChange, ...]
    why: str

    @property
    def capital_waits(self) -> bool:
        """Whether the capital of a strategy, whose weight was given, stays as it is."""
        return any(link.waits for link in self.links if link.is_set)

    @property
    def notice(self) -> str:
        """That the capital waits, in the reader's language; empty where it does not."""
        if not self.capital_waits:
            return ""
        if self.run is None:
            return gettext("The weights would be saved. The capital would wait: %(why)s") % {
                "why": self.why
            }
        return gettext("The weights are saved. The capital waits: %(why)s") % {"why": self.why}


def report_weights(run: AllocationRun) -> WeightsReport:
    """What became of the weights that a run was made with."""
    return _report(run, report_runs([run])[0], run.arguments)


def foresee_weights(verdict: Verdict, request: AllocationRequest) -> WeightsReport:
    """What would become of the request's weights."""
    assert verdict.decision is not None, "only the gate decides nothing"
    report = report_decision(verdict.linked.account, verdict.decision)
    return _report(None, report, request.recorded)


def _report(
    run: AllocationRun | None, report: RunReport, arguments: Mapping[str, Any]
) -> WeightsReport:
    before, after = arguments["weights_before"], arguments["weights"]
    links = StrategyAccount.objects.filter(account=report.account_id)
    entries = {entry.strategy: (pool, entry) for pool in report.pools for entry in pool.entries}
    changes = tuple(
        _change(link, entries.get(link.strategy.key), report, before, after)
        for link in links.order_by("pk").select_related("strategy", "account", "capital")
    )
    pools = {change.pool for change in changes if change.is_set}
    why = [pool.reason for pool in report.pools if pool.pool in pools and pool.skipped]
    return WeightsReport(run, report, changes, why[0] if why else report.reason)


def _change(
    link: StrategyAccount,
    found: tuple[PoolReport, EntryReport] | None,
    report: RunReport,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> WeightChange:
    key, capital = link.strategy.key, getattr(link, "capital", None)
    held = None if capital is None else capital.allocated_capital
    amounts = [reported_amount(held, report.currency)] * 2
    weight, waits, code, reason = link.weight, True, report.code, report.reason
    if found is not None:
        pool, entry = found
        amounts, weight = [entry.before, entry.after], entry.weight
        known = Code.get(entry.code)
        waits = known is not None and known.keeps_capital
        code, reason = entry.code, pool.reason_of(entry)
    mode = WalletMode(link.account.wallet_mode)
    return WeightChange(
        strategy=key,
        pool=pool_of(MarketType(link.strategy.market_type), mode).value,
        is_set=key in after,
        weight_before=Decimal(before.get(key, EXACT.normalize(weight))),
        weight_after=Decimal(after.get(key, EXACT.normalize(weight))),
        capital_before=amounts[0],
        capital_after=amounts[1],
        waits=waits,
        code=code,
        reason=reason,
    )
