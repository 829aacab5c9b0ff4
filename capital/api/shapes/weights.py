"""Weights of several strategies, set at once, as the API takes and answers them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import NO_OBJECT, ExactField, Request, Switch
from capital.api.shapes.answers import Run
from capital.api.shapes.runs import decision_as_json
from capital.domain.money import plain
from capital.domain.pools import Pool
from capital.services.allocation import WeightChange, WeightsReport


@extend_schema_serializer(component_name="SetWeights")
class WeightsBody(Request):
    """Weights by strategy key, all of one pool. Strategies that are left out keep theirs."""

    weights = serializers.DictField(
        child=ExactField(max_digits=None, decimal_places=None),
        allow_empty=False,
        error_messages=NO_OBJECT,
        help_text=(
            "By strategy key: above 0 and at most 100, relative to the others in the pool. 50, 30 "
            "and 20 are shares in percent."
        ),
    )
    dry_run = Switch(default=False, help_text="Return the result, but write nothing.")


class ChangedWeight(serializers.Serializer[Any]):
    """One strategy of the account. A null amount: it never had capital here."""

    strategy = serializers.CharField(help_text="Key of the strategy.")
    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    weight_before = serializers.CharField()
    weight_after = serializers.CharField()
    capital_before = serializers.CharField(allow_null=True)
    capital_after = serializers.CharField(allow_null=True)
    waits = serializers.BooleanField(
        help_text="Whether its capital stays as it is because its pool could not be divided now."
    )
    code = serializers.CharField(help_text="How its capital was decided, or why it was not.")
    reason = serializers.CharField()


class SetWeights(serializers.Serializer[Any]):
    """What became of the weights and of the capital."""

    account = serializers.IntegerField()
    account_name = serializers.CharField()
    currency = serializers.CharField()
    dry_run = serializers.BooleanField()
    capital_waits = serializers.BooleanField(
        help_text=(
            "Whether the capital of a strategy whose weight was given waits, because its pool is "
            "on hold or has no balance. It follows with the next allocation that is due."
        )
    )
    notice = serializers.CharField(allow_blank=True, help_text="Why it waits, for people.")
    strategies = ChangedWeight(many=True)
    run = Run(help_text="The one allocation run that decided it; its `id` is null on a dry run.")


def weights_as_json(report: WeightsReport) -> dict[str, Any]:
    """As ``SetWeights`` describes it."""
    decided = report.report
    return {
        "account": decided.account_id,
        "account_name": decided.account,
        "currency": decided.currency,
        "dry_run": report.run is None,
        "capital_waits": report.capital_waits,
        "notice": report.notice,
        "strategies": [_change(link) for link in report.links],
        "run": decision_as_json(decided, report.run),
    }


def _change(link: WeightChange) -> dict[str, Any]:
    return {
        "strategy": link.strategy,
        "pool": link.pool,
        "weight_before": plain(link.weight_before),
        "weight_after": plain(link.weight_after),
        "capital_before": _text(link.capital_before),
        "capital_after": _text(link.capital_after),
        "waits": link.waits,
        "code": link.code,
        "reason": link.reason,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
