"""The secret of a strategy's webhook: made here, shown once, and checked on every call.

The secret itself is not stored. Its SHA-256 is the key that calls are signed with
(``signing_key``, encrypted at rest). The SHA-256 of that key is stored as ``digest``, to compare
a secret with that a caller sends.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import AddressNotAllowed, InvalidWebhook, WebhookRefused
from capital.domain.reasons import Code
from capital.models import (
    MOST_LAG_SECONDS,
    ChangedRow,
    ChangeVerb,
    WebhookNonce,
    WebhookSecret,
)
from capital.services.access.changes import (
    differences,
    record_change,
    secret_change,
    values_of,
)
from capital.services.access.roles import require_strategy
from capital.services.transactions import inside_transaction
from strategies.models import Strategy

PREFIX = "whs_"
# How far the sender's clock may differ from ours.
TOLERANCE = timedelta(seconds=300)
# From where TradingView calls webhooks, over IPv4 only, as its help page says (43000529348).
TRADINGVIEW = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")
MOST_NETWORKS = 50
_CHANGE = "strategies.change_strategy"
_LONGEST_SECRET = 200
_NONCE = re.compile(r"[!-~]{8,100}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
# Compared with where there is no secret, so that the answer takes as long as with one.
_NOBODY = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


@dataclass(frozen=True)
class Proof:
    """What a caller sends to prove that it knows the secret: the secret, or a signature.

    Attributes:
        token: The secret, which TradingView sends in the body; empty for a signed call.
        timestamp: Unix seconds, as text.
        nonce: 8 to 100 printable characters, new for each call.
        signature: HMAC-SHA256, in hexadecimal, over ``timestamp.nonce.`` and the raw body; its
            key is the SHA-256 of the secret, in hexadecimal.
        body: The raw body of the request.
    """

    token: str = field(repr=False, default="")
    timestamp: str = ""
    nonce: str = ""
    signature: str = field(repr=False, default="")
    body: bytes = field(repr=False, default=b"")

    @property
    def is_signed(self) -> bool:
        """Whether the caller sent a signature, not the secret."""
        return bool(self.signature)


def rotate_secret(strategy: Strategy, *, actor: User | None = None, origin: str = "") -> str:
    """Give the strategy's webhook a new secret. The previous one stops working.

    Args:
        strategy: Whose.
        actor: Who asks, and may change the strategy; None is the command line.
        origin: The address from which it was asked, for the record.

    Returns:
        The secret. It is not stored: show it now.

    Raises:
        NotPermitted, StrategyOfAnother: The actor may not.
    """
    require_strategy(actor, _CHANGE, [strategy])
    secret = PREFIX + secrets.token_urlsafe(32)
    signing_key = signing_key_of(secret)
    with transaction.atomic():
        values = {
            "digest": _digest(signing_key),
            "signing_key": signing_key,
            "created_at": timezone.now(),
            "created_by": actor,
        }
        _row, is_new = WebhookSecret.objects.update_or_create(
            strategy=strategy,
            defaults=values,
            # An address that is in use stays.
            create_defaults={**values, "name": secrets.token_urlsafe(12)},
        )
        verb = ChangeVerb.CREATED if is_new else ChangeVerb.CHANGED
        _record(strategy, verb, was_open=not is_new, is_open=True, actor=actor, origin=origin)
    return secret


def remove_secret(strategy: Strategy, *, actor: User | None = None, origin: str = "") -> bool:
    """Close the strategy's webhook. Says whether it was open.

    Raises:
        NotPermitted, StrategyOfAnother: The actor may not.
    """
    require_strategy(actor, _CHANGE, [strategy])
    with transaction.atomic():
        was_open = WebhookSecret.objects.filter(strategy=strategy).delete()[0] > 0
        if was_open:
            verb = ChangeVerb.REMOVED
            _record(strategy, verb, was_open=True, is_open=False, actor=actor, origin=origin)
    return was_open


def change_webhook(
    strategy: Strategy,
    *,
    networks: Sequence[str],
    max_lag_seconds: int,
    actor: User | None = None,
    origin: str = "",
) -> bool:
    """Say from where the webhook is called, and how late a signal may come.

    Args:
        strategy: Whose.
        networks: Addresses and networks; none: calls are accepted from anywhere.
        max_lag_seconds: 1 to 86,400.
        actor: Who asks, and may change the strategy; None is the command line.
        origin: The address from which it was asked, for the record.

    Returns:
        Whether the webhook is open: else there is nothing to change.

    Raises:
        InvalidWebhook: One of them cannot be.
        NotPermitted, StrategyOfAnother: The actor may not.
    """
    require_strategy(actor, _CHANGE, [strategy])
    if not 1 <= max_lag_seconds <= MOST_LAG_SECONDS:
        most = str(MOST_LAG_SECONDS)
        raise InvalidWebhook(Code.LAG_OUT_OF_RANGE, field="max_lag_seconds", most=most)
    wanted = read_networks(networks)
    with transaction.atomic():
        rows = WebhookSecret.objects.select_for_update(no_key=True)
        secret = rows.filter(strategy=strategy).first()
        if secret is None:
            return False
        names = ("networks", "max_lag_seconds")
        before = values_of(secret, names)
        secret.networks, secret.max_lag_seconds = wanted, max_lag_seconds
        secret.save(update_fields=names)
        record_change(
            ChangedRow.WEBHOOK,
            ChangeVerb.CHANGED,
            differences(before, values_of(secret, names)),
            name=str(strategy),
            actor=actor,
            origin=origin,
            strategy_id=strategy.pk,
        )
    return True


def read_networks(texts: Sequence[str]) -> list[str]:
    """The networks that these mean, each once.

    Raises:
        InvalidWebhook: One is none, or there are too many.
    """
    found: dict[str, None] = {}
    for text in filter(None, (each.strip() for each in texts)):
        try:
            found[str(ip_network(text, strict=False))] = None
        except ValueError:
            raise InvalidWebhook(
                Code.NETWORK_UNREADABLE, field="networks", network=repr(text)[:60]
            ) from None
    if len(found) > MOST_NETWORKS:
        most = str(MOST_NETWORKS)
        raise InvalidWebhook(Code.TOO_MANY_NETWORKS, field="networks", most=most)
    return list(found)


def check_network(secret: WebhookSecret, address: str) -> None:
    """Refuse a call of which the address is in none of the webhook's networks.

    Raises:
        AddressNotAllowed: It is in none of them.
    """
    if not secret.networks:
        return
    try:
        caller = ip_address(address)
    except ValueError:
        raise AddressNotAllowed(address=repr(address)[:60]) from None
    if not any(caller in ip_network(network) for network in secret.networks):
        raise AddressNotAllowed(address=address)


def _record(
    strategy: Strategy,
    verb: ChangeVerb,
    *,
    was_open: bool,
    is_open: bool,
    actor: User | None,
    origin: str,
) -> None:
    record_change(
        ChangedRow.WEBHOOK,
        verb,
        {"secret": secret_change(was_set=was_open, is_set=is_open)},
        name=str(strategy),
        actor=actor,
        origin=origin,
        strategy_id=strategy.pk,
    )


def signing_key_of(secret: str) -> str:
    """The key with which a holder of ``secret`` signs."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def sign(signing_key: str, *, timestamp: str, nonce: str, body: bytes) -> str:
    """The signature of a call."""
    message = f"{timestamp}.{nonce}.".encode("utf-8", "replace") + body
    return hmac.new(signing_key.encode(), message, hashlib.sha256).hexdigest()


def webhook_name(strategy: Strategy) -> str:
    """The random end of its webhook's address; empty where there is none, or it has no such end."""
    rows = WebhookSecret.objects.filter(strategy=strategy)
    return rows.values_list("name", flat=True).first() or ""


def check_proof(
    strategy_key: str, proof: Proof, *, name: str = "", clock: Clock = timezone.now
) -> WebhookSecret:
    """The strategy's secret, where ``proof`` shows that the caller knows it.

    A wrong proof takes as long as a right one, whether the strategy exists or not: one query,
    one hash, one comparison.

    Raises:
        WebhookRefused: The proof fails. The error does not say why.
    """
    found = WebhookSecret.objects.select_related("strategy__owner")
    secret = found.filter(strategy__key=strategy_key).first()
    # One that has a random name is reached by it alone, one of before by none.
    if secret is not None and not hmac.compare_digest(secret.name, name):
        secret = None
    if proof.is_signed:
        key = _NOBODY if secret is None else secret.signing_key
        expected = sign(key, timestamp=proof.timestamp, nonce=proof.nonce, body=proof.body)
        shown = proof.signature
    else:
        expected = _NOBODY if secret is None else secret.digest
        shown = _digest(signing_key_of(proof.token[:_LONGEST_SECRET]))
    is_right = hmac.compare_digest(expected.encode(), shown.encode("utf-8", "replace"))
    if secret is None or not is_right or not (proof.is_signed or proof.token):
        raise WebhookRefused
    if proof.is_signed and not _is_timely(proof, clock()):
        raise WebhookRefused
    return secret


@inside_transaction
def use_nonce(secret: WebhookSecret, nonce: str, *, now: datetime) -> None:
    """Mark the nonce as used. Raises ``WebhookRefused`` where it was used before.

    Call it inside the transaction that records the delivery: both are kept, or neither.
    """
    try:
        with transaction.atomic():
            WebhookNonce.objects.create(strategy=secret.strategy, nonce=nonce, used_at=now)
    except IntegrityError:
        raise WebhookRefused from None


def prune_nonces(*, now: datetime) -> int:
    """Delete nonces so old that their calls would be refused anyway. Returns how many."""
    return WebhookNonce.objects.filter(used_at__lt=now - 4 * TOLERANCE).delete()[0]


def _is_timely(proof: Proof, now: datetime) -> bool:
    if not _TIMESTAMP.fullmatch(proof.timestamp) or not _NONCE.fullmatch(proof.nonce):
        return False
    return abs(int(now.timestamp()) - int(proof.timestamp)) <= TOLERANCE.total_seconds()


def _digest(signing_key: str) -> str:
    return hashlib.sha256(signing_key.encode()).hexdigest()
