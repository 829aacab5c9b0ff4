"""What a delivery was answered, read from what is stored, without what the reader may not see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from capital.admin.frame.cells import OUTCOME_COLOUR, badge, instant
from capital.admin.frame.formats import NOTHING, money, number, ratio
from capital.admin.frame.views import user_of
from capital.domain.reasons import Code
from capital.models import WebhookDelivery
from capital.services.labels import OUTCOME_NAMES, POOL_NAMES, SIDE_NAMES, SOURCE_NAMES
from capital.services.sentences import outline_of
from capital.services.webhooks import accounts_shown, currencies_told


@dataclass(frozen=True)
class SizeRow:
    """One sized order on one account, as text."""

    account: str
    symbol: str
    side: str
    quantity: str
    contracts: str
    price: str
    capital: str
    is_sized: bool
    reason: str
    warnings: Sequence[str]


@dataclass(frozen=True)
class AllocationRow:
    """What became of one account's capital."""

    account: str
    outcome: Any
    reason: str
    run: int | None
    balances: Sequence[SafeString]


@dataclass(frozen=True)
class AnswerPage:
    """An answer as its page shows it.

    Attributes:
        left_out: Lines about accounts that the reader may not see.
    """

    took: timedelta
    sizes: Sequence[SizeRow] = ()
    allocations: Sequence[AllocationRow] = ()
    warnings: Sequence[str] = ()
    left_out: int = 0


def answer_page(delivery: WebhookDelivery, request: HttpRequest) -> AnswerPage | None:
    """The answer, without what is about accounts that the reader may not see."""
    if not hasattr(delivery, "answer"):
        return None
    body = delivery.answer.body
    is_shown = accounts_shown(delivery.strategy, user=user_of(request))
    currencies = currencies_told(delivery.answer)
    every = [*rows_of(body, "sizes"), *rows_of(body, "allocations")]
    sizes = [row for row in rows_of(body, "sizes") if is_shown(str(row.get("account")))]
    allocations = [row for row in rows_of(body, "allocations") if is_shown(str(row.get("account")))]
    left_out = len(every) - len(sizes) - len(allocations)
    return AnswerPage(
        took=delivery.answer.answered_at - delivery.received_at,
        sizes=[_size_row(row, currencies) for row in sizes],
        allocations=[_allocation_row(row, currencies) for row in allocations],
        # Their sentences name accounts.
        warnings=[] if left_out else _sentences(body),
        left_out=left_out,
    )


def _size_row(row: Mapping[str, Any], currencies: Mapping[str, str]) -> SizeRow:
    account = str(row.get("account", ""))
    reason = _reason_of(row)
    return SizeRow(
        account=account,
        symbol=str(row.get("symbol", "")),
        side=side_name(row.get("side")),
        quantity=_number(row.get("quantity")),
        contracts=_number(row.get("contracts")),
        price=_amount(row.get("price")),
        capital=_amount(row.get("capital"), currencies.get(account)),
        is_sized=row.get("code") == Code.SIZED,
        reason=reason,
        # An order that was not sized gives its reason among the warnings, too.
        warnings=[each for each in _sentences(row) if each != reason],
    )


def _reason_of(row: Mapping[str, Any]) -> str:
    """In the reader's language, where it is whole without figures; else as it was answered."""
    code = str(row.get("code", ""))
    outline = outline_of(code)
    answered = [each for each in rows_of(row, "warnings") if each.get("code") == code]
    return str(answered[0].get("reason", outline)) if answered and "…" in outline else outline


def _allocation_row(row: Mapping[str, Any], currencies: Mapping[str, str]) -> AllocationRow:
    account = str(row.get("account", ""))
    outcome = row.get("outcome")
    run = row.get("run")
    return AllocationRow(
        account=account,
        outcome=badge(OUTCOME_NAMES.get(outcome, outcome), OUTCOME_COLOUR.get(str(outcome), ""))
        if outcome
        else badge(gettext("not due")),
        reason=str(row.get("reason") or outline_of(str(row.get("code", "")))),
        run=run if isinstance(run, int) else None,
        balances=[_balance(each, currencies.get(account)) for each in rows_of(row, "balances")],
    )


def _balance(row: Mapping[str, Any], currency: str | None) -> SafeString:
    pool, source = row.get("pool"), row.get("source")
    try:
        observed_at = parse_datetime(str(row.get("observed_at") or ""))
    except ValueError:
        observed_at = None
    parts = [
        f"{POOL_NAMES.get(pool, pool)} {_amount(row.get('amount'), currency)}",
        str(SOURCE_NAMES.get(source, source)),
        instant(observed_at) if observed_at else "",
    ]
    return format_html_join(" · ", "{}", ((part,) for part in parts if part))


def refusal_text(delivery: WebhookDelivery) -> str:
    """Why the call was refused, as its caller was told; empty where it was not."""
    if delivery.refusal is None:
        return ""
    return str(delivery.refusal.get("detail") or delivery.refusal.get("code", ""))


def side_name(side: Any) -> str:
    """``buy`` and ``sell`` in the reader's language; anything else as it was sent."""
    return str(SIDE_NAMES.get(str(side).lower(), side or NOTHING))


def rows_of(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects in what is stored; what is none is left out."""
    rows = body.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _sentences(body: Mapping[str, Any]) -> list[str]:
    return [str(row.get("reason") or row.get("code", "")) for row in rows_of(body, "warnings")]


def _amount(text: Any, currency: str | None = None) -> str:
    """An amount, ``10,369.00 USDT``; a price, or one of an unknown currency: ``61,234.5``."""
    if text is None:
        return NOTHING
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        return str(text)
    return money(amount, currency) if currency else number(amount)


def _number(text: Any) -> str:
    if text is None:
        return NOTHING
    try:
        return ratio(Decimal(str(text)))
    except InvalidOperation:
        return str(text)
