"""The shape in which an instrument's rules are stored: columns, and rules that wait as JSON."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT, plain
from capital.domain.sizing.instruments import (
    AmountUnit,
    InstrumentKind,
    InstrumentRules,
    LeverageBracket,
    PrecisionMode,
)
from capital.exchange.venues import VENUES, get_venue, is_known

LIMITS = (
    "min_amount",
    "max_amount",
    "market_min_amount",
    "market_max_amount",
    "min_cost",
    "max_cost",
    "market_max_cost",
    "market_buy_max_cost",
    "market_sell_max_amount",
    "max_leverage",
)
# The columns that are compared, and written when one has changed.
RULE_COLUMNS = (
    "market_id",
    "kind",
    "base",
    "quote",
    "settle",
    "contract_size",
    "amount_unit",
    "precision_mode",
    "amount_precision",
    *LIMITS,
    "leverage_brackets",
)
# What gives the numbers of the others, and of positions, their meaning.
MEANING = ("kind", "contract_size", "amount_unit", "precision_mode")
_NUMBERS = frozenset({"contract_size", "amount_precision", *LIMITS})


def columns_of(rules: InstrumentRules) -> dict[str, Any]:
    """The columns that the rules fill."""
    is_spot = rules.kind is InstrumentKind.SPOT
    return {
        "kind": rules.kind.value,
        "quote": rules.quote,
        "settle": rules.settle,
        "contract_size": None if is_spot else rules.contract_size,
        "amount_unit": "" if rules.amount_unit is None else rules.amount_unit.value,
        "precision_mode": rules.precision_mode.value,
        "amount_precision": rules.amount_precision,
        **{name: getattr(rules, name) for name in LIMITS},
        "leverage_brackets": [_bracket_as_json(bracket) for bracket in rules.brackets],
    }


def rules_of(row: Mapping[str, Any]) -> InstrumentRules:
    """The rules that a row of ``RULE_COLUMNS``, with its venue and symbol, has stored."""
    kind, size = InstrumentKind(row["kind"]), row["contract_size"]
    contract_size = Decimal(1) if size is None else _trimmed(size)
    return InstrumentRules(
        symbol=row["symbol"],
        kind=kind,
        quote=row["quote"],
        settle=row["settle"],
        precision_mode=PrecisionMode(row["precision_mode"]),
        amount_precision=_trimmed(row["amount_precision"]),
        contract_size=contract_size,
        amount_unit=_unit(row["venue"], row["amount_unit"], kind, contract_size),
        brackets=tuple(_bracket_from_json(bracket) for bracket in row["leverage_brackets"]),
        **{name: None if row[name] is None else _trimmed(row[name]) for name in LIMITS},
    )


def _unit(
    venue: str, stored: str, kind: InstrumentKind, contract_size: Decimal
) -> AmountUnit | None:
    """The stored unit; of rules that were stored without one, the venue's."""
    if stored:
        return AmountUnit(stored)
    row = VENUES.get(venue) or (get_venue(venue) if is_known(venue) else None)
    return None if row is None else row.rules_call.amount_unit(kind, contract_size)


def as_json(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as JSON keeps them: numbers as text."""
    return {
        name: plain(_trimmed(value)) if isinstance(value, Decimal) else value
        for name, value in columns.items()
    }


def from_json(columns: Mapping[str, Any]) -> dict[str, Any]:
    """What ``as_json`` made text of, as numbers again."""
    return {
        name: Decimal(value) if name in _NUMBERS and value is not None else value
        for name, value in columns.items()
    }


def described_change(row: Mapping[str, Any], pending: Mapping[str, Any] | None) -> str:
    """What changed in rules that wait: ``contract_size 10 → 1``; empty where none wait."""
    if not pending:
        return ""
    stored = as_json({name: row[name] for name in MEANING})
    return ", ".join(
        f"{name} {stored[name]} → {pending['rules'][name]}"
        for name in MEANING
        if stored[name] != pending["rules"][name]
    )


def _bracket_as_json(bracket: LeverageBracket) -> dict[str, str]:
    found = {
        "leverage": bracket.leverage,
        "max_notional": bracket.max_notional,
        "max_amount": bracket.max_amount,
        "max_settled": bracket.max_settled,
    }
    return {name: plain(number) for name, number in found.items() if number is not None}


def _bracket_from_json(bracket: Mapping[str, str]) -> LeverageBracket:
    return LeverageBracket(**{name: Decimal(number) for name, number in bracket.items()})


def _trimmed(number: Decimal) -> Decimal:
    """Without the trailing zeros of the column's decimals."""
    return number.normalize(EXACT)
