"""Signatures: whether a request was signed by the account that it names.

One scheme a venue. A scheme reads the key id that a request claims, and says what is wrong
with the request for the holder of that key, in the order in which the venue looks.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from capital.simulator import private_keys
from capital.simulator.refusals import Problem

TOLERANCE_MILLISECONDS = 30_000
"""How far a request's clock may be off, either way."""


class KeyHolder(Protocol):
    """Who may sign."""

    api_key: str
    api_secret: str
    api_passphrase: str


@dataclass(frozen=True)
class SignedRequest:
    """What of a request is signed.

    Attributes:
        method: ``GET``.
        target: Path and query exactly as sent, still percent-encoded.
        headers: Case-insensitive.
        body: As sent.
        received_at_milliseconds: The venue's clock, Unix time.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    received_at_milliseconds: int
    body: str = ""

    @property
    def path(self) -> str:
        """What stands before the question mark, as sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark, as sent."""
        return self.target.partition("?")[2]

    def is_stale(self, sent_at_milliseconds: int) -> bool:
        """Its clock is too far from ours."""
        return abs(self.received_at_milliseconds - sent_at_milliseconds) > TOLERANCE_MILLISECONDS


@dataclass(frozen=True)
class SignatureScheme:
    """How one venue has its requests signed.

    Attributes:
        claimed_key: The key id that the request names, None where it names none in this form.
        problem: What is wrong with it for that key's holder, None when nothing is.
        needs_passphrase: The key has a passphrase besides its secret.
    """

    claimed_key: Callable[[SignedRequest], str | None]
    problem: Callable[[SignedRequest, KeyHolder], Problem | None]
    needs_passphrase: bool = False


def header_key(name: str) -> Callable[[SignedRequest], str | None]:
    """Claims the key that a header names."""
    return lambda request: request.headers.get(name) or None


def hmac_sha256(secret: str, text: str) -> bytes:
    """What most venues sign with."""
    return hmac.new(_bytes(secret), _bytes(text), hashlib.sha256).digest()


def same(expected: str, given: str) -> bool:
    """In a time that does not tell where they differ."""
    return hmac.compare_digest(_bytes(expected), _bytes(given))


def is_signed(secret: str, text: str, signature: str) -> bool:
    """In Base64 where ``secret`` is a private key, else by HMAC in hexadecimal digits."""
    key = private_keys.key_of_pem(secret)
    if key is None:
        return same(hmac_sha256(secret, text).hex(), signature)
    return private_keys.made_by(key, signature, text)


def _bytes(text: str) -> bytes:
    # Headers may carry bytes that are not UTF-8.
    return text.encode(errors="surrogateescape")


def bearer_token(request: SignedRequest) -> str:
    """Of the ``Authorization`` header; empty where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token_part(request: SignedRequest, position: int) -> dict[str, Any]:
    """Part 0 (header) or 1 (payload) of the bearer token; empty where it cannot be read."""
    parts = bearer_token(request).split(".")
    if len(parts) != 3:
        return {}
    try:
        content = json.loads(_base64url(parts[position]))
    except (ValueError, binascii.Error):
        return {}
    return content if isinstance(content, dict) else {}
