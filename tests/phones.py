"""Phones: the app of the second factor, for tests."""

import time
from base64 import b32decode
from typing import Any

from django.contrib.auth.models import User
from django_otp.oath import TOTP

from capital.models import SecondFactorDevice
from capital.services.access import new_seed


def make_phone(user: User, **fields: Any) -> SecondFactorDevice:
    """A phone that the user enrolled."""
    return SecondFactorDevice.objects.create(
        **{"user": user, "name": "phone", "seed": new_seed(), **fields}
    )


def code_of(seed: str, *, steps: int = 0) -> str:
    """What the app shows for this seed, now or some time steps from now."""
    totp = TOTP(b32decode(seed))
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06}"
