"""Serializer fields: exact amounts, and strict types."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.fields import empty

from capital.domain.errors import InvalidAmount
from capital.domain.money import EXACT, amount_text, parse_amount, plain
from capital.models.columns.encrypted import EncryptedTextField
from capital.models.columns.exact import AmountField, ExactDecimalField

_LARGEST_ID = 2**63 - 1
_LARGEST_INTEGER = 2**31 - 1
_OF_FORMS = frozenset({"label", "help_text"})
# The framework drops these validators with their words, and keeps the number alone.
_RANGE = {MinValueValidator: "min_value", MaxValueValidator: "max_value"}

# The framework's own names the type that was sent, in the words of Python.
NO_LIST: dict[str, Any] = {"not_a_list": _("Must be a list.")}
NO_OBJECT: dict[str, Any] = {
    "not_a_dict": _("Must be a JSON object."),
    "empty": _("Must not be empty."),
}

NO_OFFSET = _("Give a date and a time with its offset, such as 2026-11-30T22:30:00+09:00.")


class ExactField(serializers.DecimalField):
    """An exact number. Accepts a string or a JSON number; returns a string without an exponent."""

    def to_internal_value(self, data: Any) -> Decimal:
        """Parse by the rules of ``parse_amount``."""
        try:
            number = parse_amount(data.strip() if isinstance(data, str) else data)
        except InvalidAmount:
            self.fail("invalid")
        return self.validate_precision(number)

    def to_representation(self, value: Any) -> str:
        """All significant digits, without trailing zeros."""
        return plain(EXACT.normalize(Decimal(str(value))))


class MoneyField(ExactField):
    """An amount in the currency of its account, with at least that currency's decimals.

    Args:
        currency_from: The path from the row to its account, such as ``account``.
    """

    def __init__(self, *args: Any, currency_from: str = "", **kwargs: Any) -> None:
        self.currency_from = currency_from
        super().__init__(*args, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        """The amount and its currency, which ``to_representation`` needs."""
        amount = super().get_attribute(instance)
        if amount is None:
            return None
        account = instance
        for step in filter(None, self.currency_from.split(".")):
            account = getattr(account, step)
        return Decimal(str(amount)), account.currency

    def to_representation(self, value: Any) -> str:
        return amount_text(*value)


class MomentField(serializers.DateTimeField):
    """A date and a time with its offset: in which zone another one is meant, nobody can say."""

    default_error_messages = {"no_offset": NO_OFFSET}

    def enforce_timezone(self, value: datetime) -> datetime:
        """Refuse a time without an offset; the framework takes the site's time zone."""
        if value.tzinfo is None:
            self.fail("no_offset")
        return super().enforce_timezone(value)


class Text(serializers.CharField):
    """A string; a number is refused, not converted."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class CurrencyCode(Text):
    """A currency by ccxt's code, in any case: a fee in ``usdt`` is none in a third coin."""

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).upper()


class Switch(serializers.BooleanField):
    """A JSON boolean; "yes", 1 and null are refused."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class WholeNumber(serializers.IntegerField):
    """A JSON integer within the range of PostgreSQL's columns, on any database."""

    def __init__(self, **kwargs: Any) -> None:
        least, most = kwargs.pop("min_value", -_LARGEST_INTEGER), kwargs.pop("max_value", None)
        kwargs["min_value"] = max(least, -_LARGEST_INTEGER)
        kwargs["max_value"] = min(most or _LARGEST_INTEGER, _LARGEST_INTEGER)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class Secret(Text):
    """A credential: write-only."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(write_only=True, required=False, allow_blank=True, max_length=4096)
        kwargs.pop("style", None)
        super().__init__(**kwargs)


class Username(Text):
    """A user by name. Whether there is one, the service says."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 150)
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> str:
        return str(value.get_username())


class VisibleRow(serializers.RelatedField[Any, Any, Any]):
    """A reference to another row by id or key. Only rows that the caller may see can be named.

    Args:
        named_by: The column that identifies the row.
    """

    default_error_messages = {
        "missing": _("It does not exist, or you do not have access to it."),
        "invalid": _("Not a valid reference."),
    }

    def __init__(self, *, named_by: str = "id", **kwargs: Any) -> None:
        self.named_by = named_by
        super().__init__(**kwargs)

    def use_pk_only_optimization(self) -> bool:
        """An id is written without reading the row."""
        return self.named_by == "id"

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        assert rows is not None
        visible: QuerySet[Any] = self.context["view"].visible(rows)
        return visible

    def to_internal_value(self, data: Any) -> Any:
        kind = int if self.named_by == "id" else str
        if isinstance(data, bool) or not isinstance(data, kind):
            self.fail("invalid")
        if isinstance(data, int) and not 1 <= data <= _LARGEST_ID:
            self.fail("missing")
        found = self.get_queryset().filter(**{self.named_by: data}).first()
        if found is None:
            self.fail("missing")
        return found

    def to_representation(self, value: Any) -> Any:
        return value.pk if self.named_by == "id" else getattr(value, self.named_by)


class _Strict:
    """Refuses unknown and read-only fields, which the framework would silently ignore."""

    refusals = {
        "unknown_field": _("Unknown field."),
        "read_only_field": _("This field is read-only."),
    }

    def to_internal_value(self, data: Any) -> Any:
        """Check the names first, and report all invalid ones together."""
        if isinstance(data, dict):
            fields = self.fields  # type: ignore[attr-defined]
            refused = {
                str(name)[:100]: [
                    serializers.ErrorDetail(str(self.refusals[f"{why}_field"]), f"{why}_field")
                ]
                for name in data
                if (why := _why_refused(fields.get(name)))
            }
            if refused:
                raise serializers.ValidationError(refused)
        return super().to_internal_value(data)  # type: ignore[misc]


def _why_refused(field: serializers.Field[Any, Any, Any, Any] | None) -> str | None:
    if field is None:
        return "unknown"
    return "read_only" if field.read_only else None


class Request(_Strict, serializers.Serializer[Any]):
    """The body of a request that is not a row."""

    def run_validation(self, data: Any = empty) -> Any:
        """A missing body counts as an empty object."""
        return super().run_validation({} if data is None else data)


class Row(_Strict, serializers.ModelSerializer[Any]):
    """A row of a model. Fields are checked here; the row as a whole is checked by its service.

    ``Meta.descriptions`` has the published description of each field of the model. The model's own
    labels and help texts are about forms, and are not published.
    """

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        ExactDecimalField: ExactField,
        AmountField: MoneyField,
        EncryptedTextField: Secret,
        models.CharField: Text,
        models.SlugField: Text,
        models.TextField: Text,
        models.BooleanField: Switch,
        models.IntegerField: WholeNumber,
        models.PositiveIntegerField: WholeNumber,
    }

    def build_field(self, field_name: str, *args: Any, **kwargs: Any) -> Any:
        """The framework's field, described by ``Meta.descriptions``."""
        field_class, options = super().build_field(field_name, *args, **kwargs)
        options = {name: value for name, value in options.items() if name not in _OF_FORMS}
        if description := self.Meta.descriptions.get(field_name):  # type: ignore[attr-defined]
            options["help_text"] = description
        return field_class, options

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """Where a value is out of its range, what the model says of that is told, if anything."""
        field_class, options = super().build_standard_field(field_name, model_field)
        worded = {
            _RANGE[type(validator)]: validator.message
            for validator in model_field.validators
            if type(validator) in _RANGE and validator.message is not type(validator).message
        }
        if worded:
            options["error_messages"] = worded
        return field_class, options

    def get_unique_together_validators(self) -> list[Any]:
        """None: the model checks its constraints and words the errors."""
        return []

    def get_unique_together_constraints(self, model: Any) -> Any:
        return ()

    def get_validators(self) -> list[Any]:
        return []
