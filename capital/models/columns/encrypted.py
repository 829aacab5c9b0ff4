"""A text column that is encrypted at rest, and bound to its model, field and row.

The value is decrypted when the attribute is read, not when the row is loaded, so that an
account whose key is lost can still be listed and switched off. Reading it then fails: there is
no fallback. Nothing that prints a row, a query or an error shows the value.

A model with such a column has a ``cipher_id`` declared before it: what names the row for as long
as it exists, and is known before the row is inserted.
"""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.apps import apps
from django.core.checks import Error
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_save, pre_save
from django.utils.translation import gettext_lazy as _

from capital.models.columns.sealing import is_current, number_of_key, seal, unseal

CIPHER_ID = "cipher_id"
_DUMPED_PREFIX = "fernet:"
# A token bound to its place; or a Fernet token: version 0x80, eight bytes of time, a block.
_DUMPED = re.compile(_DUMPED_PREFIX + r"(?P<token>(?:2\.|gA)[A-Za-z0-9_-]{38,}={0,2})\Z")


class CipherIdField(models.UUIDField):  # type: ignore[type-arg]
    """What a row's encrypted columns are bound to. Declare it before them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {"default": uuid.uuid4, "editable": False, "unique": True}
        if not args:
            kwargs.setdefault("verbose_name", _("encryption ID"))
        super().__init__(*args, **{**defaults, **kwargs})


class Ciphertext:
    """What the column holds. Printing it shows nothing."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    def __repr__(self) -> str:
        return "<encrypted>" if self.token else "<not set>"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ciphertext) and other.token == self.token

    def __hash__(self) -> int:
        return hash(self.token)

    @classmethod
    def of(cls, plaintext: str, place: str) -> "Ciphertext":
        """Encrypt with the first key. An empty text stays empty: there is nothing to hide."""
        return cls(seal(plaintext, place) if plaintext else "")

    def decrypt(self, place: str) -> str:
        """The plaintext.

        Raises:
            CredentialsUnreadable: No present key decrypts it, or it belongs somewhere else.
        """
        return unseal(self.token, place) if self.token else ""

    def number_of_key(self, place: str) -> int | None:
        """Which key opens it, from 1; None if none does."""
        return number_of_key(self.token, place)

    def is_current(self, place: str) -> bool:
        """Whether the first key encrypted it, for this place. True where there is nothing."""
        return not self.token or is_current(self.token, place)


class _Loading(Ciphertext):
    """What ``loaddata`` stores now: it writes what the attribute reads as, so that is the token."""

    __slots__ = ()


class EncryptedAttribute(DeferredAttribute):
    """Decrypts on reading, encrypts on assignment."""

    field: "EncryptedTextField"

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if isinstance(value, _Loading):
            return value
        if isinstance(value, Ciphertext):
            return value.decrypt(self.field.place_in(instance))
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        field = self.field
        if value is not None and not isinstance(value, Ciphertext):
            if not isinstance(value, str):
                # Not the value itself: it is a secret.
                raise TypeError(f"A credential must be text, not {type(value).__name__}.")
            value = Ciphertext.of(value, field.place_in(instance))
        instance.__dict__[field.attname] = value


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text, kept as a token. It cannot be searched, and never leaves in the clear."""

    descriptor_class = EncryptedAttribute

    def contribute_to_class(self, cls: type[models.Model], *args: Any, **kwargs: Any) -> None:
        """Let ``loaddata``, and nothing else, take tokens for what they are."""
        super().contribute_to_class(cls, *args, **kwargs)
        if not cls._meta.abstract:
            pre_save.connect(self._begin_loading, sender=cls, weak=False)
            post_save.connect(self._end_loading, sender=cls, weak=False)

    def check(self, **kwargs: Any) -> list[Any]:
        """The model has something to bind the column to, set before the column is."""
        names = [field.name for field in self.model._meta.concrete_fields]
        if CIPHER_ID in names and names.index(CIPHER_ID) < names.index(self.name):
            return super().check(**kwargs)
        hint = f"Declare {CIPHER_ID} = CipherIdField() before it."
        problem = Error(f"{self} has no {CIPHER_ID} to be bound to.", hint=hint, obj=self)
        return [*super().check(**kwargs), problem]

    def place_in(self, instance: models.Model) -> str:
        """What the value of this row is bound to."""
        label, row = self.model._meta.label, getattr(instance, CIPHER_ID)
        return f"{label}.{self.name} of {uuid.UUID(str(row))}"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Wrap what is stored; decrypting waits until somebody asks."""
        return None if value is None else Ciphertext(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001
        """Store the token that is there: an unrelated save needs no key."""
        return model_instance.__dict__.get(self.attname)

    def get_prep_value(self, value: Any) -> Any:
        """The token. A plain text (``update(api_key="…")``) has no row to be bound to."""
        if value is None or value == "":
            return value
        if isinstance(value, Ciphertext):
            return value.token
        raise TypeError(f"{self.name} is encrypted for its row: assign the text and save the row.")

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """Refuse expressions that would carry a text around the encryption."""
        if hasattr(value, "as_sql") and not isinstance(value.output_field, EncryptedTextField):
            raise TypeError(f"{self.name} is encrypted: give the text itself, not an expression.")
        return "%s"

    def value_from_object(self, obj: models.Model) -> Any:
        """For forms and Django's serializers: never the plaintext."""
        return obj.__dict__.get(self.attname)

    def value_to_string(self, obj: models.Model) -> str:
        """For ``dumpdata``: the token, which ``loaddata`` takes back where a key decrypts it."""
        value = self.value_from_object(obj)
        return _DUMPED_PREFIX + value.token if value else ""

    def to_python(self, value: Any) -> Any:
        """Leave tokens alone."""
        return value if isinstance(value, Ciphertext) else super().to_python(value)

    def formfield(self, **kwargs: Any) -> Any:
        """An input that never shows what is stored."""
        return super().formfield(
            **{"widget": forms.PasswordInput(render_value=False), "strip": True, **kwargs}
        )

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        """An input that is left empty keeps what is stored."""
        if data:
            super().save_form_data(instance, data)

    def _begin_loading(self, instance: Any, raw: bool = False, **_kwargs: Any) -> None:  # noqa: FBT001, FBT002
        """Take a dumped token for what it is; a fixture that was written by hand has plain text."""
        stored = instance.__dict__.get(self.attname)
        if raw and stored is not None:
            dumped = _DUMPED.match(getattr(instance, self.attname))
            token = dumped["token"] if dumped else stored.token
            instance.__dict__[self.attname] = _Loading(token)

    def _end_loading(self, instance: Any, raw: bool = False, **_kwargs: Any) -> None:  # noqa: FBT001, FBT002
        stored = instance.__dict__.get(self.attname)
        if raw and stored is not None:
            instance.__dict__[self.attname] = Ciphertext(stored.token)

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse: two encryptions of one text differ, so a search would find nothing."""
        raise FieldError(f"{self.name} is encrypted and cannot be searched by.")

    def get_transform(self, lookup_name: str) -> Any:
        """Refuse, as for lookups."""
        raise FieldError(f"{self.name} is encrypted and cannot be searched by.")


def encrypted_fields() -> Iterator[tuple[type[models.Model], list[EncryptedTextField]]]:
    """Each model with encrypted columns, and those columns."""
    for model in apps.get_models():
        fields = [each for each in model._meta.fields if isinstance(each, EncryptedTextField)]
        if fields:
            yield model, fields
