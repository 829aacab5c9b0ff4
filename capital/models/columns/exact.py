"""Columns that keep money exactly, or refuse to keep it.

SQLite keeps decimals as floating point with 15 significant digits; PostgreSQL rounds extra
decimals silently. These fields raise instead, on save, bulk write and ``update()`` alike.
"""

import re
from collections.abc import Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_DOWN, Context, Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection as present_connection
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from capital.domain.errors import AmountNotStorable, InvalidAmount
from capital.domain.money import parse_amount, plain

SQLITE_SIGNIFICANT_DIGITS = 15

_INEXACT = _(
    "%(value)s is not exact, because its type is %(type)s. Use a decimal, an integer or a string."
)
_NO_NUMBER = _(
    "“%(value)s” is not a plain decimal number such as 1500.25, with at most 20 digits before "
    "the point and 60 in all."
)
_UNROUNDED = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def cut_for(model: type[models.Model], name: str, amount: Decimal) -> Decimal:
    """``ExactDecimalField.cut`` of a column of the database that is connected, by its name."""
    column: Any = model._meta.get_field(name)
    cut: Decimal = column.cut(amount, present_connection)
    return cut


class FiniteDecimalField(forms.DecimalField):
    """A decimal number in a form. What is none is refused as it is read.

    Django reads ``sNaN`` and refuses it later; a form compares what was sent with what it showed
    before that, and this is the number that may not even be compared.
    """

    def to_python(self, value: Any) -> Any:
        """The number; none for an empty field."""
        number: Any = super().to_python(value)
        if number is not None and not number.is_finite():
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value}
            )
        return number


class ExactDecimalField(models.DecimalField):  # type: ignore[type-arg]
    """A decimal column that returns exactly what was stored.

    What the database computes itself (``F("x") / 3``) never passes here and is not checked.

    Raises:
        AmountNotStorable: On writing a value that the connected database would change.
    """

    def to_python(self, value: Any) -> Any:
        """Refuse floats, which are not what was written, and texts that only look like numbers."""
        try:
            return self._parsed(value)
        except InvalidAmount:
            message = _INEXACT if isinstance(value, bool | float) else _NO_NUMBER
            raise ValidationError(
                message, code="invalid", params={"value": value, "type": type(value).__name__}
            ) from None

    def _parsed(self, value: Any) -> Any:
        if isinstance(value, str):
            return parse_amount(value.strip())
        if isinstance(value, bool | float):
            return parse_amount(value)
        return super().to_python(value)

    def formfield(self, **kwargs: Any) -> Any:
        """The field of a form, which reads no ``NaN``."""
        return super().formfield(**{"form_class": FiniteDecimalField, **kwargs})

    def cut(self, amount: Decimal, connection: BaseDatabaseWrapper) -> Decimal:
        """The amount, cut towards zero to the digits that this column keeps there.

        For a figure that is kept exactly elsewhere, and stands here to be shown and compared.
        """
        places = self.decimal_places
        if connection.vendor == "sqlite" and amount:
            places = min(places, SQLITE_SIGNIFICANT_DIGITS - 1 - amount.adjusted())
        return amount.quantize(Decimal(1).scaleb(-places), ROUND_DOWN, _UNROUNDED)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Check against the connection that is about to write."""
        if isinstance(value, models.Value) and value.value is not None:
            # A plain value, wrapped as an expression.
            self.get_db_prep_save(value.value, connection)
        if value is None or hasattr(value, "as_sql"):
            return super().get_db_prep_save(value, connection)
        amount = self._exact(value)
        problem = self._problem(amount, connection)
        if problem:
            raise AmountNotStorable(field=self._label(), value=plain(amount), problem=problem)
        return super().get_db_prep_save(amount, connection)

    def written(self, amount: Decimal) -> str:
        """The amount as PostgreSQL reads it, checked as ``get_db_prep_save`` does.

        Raises:
            AmountNotStorable: The column would not keep it exactly.
        """
        text = plain(amount)
        before, _point, decimals = text.partition(".")
        fits = len(before) <= self.max_digits - self.decimal_places
        # Most amounts have no more digits than the column, zeros included, and are asked no more.
        if not (fits and len(decimals) <= self.decimal_places and amount.is_finite()):
            self.get_db_prep_save(amount, present_connection)
        return text

    def all_written(self, amounts: Sequence[Decimal]) -> Sequence[str]:
        """``written`` of many: where all are short and plain, one look at all of them is enough."""
        texts = list(map(str, amounts))
        if self._fitting.fullmatch("\t".join(texts)):
            return texts
        return list(map(self.written, amounts))

    @cached_property
    def _fitting(self) -> re.Pattern[str]:
        """Numbers with no more digits than the column, and a tab between them."""
        whole, decimals = self.max_digits - self.decimal_places, self.decimal_places
        number = rf"-?[0-9]{{1,{whole}}}(?:\.[0-9]{{1,{decimals}}})?"
        return re.compile(rf"{number}(?:\t{number})*")

    def _exact(self, value: Any) -> Decimal:
        try:
            amount: Decimal = self._parsed(value)
        except InvalidAmount as error:
            problem = error.reason.figures["problem"]
        except ValidationError:
            is_number = isinstance(value, Decimal)
            problem = (
                "it is not a plain decimal number such as 1500.25" if is_number else _type_of(value)
            )
        else:
            return amount
        raise AmountNotStorable(field=self._label(), value=repr(value), problem=problem)

    def _problem(self, amount: Decimal, connection: BaseDatabaseWrapper) -> str | None:
        # Trailing zeros do not count: 1.50 can be stored wherever 1.5 can.
        _sign, digits, exponent = amount.normalize(_UNROUNDED).as_tuple()
        decimals = -int(exponent)
        if decimals > self.decimal_places:
            return f"it has {decimals} decimals and the column keeps {self.decimal_places}"
        integer_digits = self.max_digits - self.decimal_places
        if amount and amount.adjusted() >= integer_digits:
            return f"it has more than {integer_digits} digits before the point"
        if connection.vendor == "sqlite" and len(digits) > SQLITE_SIGNIFICANT_DIGITS:
            return (
                f"it has {len(digits)} significant digits and SQLite keeps "
                f"{SQLITE_SIGNIFICANT_DIGITS} (PostgreSQL keeps them all)"
            )
        return None

    def _label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"


def _type_of(value: object) -> str:
    return f"it is a {type(value).__name__}"


class AmountField(ExactDecimalField):
    """An amount of money: 20 digits before the point, 8 after."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 28)
        kwargs.setdefault("decimal_places", 8)
        super().__init__(*args, **kwargs)


class QuantityField(ExactDecimalField):
    """A quantity or a price: 18 digits before the point, 18 after."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 36)
        kwargs.setdefault("decimal_places", 18)
        super().__init__(*args, **kwargs)


class RatioField(ExactDecimalField):
    """A weight, a percentage or a leverage: 3 digits before the point, 8 after.

    Not money: a float is read as the number that it is written as (0.1 is 0.1).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 11)
        kwargs.setdefault("decimal_places", 8)
        super().__init__(*args, **kwargs)

    def _parsed(self, value: Any) -> Any:
        """Read a float by its shortest text."""
        return super()._parsed(repr(value) if isinstance(value, float) else value)
