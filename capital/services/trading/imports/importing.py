"""Importing what a file says that was traded: fills with their links, and funding."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import SizingError, TradeFileRefused
from capital.domain.money import EXACT, add_to, plain
from capital.domain.performance.fills import Funding
from capital.domain.performance.flows import FlowSource
from capital.domain.performance.pnl import keep_books
from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.telling import FillSource
from capital.domain.reasons import Code, Reason
from capital.models import Account, AttributedBy, Fill, StrategyAccount
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_account
from capital.services.trading.booking.fills import as_booked
from capital.services.trading.files import LineProblem, TradeFile, TradeLine
from capital.services.trading.fills import record_fills, record_opening
from capital.services.trading.flows import SettledFunding, record_funding, recorded_funding
from capital.services.trading.imports.report import (
    ImportedLine,
    ImportedLink,
    ImportedSum,
    ImportReport,
)
from capital.services.trading.recording.refusals import refuse_figures
from capital.services.trading.recording.told import FillCode, FillResult
from capital.services.trading.syncing.fee_values import may_be_priced, value_fees
from capital.services.trading.whose import other_market
from capital.services.transactions import outside_transaction

# Fills that are recorded with one look at what is known.
_AT_ONCE = 5000
_ZERO = Decimal(0)


@outside_transaction
def import_trades(
    account_id: int,
    file: TradeFile,
    *,
    strategy: str = "",
    dry_run: bool = False,
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> ImportReport:
    """Record what a file says, and book it. All or nothing; it may be repeated.

    Call it outside a transaction: a fee in a third coin that was paid within the last minute is
    valued by the exchange's price.

    Args:
        account_id: The account on which it was traded.
        file: What was read.
        strategy: Whose trades all of them are: a key or a name, in any case; empty: as each line
            says.
        dry_run: Record nothing, and tell what would be recorded.
        actor: Who imports; None is the command line.
        clock: Says what time it is.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on this account.
        TradeFileRefused: The file is of another exchange.
    """
    file = with_fee_values(account_id, file, actor=actor, clock=clock)
    return record_trades(
        account_id, file, strategy=strategy, dry_run=dry_run, actor=actor, clock=clock
    )


@outside_transaction
def with_fee_values(
    account_id: int, file: TradeFile, *, actor: AbstractUser | None, clock: Clock
) -> TradeFile:
    """The file with what fees in a third coin were worth, where they were paid just now.

    Call it outside a transaction: it may wait for the exchange.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on this account.
    """
    now = clock()
    if not any(may_be_priced(line.fill, now=now) for line in file.lines):
        return file
    require(actor, Act.REPORT_TRADING, account_ids=[account_id])
    account = Account.objects.get(pk=account_id)
    valued = value_fees(account, [line.fill for line in file.lines], clock=clock)
    lines = zip(file.lines, valued, strict=True)
    return replace(file, lines=tuple(replace(line, fill=fill) for line, fill in lines))


def record_trades(
    account_id: int,
    file: TradeFile,
    *,
    strategy: str = "",
    dry_run: bool = False,
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> ImportReport:
    """``import_trades``, with the fees as the file has them."""
    with transaction.atomic():
        require(actor, Act.REPORT_TRADING, account_ids=[account_id])
        account = lock_account(account_id)
        refuse_other_venue(file, account)
        lines, problems = _by_link(account, file, strategy)
        if problems:
            return ImportReport(problems=tuple(problems))
        now = clock()
        done = _Import(account, actor, now)
        for link in sorted(lines, key=lambda link: link.strategy.key):
            if problem := done.record(link, lines[link]):
                transaction.set_rollback(True)
                return ImportReport(problems=(problem,))
        sums = done.sums(file)
        if dry_run:
            transaction.set_rollback(True)
        lines_done = sorted(done.lines, key=lambda each: each.line.number)
        return ImportReport(
            links=tuple(done.links),
            lines=tuple(lines_done),
            sums=sums,
            is_recorded=not dry_run,
        )


def refuse_other_venue(file: TradeFile, account: Account) -> None:
    """Refuse a file that was traded elsewhere than on the account.

    Raises:
        TradeFileRefused: It names another exchange.
    """
    if file.venue and file.venue != account.venue:
        figures = {"venue": file.venue, "account_venue": account.venue}
        raise TradeFileRefused(Code.FILE_OF_OTHER_VENUE, **figures)


def _by_link(
    account: Account, file: TradeFile, strategy: str
) -> tuple[dict[StrategyAccount, list[TradeLine]], list[LineProblem]]:
    """The lines of each link, and why others have none."""
    links = list(account.strategy_accounts.select_related("strategy").order_by("strategy__key"))
    lines: dict[StrategyAccount, list[TradeLine]] = defaultdict(list)
    problems = list(file.problems)
    for line in file.lines:
        if line.account and line.account.casefold() != account.name.casefold():
            reason = Reason(Code.LINE_OF_OTHER_ACCOUNT, {"account": line.account})
            problems.append(LineProblem(line.number, "account", reason))
            continue
        found = _link_of(links, strategy or line.strategy)
        if isinstance(found, Reason):
            problems.append(LineProblem(line.number, "strategy", found))
        else:
            lines[found].append(line)
    return lines, sorted(problems, key=lambda problem: problem.number)


def _link_of(links: Sequence[StrategyAccount], name: str) -> StrategyAccount | Reason:
    """The link whose strategy is called so, in any case; a key goes before a name."""
    if not name:
        return Reason(Code.LINE_STRATEGY_MISSING)
    sought = name.casefold()
    by_key = [link for link in links if link.strategy.key.casefold() == sought]
    fitting = by_key or [link for link in links if link.strategy.name.casefold() == sought]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(link.strategy.key for link in fitting or links)
    code = Code.LINE_STRATEGY_AMBIGUOUS if fitting else Code.LINE_STRATEGY_UNKNOWN
    return Reason(code, {"strategy": name, "known": known})


@dataclass
class _Import:
    """One import into one locked account."""

    account: Account
    actor: AbstractUser | None
    now: datetime
    links: list[ImportedLink] = field(default_factory=list)
    lines: list[ImportedLine] = field(default_factory=list)
    _sums: dict[str, ImportedSum] = field(default_factory=lambda: defaultdict(ImportedSum))

    def record(self, link: StrategyAccount, lines: Sequence[TradeLine]) -> LineProblem | None:
        """Record the lines of one link; why it cannot be done, where it cannot."""
        done = ImportedLink(strategy=link.strategy.key)
        mine: list[ImportedLine] = []
        for line in lines:
            if line.is_opening and (problem := self._record_opening(link, line, mine)):
                return problem
        done.count(each.result for each in mine)
        recorded = [each.result.fill_id for each in mine]
        fills = [line for line in lines if not line.is_opening]
        for part in _parts(sorted(fills, key=lambda line: line.fill.executed_at)):
            try:
                results = record_fills(
                    self.account,
                    link.pk,
                    [line.fill for line in part],
                    source=FillSource.FILE,
                    actor=self.actor,
                    now=self.now,
                )
            except SizingError as error:
                return _problem_of(error, part)
            done.count(results)
            recorded.extend(result.fill_id for result in results)
            mine += [
                ImportedLine(
                    line,
                    done.strategy,
                    replace(result, warnings=other_market(link, line.fill.symbol)),
                )
                for line, result in zip(part, results, strict=True)
            ]
        if problem := _second_funding(mine):
            return problem
        funding = _payments(mine)
        known = recorded_funding(self.account, funding)
        self.lines += _told_of_funding(mine, funding, known)
        done.fundings = record_funding(
            self.account,
            link,
            funding,
            known=known,
            source=FlowSource.FILE,
            actor=self.actor,
            now=self.now,
        )
        self._count(recorded, funding)
        done.provisional = sum(each.is_provisional for each in mine)
        done.uncounted = sum(not each.result.is_counted for each in mine)
        self.links.append(done)
        return None

    def _record_opening(
        self, link: StrategyAccount, line: TradeLine, mine: list[ImportedLine]
    ) -> LineProblem | None:
        """Add one to the lines that are done; why it cannot be, where it cannot."""
        try:
            row = self._opening(link, line)
        except SizingError as error:
            return _problem_of(error, [line])
        is_new = row.recorded_at == self.now and all(each.result.fill_id != row.pk for each in mine)
        code = FillCode.RECORDED if is_new else FillCode.KNOWN
        result = FillResult(code, row.pk, row.symbol, warnings=other_market(link, row.symbol))
        mine.append(ImportedLine(line, link.strategy.key, result))
        return None

    def _opening(self, link: StrategyAccount, line: TradeLine) -> Fill:
        """Record what the link held before its first fill, as a person may enter it.

        Raises:
            NotPermitted: The actor may report what was traded, but not say what was held.
            UnknownSymbol: The venue has no such instrument.
            TradingRefused: The line makes no sense.
        """
        opening = replace(line.fill, fees=(), venue_fill_id="", order_id="", client_order_id="")
        refuse_figures(0, opening, self.now)
        require(self.actor, Act.ASSIGN_FILLS, account_ids=[self.account.pk])
        return record_opening(
            self.account,
            opening,
            link_id=link.pk,
            how=AttributedBy.PERSON,
            actor=self.actor,
            now=self.now,
        )

    def _count(self, fill_ids: Sequence[int], funding: Sequence[SettledFunding]) -> None:
        """Keep books of the file's own lines, whatever else is known."""
        fills: dict[tuple[str, str], list[Fill]] = defaultdict(list)
        for fill in Fill.objects.filter(account=self.account).in_bulk(fill_ids).values():
            fills[fill.symbol, fill.position_side].append(fill)
        paid: dict[str, list[Funding]] = defaultdict(list)
        for each in funding:
            paid[each.symbol].append(Funding(each.key, each.paid_at, each.amount))
        for (symbol, _), rows in fills.items():
            booked = [as_booked(row, step=_ZERO) for row in rows]
            _, entries = keep_books(booked, paid.pop(symbol, ()))
            sums = self._sums[rows[0].settle]
            for entry in entries:
                sums.realized = EXACT.add(sums.realized, entry.realized)
                sums.fees = EXACT.add(sums.fees, entry.fees)
                sums.funding = EXACT.add(sums.funding, entry.funding)
                for currency, amount in entry.fees_unvalued.items():
                    add_to(sums.fees_unvalued, currency, amount)

    def sums(self, file: TradeFile) -> dict[str, ImportedSum]:
        for currency, explained in file.explained.items():
            self._sums[currency].explained = explained
        for currency, amount in file.unsettled.items():
            self._sums[currency].unsettled = amount
        return dict(self._sums)


def _parts(lines: Sequence[TradeLine]) -> Iterator[Sequence[TradeLine]]:
    for start in range(0, len(lines), _AT_ONCE):
        yield lines[start : start + _AT_ONCE]


def _problem_of(error: SizingError, lines: Sequence[TradeLine]) -> LineProblem:
    """Whose line it is that the service refused: its field is ``fills.NUMBER.COLUMN``."""
    assert error.field is not None, "what is refused of a fill names it"
    _, number, column = error.field.split(".")
    return LineProblem(lines[int(number)].number, column, error.reason)


def _second_funding(lines: Sequence[ImportedLine]) -> LineProblem | None:
    """The first line that says another funding of a fill than a line before it."""
    first: dict[int, TradeLine] = {}
    for each in lines:
        if not each.line.funding:
            continue
        known = first.setdefault(each.result.fill_id, each.line)
        if known.funding != each.line.funding:
            reason = Reason(Code.LINE_FUNDING_TWICE, {"line": str(known.number)})
            return LineProblem(each.line.number, "funding", reason)
    return None


def _payments(lines: Sequence[ImportedLine]) -> list[SettledFunding]:
    """What was paid, once for each name: that of a fill, or of an order where fills have none.

    A line that stands in the file twice is of one fill, and counts once. Fills of one order that
    have no names of their own are paid together, when the last of them was.
    """
    of_fills = {each.result.fill_id: each.line for each in lines if each.line.funding}
    paid: dict[tuple[str, str], SettledFunding] = {}
    for line in of_fills.values():
        payment = _funding(line)
        name = (payment.key, payment.symbol)
        if name in paid:
            amount = EXACT.add(paid[name].amount, payment.amount)
            paid_at = max(paid[name].paid_at, payment.paid_at)
            payment = replace(payment, amount=amount, paid_at=paid_at)
        paid[name] = payment
    return list(paid.values())


def _told_of_funding(
    lines: Sequence[ImportedLine],
    funding: Sequence[SettledFunding],
    known: Mapping[tuple[str, str], Decimal],
) -> Iterator[ImportedLine]:
    """The lines, with a warning where their funding is known with another amount, and stays."""
    changed = {
        name: Reason(
            Code.FUNDING_DIFFERS,
            {
                "recorded": plain(known[name]),
                "told": plain(each.amount),
                "currency": each.currency,
            },
        )
        for each in funding
        if known.get(name := (each.key, each.symbol), each.amount) != each.amount
    }
    for each in lines:
        reason = changed.get(_name_of_payment(each.line)) if each.line.funding else None
        if reason is None:
            yield each
        else:
            warnings = (*each.result.warnings, reason)
            yield replace(each, result=replace(each.result, warnings=warnings))


def _name_of_payment(line: TradeLine) -> tuple[str, str]:
    """By what the funding of a line is known: its fill, or its order where fills have no names."""
    fill = line.fill
    return f"file:{fill.venue_fill_id or fill.order_id or fill.client_order_id}", fill.symbol


def _funding(line: TradeLine) -> SettledFunding:
    fill = line.fill
    key, text = _name_of_payment(line)
    symbol = parse_symbol(fill.symbol)
    assert symbol is not None, "its fill was recorded"
    assert line.funding is not None, "only lines with funding are asked"
    return SettledFunding(
        key=key,
        symbol=text,
        currency=symbol.settle,
        amount=line.funding,
        paid_at=fill.executed_at,
    )
