"""Signatures: whether a request was signed by the account that it names.

One scheme a venue. A scheme reads the key id that a request claims, and says what is wrong
with the request for the holder of that key, in the order in which the venue looks.

Of a private key a venue holds the public half only; here it is taken from the private key, which
is the account's secret, so that an account has one secret whatever it signs with.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from capital.simulator.refusals import Problem

PrivateKey = RSAPrivateKey | Ed25519PrivateKey | EllipticCurvePrivateKey

_FROM_URLS = str.maketrans("-_", "+/")

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
    key = key_of_pem(secret)
    if key is None:
        return same(hmac_sha256(secret, text).hex(), signature)
    return made_by(key, signature, text)


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


@lru_cache(maxsize=64)
def key_of_pem(secret: str) -> PrivateKey | None:
    """The key in ``secret``; None where it is no PEM, or one of a kind that no venue takes."""
    if not secret.startswith("-----BEGIN "):
        return None
    key = load_pem_private_key(secret.encode(), None)
    if isinstance(key, EllipticCurvePrivateKey):
        return key if isinstance(key.curve, SECP256R1) else None
    return key if isinstance(key, RSAPrivateKey | Ed25519PrivateKey) else None


def key_of_base64(secret: str) -> Ed25519PrivateKey | None:
    """The key whose two halves, private and public, are in ``secret``; None where it is none."""
    try:
        halves = base64.b64decode(secret, validate=True)
    except ValueError:
        return None
    return Ed25519PrivateKey.from_private_bytes(halves[:32]) if len(halves) == 64 else None


def algorithm_of(key: PrivateKey) -> str:
    """What a token calls the way in which ``key`` signs (RFC 7518, RFC 8037)."""
    if isinstance(key, RSAPrivateKey):
        return "RS256"
    return "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"


def made_by(key: PrivateKey, signature: str, signed: str) -> bool:
    """Whether ``signature`` of ``signed``, in Base64 of either alphabet, was made with ``key``."""
    text = signed.encode(errors="surrogateescape")
    padded = signature.translate(_FROM_URLS) + "=" * (-len(signature) % 4)
    try:
        raw = base64.b64decode(padded, validate=True)
        if isinstance(key, RSAPrivateKey):
            key.public_key().verify(raw, text, PKCS1v15(), SHA256())
        elif isinstance(key, Ed25519PrivateKey):
            key.public_key().verify(raw, text)
        else:
            # A token has the two numbers side by side, 32 bytes each; the library wants DER.
            r, s = (int.from_bytes(half) for half in (raw[:32], raw[32:]))
            key.public_key().verify(encode_dss_signature(r, s), text, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
