"""A decision for many accounts: what fails first and in red, a line each, details on demand."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from capital.admin.allocation.decisions import OUTLOOK, Linked, decision_card, linked_strategies
from capital.admin.frame.cells import OUTCOME_COLOUR, why_url
from capital.admin.frame.formats import few
from capital.domain.allocation.decision import Outcome
from capital.domain.money import EXACT
from capital.models import Account, AllocationPlan, AllocationRun
from capital.services.allocation import RunReport, report_runs, runs_of_plan
from capital.services.labels import OUTCOME_NAMES
from capital.services.sentences import sentence_of

# Up to so many accounts are shown opened; more are a table to open one by one.
MOST_OPENED = 12
# A banner names so many; the table has all of them.
MOST_NAMED = 5
_NOTHING = Decimal(0)
_ORDER = (Outcome.FAILED, Outcome.HELD, Outcome.SKIPPED, Outcome.APPLIED, Outcome.UNCHANGED)


@dataclass(frozen=True)
class BulkRow:
    """One account of many.

    Attributes:
        outlook: What becomes of it, as a badge with its colour.
        before: The capital of all its strategies, and the same afterwards.
        moved: How much money changes hands: the larger of what comes and what goes.
        reason: Why it is so; of an account that cannot be read, what its exchange said.
        is_bad: Whether it fails, or its exchange did not answer.
    """

    report: RunReport
    outlook: Any
    colour: str
    before: Decimal
    after: Decimal
    moved: Decimal
    reason: str
    is_bad: bool

    @property
    def kinds(self) -> list[str]:
        """By which it is found: its outcome, and ``bad``."""
        return [self.report.outcome, *(["bad"] if self.is_bad else [])]

    @property
    def text(self) -> str:
        """What is searched."""
        return f"{self.report.account} {self.report.venue} {self.reason}"

    @property
    def why_before(self) -> str:
        """Where it is said why its strategies have what they have."""
        return why_url(account=self.report.account_id)


def bulk_rows(reports: Iterable[RunReport], *, is_live: bool) -> list[BulkRow]:
    """A row for each account: what fails first, then what is held, skipped, changed, unchanged.

    Args:
        reports: Of decisions that are not applied yet.
        is_live: Whether the exchanges were asked: a cached balance is a failure then.
    """
    rows = [_row(report, is_live=is_live) for report in reports]
    order = {outcome.value: place for place, outcome in enumerate(_ORDER)}
    return sorted(rows, key=lambda row: (not row.is_bad, order[row.report.outcome]))


def is_bad(report: RunReport, *, is_live: bool) -> bool:
    """Whether the account fails, or one of its pools was not read from its exchange."""
    return report.outcome == Outcome.FAILED or bool(unread_reasons(report, is_live=is_live))


def unread_reasons(report: RunReport, *, is_live: bool) -> list[str]:
    """Why pools were not read, each sentence once: a refused key, an exchange that is silent."""
    if not is_live:
        return []
    return list(dict.fromkeys(pool.reason for pool in report.pools if pool.is_unread))


def told_failures(failed: Sequence[str], count: int) -> str:
    """``2 of 300 accounts failed or could not be read: Main, Spare.``; empty where none is so.

    Args:
        failed: Their names.
        count: How many accounts there are.
    """
    if not failed:
        return ""
    text = gettext("%(failed)s of %(number)s accounts failed or could not be read: %(names)s.")
    return text % {
        "failed": len(failed),
        "number": count,
        "names": ", ".join(few(failed, MOST_NAMED)),
    }


def _row(report: RunReport, *, is_live: bool) -> BulkRow:
    before = after = came = went = _NOTHING
    for pool in report.pools:
        for entry in pool.entries:
            old = entry.before or _NOTHING
            # Whoever keeps what they have has it afterwards, too.
            new = old if entry.after is None else entry.after
            before, after = EXACT.add(before, old), EXACT.add(after, new)
            change = EXACT.subtract(new, old)
            if change > 0:
                came = EXACT.add(came, change)
            else:
                went = EXACT.subtract(went, change)
    unread = unread_reasons(report, is_live=is_live)
    return BulkRow(
        report=report,
        outlook=OUTLOOK[report.outcome],
        colour=OUTCOME_COLOUR[report.outcome],
        before=before,
        after=after,
        moved=max(came, went),
        reason=" ".join(unread) or report.reason,
        is_bad=report.outcome == Outcome.FAILED or bool(unread),
    )


@dataclass(frozen=True)
class Given:
    """A strategy's capital before and after a decision."""

    strategy: Any
    before: Decimal | None
    after: Decimal | None

    @property
    def change(self) -> Decimal:
        """What came; below zero where it went."""
        return EXACT.subtract(self.after or _NOTHING, self.before or _NOTHING)


@dataclass(frozen=True)
class ResultRow:
    """What became of one account of a plan; ``run`` is None where nothing was recorded.

    Attributes:
        given: What each strategy had, and has now.
    """

    account: Account
    run: AllocationRun | None
    colour: str
    reason: str
    is_bad: bool
    given: tuple[Given, ...] = ()

    @property
    def kinds(self) -> list[str]:
        """By which it is found: its outcome, and ``bad``."""
        return [*([self.run.outcome] if self.run else []), *(["bad"] if self.is_bad else [])]

    @property
    def text(self) -> str:
        """What is searched."""
        return f"{self.account.name} {self.account.venue} {self.reason}"


def result_row(
    account: Account,
    run: AllocationRun | None,
    report: RunReport | None,
    *,
    is_live: bool,
    linked: Linked,
) -> ResultRow:
    """What became of an account; of one that could not be read, what its exchange said.

    Args:
        account: One of the plan's.
        run: Its record.
        report: Of the run.
        is_live: Whether the exchanges were asked.
        linked: Its strategies; one that is gone is called by its key.
    """
    if run is None or report is None:
        return ResultRow(account, None, "danger", "", is_bad=True)
    unread = unread_reasons(report, is_live=is_live)
    return ResultRow(
        account,
        run,
        OUTCOME_COLOUR[run.outcome],
        " ".join(unread) or sentence_of(run.code, run.figures),
        is_bad=is_bad(report, is_live=is_live),
        given=_given(report, linked),
    )


def _given(report: RunReport, linked: Linked) -> tuple[Given, ...]:
    return tuple(
        Given(
            linked.names.get(entry.strategy, entry.strategy),
            entry.before,
            # Whoever keeps what they have has it afterwards, too.
            entry.before if entry.after is None else entry.after,
        )
        for pool in report.pools
        for entry in pool.entries
    )


@dataclass(frozen=True)
class Asked:
    """What of a plan is to be shown: one account, or those of an outcome, with a word."""

    account: int | None
    outcome: str
    q: str

    def shows(self, row: BulkRow | ResultRow) -> bool:
        """Whether the table has this account."""
        if self.outcome and self.outcome not in row.kinds:
            return False
        return self.q.casefold() in row.text.casefold()


def what_is_asked(request: HttpRequest, reports: Sequence[RunReport] = ()) -> Asked:
    """What the address asks for; an account that is not of the plan is none."""
    asked = request.GET.get("account", "")
    known = {str(report.account_id): report.account_id for report in reports}
    return Asked(known.get(asked), request.GET.get("outcome", ""), request.GET.get("q", ""))


def results_shown(request: HttpRequest, plan: AllocationPlan) -> dict[str, Any]:
    """What a page shows of what became of a plan's accounts."""
    made = runs_of_plan(plan)
    reports = {each.account_id: each for each in report_runs([run for _, run in made if run])}
    linked = linked_strategies(list(reports.values()))
    rows = [
        result_row(account, run, reports.get(account.pk), is_live=plan.live, linked=linked)
        for account, run in made
    ]
    rows.sort(key=lambda row: (not row.is_bad, _ORDER.index(row.run.outcome) if row.run else 0))
    bad = [row.account.name for row in rows if row.is_bad] if plan.applied_at else []
    asked, is_long = what_is_asked(request), len(rows) > MOST_OPENED
    counts = Counter(row.run.outcome for row in rows if row.run)
    return {
        "asked": asked,
        "is_long": is_long,
        "rows": [row for row in rows if asked.shows(row)] if is_long else rows,
        "bad": len(bad),
        "number": len(rows),
        "failures": told_failures(bad, len(rows)),
        "outlooks": [
            (OUTCOME_NAMES[each], OUTCOME_COLOUR[each], counts[each], each)
            for each in (outcome.value for outcome in Outcome)
            if counts[each]
        ],
    }


def accounts_shown(
    request: HttpRequest, plan: AllocationPlan, reports: Sequence[RunReport]
) -> dict[str, Any]:
    """What a page shows of a plan's accounts: a few opened, one that is asked for, or a table."""
    asked = what_is_asked(request, reports)
    chosen = [report for report in reports if asked.account in (None, report.account_id)]
    is_bulk = asked.account is None and len(reports) > MOST_OPENED
    rows = bulk_rows(chosen, is_live=plan.live)
    bad = [row.report.account for row in rows if row.is_bad]
    opened = [] if is_bulk else rows
    linked = linked_strategies([row.report for row in opened])
    cards = [
        decision_card(row.report, decided_at=plan.created_at, linked=linked, is_bad=row.is_bad)
        for row in opened
    ]
    return {
        "asked": asked,
        "is_bulk": is_bulk,
        "rows": [row for row in rows if asked.shows(row)],
        "cards": cards,
        "bad": len(bad),
        "number": len(reports),
        "failures": told_failures(bad, len(reports)) if len(chosen) > 1 else "",
        "all_url": "" if asked.account is None else request.path,
    }
