"""Response bodies other than rows of models, for the published description."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from capital.api.shapes.descriptions import RESERVATION
from capital.domain.allocation.decision import Outcome
from capital.domain.balances import Source
from capital.domain.limits.reservations import ReservationState
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.services.sentences import sentence

_SOURCE = "`live` from the exchange, `cached` from the daily summary, or `none`."


@extend_schema_serializer(component_name="Warning")
class Notice(serializers.Serializer[Any]):
    """Something to know, or a difference between the answer and the request."""

    code = serializers.CharField(help_text="A stable code for programs.")
    reason = serializers.CharField(help_text="A sentence for people, in the site's language.")


def notices(reasons: Iterable[Reason]) -> list[dict[str, str]]:
    """The JSON that ``Notice`` describes, one for each reason."""
    return [{"code": each.code.value, "reason": sentence(each)} for each in reasons]


class Size(serializers.Serializer[Any]):
    """The size of an order on one account. Numbers are strings; null where there is none."""

    strategy = serializers.CharField(help_text="Key of the strategy.")
    account = serializers.CharField(help_text="Name of the account.")
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField(
        help_text=(
            "The quantity to order: in base units, on inverse markets in contracts. 0: order "
            "nothing; code says why."
        )
    )
    contracts = serializers.CharField(
        allow_null=True,
        help_text="The quantity in contracts. Null on spot.",
    )
    amount = serializers.CharField(
        help_text=(
            "What to send: exactly what ccxt's create_order takes at this exchange, in contracts, "
            "coins or money. 0: order nothing."
        )
    )
    reduce_only = serializers.BooleanField(help_text="Whether the order only closes a position.")
    price = serializers.CharField(
        allow_null=True, help_text="The price at which the order was sized."
    )
    price_source = serializers.ChoiceField(
        choices=["given", "ticker", "cache"],
        allow_null=True,
        help_text=(
            "`given` in the request, the exchange's price (`ticker`), or its price of at most 2 "
            "seconds ago (`cache`)."
        ),
    )
    capital = serializers.CharField(
        allow_null=True, help_text="The capital allocated to the strategy on this account."
    )
    available = serializers.CharField(
        allow_null=True,
        help_text=(
            "What of the capital is free for this order: without what was lost since it was "
            "decided, what positions tie up, and what is reserved. Profits add nothing."
        ),
    )
    in_use = serializers.CharField(
        allow_null=True,
        help_text=(
            "What the strategy's positions tie up. Null: positions are not known, or one of them "
            "cannot be valued; then `available` and the quantity do not count them."
        ),
    )
    reserved = serializers.CharField(
        allow_null=True, help_text="What is held for other orders: see `reservations`."
    )
    budget = serializers.CharField(
        allow_null=True, help_text="The most that the order may cost, fee included."
    )
    leverage = serializers.CharField(
        allow_null=True,
        help_text="Leverage used: at most what the exchange allows. 1 on spot.",
    )
    raw_quantity = serializers.CharField(
        allow_null=True, help_text="The quantity before rounding and limits."
    )
    step = serializers.CharField(
        allow_null=True, help_text="The quantity is rounded down to a multiple of this."
    )
    notional = serializers.CharField(allow_null=True, help_text="Order value.")
    margin = serializers.CharField(
        allow_null=True, help_text="Capital that the order ties up. On spot its whole value."
    )
    fee = serializers.CharField(allow_null=True, help_text="Fee at the account's fee rate.")
    stake = serializers.CharField(
        allow_null=True,
        help_text=(
            "For bots that calculate a quantity from money and round it down: what the quantity "
            "and half a step more tie up, in the quote currency, without the fee. Null for closing."
        ),
    )
    stake_step = serializers.CharField(allow_null=True, help_text="The stake of one step.")
    min_stake = serializers.CharField(
        allow_null=True, help_text="The stake of the smallest order that the market takes."
    )
    max_stake = serializers.CharField(
        allow_null=True,
        help_text="The stake of the largest order that the market takes. Null: nothing bounds it.",
    )
    bound_by = serializers.CharField(
        allow_blank=True,
        help_text=(
            "What determined the quantity: `budget`, `risk`, `quantity`, `stake`, `position`, "
            "`max_amount`, `max_cost`, `leverage` or `available`. If it is 0: the limit that was "
            "not reached."
        ),
    )
    code = serializers.CharField(help_text="`sized`, or why the quantity is 0.")
    warnings = Notice(many=True)


@extend_schema_serializer(component_name="HeldFor")
class ReservationPart(serializers.Serializer[Any]):
    """What is held for an order."""

    id = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(
        choices=[(state.value, state.value) for state in ReservationState],
        allow_null=True,
        help_text=RESERVATION["state"],
    )
    amount = serializers.CharField(help_text=RESERVATION["amount"])
    expires_at = serializers.DateTimeField(allow_null=True, help_text=RESERVATION["expires_at"])
    client_order_id = serializers.CharField(
        allow_blank=True, help_text=RESERVATION["client_order_id"]
    )
    order_id = serializers.CharField(allow_blank=True, help_text=RESERVATION["order_id"])


@extend_schema_serializer(component_name="NewReservation")
class NewReservation(ReservationPart):
    """An order that was sized, and what is held for it. Null where nothing is."""

    size = Size()


@extend_schema_serializer(component_name="ReservedSize")
class ReservedSize(Size):
    """The size of an order on one account."""

    reservation = ReservationPart(
        allow_null=True,
        required=False,
        help_text="Only with `reserve`: what is held for the order. Null: nothing is.",
    )


class Sizes(serializers.Serializer[Any]):
    """One size for each account that the strategy trades on."""

    sizes = ReservedSize(many=True)


class HookBalance(serializers.Serializer[Any]):
    """A balance on which an allocation is based."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    amount = serializers.CharField(allow_null=True, help_text="Null: no balance was available.")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of this name
        choices=[(source.value, source.value) for source in Source], help_text=_SOURCE
    )
    observed_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was read from the exchange."
    )


class HookAllocation(serializers.Serializer[Any]):
    """The allocation of one account. The outcome is null if no reallocation was due."""

    account = serializers.CharField()
    outcome = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in Outcome], allow_null=True
    )
    code = serializers.CharField()
    reason = serializers.CharField()
    run = serializers.IntegerField(allow_null=True)
    balances = HookBalance(many=True)


@extend_schema_serializer(component_name="HookSize")
class HookSize(ReservedSize):
    """The size of an order on one account, as far as it was asked for."""


class HookAnswer(serializers.Serializer[Any]):
    """The allocations, then the size of every order on every account of the strategy."""

    delivery = serializers.IntegerField(
        allow_null=True, help_text="Id of the recorded delivery. Null: it was only tried."
    )
    strategy = serializers.CharField()
    received_at = serializers.DateTimeField()
    allocations = HookAllocation(many=True)
    sizes = HookSize(many=True)
    warnings = Notice(many=True)


class Entry(serializers.Serializer[Any]):
    """What one strategy got. A null amount: it never had capital on this account."""

    strategy = serializers.CharField()
    weight = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    how = serializers.CharField(
        allow_blank=True,
        help_text="Its arithmetic, step by step. Empty where nothing was divided.",
    )


class PoolOfRun(serializers.Serializer[Any]):
    """One pool of an allocation."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    balance = serializers.CharField(
        allow_null=True, help_text="Unrounded. Null: no balance was available."
    )
    holdings = serializers.CharField(
        allow_null=True,
        help_text="What coins that spot strategies hold add to the balance. Null: they do not.",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of this name
        choices=[(source.value, source.value) for source in Source], help_text=_SOURCE
    )
    observed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the balance was read from the exchange."
    )
    reserve = serializers.CharField(
        allow_null=True, help_text="The part of the balance that is never allocated."
    )
    unallocated = serializers.CharField(
        allow_null=True,
        help_text="What no strategy got: none is active, or bounds and policy leave it over.",
    )
    code = serializers.CharField()
    reason = serializers.CharField()
    entries = Entry(many=True)


class Cause(serializers.Serializer[Any]):
    """What a run follows from: who changed what since the one before, or what was found due."""

    code = serializers.CharField()
    figures = serializers.DictField(child=serializers.CharField())
    reason = serializers.CharField(help_text="The sentence of the code, for people.")


class Run(serializers.Serializer[Any]):
    """One allocation of one account. For a dry run, id, run_key and created_at are null."""

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
    causes = Cause(
        many=True,
        help_text="Who changed what, so that it was decided; empty where nothing is known.",
    )
    run_key = serializers.CharField(allow_null=True)
    is_forced = serializers.BooleanField()
    created_at = serializers.DateTimeField(allow_null=True)
    pools = PoolOfRun(many=True)


class Runs(serializers.Serializer[Any]):
    """One allocation for each account."""

    runs = Run(many=True)


class LivePool(serializers.Serializer[Any]):
    """The live balance of one pool, or why it could not be read."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    currency = serializers.CharField()
    amount = serializers.CharField(allow_null=True)
    observed_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField()
    reason = serializers.CharField()


class LiveBalances(serializers.Serializer[Any]):
    """The live balances of all pools of one account."""

    account = serializers.IntegerField()
    account_name = serializers.CharField()
    venue = serializers.CharField()
    pools = LivePool(many=True)


class PoolConnection(serializers.Serializer[Any]):
    """The live balance of one pool, or why it could not be read and what to do."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    amount = serializers.CharField(allow_null=True)
    observed_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField()
    reason = serializers.CharField()
    advice = serializers.CharField(allow_null=True)


class Connection(serializers.Serializer[Any]):
    """Whether every pool of an account can be read."""

    account = serializers.IntegerField()
    account_name = serializers.CharField()
    venue = serializers.CharField()
    checked_at = serializers.DateTimeField()
    is_sound = serializers.BooleanField()
    pools = PoolConnection(many=True)
    notices = Notice(many=True)


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class Figures(serializers.JSONField):
    """The figures in the sentence of a code, as strings."""


class HeldPool(serializers.Serializer[Any]):
    """Why a pool is on hold."""

    pool = serializers.ChoiceField(choices=[(pool.value, pool.value) for pool in Pool])
    code = serializers.CharField()
    figures = Figures()
    reason = serializers.CharField()


class RebalanceStatus(serializers.Serializer[Any]):
    """Whether a reallocation is due, and why."""

    account = serializers.IntegerField()
    account_name = serializers.CharField()
    due = serializers.BooleanField()
    code = serializers.CharField()
    figures = Figures()
    reason = serializers.CharField()
    is_held = serializers.BooleanField(
        help_text="Whether all of the capital is on hold: a position is open in each pool, a "
        "balance is suspect, or it is not known what strategies have in use."
    )
    held = HeldPool(many=True, help_text="The pools whose capital stays as it is, and why.")
    suspects = HeldPool(many=True, help_text="The balances on hold because they jumped.")
    observed_at = serializers.DateTimeField()
    last_checked_at = serializers.DateTimeField(allow_null=True)
    last_check_code = serializers.CharField(allow_blank=True)
