"""Private keys in PEM: as people paste them, and as libraries read them.

PEM needs its line breaks, and loses them on the way into an account: a browser's password field
drops them or turns them into blanks; JSON and ``.env`` files write them as ``\n``.
"""

import re
from textwrap import wrap

_BEGIN = re.compile(r"-----BEGIN (?P<label>(?:[A-Z0-9]+ )*PRIVATE KEY)-----")
# Base64 contains neither blanks nor backslashes.
_LINE_BREAK = re.compile(r"\s+|\\+[nr]")
_LINE_LENGTH = 64


class EncryptedKey(ValueError):
    """A private key that is protected by a password, which nobody is there to enter."""


class UnfinishedKey(ValueError):
    """A private key without its end. ccxt would sign with the part that is there."""


class MisplacedKey(ValueError):
    """A private key in the field of its name, which is sent with every request."""


def is_private_key(text: str) -> bool:
    """Whether ``text`` contains a private key in any form."""
    return _BEGIN.search(text) is not None


def well_formed(secret: str) -> str:
    """The private key in ``secret`` with PEM's line breaks, and none at its end.

    Anything around the key, such as the quotes of a JSON file, is removed. ccxt takes Binance's
    Ed25519 keys for RSA keys if the PEM is longer than 120 characters; in this form it has 118.

    Args:
        secret: As it was typed.

    Returns:
        The same key; text without a key is returned without surrounding blanks.

    Raises:
        EncryptedKey: A password protects it.
        UnfinishedKey: Its last line is missing.
    """
    begin = _BEGIN.search(secret)
    if begin is None:
        return secret.strip()
    label = begin["label"]
    body, end, _ = secret[begin.end() :].partition(f"-----END {label}-----")
    if not end:
        raise UnfinishedKey
    # The older form says so in a header, PKCS#8 in its label.
    if "ENCRYPTED" in label or "Proc-Type:" in body:
        raise EncryptedKey
    lines = wrap(_LINE_BREAK.sub("", body), _LINE_LENGTH)
    return "\n".join([begin[0], *lines, end])
