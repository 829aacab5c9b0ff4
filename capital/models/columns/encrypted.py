"""A text column that is encrypted at rest.

The value is decrypted when the attribute is read, not when the row is loaded, so that an
account whose key is lost can still be listed and switched off. Reading it then fails: there is
no fallback. Nothing that prints a row, a query or an error shows the value.
"""

import re
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django import forms
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from capital.domain.errors import CredentialsUnreadable

_STORED_PREFIX = "fernet:"
# A Fernet token: version 0x80, eight bytes of time, at least one block.
_DUMPED = re.compile(_STORED_PREFIX + r"(?P<token>gA[A-Za-z0-9_-]{96,}={0,2})\Z")


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
    def of(cls, plaintext: str) -> "Ciphertext":
        """Encrypt with the first key. An empty text stays empty: there is nothing to hide."""
        if not plaintext:
            return cls("")
        return cls(_fernet().encrypt(plaintext.encode()).decode())

    def decrypt(self) -> str:
        """The plaintext.

        Raises:
            CredentialsUnreadable: No present key decrypts it.
        """
        if not self.token:
            return ""
        try:
            return _fernet().decrypt(self.token.encode()).decode()
        except InvalidToken:
            raise CredentialsUnreadable from None


class EncryptedAttribute(DeferredAttribute):
    """Decrypts on reading, encrypts on assignment."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        return value.decrypt() if isinstance(value, Ciphertext) else value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = _encrypted(value)


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text, kept as a Fernet token. It cannot be searched, and never leaves in the clear."""

    descriptor_class = EncryptedAttribute

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Wrap what is stored; decrypting waits until somebody asks."""
        return None if value is None else Ciphertext(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001
        """Store the token that is there: an unrelated save needs no key."""
        return model_instance.__dict__.get(self.attname)

    def get_prep_value(self, value: Any) -> Any:
        """The token; a plain text (``update(api_key="…")``) is encrypted first."""
        value = _encrypted(value)
        return value.token if isinstance(value, Ciphertext) else value

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
        return _STORED_PREFIX + value.token if value else ""

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

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse: two encryptions of one text differ, so a search would find nothing."""
        raise FieldError(f"{self.name} is encrypted and cannot be searched by.")

    def get_transform(self, lookup_name: str) -> Any:
        """Refuse, as for lookups."""
        raise FieldError(f"{self.name} is encrypted and cannot be searched by.")


def _encrypted(value: Any) -> Ciphertext | None:
    """The value as a token; a plain text is encrypted."""
    if value is None or isinstance(value, Ciphertext):
        return value
    if not isinstance(value, str):
        # Not the value itself: it is a secret.
        raise TypeError(f"A credential must be text, not {type(value).__name__}.")
    dumped = _DUMPED.match(value)
    return Ciphertext(dumped["token"]) if dumped else Ciphertext.of(value)


def _fernet() -> MultiFernet:
    return _fernet_of(tuple(settings.FIELD_ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
