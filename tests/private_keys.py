"""Private keys, made by every run, and what becomes of them on their way into an account."""

import json
from base64 import b64encode
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    generate_private_key as generate_rsa_key,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from capital.simulator.signatures import PrivateKey

PKCS8, TRADITIONAL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL

MANGLED: dict[str, Callable[[str], str]] = {
    "as it is": lambda pem: pem,
    "on one line, as a browser may leave it": lambda pem: pem.replace("\n", ""),
    "on one line with blanks, as chromium leaves it": lambda pem: pem.replace("\n", " "),
    "with \\n, as in a .env file": lambda pem: pem.replace("\n", "\\n"),
    "with \\r\\n": lambda pem: pem.replace("\n", "\\r\\n"),
    "with \\\\n": lambda pem: pem.replace("\n", "\\\\n"),
    "with its quotes, as in a JSON file": json.dumps,
    "with CRLF": lambda pem: pem.replace("\n", "\r\n"),
    "with CR": lambda pem: pem.replace("\n", "\r"),
    "indented": lambda pem: "".join(f"  \t{line}  \n" for line in pem.splitlines()),
    "among blank lines": lambda pem: "\n\n \t" + pem.replace("\n", "\n\n") + "\n ",
}


# Making an RSA key takes long.
@cache
def key_of(kind: str, number: int = 1, bits: int = 2048) -> PrivateKey:
    """An ``ec``, ``ed25519`` or ``rsa`` key, the same one at every call."""
    if kind == "ec":
        return generate_private_key(SECP256R1())
    return Ed25519PrivateKey.generate() if kind == "ed25519" else generate_rsa_key(65537, bits)


def pem_of(
    key: PrivateKey,
    form: PrivateFormat = PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    """As OpenSSL writes it."""
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def encrypted_pem_of(key: PrivateKey, form: PrivateFormat) -> str:
    """Behind a password."""
    return pem_of(key, form, BestAvailableEncryption(b"password"))


def base64_of(key: PrivateKey) -> str:
    """As Coinbase gives an Ed25519 key out: both halves."""
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b64encode(private + public).decode()
