"""Allocated capital as bots poll it, written without model instances for speed."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from capital.domain.money import amount_text


class _Amount(serializers.CharField):
    """Marks an amount, which is written in the account's currency."""


class _Time(serializers.DateTimeField):
    """Marks a time, which is written in the site's time zone."""


@extend_schema_serializer(component_name="Capital")
class CapitalRow(serializers.Serializer[Mapping[str, Any]]):
    """The capital currently allocated to one strategy on one account."""

    # To add a field, add it here only: its name, kind, and path from ``StrategyCapital``.
    id = serializers.IntegerField()
    strategy_account = serializers.IntegerField(
        source="strategy_account_id", help_text="Id of the strategy on the account."
    )
    strategy = serializers.CharField(
        source="strategy_account.strategy.key", help_text="Key of the strategy."
    )
    account = serializers.IntegerField(
        source="strategy_account.account_id", help_text="Id of the account."
    )
    account_name = serializers.CharField(source="strategy_account.account.name")
    market_type = serializers.CharField(
        source="strategy_account.strategy.market_type", help_text="`spot` or `futures`."
    )
    currency = serializers.CharField(
        source="strategy_account.account.currency", help_text="Currency of the amounts."
    )
    allocated_capital = _Amount(help_text="The capital that the strategy may use now. Exact.")
    current_pnl = _Amount(
        allow_null=True, help_text="The strategy's current PnL. Exact. Null: not known."
    )
    allocated_at = _Time(allow_null=True, help_text="When it was last allocated. Null: never.")


def capital_as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON that ``CapitalRow`` describes, from a row with all ``COLUMNS``."""
    currency = row[_COLUMN_OF["currency"]]
    return {
        name: None if (value := row[column]) is None else write(value, currency)
        for name, column, write in _FIELDS
    }


def _unchanged(value: Any, _currency: str) -> Any:
    return value


def _local_time(value: Any, _currency: str) -> str:
    return timezone.localtime(value).isoformat()


def _writer_of(field: Any) -> Callable[[Any, str], Any]:
    if isinstance(field, _Amount):
        return amount_text
    return _local_time if isinstance(field, _Time) else _unchanged


_FIELD_OF = CapitalRow().fields
_COLUMN_OF = {name: str(field.source).replace(".", "__") for name, field in _FIELD_OF.items()}
_FIELDS = [(name, _COLUMN_OF[name], _writer_of(field)) for name, field in _FIELD_OF.items()]
# The columns to read for these fields, from ``StrategyCapital``.
COLUMNS = tuple(_COLUMN_OF.values())
