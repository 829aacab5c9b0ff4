"""Checks everything that is stored against the rules, and changes none of it.

The rules are in ``domain.audit``; this module reads the rows that they judge. Accounts are read
in batches, each at one point in time, so that rows that are being written are not taken for
violations. How far an account was found correct is remembered (``checkpoints``).
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from capital.domain.audit.chain import PresentCapital
from capital.domain.audit.runs import check_run
from capital.domain.audit.summaries import RecordedSummary, check_summary
from capital.domain.audit.suspects import check_suspects, suspect_times
from capital.domain.clock import Clock
from capital.domain.money import quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code, Reason
from capital.exchange.venues import get_venue, is_known
from capital.models import Account, AllocationRun, DailyAccountSummary, StrategyAccount
from capital.models.queries.isolation import repeatable_read
from capital.services.accounts.lookup import pools_of_account
from capital.services.audit.books import check_books
from capital.services.audit.checkpoints import Progress, remember_clean, starting_points
from capital.services.audit.history import (
    RunRows,
    behind,
    load_run_rows,
    recorded_run,
)
from capital.services.audit.report import Audit, AuditReport, Violation
from capital.services.balances.summaries import BALANCE_FIELD, OBSERVED_FIELD, cached_observation
from capital.services.clocks import clock_difference
from capital.services.happened import Audited, say
from strategies.markets import MarketType

ACCOUNTS_AT_ONCE = 500
ROWS_AT_ONCE = 500


def audit_capital(
    account_ids: Sequence[int] | None = None, *, full: bool = True, clock: Clock = timezone.now
) -> AuditReport:
    """Check every rule on everything that is stored about the accounts. Nothing of it is changed.

    One batch of accounts with their links is in memory, and one page of their history, however
    long that is; each page costs a constant number of queries.

    Args:
        account_ids: The accounts; None for all, inactive ones too.
        full: Whether to read every run. Else those that are more than a week old and were found
            correct before are left out, and what is found correct now is remembered.
        clock: Decides which times lie in the future.
    """
    report = AuditReport()
    chosen = Account.objects.order_by("pk")
    if account_ids is not None:
        chosen = chosen.filter(pk__in=account_ids)
    last = 0
    while accounts := list(chosen.filter(pk__gt=last)[:ACCOUNTS_AT_ONCE]):
        last = accounts[-1].pk
        with repeatable_read():
            records = _check_batch(
                [account.pk for account in accounts], report, full=full, now=clock()
            )
        if not full:
            broken = {violation.account_id for violation in report.violations}
            remember_clean({key: each for key, each in records.items() if key not in broken})
    return report


def audit_and_tell(
    account_ids: Sequence[int] | None = None, *, full: bool = True, clock: Clock = timezone.now
) -> AuditReport:
    """``audit_capital``; whoever hears of an account is told what was found, or that it is over."""
    report = audit_capital(account_ids, full=full, clock=clock)
    ids = list(Account.objects.values_list("pk", flat=True)) if account_ids is None else account_ids
    broken: dict[int, list[Reason]] = {}
    for violation in report.violations:
        broken.setdefault(violation.account_id, []).append(violation.reason)
    with transaction.atomic():
        say(Audited(ids, broken), now=clock())
    return report


def _check_batch(
    keys: Sequence[int], report: AuditReport, *, full: bool, now: datetime
) -> dict[int, Progress]:
    records = starting_points(keys, full=full)
    audit = Audit(Account.objects.in_bulk(keys), now, report, records)
    report.resumed += [key for key in keys if records[key].is_resumed]
    _check_accounts(audit)
    _check_run_keys(audit)
    _check_runs(audit)
    for record in records.values():
        record.settle(now=now)
    _check_capital(audit)
    _check_summaries(audit)
    check_books(audit)
    return records


def follow_runs(
    account: Account, runs: Sequence[RunRows], record: Progress, *, now: datetime
) -> list[Violation]:
    """Check the next runs of one account, and take them into its record.

    Args:
        account: Their account.
        runs: In order of primary key, beginning behind ``record``.
        record: Its record so far, which is continued.
        now: Decides which times lie in the future.
    """
    report = AuditReport()
    audit = Audit({account.pk: account}, now, report, {account.pk: record})
    for each in runs:
        _check_one_run(audit, each)
    return report.violations


def _check_accounts(audit: Audit) -> None:
    for key, account in audit.accounts.items():
        audit.report.checked["accounts"] += 1
        row = f"account {key}"
        audit.found(key, check_suspects(account.suspect_readings))
        audit.found(key, audit.future(row, last_checked_at=account.last_checked_at))
        for time in suspect_times(account.suspect_readings):
            audit.found(key, audit.future(row, suspect_readings=time))


def _check_run_keys(audit: Audit) -> None:
    """A run key is used once. The database ensures it, unless its constraint was dropped."""
    repeated = (
        behind(audit.begun)
        .order_by()
        .values_list("account_id", "run_key")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    for account_id, run_key, times in repeated:
        runs = AllocationRun.objects.filter(account_id=account_id, run_key=run_key).order_by("pk")
        keys = list(runs.values_list("pk", flat=True)[:5])
        figures = {
            "run_key": repr(run_key),
            "times": str(times),
            "runs": ", ".join(map(str, keys)),
        }
        audit.found(account_id, iter([Reason(Code.RUN_KEY_REPEATED, figures)]), keys[-1])


def _check_runs(audit: Audit) -> None:
    last = 0
    while rows := load_run_rows(audit.begun, after=last, limit=ROWS_AT_ONCE):
        for each in rows:
            _check_one_run(audit, each)
        last = rows[-1].run.pk


def _check_one_run(audit: Audit, rows: RunRows) -> None:
    run = rows.run
    record = audit.records[run.account_id]
    record.settle(run.created_at, now=audit.now)
    record.through = run.pk
    quantum = quantum_of(audit.accounts[run.account_id].currency)
    checked = audit.report.checked
    checked["runs"] += 1
    checked["pools"] += len(rows.pools)
    checked["entries"] += sum(map(len, rows.entries.values()))
    audit.found(run.account_id, audit.future(f"run {run.pk}", created_at=run.created_at), run.pk)
    recorded = recorded_run(rows)
    if isinstance(recorded, Reason):
        audit.found(run.account_id, iter([recorded]), run.pk)
        return
    for pool in recorded.pools:
        if pool.observed_at is not None and pool.observed_at > run.created_at + clock_difference():
            moment = timezone.localtime(pool.observed_at).isoformat()
            late = Reason(Code.READ_AFTER_DECISION, {**pool.figures, "moment": moment})
            audit.found(run.account_id, iter([late]), run.pk)
    audit.found(run.account_id, check_run(recorded, quantum=quantum), run.pk)
    audit.found(run.account_id, record.ledger.follow(recorded, quantum=quantum), run.pk)


def _check_capital(audit: Audit) -> None:
    """The present capital of every link of the batch: as many rows as there are links."""
    present: dict[int, list[PresentCapital]] = {account_id: [] for account_id in audit.accounts}
    rows = (
        StrategyAccount.objects.filter(account_id__in=list(audit.accounts))
        .order_by("pk")
        .values_list(
            "pk",
            "account_id",
            "strategy__market_type",
            "capital__allocated_capital",
            "capital__allocated_at",
        )
    )
    for link_id, account_id, market, amount, allocated_at in rows:
        mode = WalletMode(audit.accounts[account_id].wallet_mode)
        present[account_id].append(
            PresentCapital(link_id, pool_of(MarketType(market), mode), amount)
        )
        audit.report.checked["capital"] += amount is not None
        late = audit.future(f"capital of link {link_id}", allocated_at=allocated_at)
        audit.found(account_id, late)
    for account_id, capitals in present.items():
        audit.found(account_id, audit.records[account_id].ledger.check_present(capitals))


def _check_summaries(audit: Audit) -> None:
    previous: DailyAccountSummary | None = None
    while True:
        after = Q()
        if previous is not None:
            same_day = Q(account_id=previous.account_id, date=previous.date)
            after = (
                Q(account_id__gt=previous.account_id)
                | Q(account_id=previous.account_id, date__gt=previous.date)
                | same_day & Q(pk__gt=previous.pk)
            )
        rows = DailyAccountSummary.objects.filter(after, account_id__in=list(audit.accounts))
        page = list(rows.order_by("account_id", "date", "pk")[:ROWS_AT_ONCE])
        if not page:
            return
        for row in page:
            same = previous is not None and previous.account_id == row.account_id
            _check_one_summary(audit, row, previous if same else None)
            previous = row


def _check_one_summary(
    audit: Audit, row: DailyAccountSummary, previous: DailyAccountSummary | None
) -> None:
    account = audit.accounts[row.account_id]
    audit.report.checked["summaries"] += 1
    reasons = check_summary(
        _recorded_summary(row),
        None if previous is None else _recorded_summary(previous),
        {pool: cached_observation(previous, pool, now=audit.now) for pool in Pool},
        pools=_certain_pools(account),
        quantum=quantum_of(account.currency),
    )
    audit.found(account.pk, reasons)
    times = {name: getattr(row, name) for name in OBSERVED_FIELD.values()}
    audit.found(account.pk, audit.future(f"summary {row.pk}", **times))


def _recorded_summary(row: DailyAccountSummary) -> RecordedSummary:
    return RecordedSummary(
        id=row.pk,
        date=row.date,
        starting=row.starting_balance,
        balances={pool: getattr(row, name) for pool, name in BALANCE_FIELD.items()},
        times={pool: getattr(row, name) for pool, name in OBSERVED_FIELD.items()},
    )


def _certain_pools(account: Account) -> tuple[Pool, ...] | None:
    """The pools that the account always had; None where its wallet mode may have been another."""
    if not is_known(account.venue):
        return None
    venue, mode = get_venue(account.venue), WalletMode(account.wallet_mode)
    was_always_so = account.readings_since is None and mode is venue.usual_wallet_mode
    if venue.wallet_modes != (mode,) and not was_always_so:
        return None
    return pools_of_account(account)
