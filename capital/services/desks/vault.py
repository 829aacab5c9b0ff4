"""Secrets in the file: encrypted to a passphrase, each to its place.

The key is made of the passphrase by scrypt (64 MB, so that guessing is dear), each value is sealed
by AES-GCM together with the place where it stands: moved elsewhere, it opens no more.
"""

import base64
import binascii
import os
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from capital.domain.errors import DeskFileRefused
from capital.domain.reasons import Code
from capital.services.desks.document import read_document

LEAST_LETTERS = 12
SALT = "salt"
_SALT_BYTES, _NONCE_BYTES = 16, 12


class Vault:
    """Seals and opens the secrets of one file."""

    def __init__(self, passphrase: str, salt: str | None = None) -> None:
        """Make the key.

        Args:
            passphrase: 12 letters or more.
            salt: That of the file; None makes a new one.

        Raises:
            DeskFileRefused: The passphrase is too short, or the salt is none.
        """
        if len(passphrase) < LEAST_LETTERS:
            raise DeskFileRefused(Code.DESK_PASSPHRASE_SHORT, least=str(LEAST_LETTERS))
        raw = os.urandom(_SALT_BYTES) if salt is None else _decoded(salt)
        self.salt = base64.b64encode(raw).decode()
        # The same letters may be typed in two ways.
        typed = unicodedata.normalize("NFC", passphrase).encode()
        self._cipher = AESGCM(Scrypt(salt=raw, length=32, n=2**16, r=8, p=1).derive(typed))

    def seal(self, text: str, place: str) -> str:
        """The text, encrypted for this place of the file."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), place.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, place: str) -> str:
        """The text. Raises ``DeskFileRefused`` where passphrase, text or place are others."""
        raw = _decoded(sealed)
        try:
            return self._cipher.decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()
            ).decode()
        except (InvalidTag, ValueError):
            raise DeskFileRefused(Code.DESK_PASSPHRASE_WRONG) from None


def holds_secrets(text: str) -> bool:
    """Whether a passphrase is needed to read this file."""
    document = read_document(text)
    return SALT in document and not document.is_null(SALT)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DeskFileRefused(Code.DESK_PASSPHRASE_WRONG) from None
