"""Stops of entries, and what else needs somebody: what is asked, and what is answered."""

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import Request, Switch, Text
from capital.api.frame.filters import IdFilter, SwitchFilter
from capital.models import AlertKind, Stop
from capital.services.limits import LONGEST_REASON, why_stopped
from capital.services.overview import MONEY_IDLE
from capital.services.sentences import sentence


class StopFilter(filters.FilterSet):
    """Filters of the list of stops."""

    account = IdFilter(
        method="filter_account",
        help_text="Only those that stop this account or one of its links, by id.",
    )
    is_open = SwitchFilter(
        field_name="lifted_at",
        lookup_expr="isnull",
        help_text="Only stops in force, or only lifted ones.",
    )

    def filter_account(self, rows: Any, _name: str, value: int) -> QuerySet[Stop]:
        """Of its owner and of everybody, too."""
        found: QuerySet[Stop] = rows.of_account(value)
        return found

    class Meta:
        model = Stop
        fields: list[str] = []


@extend_schema_serializer(component_name="Stop")
class StopRow(serializers.Serializer[Any]):
    """A stop of new entries: of one link, one account, one owner, or everybody."""

    id = serializers.IntegerField(read_only=True)
    scope = serializers.ChoiceField(
        choices=["link", "account", "owner", "everybody"],
        read_only=True,
        help_text="Whom it stops.",
    )
    strategy_account = serializers.IntegerField(
        source="strategy_account_id", allow_null=True, read_only=True, help_text="Id of the link."
    )
    account = serializers.SerializerMethodField()
    owner = serializers.CharField(
        source="owner.username", read_only=True, allow_null=True, help_text="Username of the owner."
    )
    code = serializers.CharField(
        read_only=True, help_text="Which limit was reached. Empty where a person stopped."
    )
    reason = serializers.SerializerMethodField()
    actor = serializers.CharField(
        source="actor.username",
        read_only=True,
        allow_null=True,
        help_text="Who stopped. Null: the command line, or a limit.",
    )
    at = serializers.DateTimeField(read_only=True, help_text="Since when entries are refused.")
    lifted_by = serializers.CharField(
        source="lifted_by.username",
        read_only=True,
        allow_null=True,
        help_text="Who lifted it. Null: nobody yet, or the command line.",
    )
    lifted_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Null while it is in force."
    )
    lifted_reason = serializers.CharField(read_only=True, help_text="Why it was lifted.")

    def get_account(self, stop: Stop) -> int | None:
        """Id of the account; of a link, that of the link."""
        link = stop.strategy_account
        return stop.account_id if link is None else link.account_id

    def get_reason(self, stop: Stop) -> str:
        """What the person gave, or which limit was reached, with its figures."""
        found = why_stopped(stop)
        return found if isinstance(found, str) else sentence(found)


def _reason() -> Text:
    return Text(
        max_length=LONGEST_REASON,
        help_text="Why. It is shown to whoever asks why nothing is ordered.",
    )


@extend_schema_serializer(component_name="StopReason")
class StopReasonBody(Request):
    """Why entries are stopped, or why a stop is lifted."""

    reason = _reason()


@extend_schema_serializer(component_name="PlaceStop")
class StopBody(Request):
    """A stop of an owner, or of everybody. Give one of the two."""

    owner = Text(required=False, max_length=150, help_text="Username: all accounts of this user.")
    everybody = Switch(default=False, help_text="Every account.")
    reason = _reason()


@extend_schema_serializer(component_name="Need")
class NeedRow(serializers.Serializer[Any]):
    """Something that a person should do something about."""

    kind = serializers.ChoiceField(
        choices=[*AlertKind.values, MONEY_IDLE],
        read_only=True,
        help_text="What kind of thing: that of an alert, or money that no strategy has.",
    )
    subject = serializers.CharField(
        read_only=True, help_text="What it is about, by name. Empty: the installation."
    )
    account = serializers.IntegerField(
        source="account_id", read_only=True, allow_null=True, help_text="Id of the account."
    )
    strategy = serializers.IntegerField(
        source="strategy_id", read_only=True, allow_null=True, help_text="Id of the strategy."
    )
    venue = serializers.CharField(read_only=True, help_text="The exchange. Empty for none.")
    code = serializers.CharField(read_only=True, help_text="Of the reason.")
    reason = serializers.CharField(
        source="why", read_only=True, help_text="Why, as a sentence in the caller's language."
    )
    since = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Since when. Null: not known."
    )
    more = serializers.IntegerField(
        read_only=True, help_text="How many more of the same it stands for."
    )


@extend_schema_serializer(component_name="Needs", many=False)
class NeedList(serializers.Serializer[Any]):
    """All of them: there are no pages."""

    results = NeedRow(many=True, read_only=True, help_text="The most urgent first.")
