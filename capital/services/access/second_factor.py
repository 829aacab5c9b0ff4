"""Enrolling a phone, checking its codes, and handing out a code for a lost one.

A seed that waits for its first code has no row. The session that was shown it carries it, sealed
for its user: another session of this user is shown another one. So whoever knows the password
alone cannot read what the owner is about to enrol.
"""

from base64 import b32encode
from collections.abc import Iterator
from secrets import token_bytes
from typing import Any
from unicodedata import normalize
from urllib.parse import quote, urlencode

import django_otp
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction
from django_otp.models import Device

from capital.domain.errors import CredentialsUnreadable
from capital.models import BackupCodes, SecondFactorDevice
from capital.models.columns.sealing import seal, unseal

_SEED_BYTES = 20
_BACKUP_CODE_BYTES = 10
_DEVICE_NAME = "TOTP"


def is_enrolled(user: Any) -> bool:
    """Whether the user has a phone."""
    return bool(SecondFactorDevice.objects.filter(user=user).exists())


def has_backup_codes(user: Any) -> bool:
    """Whether the user was given a code that was not used."""
    return any(each.digests for each in BackupCodes.objects.filter(user=user))


def new_seed() -> str:
    """A seed for a phone, in base32."""
    return b32encode(token_bytes(_SEED_BYTES)).decode()


def seal_waiting(seed: str, user: Any) -> str:
    """The seed as the session of this user may carry it."""
    return seal(seed, _waiting_of(user))


def unseal_waiting(sealed: str, user: Any) -> str | None:
    """The seed that the session carries; None where no present key opens it for this user."""
    try:
        return unseal(sealed, _waiting_of(user))
    except CredentialsUnreadable:
        return None


def enrolment_url(seed: str, user: Any) -> str:
    """What the QR code says: Google Authenticator's *Key URI format*."""
    issuer = settings.OTP_TOTP_ISSUER
    label = quote(f"{issuer}:{user.get_username()}")
    return f"otpauth://totp/{label}?" + urlencode(
        {"secret": seed, "algorithm": "SHA1", "digits": 6, "period": 30, "issuer": issuer},
        quote_via=quote,
    )


@transaction.atomic
def enrol(user: Any, *, seed: str, code: str) -> SecondFactorDevice | None:
    """Keep the seed as the user's phone; None if the code is wrong or there is a phone by now."""
    # One enrolment of a user at a time: the first code decides whose phone it is.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    device = SecondFactorDevice(user_id=user.pk, name=_DEVICE_NAME, seed=seed)
    if is_enrolled(user) or not device.takes(code):
        return None
    device.set_last_used_timestamp(commit=False)
    device.save()
    return device


def typed_code(text: str) -> str:
    """A code as it was typed, without blanks.

    Figures and letters of full width, as Korean keyboards can write them, are the same ones.
    """
    return "".join(normalize("NFKC", text).split())


def verify_code(user: Any, code: str) -> Device | None:
    """The device of the user that takes this code; each counts its failures and makes wait."""
    return next(
        (
            device
            for device in _devices(user, code)
            if django_otp.verify_token(user, device.persistent_id, code)
        ),
        None,
    )


@transaction.atomic
def add_backup_code(user: User) -> str:
    """A new code for a user who lost the phone. It works once, and is not shown again."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    code = b32encode(token_bytes(_BACKUP_CODE_BYTES)).decode().lower()
    kept = BackupCodes.objects.select_for_update().filter(user=user).first()
    kept = kept or BackupCodes(user=user, name="Backup codes")
    kept.digests = [*kept.digests, make_password(code)]
    kept.save()
    return code


def _devices(user: Any, code: str) -> Iterator[Device]:
    # A phone's code has only digits. Trying others would only make the wait longer.
    model = SecondFactorDevice if code.isdecimal() else BackupCodes
    yield from model.objects.filter(user=user, confirmed=True)


def _waiting_of(user: Any) -> str:
    return f"waiting second factor of user {user.pk}"
