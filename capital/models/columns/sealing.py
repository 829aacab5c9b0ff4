"""Sealing a text for one place: what was copied elsewhere does not open there.

AES-256-GCM. The place (model, field and row) is authenticated together with the text, so that a
column that somebody moved to another row, field or table is refused like one that was changed.
The keys are those of ``FIELD_ENCRYPTION_KEYS``: the first one seals, all of them open.

What was sealed before there were places is a Fernet token. It opens anywhere, until
``manage.py rotate_keys`` has sealed it again.
"""

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from capital.domain.errors import CredentialsUnreadable

_PREFIX = "2."
_NONCE_BYTES = 12
_PURPOSE = b"capital: columns sealed for their place"


def seal(text: str, place: str) -> str:
    """Seal a text for a place, with the first key."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _ciphers()[0].encrypt(nonce, text.encode(), place.encode())
    return _PREFIX + urlsafe_b64encode(nonce + sealed).decode()


def unseal(token: str, place: str) -> str:
    """The text of a token.

    Raises:
        CredentialsUnreadable: No key opens it at this place.
    """
    opened = _open(token, place, _ciphers()) if is_bound(token) else _open_fernet(token)
    if opened is None:
        raise CredentialsUnreadable
    return opened


def is_bound(token: str) -> bool:
    """Whether the token was sealed for one place."""
    return token.startswith(_PREFIX)


def is_current(token: str, place: str) -> bool:
    """Whether the first key sealed it, for this place."""
    return is_bound(token) and _open(token, place, _ciphers()[:1]) is not None


def number_of_key(token: str, place: str) -> int | None:
    """Which key opens a token at this place, from 1; None if none does."""
    for number, cipher in enumerate(_ciphers(), start=1):
        if is_bound(token):
            if _open(token, place, [cipher]) is not None:
                return number
        elif _opens(settings.FIELD_ENCRYPTION_KEYS[number - 1], token):
            return number
    return None


def _opens(key: str, token: str) -> bool:
    try:
        Fernet(key).decrypt(token)
    except InvalidToken:
        return False
    return True


def _open(token: str, place: str, ciphers: Sequence[AESGCM]) -> str | None:
    try:
        raw = urlsafe_b64decode(token.removeprefix(_PREFIX).encode())
    except (binascii.Error, ValueError):
        return None
    nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
    for cipher in ciphers:
        try:
            return cipher.decrypt(nonce, sealed, place.encode()).decode()
        except (InvalidTag, ValueError):
            continue
    return None


def _open_fernet(token: str) -> str | None:
    for key in settings.FIELD_ENCRYPTION_KEYS:
        try:
            return Fernet(key).decrypt(token.encode()).decode()
        except (InvalidToken, ValueError):
            continue
    return None


def _ciphers() -> tuple[AESGCM, ...]:
    return tuple(_cipher_of(key) for key in settings.FIELD_ENCRYPTION_KEYS)


@lru_cache(maxsize=16)
def _cipher_of(key: str) -> AESGCM:
    """A cipher with a key of its own: one key serves one way of encrypting."""
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE)
    return AESGCM(derived.derive(urlsafe_b64decode(key)))
