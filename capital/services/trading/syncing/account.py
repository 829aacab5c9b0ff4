"""Reading one account: what is asked next, and what is recorded of each answer with its cursor.

A generator asks, so that the network of many accounts is waited for at once, while all that is
recorded is recorded by one thread, one answer in one transaction after the other. A kill loses the
answer that is on its way.
"""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from capital.domain.clock import Clock
from capital.domain.errors import CapitalError
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.exchange.contract import ExchangeGateway
from capital.exchange.trading.contract import (
    FillsQuestion,
    ReadFill,
    ReadFlow,
    Told,
    TradingGateway,
    TradingRequest,
    Unread,
)
from capital.models import Account, AskedFor, Position, TradingCursor, VenuePosition
from capital.services.accounts.lookup import lock_accounts
from capital.services.trading.fills import record_venue_fills
from capital.services.trading.flows import record_venue_flows
from capital.services.trading.recording.told import FillCode
from capital.services.trading.syncing.comparing import note_booked, note_unowned
from capital.services.trading.syncing.cursors import (
    Cursors,
    Step,
    advance,
    begin_cursors,
    in_turn,
    next_step,
    note_failure,
)
from capital.services.trading.syncing.fee_values import CoinPrices, ask_prices, coins_to_price
from capital.services.trading.syncing.openings import open_books
from capital.services.trading.syncing.orders import LEAVE_ALONE, Part, parts_by_orders
from capital.services.trading.syncing.positions import (
    PositionsQuestion,
    begin_positions,
    positions_questions,
    record_positions,
)
from capital.services.trading.syncing.questions import (
    Listed,
    Question,
    known_symbols,
    new_fill,
    pairs_of,
    pools_with_unknown_coins,
    questions_of,
    requests_of,
    wants_symbols,
)
from capital.services.trading.units import bookable

Ask = Callable[[], Any]
"""Waits for the network, and touches no row."""

Asking = Generator[Ask, Any, None]

SYNCED = "synced"
FILLS, FLOWS, OPENINGS = "fills", "flows", "openings"

# Of one question in one sync: the rest is asked the next time.
_STEPS = 10
_AT_ONCE = 2000
_COINS_EVERY = timedelta(minutes=15)


@dataclass(frozen=True)
class _PositionsRead:
    """What one question about positions told, and when it was asked and answered."""

    question: PositionsQuestion
    asked_at: datetime
    answered_at: datetime
    rows: Sequence[VenuePosition]


class _Changed(Exception):
    """The account is another one now: what was read may not be its own."""


@dataclass
class AccountReading:
    """One account that is read, and what came of it.

    Attributes:
        account: As it was at the beginning.
        trading: Who asks for fills and flows.
        wallets: Who asks for coins.
        instruments: By venue, what is known already.
        clock: Says what time it is.
        counts: How many fills and flows are new.
        prices: What coins are worth in which fees were paid just now.
        failures: By what was asked, why not all of it is known.
    """

    account: Account
    trading: TradingGateway
    wallets: ExchangeGateway
    instruments: Listed
    clock: Clock
    counts: Counter[str] = field(default_factory=Counter)
    prices: CoinPrices = field(default_factory=CoinPrices)
    failures: dict[str, Reason] = field(default_factory=dict)

    def asking(self) -> Asking:
        """Ask and record, until all is read or enough for now."""
        try:
            yield from self._asking()
        except _Changed:
            return

    def _asking(self) -> Asking:
        requests = requests_of(self.account, self.instruments)
        able = {pool: each for pool, each in requests.items() if isinstance(each, TradingRequest)}
        for pool, each in requests.items():
            if isinstance(each, Reason):
                self.failures[pool.value] = each
        if not able:
            return
        held = yield from self._positions(able)
        symbols: set[str] = set()
        if wants_symbols(self.account):
            symbols = yield from self._symbols(able)
            symbols |= {row.symbol for reading in held for row in reading.rows}
        questions = questions_of(self.account, able, symbols)
        with transaction.atomic():
            now = self.clock()
            cursors = begin_cursors(self._locked(), questions, now=now)
        unread: set[Pool] = set()
        for question in in_turn(questions, cursors, held=self._held(held), now=now):
            is_well = yield from self._ask(question, cursors, able[question.pool])
            if not is_well:
                if question.asked_for is AskedFor.FILLS:
                    unread.add(question.pool)
                if self.failures[question.name].code in LEAVE_ALONE:
                    break
        else:
            self._open_books([each for each in held if each.question.pool not in unread])
        self._note_unowned(held)

    def _positions(
        self, able: dict[Pool, TradingRequest]
    ) -> Generator[Ask, Any, list["_PositionsRead"]]:
        """What is held, as the exchange says now, before its fills are read."""
        questions = positions_questions(self.account, list(able))
        if not questions:
            return []
        with transaction.atomic():
            begin_positions(self._locked(), questions, now=self.clock())
        found = []
        for question in questions:
            asked_at = self.clock()
            request = able[question.pool]
            (answer,) = yield partial(self.trading.fetch_positions, request, [question.call])
            with transaction.atomic():
                now = self.clock()
                rows = record_positions(self._locked(), question, answer, now=now)
            if isinstance(answer, Reason):
                self.failures[question.name] = answer
            else:
                found.append(_PositionsRead(question, asked_at, now, rows))
        return found

    def _open_books(self, held: Sequence["_PositionsRead"]) -> None:
        """Record what was held at the beginning, once all fills since then are known."""
        for reading in held:
            with transaction.atomic():
                now = self.clock()
                opened = open_books(
                    self._locked(),
                    reading.question,
                    read_between=(reading.asked_at, reading.answered_at),
                    now=now,
                )
            self.counts[OPENINGS] += opened or 0

    def _note_unowned(self, held: Sequence["_PositionsRead"]) -> None:
        """Note what the books hold, and what no strategy holds of the positions that were read."""
        if held:
            asked_at = min(reading.asked_at for reading in held)
            with transaction.atomic():
                account = self._locked()
                note_unowned(account, note_booked(account), asked_at=asked_at)

    def _symbols(self, able: dict[Pool, TradingRequest]) -> Generator[Ask, Any, set[str]]:
        """What may have been traded: what is known, and pairs of what the wallets hold."""
        symbols = known_symbols(self.account)
        for pool in pools_with_unknown_coins(self.account):
            if pool not in able or not self._is_coins_turn(pool):
                continue
            request = able[pool].account
            answer = yield partial(self.wallets.fetch_wallets, [request])
            coins = answer[request.account_id, pool]
            with transaction.atomic():
                now = self.clock()
                TradingCursor.objects.update_or_create(
                    account=self._locked(),
                    pool=pool.value,
                    asked_for=AskedFor.HOLDINGS,
                    endpoint="",
                    symbol="",
                    defaults=_noted(coins, now),
                    create_defaults={"begins_at": now, "read_until": now, **_noted(coins, now)},
                )
            if isinstance(coins, Reason):
                self.failures[AskedFor.HOLDINGS.value] = coins
            else:
                symbols |= pairs_of(self.account, [name for name, held in coins.items() if held])
        return symbols

    def _is_coins_turn(self, pool: Pool) -> bool:
        asked = TradingCursor.objects.filter(
            account=self.account, pool=pool.value, asked_for=AskedFor.HOLDINGS
        ).values_list("asked_at", flat=True)
        at = asked.first()
        return at is None or self.clock() - at >= _COINS_EVERY

    def _held(self, readings: Sequence["_PositionsRead"]) -> set[str]:
        """The symbols in which something is held, so that they are asked each time."""
        told = {row.symbol for reading in readings for row in reading.rows}
        rows = Position.objects.exclude(quantity=0).filter(strategy_account__account=self.account)
        return told | set(rows.order_by().values_list("symbol", flat=True).distinct())

    def _ask(
        self, question: Question, cursors: Cursors, request: TradingRequest
    ) -> Generator[Ask, Any, bool]:
        """Ask one question, step by step; whether all went well."""
        cursor: TradingCursor | None = cursors[question.key]
        now, left = self.clock(), _STEPS
        while left > 0:
            step = None if cursor is None else next_step(question, cursor, now=now)
            if step is None:
                break
            answer = yield partial(self._answer, question, step, request)
            if not isinstance(answer, Reason):
                assert cursor is not None, "there was a step"
                # What was before was not promised, and may be a part of what was held.
                rows = tuple(row for row in answer.rows if _moment(row) >= cursor.begins_at)
                told = Told(rows, answer.unread)
                answer, parts = yield from self._recorded(question, step, request, told, left)
                left -= parts
            if not isinstance(answer, Reason):
                cursor = answer
                continue
            self.failures[question.name] = answer
            with transaction.atomic():
                note_failure(self._locked(), question, step, answer, now=self.clock())
            return False
        return True

    def _recorded(
        self,
        question: Question,
        step: Step,
        request: TradingRequest,
        told: Told[Any],
        most: int,
    ) -> Generator[Ask, Any, tuple[TradingCursor | Reason | None, int]]:
        """Record an answer, part by part; with its cursor, or why not, how many parts that took."""
        parts = [Part(sorted(told.rows, key=_moment), {}, {})]
        if question.asked_for is AskedFor.FILLS:
            yield from self._price_fees(told)
            parts = parts_by_orders(self.account, question.call, told.rows, request.instruments)
        cursor: TradingCursor | None = None
        for number, part in enumerate(parts[:most], start=1):
            answers: Sequence[str | Reason] = []
            if part.questions:
                asked = list(part.questions.values())
                answers = yield partial(self.trading.fetch_client_ids, request, asked)
            rows, failure = part.named(answers)
            is_all = failure is None and number == len(parts)
            try:
                if is_all:
                    cursor = self._record(question, step, rows, step.until, told.unread)
                elif rows:
                    # What happened at the moment of the last one may be in the next part.
                    cursor = self._record(question, step, rows, _moment(rows[-1]))
            except CapitalError as error:
                failure = error.reason
            if failure is not None:
                return failure, number
        return cursor, min(len(parts), most)

    def _price_fees(self, told: Told[ReadFill]) -> Asking:
        """Ask what coins are worth in which fees were paid just now."""
        now = self.clock()
        if quoted := coins_to_price(self.account, told.rows, now=now):
            self.prices = yield partial(ask_prices, quoted, now)

    def _answer(self, question: Question, step: Step, request: TradingRequest) -> Any:
        if question.asked_for is AskedFor.FILLS:
            asked = FillsQuestion(question.call, step.since, step.until, question.instrument)
            answer = self.trading.fetch_fills(request, [asked])[0]
            return answer if isinstance(answer, Reason) else bookable(self.account.venue, answer)
        return self.trading.fetch_flows(
            request, [question.call], since=step.since, until=step.until
        )[0]

    def _record(
        self,
        question: Question,
        step: Step,
        rows: Sequence[Any],
        until: datetime,
        unread: Sequence[Unread] = (),
    ) -> TradingCursor | None:
        """Record what was told until then, with its cursor: a part of it in each transaction."""
        cursor = None
        for start in range(0, max(1, len(rows)), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            is_last = start + _AT_ONCE >= len(rows)
            with transaction.atomic():
                account, now = self._locked(), self.clock()
                found = self._record_part(account, question, part, now)
                cursor = advance(
                    account,
                    question,
                    step,
                    # What happened at the moment of the last one may be in the next part.
                    until=until if is_last else _moment(part[-1]),
                    found=found,
                    unread=unread if is_last else (),
                    now=now,
                )
            self.counts[FILLS if question.asked_for is AskedFor.FILLS else FLOWS] += found
        return cursor

    def _record_part(
        self, account: Account, question: Question, part: Sequence[Any], now: datetime
    ) -> int:
        """Record some rows; how many were new."""
        if question.asked_for is AskedFor.FLOWS:
            return record_venue_flows(account, question.pool, part, now=now)
        results = record_venue_fills(
            account, [new_fill(each, self.prices) for each in part], now=now
        )
        return sum(each.code is FillCode.RECORDED for each in results)

    def _locked(self) -> Account:
        """The account, locked, if it is still the one that was asked for.

        Raises:
            _Changed: It is not.
        """
        locked = lock_accounts([self.account.pk]).get(self.account.pk)
        if locked is None or locked.reading_depends_on != self.account.reading_depends_on:
            raise _Changed
        return locked


def _noted(answer: Any, now: datetime) -> dict[str, Any]:
    if isinstance(answer, Reason):
        return {"asked_at": now, "code": answer.code.value, "figures": dict(answer.figures)}
    return {"asked_at": now, "read_until": now, "code": "", "figures": {}}


def _moment(row: ReadFill | ReadFlow) -> datetime:
    return row.executed_at if isinstance(row, ReadFill) else row.occurred_at
