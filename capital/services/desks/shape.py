"""What of each row stands in the file, and how a value is written there and read again.

Exact amounts are texts, so that no reader makes a float of them. A field that is left out keeps
its value, or gets the model's default.
"""

from datetime import time
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from capital.domain.errors import InvalidAmount
from capital.domain.money import EXACT, parse_amount, plain
from capital.models import Account, StrategyAccount
from capital.services.desks.document import Table
from strategies.models import Strategy

FORMAT = "capital-desk"
VERSION = 1
# In the order in which they are made: each names rows of those before it.
LISTS = ("groups", "users", "strategies", "accounts")

USER = ("first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")
TARGET = ("channel", "language", "is_active", "kinds_off", "quiet_from", "quiet_until")
TARGET_SECRETS = ("address", "signing_secret")


def _edited(model: Any, *without: str) -> tuple[str, ...]:
    """What people change of a model, without what names the row and without secrets."""
    left_out = {*without, *model.hidden_fields}
    return tuple(name for name in model.edited_fields if name not in left_out)


ACCOUNT = _edited(Account, "owner", "name")
CREDENTIALS = tuple(name for name in Account.edited_fields if name in Account.hidden_fields)
STRATEGY = _edited(Strategy, "owner", "key")
LINK = _edited(StrategyAccount, "strategy", "account")


def written(row: models.Model, name: str) -> Any:
    """The value of a field as the file has it."""
    match getattr(row, name):
        case Decimal() as amount:
            return plain(EXACT.normalize(amount))
        case time() as moment:
            return moment.isoformat()
        case list() as values:
            return list(values)
        case value:
            return value


def read_fields(table: Table, model: type[models.Model], names: tuple[str, ...]) -> dict[str, Any]:
    """The values of those fields that stand in the file, as the model takes them."""
    return {name: _read(table, model._meta.get_field(name)) for name in names if name in table}


def _read(table: Table, field: Any) -> Any:
    if table.is_null(field.name):
        if not field.null:
            raise table.refusal(field.name, _("it must not be empty"))
        return None
    if isinstance(field, models.DecimalField):
        try:
            return parse_amount(table.exact(field.name))
        except InvalidAmount:
            text = _("write an exact number in quotes, such as '0.5'")
            raise table.refusal(field.name, text) from None
    if isinstance(field, models.BooleanField):
        return table.flag(field.name)
    if isinstance(field, models.IntegerField):
        return table.number(field.name)
    if isinstance(field, models.JSONField):
        return table.texts(field.name)
    text = table.text(field.name)
    if isinstance(field, models.TimeField):
        try:
            moment = time.fromisoformat(text)
        except ValueError:
            moment = None
        # Such times are of the site's zone.
        if moment is None or moment.tzinfo is not None:
            problem = _("write a time of day in quotes, such as '22:30:00'")
            raise table.refusal(field.name, problem)
        return moment
    return text
