"""Reservations as the API sends them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import ExactField, Row
from capital.api.shapes.descriptions import RESERVATION
from capital.domain.limits.reservations import ReservationState
from capital.models import Reservation
from capital.services.limits import present_reservations

NOTHING_RESERVED: Mapping[str, Any] = {
    "id": None,
    "state": None,
    "amount": "0",
    "expires_at": None,
    "client_order_id": "",
    "order_id": "",
}
_STATES = [(state.value, state.value) for state in ReservationState]


def _exact(description: str, **options: Any) -> ExactField:
    return ExactField(max_digits=None, decimal_places=None, help_text=description, **options)


@extend_schema_serializer(component_name="Reservation")
class ReservationRow(Row):
    """Capital that is held for an order, or was."""

    strategy = serializers.CharField(
        source="strategy_account.strategy.key", read_only=True, help_text="Key of the strategy."
    )
    account = serializers.IntegerField(
        source="strategy_account.account_id", read_only=True, help_text="Id of the account."
    )
    state = serializers.SerializerMethodField(help_text=RESERVATION["state"])
    amount = _exact(RESERVATION["amount"], source="held", read_only=True)
    reserved = _exact("What it held at first.", source="amount", read_only=True)
    quantity = _exact("The quantity of its order.", read_only=True)
    filled_quantity = _exact("How much of it is known to be filled.", read_only=True)

    class Meta:
        model = Reservation
        descriptions = RESERVATION
        fields = [
            "id",
            "strategy_account",
            "strategy",
            "account",
            "symbol",
            "side",
            "position_side",
            "quantity",
            "filled_quantity",
            "state",
            "amount",
            "reserved",
            "client_order_id",
            "order_id",
            "created_at",
            "expires_at",
            "placed_at",
            "ended_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=_STATES))
    def get_state(self, row: Reservation) -> str:
        """An open one may have expired since it was written."""
        return row.reserved.state_at(timezone.now()).value


def with_present_reservation(answer: Mapping[str, Any], *, now: datetime) -> Mapping[str, Any]:
    """An answer that was kept, with what was reserved as it is now."""
    if answer.get("reservation"):
        (present,) = present_reservations([answer["reservation"]], now=now)
        return {**answer, "reservation": present}
    if "size" in answer and answer.get("id"):
        (present,) = present_reservations(
            [{name: answer[name] for name in NOTHING_RESERVED}], now=now
        )
        return {**answer, **present}
    return answer
