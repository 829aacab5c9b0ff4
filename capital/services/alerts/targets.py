"""Where users want to be told: targets are made, changed, removed and tried here."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import time

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from capital.channels.contract import Address, NotDelivered, check
from capital.domain.clock import Clock
from capital.domain.errors import InvalidTarget
from capital.domain.reasons import Code, Reason
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
        ValidationError: By field, what is too long or none of the choices.
    """
    check_target(target, given)
    is_webhook = given.channel == AlertChannel.WEBHOOK
    target.name, target.channel, target.is_active = given.name, given.channel, given.is_active
    target.language = given.language or settings.LANGUAGE_CODE
    target.kinds_off = sorted(set(given.kinds_off) & {kind.value for kind in SWITCHED})
    target.quiet_from, target.quiet_until = given.quiet_from, given.quiet_until
    if given.address.strip():
        target.address = given.address.strip()
        target.hint = hint_of(target.address)
    if given.signing_secret or not is_webhook:
        target.signing_secret = given.signing_secret if is_webhook else ""
    target.clean_fields(exclude=("user", "address", "signing_secret"))
    target.save()
    return target


def check_target(target: AlertTarget, given: TargetFields) -> None:
    """Refuse what cannot be written. It writes nothing, and asks nobody outside.

    Raises:
        InvalidTarget: The address is none of its channel, or something is missing.
    """
    if (given.quiet_from is None) != (given.quiet_until is None):
        raise InvalidTarget(Code.QUIET_HOURS_HALF)
    same = AlertTarget.objects.filter(user=target.user_id, name=given.name)
    if target.user_id is not None and same.exclude(pk=target.pk).exists():
        raise InvalidTarget(Code.TARGET_NAME_TAKEN, name=given.name)
    is_moved = target.pk is None or target.channel != given.channel
    if is_moved and not given.address.strip():
        raise InvalidTarget(Code.ADDRESS_MISSING)
    is_short = len(given.signing_secret) < LEAST_SECRET
    if given.channel == AlertChannel.WEBHOOK and is_short and not _keeps_secret(target, given):
        raise InvalidTarget(Code.SIGNING_SECRET_SHORT, least=str(LEAST_SECRET))
    text = given.address.strip() or target.address
    try:
        check(Address(given.channel, text))
    except NotDelivered as error:
        raise InvalidTarget(error.reason.code, **error.reason.figures) from None


def _keeps_secret(target: AlertTarget, given: TargetFields) -> bool:
    """Whether the stored one stays. It is read for nothing else: no key may open it any more."""
    return not given.signing_secret and target.pk is not None and bool(target.signing_secret)


def request_test(target: AlertTarget, *, clock: Clock = timezone.now) -> AlertDelivery:
    """Write a test message to the target, and queue it. Quiet hours do not hold it back."""
    now, reason = clock(), Reason(Code.TEST_ALERT, {"name": target.name})
    with transaction.atomic():
        alert = Alert.objects.create(
            kind=AlertKind.TEST,
            state=AlertState.TOLD,
            code=reason.code.value,
            figures=dict(reason.figures),
            addressee=target.user,
            name=target.name,
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


def find_targets(*, user: str | None = None, name: str | None = None) -> list[AlertTarget]:
    """Targets for the command line, by user and their own name; all for None."""
    rows = AlertTarget.objects.select_related("user").order_by("user__username", "pk")
    if user is not None:
        rows = rows.filter(user__username=user)
    if name is not None:
        rows = rows.filter(name=name)
    return list(rows)
