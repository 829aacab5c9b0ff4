"""Rows that are written once: the model refuses what would change them, PostgreSQL too."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import pgtrigger
from django.db import connection, models

from capital.domain.errors import AppendOnly
from capital.models.columns.answered import AnsweredRules
from capital.models.columns.copying import can_copy, copy_rows


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Inserts and reads; refuses the rest."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly(model=self.model._meta.object_name or "")

    update = delete = bulk_update = update_or_create = _refuse

    async def _arefuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._refuse()

    aupdate = adelete = abulk_update = aupdate_or_create = _arefuse

    def bulk_create(
        self,
        objs: Any,
        batch_size: int | None = None,
        ignore_conflicts: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        update_conflicts: bool = False,  # noqa: FBT001, FBT002
        update_fields: Any = None,
        unique_fields: Any = None,
    ) -> Any:
        """Insert, many rows by COPY where that can be; an upsert would be an update."""
        if update_conflicts:
            self._refuse()
        if not ignore_conflicts and can_copy(self.db, objs := list(objs)):
            copy_rows(self.db, objs)
            return objs
        return super().bulk_create(objs, batch_size, ignore_conflicts)


def append_only_triggers(name: str) -> list[pgtrigger.Trigger]:
    """Triggers by which PostgreSQL refuses every update and delete. SQLite has only the model."""
    return [
        pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete),
    ]


class AppendOnlyModel(AnsweredRules):
    """A row that is written once."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert. Raises ``AppendOnly`` for a row that exists."""
        if not self._state.adding:
            raise AppendOnly(model=self._meta.object_name or "")
        super().save(*args, **kwargs)

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Insert, also for ``loaddata``: a row with this primary key would be updated otherwise."""
        kwargs["force_insert"] = True
        super().save_base(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnly(model=self._meta.object_name or "")


def drop_rows(model: type[AppendOnlyModel], keys: Sequence[int]) -> int:
    """Delete rows by primary key. Only for rows that were written to a file and read back.

    Call it inside a transaction. Returns how many there were.
    """
    if not keys:
        return 0
    rows: models.QuerySet[AppendOnlyModel] = models.QuerySet(model).filter(pk__in=keys)
    with _triggers_ignored(model):
        # Not delete(): its signal is what refuses everybody else.
        return int(rows._raw_delete(rows.db))


@contextmanager
def _triggers_ignored(model: type[AppendOnlyModel]) -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    names = [f"{model._meta.label}:{trigger.name}" for trigger in model._meta.triggers]  # type: ignore[attr-defined]
    with pgtrigger.ignore(*names):
        yield


def refuse_delete(sender: type[models.Model], **_: Any) -> NoReturn:
    """Refuse a deletion that goes around ``delete()``, as the admin's does. For ``pre_delete``."""
    raise AppendOnly(model=sender._meta.object_name or "")
