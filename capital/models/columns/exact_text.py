"""Amounts of the books, whatever their digits: kept as text, read as ``Decimal``.

SQLite keeps 15 digits of a number, and an average entry of 13,333.33… has no last one. Rows that
are added up in Python need no number in the database. What a list is sorted by stands in a
rounded column beside it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from capital.domain.errors import InvalidAmount
from capital.domain.money import EXACT, MAX_INTEGER_DIGITS, parse_amount, plain

_SHORT = 40


def exact_text(amount: Decimal | str | int) -> str:
    """An amount as it is stored: equal amounts have equal texts.

    Raises:
        InvalidAmount: It is no exact number.
    """
    if type(amount) is Decimal:
        text = str(amount)
        # As most are: finite, without an exponent, and short enough for whatever is stored.
        if len(text) < _SHORT and "E" not in text and "N" not in text and text[-1] != "y":
            whole, _, decimals = text.partition(".")
            if len(whole) <= MAX_INTEGER_DIGITS:
                decimals = decimals.rstrip("0")
                return f"{whole}.{decimals}" if decimals else whole
    return plain(EXACT.normalize(parse_amount(amount)))


def exact_texts(amounts: Sequence[Decimal]) -> Sequence[str]:
    """``exact_text`` of many: where none is long, all are looked at together."""
    texts = list(map(str, amounts))
    together = "".join(texts)
    is_plain = "E" not in together and "N" not in together and "y" not in together
    if not is_plain or max(map(len, texts)) > MAX_INTEGER_DIGITS:
        return list(map(exact_text, amounts))
    return [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]


class AsStored(models.Transform):
    """``values_list("set_aside__as_stored")``: the text, for whoever reads thousands of them."""

    lookup_name = "as_stored"
    output_field = models.TextField()

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, Any]:
        """The column itself."""
        sql, parameters = compiler.compile(self.lhs)
        return str(sql), parameters


class ExactTextField(models.CharField):  # type: ignore[type-arg]
    """A ``Decimal`` of up to 60 digits, stored plainly and without needless zeros.

    So equal amounts are equal texts, and ``filter(quantity=…)`` finds them. Greater and less are of
    no use: they would compare texts.
    """

    # For the type checker: what may be set, and what is read.
    _pyi_private_set_type: Decimal | str | int  # type: ignore[assignment]
    _pyi_private_get_type: Decimal  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 130)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, *_: Any) -> Decimal | None:
        """The amount that is stored."""
        return None if value is None else Decimal(value)

    def to_python(self, value: Any) -> Any:
        """Read a text or a number; refuse a float, which is not what was written."""
        if value is None or value == "":
            return None
        try:
            return parse_amount(value.strip() if isinstance(value, str) else value)
        except InvalidAmount as error:
            raise ValidationError(
                _(
                    "“%(value)s” is not a plain decimal number such as 1500.25, with at most 60 "
                    "digits."
                ),
                code="invalid",
                params={"value": value},
            ) from error

    def get_prep_value(self, value: Any) -> str | None:
        """As it is stored.

        Raises:
            InvalidAmount: It is no exact number.
        """
        if value is None or value == "":
            return None
        return exact_text(value)

    def run_validators(self, value: Any) -> None:
        """Its length is that of the text."""
        super().run_validators(self.get_prep_value(value))

    def value_to_string(self, obj: models.Model) -> str:
        """For ``dumpdata``."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse what would compare texts."""
        if lookup_name not in {"exact", "in", "isnull"}:
            raise TypeError(f"{self.name} is kept as text: it can only be compared for equality.")
        return super().get_lookup(lookup_name)


ExactTextField.register_lookup(AsStored)
