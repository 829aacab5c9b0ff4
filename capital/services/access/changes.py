"""The record of every change of settings: who, from where, the old values and the new ones.

Whatever changes an account, a link, an access, a strategy or a webhook's secret writes its row
here, in the transaction of the change. Of a secret the row says only that it changed.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import Model

from capital.domain.money import EXACT, plain
from capital.models import ChangedRow, ChangeVerb, SettingChange
from capital.models.columns.encrypted import Ciphertext, EncryptedTextField
from capital.services.transactions import inside_transaction

# Of a secret: that there is one, or none. Never what it is.
SET, NOT_SET, CHANGED = "set", "not set", "changed"
# Columns that services write, and nobody sets.
_NOBODYS = frozenset(
    {
        "id",
        "cipher_id",
        "created_at",
        "updated_at",
        "connection_code",
        "silent_pools",
        "last_check_code",
        "last_checked_at",
        "readings_since",
        "suspect_readings",
    }
)


def values_of(row: Model, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The row's present values by field, ready for a record.

    Args:
        row: Of any model. A foreign key is written as the text of what it points at.
        names: Which fields; None for all that somebody may set.
    """
    fields = {field.name: field for field in row._meta.concrete_fields}
    wanted = fields.keys() - _NOBODYS if names is None else set(names)
    return {name: _written(row, fields[name]) for name in fields if name in wanted}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Of each field whose value differs, the old and the new one."""
    found: dict[str, dict[str, Any]] = {}
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old != new:
            found[name] = (
                secret_change(was_set=bool(old), is_set=bool(new))
                if isinstance(old, Ciphertext) or isinstance(new, Ciphertext)
                else {"old": old, "new": new}
            )
    return found


def secret_change(*, was_set: bool, is_set: bool) -> dict[str, str]:
    """What the record says of a secret that was changed: that it was, and never what it is."""
    return {
        "old": SET if was_set else NOT_SET,
        "new": (CHANGED if was_set else SET) if is_set else NOT_SET,
    }


@inside_transaction
def record_change(
    row: ChangedRow,
    verb: ChangeVerb,
    values: Mapping[str, Any],
    *,
    name: str,
    actor: AbstractUser | None,
    origin: str,
    account_id: int | None = None,
    strategy_id: int | None = None,
) -> None:
    """Write the record. Call it inside the transaction of the change, so that both are kept.

    Args:
        row: What was changed.
        verb: What happened to it.
        values: As ``differences`` gives them. A change of nothing leaves no record.
        name: What the row is called.
        actor: Who asked; None is the command line.
        origin: The address from which; empty where there is none.
        account_id: The account that it belongs to; it may be gone.
        strategy_id: The strategy that it belongs to, where it is not of an account.
    """
    if not values and verb is ChangeVerb.CHANGED:
        return
    SettingChange.objects.create(
        row=row,
        verb=verb,
        account_id=account_id,
        strategy_id=strategy_id,
        name=name[:250],
        actor_id=None if actor is None else actor.pk,
        origin=origin[:64],
        values=dict(values),
    )


def _written(row: Model, field: Any) -> Any:
    if isinstance(field, EncryptedTextField):
        # The stored token, to see whether it changed. ``differences`` writes no token.
        return row.__dict__.get(field.attname) or Ciphertext("")
    value = getattr(row, field.name)
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return plain(EXACT.normalize(value))
        case list():
            return ", ".join(map(str, value))
    return str(value)
