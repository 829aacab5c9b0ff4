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
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

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


def _binance_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    # The signature is the last parameter and covers the query before it.
    signed, separator, signature = request.query.rpartition("&signature=")
    if not (separator and signature):
        return Problem.NO_SIGNATURE
    timestamp = parse_qs(signed).get("timestamp", [""])[0]
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    # In Base64 it is percent-encoded.
    if not is_signed(holder.api_secret, signed, unquote(signature)):
        return Problem.WRONG_SIGNATURE
    return None


def _bybit_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("X-BAPI-SIGN", "")
    timestamp = request.headers.get("X-BAPI-TIMESTAMP", "")
    window = request.headers.get("X-BAPI-RECV-WINDOW", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    signed = timestamp + holder.api_key + window + request.query
    if not is_signed(holder.api_secret, signed, signature):
        return Problem.WRONG_SIGNATURE
    return None


def _okx_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("OK-ACCESS-SIGN", "")
    timestamp = request.headers.get("OK-ACCESS-TIMESTAMP", "")
    if not signature:
        return Problem.NO_SIGNATURE
    sent_at = _milliseconds_of(timestamp)
    if sent_at is None or request.is_stale(sent_at):
        return Problem.STALE
    if not same(holder.api_passphrase, request.headers.get("OK-ACCESS-PASSPHRASE", "")):
        return Problem.WRONG_PASSPHRASE
    digest = hmac_sha256(holder.api_secret, timestamp + request.method + request.target)
    if not same(base64.b64encode(digest).decode(), signature):
        return Problem.WRONG_SIGNATURE
    return None


def _milliseconds_of(iso: str) -> int | None:
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since_epoch.days * 86_400_000 + since_epoch.seconds * 1000


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


def _upbit_key(request: SignedRequest) -> str | None:
    key = token_part(request, 1).get("access_key")
    return key if isinstance(key, str) and key else None


def _bithumb_key(request: SignedRequest) -> str | None:
    # The same path and token as Upbit's; what differs is that it carries its time.
    return _upbit_key(request) if "timestamp" in token_part(request, 1) else None


def _token_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signed, _, signature = bearer_token(request).rpartition(".")
    payload = token_part(request, 1)
    if not signature:
        return Problem.NO_SIGNATURE
    digest = base64.urlsafe_b64encode(hmac_sha256(holder.api_secret, signed)).decode().rstrip("=")
    is_hs256 = token_part(request, 0).get("alg") == "HS256"
    if not (is_hs256 and payload.get("nonce") and same(digest, signature.rstrip("="))):
        return Problem.WRONG_SIGNATURE
    if request.query:
        expected = hashlib.sha512(request.query.encode()).hexdigest()
        if not same(expected, str(payload.get("query_hash", ""))):
            return Problem.WRONG_QUERY
    return None


def _bithumb_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    problem = _token_problem(request, holder)
    sent_at = token_part(request, 1).get("timestamp")
    if problem is None and (not isinstance(sent_at, int) or request.is_stale(sent_at)):
        return Problem.STALE
    return problem


BINANCE = SignatureScheme(claimed_key=header_key("X-MBX-APIKEY"), problem=_binance_problem)
BYBIT = SignatureScheme(claimed_key=header_key("X-BAPI-API-KEY"), problem=_bybit_problem)
OKX = SignatureScheme(
    claimed_key=header_key("OK-ACCESS-KEY"), problem=_okx_problem, needs_passphrase=True
)
UPBIT = SignatureScheme(claimed_key=_upbit_key, problem=_token_problem)
BITHUMB = SignatureScheme(claimed_key=_bithumb_key, problem=_bithumb_problem)
