"""Private keys: whether the one that a simulated account holds made a signature.

A venue holds the public half only; here it is taken from the private key, which is the account's
secret, so that an account has one secret whatever it signs with.
"""

import base64

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

PrivateKey = RSAPrivateKey | Ed25519PrivateKey | EllipticCurvePrivateKey

_FROM_URLS = str.maketrans("-_", "+/")


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
