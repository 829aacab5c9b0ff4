"""Reading fills back from an exchange: span by span, recorded by the thousand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import TradingRefused
from capital.domain.reasons import Code, Reason
from capital.exchange.contract import BalanceRequest
from capital.exchange.gateway import get_gateway, get_trading_gateway
from capital.exchange.trading.contract import (
    FillsQuestion,
    Instrument,
    ReadFill,
    TradingRequest,
    Unread,
)
from capital.exchange.trading.rows import Call, FillFields
from capital.models import Account
from capital.services.accounts.lookup import lock_account
from capital.services.trading.fills import record_venue_fills
from capital.services.trading.recording.refusals import refuse_moment
from capital.services.trading.recording.told import FillCode, FillCounts
from capital.services.trading.syncing.orders import parts_by_orders
from capital.services.trading.syncing.questions import (
    fill_calls,
    instruments_of,
    known_symbols,
    new_fill,
    pairs_of,
    requests_of,
)
from capital.services.trading.units import bookable
from capital.services.transactions import outside_transaction

# So much is asked for at once.
_STEP = timedelta(days=7)
# At least so many fills are recorded with one look at what is known, and fewer than twice as many.
_AT_ONCE = 5000


@dataclass
class ReadReport(FillCounts):
    """What was read from the exchange of one account.

    Attributes:
        unattributed: How many of the new fills are nobody's.
        unread: Rows that cannot be booked.
        failures: By what was asked (an endpoint, and the symbol if it wants one), why not all of
            it is known.
        cut: By endpoint, from when on it answers at all, where that is later than what was wanted.
    """

    unattributed: int = 0
    unread: list[Unread] = field(default_factory=list)
    failures: dict[str, Reason] = field(default_factory=dict)
    cut: dict[str, datetime] = field(default_factory=dict)


@outside_transaction
def import_fills(
    account_id: int,
    *,
    since: datetime,
    until: datetime | None = None,
    on_question: Callable[[str], None] | None = None,
    clock: Clock = timezone.now,
) -> ReadReport:
    """Read the fills of an account back from its exchange, and record them.

    Call it outside a transaction: it waits for the exchange. It may be repeated, and stopped at any
    time: what was read is recorded, and known the next time.

    Args:
        account_id: The account.
        since: From when on.
        until: Before when; None is now.
        on_question: Called with the name of each question before it is asked.
        clock: Says what time it is.

    Raises:
        TradingRefused: ``since`` is still to come, or from before anything was traded.
    """
    account = Account.objects.get(pk=account_id)
    now = clock()
    refuse_moment(since, now, field="since")
    until = now if until is None else min(until, now)
    if since >= until:
        raise TradingRefused(Code.FILL_IN_FUTURE, field="since", moment=since.isoformat())
    report = ReadReport()
    requests = requests_of(account, {})
    able = {pool: each for pool, each in requests.items() if isinstance(each, TradingRequest)}
    report.failures |= {
        pool.value: each for pool, each in requests.items() if isinstance(each, Reason)
    }
    for pool, calls in fill_calls(account, list(able)).items():
        request = able[pool]
        for call, instrument in _questions(account, request, calls):
            name = call.endpoint if instrument is None else f"{call.endpoint} {instrument.symbol}"
            if on_question is not None:
                on_question(name)
            begins = _begin(call, since, now, report)
            _read(account, request, call, instrument, (begins, until), name, report, clock)
    return report


def _begin(call: Call[FillFields], since: datetime, now: datetime, report: ReadReport) -> datetime:
    """From when on a call can be asked: what is older is said to be missing."""
    if call.reach is None or since >= now - call.reach:
        return since
    begins = now - call.reach + timedelta(minutes=1)
    report.cut[call.endpoint] = begins
    return begins


def _read(
    account: Account,
    request: TradingRequest,
    call: Call[FillFields],
    instrument: Instrument | None,
    span: tuple[datetime, datetime],
    name: str,
    report: ReadReport,
    clock: Clock,
) -> None:
    """Ask one question step by step. The first step that fails is the last."""
    begins, until = span
    waiting: list[ReadFill] = []
    while begins < until:
        end = min(until, begins + _STEP)
        question = FillsQuestion(call, begins, end, instrument)
        (answer,) = get_trading_gateway().fetch_fills(request, [question])
        if isinstance(answer, Reason):
            report.failures[name] = answer
            break
        told = bookable(account.venue, answer)
        report.unread += [each for each in told.unread if each not in report.unread]
        rows, failure = _with_client_ids(account, request, call, told.rows)
        waiting += rows
        if failure is not None:
            report.failures[name] = failure
            break
        while len(waiting) >= 2 * _AT_ONCE:
            _record(account, waiting[:_AT_ONCE], report, now=clock())
            del waiting[:_AT_ONCE]
        if len(waiting) >= _AT_ONCE:
            _record(account, waiting, report, now=clock())
            waiting.clear()
        begins = end
    if waiting:
        _record(account, waiting, report, now=clock())


def _with_client_ids(
    account: Account,
    request: TradingRequest,
    call: Call[FillFields],
    told: Sequence[ReadFill],
) -> tuple[list[ReadFill], Reason | None]:
    """Fills with the client order ids that only their orders tell, until a failure that passes."""
    found: list[ReadFill] = []
    for part in parts_by_orders(account, call, told, request.instruments):
        asked = list(part.questions.values())
        answers = get_trading_gateway().fetch_client_ids(request, asked) if asked else []
        rows, failure = part.named(answers)
        found += rows
        if failure is not None:
            return found, failure
    return found, None


def _record(
    account: Account, told: Sequence[ReadFill], report: ReadReport, *, now: datetime
) -> None:
    with transaction.atomic():
        locked = lock_account(account.pk)
        results = record_venue_fills(locked, [new_fill(each) for each in told], now=now)
    report.unattributed += sum(
        each.code is FillCode.RECORDED and not each.is_attributed for each in results
    )
    report.count(results)


def _questions(
    account: Account, request: TradingRequest, calls: Sequence[Call[FillFields]]
) -> Iterator[tuple[Call[FillFields], Instrument | None]]:
    """Each call, once for each symbol if it wants one."""
    by_symbol = [call for call in calls if call.by_symbol]
    symbols = _symbols(account, request.account) if by_symbol else set()
    for call in calls:
        if not call.by_symbol:
            yield call, None
            continue
        for instrument in instruments_of(call, request.instruments, symbols):
            yield call, instrument


def _symbols(account: Account, request: BalanceRequest) -> set[str]:
    """What may have been traded: what is known, and pairs of what the wallet holds."""
    symbols = known_symbols(account)
    for answer in get_gateway().fetch_wallets([request]).values():
        if not isinstance(answer, Reason):
            symbols |= pairs_of(account, list(answer))
    return symbols
