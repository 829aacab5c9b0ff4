"""Answers of the API other than rows of models, for its description."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from capital.domain.allocation.decision import Outcome
from capital.domain.balances import Source
from capital.domain.pools import Pool


@extend_schema_serializer(component_name="Warning")
class Notice(serializers.Serializer[Any]):
    """What was done otherwise than asked, or should be known."""

    code = serializers.CharField()
    reason = serializers.CharField()


class Size(serializers.Serializer[Any]):
    """What may be ordered. Numbers are texts; null where there is none."""

    strategy = serializers.CharField()
    account = serializers.CharField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    contracts = serializers.CharField(allow_null=True)
    reduce_only = serializers.BooleanField()
    price = serializers.CharField(allow_null=True)
    price_source = serializers.ChoiceField(choices=["given", "ticker", "cache"], allow_null=True)
    capital = serializers.CharField(allow_null=True)
    budget = serializers.CharField(allow_null=True)
    leverage = serializers.CharField(allow_null=True)
    raw_quantity = serializers.CharField(allow_null=True)
    step = serializers.CharField(allow_null=True)
    notional = serializers.CharField(allow_null=True)
    margin = serializers.CharField(allow_null=True)
    fee = serializers.CharField(allow_null=True)
    bound_by = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    warnings = Notice(many=True)


class Sizes(serializers.Serializer[Any]):
    """One answer for each account that the strategy trades on."""

    sizes = Size(many=True)


class HookBalance(serializers.Serializer[Any]):
    """What a decision rests on."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    amount = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of this name
        choices=[(source.value, source.value) for source in Source]
    )
    observed_at = serializers.DateTimeField(allow_null=True)


class HookAllocation(serializers.Serializer[Any]):
    """What became of one account's capital; no outcome where nothing was due."""

    account = serializers.CharField()
    outcome = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in Outcome], allow_null=True
    )
    code = serializers.CharField()
    reason = serializers.CharField()
    run = serializers.IntegerField(allow_null=True)
    balances = HookBalance(many=True)


class HookAnswer(serializers.Serializer[Any]):
    """Capital, then sizes: every order on every account of the strategy."""

    delivery = serializers.IntegerField()
    strategy = serializers.CharField()
    received_at = serializers.DateTimeField()
    allocations = HookAllocation(many=True)
    sizes = Size(many=True)
    warnings = Notice(many=True)


class Entry(serializers.Serializer[Any]):
    """What one link got; null: it never held capital."""

    strategy = serializers.CharField()
    weight = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    code = serializers.CharField()


class PoolOfRun(serializers.Serializer[Any]):
    """One pool of a run."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    balance = serializers.CharField(allow_null=True, help_text="Unrounded; null: there was none.")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of this name
        choices=[(source.value, source.value) for source in Source]
    )
    observed_at = serializers.DateTimeField(allow_null=True)
    reserve = serializers.CharField(allow_null=True)
    unallocated = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    reason = serializers.CharField()
    entries = Entry(many=True)


class Run(serializers.Serializer[Any]):
    """One decision for one account. A dry run has no id, no key and no time."""

    id = serializers.IntegerField(allow_null=True)
    account = serializers.IntegerField()
    account_name = serializers.CharField()
    venue = serializers.CharField()
    currency = serializers.CharField()
    trigger = serializers.CharField()
    actor = serializers.CharField(allow_null=True)
    outcome = serializers.ChoiceField(choices=[(each.value, each.value) for each in Outcome])
    code = serializers.CharField()
    reason = serializers.CharField()
    run_key = serializers.CharField(allow_null=True)
    is_forced = serializers.BooleanField()
    created_at = serializers.DateTimeField(allow_null=True)
    pools = PoolOfRun(many=True)


class Runs(serializers.Serializer[Any]):
    """One run for each account."""

    runs = Run(many=True)


class LivePool(serializers.Serializer[Any]):
    """What the exchange says of one pool now, or why it does not."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    currency = serializers.CharField()
    amount = serializers.CharField(allow_null=True)
    observed_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField()
    reason = serializers.CharField()


class LiveBalances(serializers.Serializer[Any]):
    """Every pool of one account, live."""

    account = serializers.IntegerField()
    account_name = serializers.CharField()
    venue = serializers.CharField()
    pools = LivePool(many=True)


class PoolConnection(serializers.Serializer[Any]):
    """What the exchange said of one pool, and what to do where it said nothing."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    amount = serializers.CharField(allow_null=True)
    observed_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField()
    reason = serializers.CharField()
    advice = serializers.CharField(allow_null=True)


class Connection(serializers.Serializer[Any]):
    """Whether the exchange answers for every pool."""

    account = serializers.IntegerField()
    account_name = serializers.CharField()
    venue = serializers.CharField()
    checked_at = serializers.DateTimeField()
    is_sound = serializers.BooleanField()
    pools = PoolConnection(many=True)
    notices = Notice(many=True)


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class Figures(serializers.JSONField):
    """The figures of a code."""


class Suspect(serializers.Serializer[Any]):
    """A balance that is not believed."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    code = serializers.CharField()
    figures = Figures()
    reason = serializers.CharField()


class RebalanceStatus(serializers.Serializer[Any]):
    """Whether a reallocation is due now, and why."""

    account = serializers.IntegerField()
    account_name = serializers.CharField()
    due = serializers.BooleanField()
    code = serializers.CharField()
    figures = Figures()
    reason = serializers.CharField()
    is_held = serializers.BooleanField()
    suspects = Suspect(many=True)
    observed_at = serializers.DateTimeField()
    last_checked_at = serializers.DateTimeField(allow_null=True)
    last_check_code = serializers.CharField(allow_blank=True)
