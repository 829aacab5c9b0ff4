"""The row of a fill."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from capital.domain.money import EXACT, plain, quotient
from capital.domain.performance.fills import Fee
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.performance.telling import FillSource
from capital.domain.sizing.instruments import InstrumentKind
from capital.models import Account, Fill
from capital.models.columns.copying import made_of
from capital.services.accounts.denomination import Denomination
from capital.services.trading.recording.told import NewFill


def row_of(
    fill: NewFill, account: Account, *, source: FillSource, contract_size: Decimal, now: datetime
) -> Fill:
    """The row of a fill that nobody owns yet. It is not saved.

    Args:
        fill: Of an instrument that is known.
        account: On which it was executed.
        source: Who tells of it.
        contract_size: Of its instrument.
        now: When it became known.
    """
    symbol = parse_symbol(fill.symbol)
    assert symbol is not None, "it was found among the venue's"
    money = Denomination.of(account)
    first = fill.fees[0] if fill.fees else None
    values = {
        "id": None,
        "account_id": account.pk,
        "strategy_account_id": None,
        "symbol": fill.symbol,
        "venue_fill_id": fill.venue_fill_id,
        "order_id": fill.order_id,
        "client_order_id": fill.client_order_id,
        "side": fill.side.value,
        "position_side": fill.position_side.value,
        "quantity": fill.quantity,
        "price": fill.price,
        "cost": _cost(fill, symbol, contract_size),
        "contract_size": contract_size,
        "settle": symbol.settle,
        "fees": [_fee_as_json(_valued(fee, symbol, money)) for fee in fill.fees],
        "fee_amount": None if first is None else first.amount,
        "fee_currency": "" if first is None else first.currency,
        "realized_reported": fill.realized,
        "liquidity": fill.liquidity,
        "executed_at": fill.executed_at,
        "source": source.value,
        "recorded_at": now,
    }
    return made_of(Fill, values)


def _cost(fill: NewFill, symbol: Symbol, contract_size: Decimal) -> Decimal:
    if symbol.kind is InstrumentKind.INVERSE:
        return quotient(EXACT.multiply(fill.quantity, contract_size), fill.price)
    return EXACT.multiply(fill.quantity, fill.price)


def _valued(fee: Fee, symbol: Symbol, money: Denomination) -> Fee:
    """A fee in a currency that stands for what its contract is settled in is worth as much."""
    if fee.value is not None or fee.currency == symbol.settle or symbol.kind is InstrumentKind.SPOT:
        return fee
    is_one = {fee.currency, symbol.settle} <= money.currencies
    return replace(fee, value=fee.amount) if is_one else fee


def _fee_as_json(fee: Fee) -> dict[str, str]:
    """Amounts as text; ``value`` where it is known what a fee in a third coin was worth."""
    told = {"amount": plain(fee.amount), "currency": fee.currency}
    return told if fee.value is None else {**told, "value": plain(fee.value)}
