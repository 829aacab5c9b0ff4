"""Rows that know with which values they were loaded or saved last."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

from django.db import models


class RemembersLoaded(models.Model):
    """A row that tells a changed field from an unchanged one, without a query.

    Attributes:
        remembered: The fields that are remembered, by attribute name. Deferred ones are not.
        loaded: The values that were loaded or saved last.
        loaded_before: ``loaded`` as it was before the last save.
    """

    remembered: ClassVar[tuple[str, ...]] = ()
    loaded: Mapping[str, Any] = MappingProxyType({})
    loaded_before: Mapping[str, Any] = MappingProxyType({})

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and remember both the saved values and those before."""
        self.loaded_before = dict(self.loaded)
        super().save(*args, **kwargs)
        self.remember()

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        """Load, and remember what was loaded."""
        row = super().from_db(*args, **kwargs)
        row.remember()
        return row

    def remember(self) -> None:
        """Take the row's present values for what is stored, as after an insert in bulk."""
        self.loaded = {
            name: self.__dict__[name] for name in self.remembered if name in self.__dict__
        }

    def was_changed(self, *names: str) -> bool:
        """Whether the last save gave one of these fields another value than was loaded."""
        return any(
            getattr(self, name) != self.loaded_before[name]
            for name in names
            if name in self.loaded_before
        )
