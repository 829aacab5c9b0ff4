"""Where users want to be told: targets are made, changed, removed and tried here."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.channels.contract import Address, NotDelivered, check
from capital.domain.clock import Clock
from capital.domain.errors import InvalidTarget
from capital.domain.reasons import Code
from capital.models import Alert, AlertChannel, AlertDelivery, AlertKind, AlertState, AlertTarget
from capital.models.alerts.targets import HINT_LETTERS
from capital.services.alerts.tasks import request_sending

# What a user may switch off.
SWITCHED = tuple(kind for kind in AlertKind if kind is not AlertKind.TEST)
LEAST_SECRET = 16


def address_of(target: AlertTarget) -> Address:
    """Where the target is, in the clear.

    Raises:
        CredentialsUnreadable: No present key decrypts it.
    """
    return Address(target.channel, target.address, target.signing_secret)


def hint_of(text: str) -> str:
    """The last letters of an address, by which its user knows it; less of a short one."""
    text = text.strip().rstrip("/")
    return text[-HINT_LETTERS:] if len(text) > 2 * HINT_LETTERS else ""


@dataclass(frozen=True, kw_only=True)
class TargetFields:
    """What a user says of a target.

    Attributes:
        name: 1 to 60 characters.
        channel: An ``AlertChannel``.
        address: Empty keeps the stored one.
        signing_secret: Of a webhook; empty keeps the stored one.
        language: ``en`` or ``ko``.
        kinds_off: The kinds that are not to be told there.
        quiet_from: In the project's time zone; None for no quiet hours.
        quiet_until: The same.
        is_active: Whether anything is told there.
    """

    name: str
    channel: str
    address: str = field(repr=False, default="")
    signing_secret: str = field(repr=False, default="")
    language: str = ""
    kinds_off: Collection[str] = ()
    quiet_from: time | None = None
    quiet_until: time | None = None
    is_active: bool = True


def save_target(target: AlertTarget, given: TargetFields) -> AlertTarget:
    """Write what a user said into a target, a new one or their own.

    Raises:
        InvalidTarget: The address is none of its channel, or something is missing.
    """
    is_moved = target.pk is None or target.channel != given.channel
    if is_moved and not given.address.strip():
        raise InvalidTarget(Code.ADDRESS_MISSING)
    if given.channel == AlertChannel.WEBHOOK:
        is_new = target.pk is None or not target.signing_secret
        if (is_new or given.signing_secret) and len(given.signing_secret) < LEAST_SECRET:
            raise InvalidTarget(Code.SIGNING_SECRET_SHORT, least=str(LEAST_SECRET))
    target.name, target.channel, target.is_active = given.name, given.channel, given.is_active
    target.language = given.language or settings.LANGUAGE_CODE
    target.kinds_off = sorted(set(given.kinds_off) & {kind.value for kind in SWITCHED})
    target.quiet_from, target.quiet_until = given.quiet_from, given.quiet_until
    if given.address.strip():
        target.address = given.address.strip()
        target.hint = hint_of(target.address)
    if given.channel != AlertChannel.WEBHOOK:
        target.signing_secret = ""
    elif given.signing_secret:
        target.signing_secret = given.signing_secret
    try:
        check(address_of(target))
    except NotDelivered as error:
        raise InvalidTarget(error.reason.code, **error.reason.figures) from None
    target.save()
    return target


def request_test(target: AlertTarget, *, clock: Clock = timezone.now) -> AlertDelivery:
    """Write a test message to the target, and queue it. Quiet hours do not hold it back."""
    now = clock()
    with transaction.atomic():
        alert = Alert.objects.create(
            kind=AlertKind.TEST,
            state=AlertState.TOLD,
            code=Code.TEST_ALERT.value,
            figures={"name": target.name},
            addressee=target.user,
            owner=target.user,
            at=now,
            # It is for this target only.
            spread_at=now,
        )
        delivery = AlertDelivery.objects.create(
            target=target, kind=AlertKind.TEST, created_at=now, due_at=now
        )
        delivery.alerts.add(alert)
        request_sending(delivery.pk)
    return delivery


def targets_of(user: AbstractUser | None) -> Any:
    """The targets of a user; of everybody for None, the command line."""
    rows = AlertTarget.objects.select_related("user").order_by("user__username", "pk")
    return rows if user is None else rows.filter(user=user.pk)
