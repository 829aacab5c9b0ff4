"""Private keys in PEM: as people paste them, and as they are read.

A PEM needs its line breaks, and loses them on its way into an account: a browser's password
field drops them or makes blanks of them, JSON and ``.env`` files spell them ``\\n``.
"""

import re
from textwrap import wrap

_BEGIN = re.compile(r"-----BEGIN (?P<label>(?:[A-Z0-9]+ )*PRIVATE KEY)-----")
# Neither a blank nor a backslash is a letter of Base64.
_LINE_BREAK = re.compile(r"\s+|\\+[nr]")
_LINE_LENGTH = 64


class EncryptedKey(ValueError):
    """A private key that a password protects; there is nobody to enter it."""


class UnfinishedKey(ValueError):
    """A private key without its end, of which ccxt would sign with what is there."""


class MisplacedKey(ValueError):
    """A private key where its name belongs, which goes out with every request."""


def is_private_key(text: str) -> bool:
    """Whether there is one in ``text``, in whatever form."""
    return _BEGIN.search(text) is not None


def well_formed(secret: str) -> str:
    """The private key in ``secret`` with a line break wherever PEM has one, and none at its end.

    What stands around the key, such as the quotes of a JSON file, is left off. ccxt takes an
    Ed25519 key of Binance for an RSA key where its PEM is longer than 120 characters; in this
    form it has 118.

    Args:
        secret: As it was typed.

    Returns:
        The same key, or where there is none the same text without blanks around it.

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
