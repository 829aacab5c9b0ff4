"""A JSON webhook of the user's own, signed as the calls are that this site takes.

Three headers: ``X-Capital-Timestamp`` (Unix seconds), ``X-Capital-Nonce``, and
``X-Capital-Signature``: HMAC-SHA256, in hexadecimal, over ``timestamp.nonce.`` and the body. Its
key is the SHA-256 of the signing secret, in hexadecimal. The same message may come twice: what
is read twice has the same ``delivery``.
"""

import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import urlsplit

from django.conf import settings

from capital.channels.contract import Address, Message, NotDelivered
from capital.channels.quiet import silence
from capital.domain.reasons import Code


def check(address: Address) -> None:
    """Refuse what is no https address; http needs a setting."""
    try:
        parts = urlsplit(address.text)
        is_url = bool(parts.hostname) and parts.port != 0 and parts.username is None
        # No name has a part that is empty or longer than 63 letters.
        (parts.hostname or "").encode("idna")
    except ValueError:
        is_url = False
    if not is_url or parts.scheme not in ("http", "https"):
        raise NotDelivered(Code.ADDRESS_INVALID, is_final=True)
    if parts.scheme == "http" and not settings.CAPITAL_ALERT_PRIVATE_ADDRESSES:
        raise NotDelivered(Code.ADDRESS_PLAIN, is_final=True)


def send(address: Address, message: Message) -> None:
    """Send the message once. Any answer of 2xx is taken as read.

    Raises:
        NotDelivered: There was another answer, or none.
    """
    silence()
    import requests

    from capital.channels.guarded import guarded

    body = json.dumps({**message.data, "text": message.text}, ensure_ascii=False).encode()
    with guarded() as guard:
        try:
            requests.post(
                address.text,
                data=body,
                headers=_headers(address, body),
                timeout=10,
                allow_redirects=settings.CAPITAL_ALERT_REDIRECTS,
            )
        except (requests.RequestException, OSError):
            # Its text names the address.
            if guard.problem is None and not guard.is_over:
                guard.status = None
        reason = guard.why()
    if reason is not None:
        raise NotDelivered.because(reason)


def _headers(address: Address, body: bytes) -> dict[str, str]:
    stamp, nonce = str(int(time.time())), secrets.token_urlsafe(18)
    key = hashlib.sha256(address.signing_secret.encode()).hexdigest().encode()
    signed = f"{stamp}.{nonce}.".encode() + body
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Capital",
        "X-Capital-Timestamp": stamp,
        "X-Capital-Nonce": nonce,
        "X-Capital-Signature": hmac.new(key, signed, hashlib.sha256).hexdigest(),
    }
