"""Performance as the API sends it."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from capital.services.performance import FIGURES, LINES, Figure, Kind

_EXACT = "Exact, as text. Null: `missing` says why."


def _field(figure: Figure) -> serializers.Field[Any, Any, Any, Any]:
    """What of a figure is sent, described by its own definition."""
    definition = str(figure.definition)
    match figure.kind:
        case Kind.COUNT | Kind.SPAN:
            unit = " In seconds." if figure.kind is Kind.SPAN else ""
            return serializers.IntegerField(allow_null=True, help_text=definition + unit)
        case Kind.DAY:
            return serializers.DateField(allow_null=True, help_text=definition)
        case Kind.PART:
            return serializers.CharField(
                allow_null=True, help_text=f"{definition} As a part: 0.05 is 5 %."
            )
    return serializers.CharField(allow_null=True, help_text=definition)


class MissingFigure(serializers.Serializer[Any]):
    """Why a figure has no answer."""

    figure = serializers.CharField(help_text="Its name.")
    code = serializers.CharField(help_text="A stable code for programs.")
    figures = serializers.DictField(
        child=serializers.CharField(), help_text="What the sentence is made of."
    )
    reason = serializers.CharField(help_text="A sentence for people, in the site's language.")


_ROW: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "id": serializers.IntegerField(
        allow_null=True, help_text="Of the strategy, link, account or owner. Null: a symbol."
    ),
    "name": serializers.CharField(
        help_text="The strategy's key, the account's or the owner's name, or the symbol."
    ),
    "currency": serializers.CharField(help_text="What all amounts of the row are in."),
    "is_account_currency": serializers.BooleanField(
        help_text="False: it was earned in another currency and stands apart, without returns."
    ),
    **{name: _field(figure) for name, figure in FIGURES.items()},
    "fees_unvalued": serializers.DictField(
        child=serializers.CharField(),
        help_text="By currency, the fees whose worth nobody knows. In no other figure.",
    ),
    "missing": MissingFigure(many=True, help_text="Figures that are null, and why."),
}

PerformanceRow = extend_schema_serializer(component_name="PerformanceRow")(
    type(
        "PerformanceRow",
        (serializers.Serializer,),
        {"__doc__": "How well one of them did, in one currency.", **_ROW},
    )
)


@extend_schema_serializer(component_name="Performance", many=False)
class PerformanceReport(serializers.Serializer[Any]):
    """How well strategies, links, accounts, owners or symbols did over a period."""

    by = serializers.CharField(help_text="What there is a row for.")
    since = serializers.DateField(allow_null=True, help_text="The first day. Null: the very first.")
    until = serializers.DateField(help_text="The last day, included.")
    results = PerformanceRow(many=True)
    without_source = serializers.ListField(
        child=serializers.CharField(), help_text="Of whom nothing is known in this period."
    )


class PerformanceDay(serializers.Serializer[Any]):
    """One day of a curve."""

    date = serializers.DateField()
    equity_start = serializers.CharField(allow_null=True, help_text="Null: not known.")
    capital = serializers.CharField(
        allow_null=True, help_text="Equity at its start, and capital added. Null: not known."
    )
    pnl = serializers.CharField(allow_null=True, help_text="Null: not known.")
    equity_end = serializers.CharField(allow_null=True, help_text="Null: not known.")
    daily_return = serializers.CharField(
        allow_null=True, help_text="As a part. Null: not known, or no capital."
    )
    chained = serializers.CharField(help_text="The return until then, as a part.")
    drawdown = serializers.CharField(help_text="Below the highest level before, as a part.")


class PerformanceMonth(serializers.Serializer[Any]):
    """The return of one month."""

    month = serializers.CharField(help_text="Such as 2026-11.")
    # "return" is no name in Python.
    vars()["return"] = serializers.CharField(allow_null=True, help_text="As a part.")
    code = serializers.CharField(allow_null=True, help_text="Why there is none.")


class PerformanceCurve(serializers.Serializer[Any]):
    """How it went in one currency."""

    currency = serializers.CharField()
    days = PerformanceDay(many=True)
    months = PerformanceMonth(many=True)


@extend_schema_serializer(component_name="StrategyPerformance")
class StrategyPerformance(serializers.Serializer[Any]):
    """One strategy in detail."""

    since = serializers.DateField(allow_null=True, help_text="The first day. Null: the very first.")
    until = serializers.DateField(help_text="The last day, included.")
    rows = PerformanceRow(many=True, help_text="One for each currency.")
    links = PerformanceRow(many=True, help_text="One for each account and currency.")
    symbols = PerformanceRow(many=True, help_text="One for each symbol and currency.")
    curves = PerformanceCurve(many=True)
    missing = MissingFigure(many=True, help_text="What to do where nothing is known.")


_STATEMENT: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "id": serializers.IntegerField(help_text="Of the account."),
    "name": serializers.CharField(help_text="Of the account."),
    "currency": serializers.CharField(help_text="What all amounts are in."),
    "month": serializers.CharField(help_text="Such as 2026-11."),
    "begins_at": serializers.DateTimeField(
        allow_null=True, help_text="When the opening balance was read. Null: not known."
    ),
    "ends_at": serializers.DateTimeField(
        allow_null=True, help_text="When the closing balance was read. Null: not known."
    ),
    **{
        name: serializers.CharField(allow_null=True, help_text=str(line.definition))
        for name, line in LINES.items()
    },
    "missing": MissingFigure(many=True, help_text="Amounts that are null, and why."),
}

Statement = extend_schema_serializer(component_name="Statement")(
    type(
        "Statement",
        (serializers.Serializer,),
        {
            "__doc__": (
                "One month of an account. `opening_balance` + `external_flows` + `realized` - "
                "`fees` + `funding` + `coins` + `unrealized_change` + `unexplained` is exactly "
                "`closing_balance`."
            ),
            **_STATEMENT,
        },
    )
)
