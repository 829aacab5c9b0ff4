"""The cursors of an account's questions: where each goes on, and what is missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from capital.domain.reasons import Code, Reason
from capital.exchange.trading.contract import Unread
from capital.models import Account, AskedFor, TradingCursor
from capital.services.trading.syncing.questions import Question
from capital.services.transactions import inside_transaction

Cursors = Mapping[tuple[str, str, str, str], TradingCursor]

# What an exchange lists a little late is asked for again.
_OVERLAP = timedelta(minutes=10)
# An order is listed by when it was placed, and filled later.
_OVERLAP_OF_ORDERS = timedelta(days=7)
# A deposit is listed by when it was sent, and confirmed later.
_OVERLAP_OF_DEPOSITS = timedelta(days=3)
# So much is asked for, and recorded, at a time.
_LONGEST = timedelta(days=7)
# What an exchange no longer tells soon is not asked for at the last moment.
_MARGIN = timedelta(minutes=1)
# Where nothing has happened for a day, one symbol of many is asked less often.
_QUIET_AFTER = timedelta(days=1)
_QUIET_FOR = timedelta(minutes=30)
_MOST_UNREAD = 50
_SECOND = timedelta(seconds=1)
_SHORTEST = 60
_TOO_MUCH = frozenset({Code.EXCHANGE_TIMEOUT, Code.EXCHANGE_RATE_LIMITED, Code.EXCHANGE_BAD_ANSWER})


@dataclass(frozen=True)
class Step:
    """What is asked next.

    Attributes:
        since: From then on.
        until: Before then: until where the cursor goes if all of it is recorded.
        is_cut: Whether the exchange no longer tells what comes right before ``since``.
    """

    since: datetime
    until: datetime
    is_cut: bool = False


@inside_transaction
def begin_cursors(account: Account, questions: Sequence[Question], *, now: datetime) -> Cursors:
    """The cursors of these questions; those of new ones begin when the account's first did.

    Call it inside the transaction that locked the account. Those of an exchange or wallet that the
    account no longer has are removed. Two queries, and one more for new questions.
    """
    present = {(each.pool.value, each.call.endpoint) for each in questions}
    every = list(TradingCursor.objects.filter(account=account))
    rows = [row for row in every if row.asked_for in (AskedFor.FILLS, AskedFor.FLOWS)]
    stale = [row.pk for row in rows if (row.pool, row.endpoint) not in present]
    if stale:
        TradingCursor.objects.filter(pk__in=stale).delete()
    found = {key_of(row): row for row in rows if row.pk not in stale}
    begun = [row for row in every if row.asked_for == AskedFor.POSITIONS]
    begins_at = min([now, *(row.begins_at for row in [*begun, *found.values()])])
    new = [
        TradingCursor(
            account=account,
            pool=each.pool.value,
            asked_for=each.asked_for,
            endpoint=each.call.endpoint,
            symbol=each.symbol,
            begins_at=begins_at,
            read_until=begins_at,
        )
        for each in questions
        if each.key not in found
    ]
    TradingCursor.objects.bulk_create(new, batch_size=500)
    return {**found, **{key_of(row): row for row in new}}


def key_of(cursor: TradingCursor) -> tuple[str, str, str, str]:
    """As ``Question.key``."""
    return (cursor.pool, cursor.asked_for, cursor.endpoint, cursor.symbol)


def in_turn(
    questions: Iterable[Question], cursors: Cursors, *, held: set[str], now: datetime
) -> list[Question]:
    """The questions in the order in which they are asked: fills first, whoever waited longest.

    Symbols in which nothing happens, and nothing is held, are asked every half an hour.
    """

    def waited_since(question: Question) -> tuple[bool, datetime]:
        cursor = cursors[question.key]
        return question.asked_for is not AskedFor.FILLS, cursor.asked_at or cursor.begins_at

    due = [each for each in questions if not _is_quiet(each, cursors[each.key], held, now)]
    return sorted(due, key=lambda each: (*waited_since(each), each.key))


def _is_quiet(question: Question, cursor: TradingCursor, held: set[str], now: datetime) -> bool:
    if not question.symbol or question.symbol in held or cursor.asked_at is None:
        return False
    news = cursor.found_at or cursor.begins_at
    is_current = now - cursor.read_until < _QUIET_AFTER
    return is_current and now - news > _QUIET_AFTER and now - cursor.asked_at < _QUIET_FOR


def next_step(question: Question, cursor: TradingCursor, *, now: datetime) -> Step | None:
    """What of a question is asked next; None where all of it is read until ``now``.

    The first time, when there is nothing to read yet, it is asked whether it is answered at all.
    """
    if cursor.read_until >= now:
        if cursor.asked_at is None:
            return Step(cursor.begins_at - _MARGIN, cursor.begins_at)
        return None
    since = max(cursor.begins_at, cursor.read_until - _overlap(question))
    reach, is_cut = question.call.reach, False
    if reach is not None and since < (earliest := now - reach + _MARGIN):
        since, is_cut = earliest, True
    until = min(now, max(since, cursor.read_until) + _longest(question, cursor))
    return Step(since, until, is_cut)


def _overlap(question: Question) -> timedelta:
    if question.tells_orders:
        return _OVERLAP_OF_ORDERS
    return _OVERLAP_OF_DEPOSITS if question.tells_what_was_sent else _OVERLAP


def _longest(question: Question, cursor: TradingCursor) -> timedelta:
    span = question.call.span
    longest = _LONGEST if span is None else min(_LONGEST, span)
    if cursor.step_seconds is None:
        return longest
    return min(longest, timedelta(seconds=cursor.step_seconds))


@inside_transaction
def advance(
    account: Account,
    question: Question,
    step: Step,
    *,
    until: datetime,
    found: int,
    unread: Sequence[Unread] = (),
    now: datetime,
) -> TradingCursor | None:
    """Note that all of ``step`` until a time is recorded.

    Call it inside the transaction that locked the account and recorded it. Another process may have
    gone further, or its cursor may have begun again: then it stays as it is.

    Returns:
        The cursor as it is now; None where it is gone.
    """
    cursor = cursor_of(account, question)
    if cursor is None:
        return None
    is_unbroken = step.since <= cursor.read_until
    if (is_unbroken or step.is_cut) and until > cursor.read_until:
        # Of what is asked for the first time, nobody promised that it is told.
        if not is_unbroken and cursor.begins_at < cursor.read_until:
            cursor.missing_since = cursor.missing_since or cursor.read_until
        cursor.read_until = until
    cursor.asked_at, cursor.code, cursor.figures = now, "", {}
    if cursor.step_seconds is not None and until == step.until:
        longer = 2 * cursor.step_seconds
        cursor.step_seconds = None if longer > _LONGEST.total_seconds() else longer
    if found:
        cursor.found_at = now
    known = {(row["name"], row["row_id"]) for row in cursor.unread}
    cursor.unread = [
        *cursor.unread,
        *(
            _as_json(each, now)
            for each in dict.fromkeys(unread)
            if (each.name, each.row_id) not in known
        ),
    ][-_MOST_UNREAD:]
    cursor.save()
    return cursor


@inside_transaction
def note_failure(
    account: Account, question: Question, step: Step, reason: Reason, *, now: datetime
) -> None:
    """Note why a question was not answered. Its cursor stays where it is.

    Call it inside the transaction that locked the account. Where it may be that too much was asked
    for, less is asked for the next time.
    """
    cursor = cursor_of(account, question)
    if cursor is None:
        return
    cursor.asked_at, cursor.code, cursor.figures = now, reason.code.value, dict(reason.figures)
    if reason.code in _TOO_MUCH:
        half = (step.until - max(step.since, cursor.read_until)) // 2 // _SECOND
        cursor.step_seconds = max(_SHORTEST, half)
    cursor.save(update_fields=["asked_at", "code", "figures", "step_seconds"])


def cursor_of(account: Account, question: Question) -> TradingCursor | None:
    """The cursor of a question as it is now; None where it is gone."""
    pool, asked_for, endpoint, symbol = question.key
    return TradingCursor.objects.filter(
        account=account, pool=pool, asked_for=asked_for, endpoint=endpoint, symbol=symbol
    ).first()


def _as_json(row: Unread, now: datetime) -> dict[str, Any]:
    return {"name": row.name, "problem": row.problem, "row_id": row.row_id, "at": now.isoformat()}
