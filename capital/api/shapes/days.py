"""Days of PnL as the API sends them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import ExactField, Row
from capital.models import LinkDay


def _exact(description: str, **options: Any) -> ExactField:
    named = {"max_digits": None, "decimal_places": None, "read_only": True}
    return ExactField(help_text=description, **{**named, **options})


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class AmountsField(serializers.JSONField):
    """Amounts by currency."""


@extend_schema_serializer(component_name="LinkDay")
class LinkDayRow(Row):
    """What a strategy had and earned on one account, on one day, in one currency."""

    account = serializers.IntegerField(
        source="strategy_account.account_id", read_only=True, help_text="Id of the account."
    )
    strategy = serializers.CharField(
        source="strategy_account.strategy.key", read_only=True, help_text="Key of the strategy."
    )
    equity_start = _exact(
        "Equity at the start of the day: what the day before ended with. Null: a mark was missing, "
        "or the currency is not the account's.",
        allow_null=True,
    )
    capital_added = _exact(
        "What allocations gave beyond what was earned, less what they took. Null: not known, or "
        "the currency is not the account's.",
        allow_null=True,
    )
    realized = _exact("Realised PnL before fees and funding.")
    fees = _exact("Above zero was paid.")
    fees_unvalued = AmountsField(
        read_only=True,
        help_text="By currency, fees whose worth is not known. They are in no other figure.",
    )
    funding = _exact("Funding, interest and the like. Above zero was received.")
    earned = _exact("Realised PnL after fees and funding.")
    unrealized = _exact(
        "Unrealised PnL at the end of the day; of today, now. Null: a mark is missing.",
        allow_null=True,
    )
    volume = _exact("What was traded, at its price.")

    class Meta:
        model = LinkDay
        descriptions = {
            "strategy_account": "Id of the strategy on the account.",
            "date": "A day of the project's time zone.",
            "currency": "In which it was earned.",
            "fills": "Number of fills.",
            "trades": "Number of round trips that ended.",
            "wins": "Those of them that earned.",
            "losses": "Those of them that lost.",
            "restated_at": "When it was written otherwise after it was over. Null: never.",
        }
        fields = [
            "id",
            "account",
            "strategy_account",
            "strategy",
            "date",
            "currency",
            "equity_start",
            "capital_added",
            "realized",
            "fees",
            "fees_unvalued",
            "funding",
            "earned",
            "unrealized",
            "volume",
            "fills",
            "trades",
            "wins",
            "losses",
            "restated_at",
        ]
        read_only_fields = fields
