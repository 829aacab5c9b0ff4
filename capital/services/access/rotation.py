"""Encrypting everything again with the first key, and for its place, so that an old key may go."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import Error, models, transaction
from django.utils.translation import override

from capital.domain.errors import CredentialsUnreadable
from capital.models.columns.encrypted import Ciphertext, EncryptedTextField, encrypted_fields
from capital.services.transactions import outside_transaction
from capital.traces import told

logger = logging.getLogger(__name__)

BATCH = 500
# Of rows that cannot be read, in one line.
_MOST_NAMED = 10


@dataclass(frozen=True)
class UnreadableValue:
    """A value that no key opens.

    Attributes:
        model: What kind of row, in the reader's language.
        pk: Its primary key.
        row: What the row is called.
        field: Which value of it, in the reader's language.
    """

    model: str
    pk: int
    row: str
    field: str


@dataclass
class Rotation:
    """What was done so far.

    Attributes:
        encrypted: Values that were encrypted again.
        current: Values that the first key had encrypted already, for their place.
        unreadable: Values that were left as they are, because no key opens them.
    """

    encrypted: int = 0
    current: int = 0
    unreadable: list[UnreadableValue] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether every value now needs the first key only."""
        return not self.unreadable


@dataclass
class KeyUse:
    """Which keys the stored secrets need.

    Attributes:
        by_key: How many values each key opens first, by its number from 1.
        unreadable: The values that no key opens.
    """

    by_key: dict[int, int] = field(default_factory=dict)
    unreadable: list[UnreadableValue] = field(default_factory=list)


def count_keys() -> KeyUse:
    """Which keys the stored secrets need, in one query for each table that holds any."""
    use = KeyUse()
    for model, fields in encrypted_fields():
        for row in model._base_manager.order_by("pk").iterator(chunk_size=BATCH):
            for each in fields:
                stored: Ciphertext | None = row.__dict__[each.attname]
                if not stored:
                    continue
                number = stored.number_of_key(each.place_in(row))
                if number is None:
                    use.unreadable.append(_unreadable(row, each))
                else:
                    use.by_key[number] = use.by_key.get(number, 0) + 1
    return use


def warn_of_unreadable() -> None:
    """Say in the log, as a process starts, which stored secrets no key opens.

    Otherwise it would be noticed account by account, as each is read. A database that does not
    answer is told by whoever needs it first.
    """
    try:
        # As all of the log.
        with override("en"):
            unreadable = count_keys().unreadable
    except Error:
        return
    if unreadable:
        rows = dict.fromkeys(f"{each.model} {told(each.pk, each.row)}" for each in unreadable)
        logger.warning(
            "%s stored secrets cannot be read with FIELD_ENCRYPTION_KEYS: %s. Add the missing key, "
            "or enter them again; `python manage.py doctor` says more.",
            len(unreadable),
            ", ".join([*list(rows)[:_MOST_NAMED], *(["…"] if len(rows) > _MOST_NAMED else [])]),
        )


@outside_transaction
def rotate_keys(
    *, batch: int = BATCH, progress: Callable[[Rotation], None] = lambda _: None
) -> Rotation:
    """Encrypt every value of every encrypted column with the first key, where that is not so yet.

    Call it outside a transaction: each batch of rows is locked and committed by itself. What was
    interrupted is taken up by calling it again, which leaves current values alone.

    Args:
        batch: How many rows are locked at once.
        progress: Is told after each batch.
    """
    done = Rotation()
    for model, fields in encrypted_fields():
        last = None
        while rows := _rotate_batch(model, fields, after=last, batch=batch, done=done):
            last = rows[-1].pk
            progress(done)
    return done


@transaction.atomic
def _rotate_batch(
    model: type[models.Model],
    fields: list[EncryptedTextField],
    *,
    after: int | None,
    batch: int,
    done: Rotation,
) -> list[models.Model]:
    rows = model._base_manager.select_for_update(no_key=True).order_by("pk")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    found = list(rows[:batch])
    for row in found:
        changed = {}
        for each in fields:
            stored: Ciphertext | None = row.__dict__[each.attname]
            place = each.place_in(row)
            if not stored:
                continue
            if stored.is_current(place):
                done.current += 1
                continue
            try:
                changed[each.attname] = Ciphertext.of(stored.decrypt(place), place)
            except CredentialsUnreadable:
                done.unreadable.append(_unreadable(row, each))
        if changed:
            # Not saved: nothing about the row changes for anybody.
            model._base_manager.filter(pk=row.pk).update(**changed)
            done.encrypted += len(changed)
    return found


def _unreadable(row: models.Model, each: EncryptedTextField) -> UnreadableValue:
    return UnreadableValue(str(row._meta.verbose_name), row.pk, str(row), str(each.verbose_name))
