"""What an exchange says that an account holds now: replaced as a whole, question by question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction

from capital.domain.errors import NotFound
from capital.domain.money import EXACT, known_sum, quotient
from capital.domain.performance.symbols import parse_symbol
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from capital.exchange.trading.contract import ReadPosition, Told, Unread
from capital.exchange.trading.rows import Call, PositionFields
from capital.exchange.trading.venues import trading_of
from capital.models import Account, AskedFor, TradingCursor, VenuePosition
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.summaries import business_date
from capital.services.trading.days.closing import restate_days
from capital.services.trading.marks import keep_marks
from capital.services.transactions import inside_transaction

# A fill so near to the reading may be in it or not.
UNSURE = timedelta(seconds=2)


@dataclass(frozen=True)
class PositionsQuestion:
    """One question about positions.

    Attributes:
        pool: Whose pool is asked.
        call: How it is asked.
        name: Its endpoint, with a number where a pool has it several times.
    """

    pool: Pool
    call: Call[PositionFields]
    name: str


def positions_questions(account: Account, pools: Sequence[Pool]) -> list[PositionsQuestion]:
    """The questions about the positions of an account; none where its exchange tells none."""
    found = []
    for pool in pools:
        names: list[str] = []
        for call in trading_of(account.venue).positions.get(pool, ()):
            number = names.count(call.endpoint) + 1
            names.append(call.endpoint)
            name = call.endpoint if number == 1 else f"{call.endpoint} ({number})"
            found.append(PositionsQuestion(pool, call, name))
    return found


@inside_transaction
def begin_positions(
    account: Account, questions: Sequence[PositionsQuestion], *, now: datetime
) -> None:
    """Note when the positions of an account were asked for first.

    Call it inside the transaction that locked the account. Fills of later are read, and what was
    held then is an opening.
    """
    for each in questions:
        TradingCursor.objects.get_or_create(
            **_named(account, each), defaults={"begins_at": now, "read_until": now}
        )


@inside_transaction
def record_positions(
    account: Account,
    question: PositionsQuestion,
    answer: Told[ReadPosition] | Reason,
    *,
    now: datetime,
) -> list[VenuePosition]:
    """Replace what one question told before; a failed one keeps its rows, and is noted.

    Call it inside the transaction that locked the account. The marks of what is open value the
    positions of the links, too.
    """
    cursor = TradingCursor.objects.filter(**_named(account, question))
    if isinstance(answer, Reason):
        cursor.update(asked_at=now, code=answer.code.value, figures=dict(answer.figures))
        return []
    rows = _replace(account, question, answer.rows, now=now)
    cursor.update(
        asked_at=now,
        read_until=now,
        code="",
        figures={},
        unread=[_as_json(each, now) for each in answer.unread],
    )
    marks = {
        (account.venue, row.symbol): row.mark_price
        for row in rows
        if row.mark_price is not None and row.mark_price > 0
    }
    # Prices of a sandbox are not those of the exchange.
    if marks and not account.is_sandbox:
        keep_marks([account.pk], marks, now=now)
        restate_days([account.pk], since=business_date(now), now=now)
    return rows


def _replace(
    account: Account,
    question: PositionsQuestion,
    told: Sequence[ReadPosition],
    *,
    now: datetime,
) -> list[VenuePosition]:
    of_question = VenuePosition.objects.filter(
        account=account, pool=question.pool.value, asked=question.name
    )
    before = {(row.symbol, row.position_side): row for row in of_question if row.quantity}
    rows = [
        VenuePosition(
            account=account,
            pool=question.pool.value,
            asked=question.name,
            symbol=each.symbol,
            position_side=each.position_side.value,
            quantity=each.quantity,
            entry_price=each.entry_price,
            mark_price=each.mark_price,
            unrealised=each.unrealised,
            realised=each.realised,
            settle=each.settle,
            contract_size=each.contract_size,
            told_at=each.told_at,
            observed_at=now,
            **_kept(before.get((each.symbol, each.position_side.value)), each.quantity),
        )
        for each in merged(told)
    ]
    of_question.delete()
    VenuePosition.objects.bulk_create(rows, batch_size=500)
    return rows


def _kept(before: VenuePosition | None, quantity: Decimal) -> dict[str, Any]:
    """What of a position stays when it is read again: what a person said, what no strategy held."""
    if before is None:
        return {}
    is_same = before.quantity == quantity
    return {
        "is_not_strategys": before.is_not_strategys,
        "unowned": before.unowned if is_same else None,
    }


def merged(rows: Sequence[ReadPosition]) -> list[ReadPosition]:
    """What is open, each symbol and side once: some exchanges list parts of a position."""
    parts: dict[tuple[str, PositionSide], list[ReadPosition]] = {}
    for row in rows:
        if row.quantity:
            parts.setdefault((row.symbol, row.position_side), []).append(row)
    joined = [each[0] if len(each) == 1 else _joined(each) for each in parts.values()]
    return [each for each in joined if each.quantity]


def _joined(parts: Sequence[ReadPosition]) -> ReadPosition:
    quantity = Decimal(0)
    for part in parts:
        quantity = EXACT.add(quantity, part.quantity)
    first = parts[0]
    return ReadPosition(
        symbol=first.symbol,
        position_side=first.position_side,
        quantity=quantity,
        settle=first.settle,
        contract_size=first.contract_size,
        entry_price=_average(parts, quantity),
        mark_price=first.mark_price,
        unrealised=known_sum(*(part.unrealised for part in parts)),
        realised=known_sum(*(part.realised for part in parts)),
        told_at=max((part.told_at for part in parts if part.told_at), default=None),
    )


def _average(parts: Sequence[ReadPosition], quantity: Decimal) -> Decimal | None:
    """Of parts of one direction; harmonic where contracts are inverse."""
    symbol = parse_symbol(parts[0].symbol)
    if symbol is None or not quantity or any(part.quantity * quantity < 0 for part in parts):
        return None
    is_inverse = symbol.kind is InstrumentKind.INVERSE
    total = Decimal(0)
    for part in parts:
        if part.entry_price is None:
            return None
        one = (
            quotient(part.quantity, part.entry_price)
            if is_inverse
            else EXACT.multiply(part.quantity, part.entry_price)
        )
        total = EXACT.add(total, one)
    return quotient(quantity, total) if is_inverse else quotient(total, quantity)


def mark_not_strategys(
    position_id: int, *, is_not_strategys: bool, actor: AbstractUser | None = None
) -> VenuePosition:
    """Say that no strategy holds a position at the exchange, until it is closed; or take it back.

    Args:
        position_id: The primary key of the exchange's position.
        is_not_strategys: False takes it back.
        actor: Who says so; None is the command line.

    Raises:
        NotFound: There is no such position any more.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on this account.
    """
    with transaction.atomic():
        found = VenuePosition.objects.filter(pk=position_id).only("account_id").first()
        if found is None:
            raise NotFound
        require(actor, Act.ASSIGN_FILLS, account_ids=[found.account_id])
        lock_accounts([found.account_id])
        position = VenuePosition.objects.filter(pk=position_id).first()
        if position is None:
            raise NotFound
        position.is_not_strategys = is_not_strategys
        position.save(update_fields=["is_not_strategys"])
    return position


def mark_symbol_not_strategys(
    account_ids: Sequence[int],
    symbol: str,
    *,
    is_not_strategys: bool,
    actor: AbstractUser | None = None,
) -> list[VenuePosition]:
    """``mark_not_strategys`` for all that these accounts hold of a symbol. All or nothing.

    Raises:
        NotFound: They hold nothing of it at their exchanges.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on one of the accounts.
    """
    with transaction.atomic():
        lock_accounts(account_ids)
        rows = VenuePosition.objects.filter(account__in=account_ids, symbol=symbol)
        ids = list(rows.order_by("pk").values_list("pk", flat=True))
        if not ids:
            raise NotFound
        return [
            mark_not_strategys(each, is_not_strategys=is_not_strategys, actor=actor) for each in ids
        ]


def _named(account: Account, question: PositionsQuestion) -> dict[str, Any]:
    return {
        "account": account,
        "pool": question.pool.value,
        "asked_for": AskedFor.POSITIONS,
        "endpoint": question.name,
        "symbol": "",
    }


def _as_json(row: Unread, now: datetime) -> Mapping[str, Any]:
    return {"name": row.name, "problem": row.problem, "row_id": row.row_id, "at": now.isoformat()}
